"""Small pieces of the engine: averages, random streams, names, steps that call their parent's."""

import keras
import numpy as np
import pytest
from families import gan, named, toy_data, vae
from keras import ops

import kgen

pytestmark = pytest.mark.every_backend


def network(*weights):
    layer = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    layer.set_weights(
        [
            np.array([[w]], "float32") if i == 0 else np.array([w], "float32")
            for i, w in enumerate(weights)
        ]
    )
    return layer


def test_the_average_follows_its_formula_with_warm_up():
    """d = min(0.5, (1 + n) / (10 + n)): 0.1, 2/11, 3/12; by hand from 0 to a weight of 1."""
    source = network(0.0, 0.0)
    ema = kgen.EMA(source, decay=0.5)
    source.set_weights([np.ones((1, 1), "float32"), np.ones(1, "float32")])
    for _ in range(3):
        ema.update()
    expected = 1 - 0.1 * (2 / 11) * (3 / 12)
    np.testing.assert_allclose(ema.average.get_weights()[0], [[expected]], rtol=1e-5)


def test_the_average_holds_batch_statistics():
    source = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
    ema = kgen.EMA(source, decay=0.5)
    source.layers[0].moving_mean.assign([4.0, 8.0])
    ema.update()
    np.testing.assert_allclose(ema.average.layers[0].moving_mean.numpy(), [3.6, 7.2], rtol=1e-5)


def test_the_average_is_never_trained():
    model = vae(ema_decay=0.9)
    averaged = {id(v) for v in model.ema.average.weights}
    assert not averaged & {id(v) for v in model.trainable_variables}


def test_weights_that_come_after_the_average_are_refused():
    source = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    ema = kgen.EMA(source, decay=0.5)
    source.layers[0].enable_lora(1)
    with pytest.raises(ValueError, match=r"has 4 weights, and had 2 .* before the model is made"):
        ema.update()


def test_the_average_follows_weights_of_low_rank():
    source = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    source.layers[0].enable_lora(1)
    ema = kgen.EMA(source, decay=0.0)
    source.layers[0].lora_kernel_b.assign([[3.0, -4.0]])
    ema.update()
    x = np.array([[0.5, -2.0]], "float32")
    np.testing.assert_allclose(ops.convert_to_numpy(ema(x)), ops.convert_to_numpy(source(x)), rtol=1e-6)


def test_a_stream_gives_new_keys_and_starts_again_from_its_seed():
    stream = kgen.core.RandomStream()
    stream.reseed(5)
    first = [ops.convert_to_numpy(stream.next_key()).tolist() for _ in range(3)]
    stream.reseed(5)
    again = [ops.convert_to_numpy(stream.next_key()).tolist() for _ in range(3)]
    assert first == again
    assert len({tuple(key) for key in first}) == 3


def test_the_first_key_is_that_of_step_zero():
    """torch assigns in place: a key made after the assignment would be the next step's."""
    stream = kgen.core.RandomStream()
    stream.reseed(5)
    words = ops.convert_to_tensor(np.array(stream.state.numpy()[:2], dtype="int32"))
    expected = ops.convert_to_numpy(kgen.random.fold_in(words, 0))
    np.testing.assert_array_equal(ops.convert_to_numpy(stream.next_key()), expected)


def test_set_random_seed_decides_the_stream():
    states = []
    for _ in range(2):
        keras.utils.set_random_seed(11)
        states.append(gan().random.state.numpy().tolist())
    assert states[0] == states[1]


def test_training_and_sampling_never_share_a_key():
    model = gan()
    model.random.reseed(0)
    training = {tuple(ops.convert_to_numpy(model.random.next_key())) for _ in range(50)}
    assert not training & {tuple(key) for key in kgen.random.keys(0, 50)}


def test_a_step_may_call_its_parents_step():
    class Counting(kgen.GAN):
        def train_step(self, data):
            return super().train_step(data)

    model = Counting(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1))
    model.compile("adam")
    model.fit(toy_data(named("gan")), batch_size=16, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 3


def test_private_names_of_the_engine_do_not_hide_names_of_keras():
    names = [n for n in vars(kgen.GenerativeModel) if n.startswith("_") and not n.startswith("__")]
    hidden = [n for n in names if hasattr(keras.Model, n) and not n.startswith("_abc")]
    assert hidden == []


@pytest.mark.parametrize("seed", [None, 3])
def test_the_random_state_of_a_dropout_of_keras_is_saved(tmp_path, seed):
    """Keras saves no SeedGenerator; on torch, without a seed, it draws from the global generator."""
    discriminator = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dropout(0.5, seed=seed), keras.layers.Dense(1)]
    )
    model = kgen.GAN(kgen.networks.mlp(2, 2), discriminator)
    model.compile("adam")
    x = toy_data(named("gan"))
    model.fit(x, batch_size=16, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    histories = [m.fit(x, batch_size=16, shuffle=False, verbose=0).history for m in (model, loaded)]
    assert histories[0] == histories[1]


if keras.backend.backend() == "torch":

    def test_a_step_that_torch_cannot_trace_runs_eagerly_after_one_warning():
        discriminator = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dropout(0.5, seed=1), keras.layers.Dense(1)]
        )
        model = kgen.GAN(kgen.networks.mlp(2, 2), discriminator)
        model.compile("adam", jit_compile=True)
        with pytest.warns(UserWarning, match=r"could not trace.*kgen\.layers\.Dropout") as caught:
            model.fit(toy_data(named("gan")), batch_size=16, epochs=2, verbose=0)
        assert len([w for w in caught if "could not trace" in str(w.message)]) == 1


@keras.saving.register_keras_serializable("tests")
class Twice(kgen.VAE):
    """Two steps of its parent in one."""

    def train_step(self, data):
        super().train_step(data)
        return super().train_step(data)


def test_an_average_moves_once_a_train_step():
    network = kgen.networks.mlp(2, 4), kgen.networks.mlp(2, 2)
    model = Twice(*network, kgen.vae.Gaussian(), ema_decay=0.9)
    model.compile("adam")
    model.fit(toy_data(named("vae")), batch_size=16, epochs=2, verbose=0)
    assert int(ops.convert_to_numpy(model.ema.updates)) == 6
    assert model.average(network[0], None) is None
    assert list(model.averages) == [model.ema]
