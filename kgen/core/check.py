"""Looks at training data before it can spoil a run, and says how to mend it."""

import math
from typing import Any

import keras
import numpy as np

Shape = tuple[int | None, ...] | None
Range = tuple[float, float] | None  # of images; None: any values


def check_batch(x: Any, shape: Shape, integers: bool = False, limits: Range = None) -> None:
    """Checks what is known while a step is traced: the type and the shape of a batch.

    Raises ValueError.
    """
    _check(keras.backend.standardize_dtype(x.dtype), tuple(x.shape), shape, integers, limits)


def check_given(model: Any, x: Any, y: Any = None) -> None:
    """Has a model look at what `fit` or `evaluate` is given: arrays, or a `PyDataset`'s first batch.

    Streams that can be read only once are checked batch by batch, by `check_batch`, without their
    values. Raises ValueError, and TypeError for what is no array and no stream.
    """
    if x is None or isinstance(x, list | tuple | dict | str):
        kind = "none" if x is None else f"a {type(x).__name__}"
        raise TypeError(
            f"expected x to be one array, or a stream of batches, got {kind}: "
            'np.asarray(x, "float32") makes an array of numbers'
        )
    if isinstance(x, keras.utils.PyDataset):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(x[0])
    if not isinstance(x, np.ndarray):
        return
    for value in keras.tree.flatten(y):
        if isinstance(value, np.ndarray) and len(value) != len(x):
            raise ValueError(f"expected y of {len(x)} rows, one for each example, got {len(value)}")
    model.check_data(x, y)


def check_values(x: np.ndarray, shape: Shape, integers: bool = False, limits: Range = None) -> None:
    """Checks examples in full: type, shape, NaN, and the range where there is one.

    Raises ValueError.
    """
    low, high = _extremes(x, shape, integers, limits)
    if limits is not None and (low < limits[0] - 1e-3 or high > limits[1] + 1e-3):
        raise ValueError(
            f"expected {_describe(shape, limits)}, got values in [{low:g}, {high:g}]: "
            f"{_rescaling(low, high, limits)}"
        )


def check_examples(x: np.ndarray, shape: Shape, integers: bool = False, limits: Range = None) -> None:
    """Checks an array but for its range, which samples may leave: type, shape, NaN.

    Raises ValueError.
    """
    _extremes(x, shape, integers, limits)


def _extremes(x: np.ndarray, shape: Shape, integers: bool, limits: Range) -> tuple[float, float]:
    """The least and the largest value of examples that `check_examples` finds sound."""
    if len(x) == 0:
        raise ValueError(
            f"expected {_describe(shape, limits)}, got an empty data set of shape {x.shape}"
        )
    _check(str(x.dtype), x.shape, shape, integers, limits)
    low, high = float(x.min()), float(x.max())
    if not np.isfinite([low, high]).all():
        count = int((~np.isfinite(x)).sum())
        where = np.argwhere(~np.isfinite(x))[0][0]
        raise ValueError(
            f"expected finite data, got {count} NaN or infinite values, the first in example {where}: "
            "drop or repair these examples"
        )
    return low, high


def check_network(name: str, network: Any) -> None:
    """Checks that the shapes of a network are known before it is called.

    Raises TypeError for what is no functional or built Sequential model.

    >>> check_network("encoder", keras.layers.Dense(4))
    Traceback (most recent call last):
    TypeError: expected encoder to be a functional or Sequential model, whose shapes are known, got \
Dense: wrap it, x = keras.Input(shape); keras.Model(x, layer(x))
    """
    if getattr(network, "inputs", None) is not None and hasattr(network, "output_shape"):
        return
    fix = "wrap it, x = keras.Input(shape); keras.Model(x, layer(x))"
    if isinstance(network, keras.Sequential):
        fix = "begin it with keras.Input(shape)"
    raise TypeError(
        f"expected {name} to be a functional or Sequential model, whose shapes are known, got "
        f"{network if network is None else type(network).__name__}: {fix}"
    )


def check_object(name: str, value: Any, example: str) -> None:
    """Checks an argument that is an object, as the examples of docstrings are.

    Raises TypeError for a name, a number or a class in its place.

    >>> check_object("loss", "hinge", "kgen.gan.Hinge()")
    Traceback (most recent call last):
    TypeError: expected loss to be an object such as kgen.gan.Hinge(), got 'hinge'
    """
    if isinstance(value, type):
        name_of = value.__name__
        raise TypeError(f"expected {name} to be an object, got the class {name_of}: write {name_of}()")
    if isinstance(value, str | bool | int | float):
        raise TypeError(f"expected {name} to be an object such as {example}, got {value!r}")


def check_objects(name: str, values: Any, example: str) -> None:
    """Checks an argument that is a list of objects. Raises TypeError, as `check_object`."""
    if not isinstance(values, list | tuple):
        raise TypeError(f"expected {name} to be a list such as [{example}], got {values!r}")
    for value in values:
        check_object(name, value, example)


def check_temperature(temperature: float) -> None:
    """Raises ValueError where latents would be multiplied by nothing, less, or infinity."""
    if not 0 < temperature < math.inf:
        raise ValueError(f"expected temperature > 0 and finite, got {temperature}")


def _check(dtype: str, shape: tuple, expected: Shape, integers: bool, limits: Range) -> None:
    if integers and not keras.backend.is_int_dtype(dtype):
        raise ValueError(f"expected integers, got {dtype}: this model takes tokens 0, 1, 2, ...")
    if not integers and not keras.backend.is_float_dtype(dtype):
        fix = "divide by 127.5 and subtract 1" if dtype == "uint8" else "convert it to float32"
        raise ValueError(f"expected {_describe(expected, limits)}, got {dtype}: {fix}")
    if expected is None:
        return
    fits = len(shape) == len(expected) + 1 and all(
        want is None or have is None or have == want
        for have, want in zip(shape[1:], expected, strict=True)
    )
    if not fits:
        raise ValueError(
            f"expected {_describe(expected, limits)}, got shape {_batch_shape(shape)}"
            f"{_hint(shape, expected)}"
        )


def _describe(shape: Shape, limits: Range) -> str:
    kind = "float data" if shape is None or len(shape) != 3 or limits is None else "images"
    within = "" if limits is None else f" in [{limits[0]:g}, {limits[1]:g}]"
    return f"{kind}{within}" + ("" if shape is None else f" of shape {_batch_shape((None, *shape))}")


def _batch_shape(shape: tuple) -> str:
    return f"(batch, {', '.join(str(size) for size in shape[1:])})"


def _hint(shape: tuple, expected: tuple) -> str:
    if len(shape) == len(expected) and expected[-1] == 1:
        return ": add the channel axis, x[..., None]"
    if len(shape) == 4 and shape[1] in (1, 3) and shape[2:] == expected[:2]:
        return ": channels come last, np.moveaxis(x, 1, -1)"
    return ""


def _rescaling(low: float, high: float, limits: tuple[float, float]) -> str:
    if limits == (-1.0, 1.0) and low >= 0 and high <= 255:
        return "divide by 127.5 and subtract 1"
    return f"rescale it to [{limits[0]:g}, {limits[1]:g}], or give the model another data_range"
