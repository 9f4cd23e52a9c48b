import keras
import numpy as np
import pytest

from kgen.data import Batches, LazyArray

X = np.arange(20, dtype=np.float32).reshape(10, 2)
Y = np.arange(10, dtype=np.int32)


def regression():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    return model


def fitted(batches, epochs, initial_epoch=0, model=None):
    model = model or regression()
    model.fit(batches, epochs=epochs, initial_epoch=initial_epoch, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_order_is_a_function_of_seed_and_epoch(epoch):
    batches = Batches(X, Y, batch_size=4, seed=5)
    batches.epoch = epoch
    expected = np.random.default_rng([5, epoch]).permutation(10)
    assert np.concatenate([y for _, y in batches]).tolist() == expected.tolist()


def test_pairs_stay_together():
    assert all((x[:, 0] == 2 * y).all() for x, y in Batches(X, Y, batch_size=3))


def test_without_shuffle_in_order_in_every_epoch():
    batches = Batches(X, Y, batch_size=4, shuffle=False)
    batches.epoch = 3
    assert [y.tolist() for _, y in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize(
    ("batch_size", "drop_last", "sizes"),
    [(4, False, [4, 4, 2]), (4, True, [4, 4]), (5, False, [5, 5]), (5, True, [5, 5])],
)
def test_sizes(batch_size, drop_last, sizes):
    batches = Batches(X, batch_size=batch_size, drop_last=drop_last)
    assert [len(x) for (x,) in batches] == sizes
    assert len(batches) == len(sizes)


def test_lazy_array():
    lazy = LazyArray(lambda numbers: X[numbers], X.shape, np.float32)
    assert (Batches(lazy, batch_size=4)[1][0] == Batches(X, batch_size=4)[1][0]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": X[:0]}, "no examples"),
        ({"x": X, "y": Y[:3]}, "10 examples but y has 3 labels"),
        ({"x": X, "batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"x": X, "batch_size": 11, "drop_last": True}, "leaves no batch"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Batches(**arguments)


def test_batch_outside():
    with pytest.raises(IndexError, match="batch 3 of 3"):
        Batches(X, batch_size=4)[3]


def test_fit_counts_epochs():
    batches = Batches(X, Y, batch_size=4)
    fitted(batches, epochs=3)
    assert batches.epoch == 3


@pytest.mark.parametrize("use", ["evaluate", "predict"])
def test_other_passes_count_whole_epochs_only(use):
    model = regression()
    batches = Batches(X, Y, batch_size=4, shuffle=False)
    batches.on_epoch_end()
    assert batches.epoch == 0
    getattr(model, use)(batches, verbose=0)
    assert batches.epoch == 1


def test_reading_one_batch_to_build_a_model_is_no_epoch():
    batches = Batches(X, Y, batch_size=4)
    batches.on_epoch_begin()
    _ = batches[0]
    batches.on_epoch_end()
    assert batches.epoch == 0


def test_resume_ends_where_the_whole_run_ends():
    whole = fitted(Batches(X, Y, batch_size=4, seed=1), epochs=3)
    first = fitted(Batches(X, Y, batch_size=4, seed=1), epochs=2)
    resumed = Batches(X, Y, batch_size=4, seed=1)
    resumed.epoch = 2
    fitted(resumed, epochs=3, initial_epoch=2, model=first)
    assert (first.get_weights()[0] == whole.get_weights()[0]).all()


def test_another_epoch_order_ends_elsewhere():
    a = fitted(Batches(X, Y, batch_size=4, seed=1), epochs=1)
    b = fitted(Batches(X, Y, batch_size=4, seed=2), epochs=1)
    assert (a.get_weights()[0] != b.get_weights()[0]).any()
