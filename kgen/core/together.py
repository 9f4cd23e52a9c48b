"""Trains many small models of one architecture at once: the runs behind a mean ± standard error."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from kgen import backend
from kgen.core.check import check_given
from kgen.core.model import GenerativeModel


def fit_together(
    models: Sequence[GenerativeModel], data: Sequence[keras.utils.PyDataset], epochs: int = 1
) -> list[dict[str, list[float]]]:
    """Trains each model on its own data, all of them in one compiled program where JAX is the backend.

    The result is that of `model.fit(batches, epochs=epochs)` for one after the other, up to rounding;
    and that is what happens on TensorFlow and torch, and with `run_eagerly`. One program saves what
    calling a step costs, and fills a GPU that one small model leaves idle. There are no callbacks; an
    interrupted call leaves the models as they were on JAX.

    Args:
        models: compiled, of one architecture and with the same optimizers; only the values of their
            variables may differ.
        data: one `PyDataset` a model, such as `kgen.data.Batches(..., drop_last=True)`: as many
            batches, all of one size.
        epochs: passes over the data, at least 1.

    Returns:
        For each model what `fit` gives as `history.history`: log name to one number an epoch.

    Raises ValueError for a number of data sets other than that of the models, for models that
    differ, and for batches of different sizes.

    >>> import kgen
    >>> models = [kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1)) for _ in range(3)]
    >>> for model in models:
    ...     model.compile(keras.optimizers.Adam(1e-3))
    >>> x = kgen.data.load("ring8", size=256).x
    >>> data = [kgen.data.Batches(x, batch_size=64, seed=seed) for seed in range(3)]
    >>> histories = fit_together(models, data, epochs=2)
    >>> len(histories), len(histories[0]["generator_loss"])
    (3, 2)
    """
    _check(models, data, epochs)
    for model, x in zip(models, data, strict=True):
        model.prepare(x, None)
    program = None if models[0].run_eagerly else backend.together(models)
    if program is None:
        pairs = zip(models, data, strict=True)
        return [model.fit(x, epochs=epochs, verbose=0).history for model, x in pairs]
    logs = []
    for _ in range(epochs):
        batches = [list(_one_epoch(x)) for x in data]
        logs.append(program.run(_stack([_stack(steps) for steps in zip(*batches, strict=True)])))
    program.store()
    columns = {name: np.stack([log[name] for log in logs]) for name in logs[0]}
    return [{n: column[:, i].tolist() for n, column in columns.items()} for i in range(len(models))]


def _one_epoch(data: keras.utils.PyDataset) -> Iterator[Any]:
    data.on_epoch_begin()
    for index in range(len(data)):
        yield data[index]
    data.on_epoch_end()


def _stack(batches: Sequence[Any]) -> Any:
    """Puts nested arrays beside each other, on a new first axis."""
    return keras.tree.map_structure(lambda *arrays: np.stack(arrays), *batches)


def _check(models: Sequence[GenerativeModel], data: Sequence[Any], epochs: int) -> None:
    if epochs < 1:
        raise ValueError(f"expected epochs >= 1, got {epochs}")
    if not models or len(models) != len(data):
        raise ValueError(
            f"expected one data set a model, got {len(models)} models and {len(data)} sets"
        )
    first, sizes = _description(models[0]), [_sizes(x) for x in data]
    for index, (model, x) in enumerate(zip(models, data, strict=True)):
        if _description(model) != first:
            raise ValueError(
                f"models[{index}] differs from models[0] in its class, or in the number, shapes or "
                "types of its variables: build and compile all of them in the same way"
            )
        check_given(model, x)
        if sizes[index] != sizes[0]:
            raise ValueError(
                f"expected batches of one size, got {sizes[0]} in data[0] and {sizes[index]} in "
                f"data[{index}] (number, first, last): use drop_last=True and equal sizes"
            )
    _, usual, last = sizes[0]
    if last != usual:
        raise ValueError(
            f"expected batches of one size, data[0] ends with one of {last} after {usual}: use "
            "drop_last=True"
        )


def _description(model: GenerativeModel) -> tuple[type, list[tuple[Any, str]]]:
    groups = model.state_variables(training=True)
    return type(model), [(tuple(v.shape), str(v.dtype)) for group in groups for v in group]


def _sizes(data: keras.utils.PyDataset) -> tuple[int, int, int]:
    """The number of batches, and the examples in the first and the last."""
    first, last = (keras.tree.flatten(data[i])[0] for i in (0, len(data) - 1))
    return len(data), len(first), len(last)
