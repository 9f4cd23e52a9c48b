"""The pictures that a report takes from the model of a run."""

import zipfile

import keras

import kgen
from kgen.report import write_report
from kgen.runs import pictures_of


def save(model, run):
    model.save(run / "model.keras")
    with zipfile.ZipFile(run / "model.keras", "a") as archive:
        archive.comment = b'{"epoch": 3}'


def test_pictures_of_a_vae_are_made_once_for_a_state(make_run):
    run = make_run(examples=64)
    encoder = kgen.networks.conv_encoder((28, 28, 1), 2, 2)
    save(kgen.VAE(encoder, kgen.networks.conv_decoder(2, (28, 28, 1), width=2)), run)
    made = {file.name for file in pictures_of(run)}
    assert made == {"interpolation.png", "neighbours.png", "reconstructions.png"}
    assert pictures_of(run) == []
    page = write_report([run]).read_text()
    order = [
        page.index(f'alt="{name} of first"')
        for name in ("reconstructions", "interpolation", "neighbours")
    ]
    assert order == sorted(order)


def test_points_have_no_such_pictures(make_run):
    run = make_run(data="ring8")
    save(kgen.GAN(kgen.networks.mlp(2, 2, (2,)), kgen.networks.mlp(2, 1, (2,))), run)
    assert pictures_of(run) == [] and not list((run / "pictures").iterdir())


def test_a_model_that_cannot_be_loaded_leaves_a_page_and_a_note(make_run, capsys):
    run = make_run(examples=64)
    (run / "model.keras").write_bytes(b"no model")
    assert write_report([run]).read_text().count("<img") == 3
    assert f"note: no pictures from the model of {run}" in capsys.readouterr().err


def test_a_class_of_ones_own_leaves_a_page_and_a_note(make_run, capsys):
    class Own(keras.layers.Layer):
        pass

    run = make_run(examples=64)
    save(keras.Sequential([keras.Input((2,)), Own()]), run)
    assert write_report([run]).read_text().count("<img") == 3
    assert "note: no pictures" in capsys.readouterr().err


def test_a_model_at_hand_is_not_loaded(make_run):
    run = make_run(examples=64)
    generator = kgen.networks.dcgan_generator(2, (28, 28, 1), width=2)
    model = kgen.GAN(generator, kgen.networks.dcgan_discriminator((28, 28, 1), width=2))
    (run / "model.keras").write_bytes(b"no model")
    made = {file.name for file in pictures_of(run, model)}
    assert made == {"interpolation.png", "neighbours.png"}
    assert write_report([run]).read_text().count("<img") == 5
