"""Every family trains with `fit`, eagerly and compiled whole, and changes just what it should."""

import keras
import numpy as np
import pytest
from families import FAMILIES, toy_data
from variables import float_weights, same, trained_weights


def test_fit_and_evaluate_give_finite_logs(compiled):
    names = list(compiled.model.trackers)
    assert sorted(compiled.history) == sorted(names + [f"val_{name}" for name in names])
    assert np.isfinite(list(compiled.history.values())).all()
    assert np.size(compiled.evaluation) == len(names)  # each once
    assert np.isfinite(compiled.evaluation).all()


def test_compiled_whole_and_not_traced_again_in_the_second_epoch(compiled):
    first, last = compiled.step_traces
    assert 0 < first <= 4  # a train and a test step; TensorFlow may trace each twice
    assert last == first


def test_a_compiled_sampler_is_not_traced_again_for_a_new_seed(compiled):
    first, last = compiled.sampler_traces
    assert first >= 1
    assert last == first


def test_compiled_equals_eager(compiled, family):
    """The same weights, data and noise: the same losses, and the same weights afterwards."""
    optimizer = keras.optimizers.Adam(1e-3, clipnorm=1.0)
    compiled.twin.compile(optimizer, run_eagerly=True, jit_compile=False)
    history = compiled.twin.fit(toy_data(family), batch_size=16, shuffle=False, verbose=0).history
    losses = {name: compiled.history[name] for name in history}
    assert losses == {name: pytest.approx(values, rel=1e-4) for name, values in history.items()}
    for first, second in zip(compiled.weights, float_weights(compiled.twin), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module", params=["gan", "dcgan"])
def by_part(request):
    """A GAN with an optimizer a part, of rate zero."""
    family = next(f for f in FAMILIES if f.name == request.param)
    model = family.make(critic_steps=1)
    optimizers = {name: keras.optimizers.SGD(0.0) for name in model.parts}
    model.compile(optimizers)
    return model, optimizers, toy_data(family)


@pytest.mark.parametrize("part", ["discriminator", "generator"])
def test_a_step_changes_the_weights_of_the_part_that_learns_and_no_others(by_part, part):
    model, optimizers, x = by_part
    for name, optimizer in optimizers.items():
        optimizer.learning_rate = 0.1 if name == part else 0.0
    before = trained_weights(model)
    model.fit(x, batch_size=48, verbose=0)
    after = trained_weights(model)
    assert {name for name in model.parts if not same(before[name], after[name])} == {part}


def test_a_step_changes_every_trainable_weight(trained):
    frozen = [
        variable.path
        for name, part in trained.model.parts.items()
        for variable, old, new in zip(
            part.trainable_variables, trained.before[name], trained.after[name], strict=True
        )
        if np.array_equal(old, new)
    ]
    assert frozen == []


def test_the_loss_falls_or_stays_finite(trained, family):
    """Adversarial losses need not fall."""
    assert np.isfinite(list(trained.history.values())).all()
    assert family.loss is None or fell(trained.history[family.loss])


def test_a_last_partial_batch_and_a_batch_of_one(trained, family):
    history = trained.model.fit(toy_data(family, 17), batch_size=16, verbose=0).history
    assert np.isfinite(list(history.values())).all()


def fell(losses):
    return np.mean(losses[-3:]) < np.mean(losses[:3]) - 0.1
