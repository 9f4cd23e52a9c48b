"""The inputs of a network: the first ones, and by name what it is conditional on."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kgen.backend import Tensor


def condition_names(network: keras.Model, first: int = 1) -> tuple[str, ...]:
    """Returns the names of a network's conditions, which are all inputs but the first ones.

    >>> x, labels = keras.Input((2,)), keras.Input((), dtype="int32", name="labels")
    >>> condition_names(keras.Model([x, labels], x))
    ('labels',)
    """
    return tuple(_further(network, first))


def condition_specs(networks: Sequence[keras.Model], first: int = 1) -> dict[str, keras.InputSpec]:
    """Returns the shapes and types of several networks' conditions, each name once.

    Types are int32, float32 and bool. Raises ValueError where two networks disagree about a name.
    """
    specs: dict[str, keras.InputSpec] = {}
    for network in networks:
        for name, tensor in _further(network, first).items():
            spec = keras.InputSpec(dtype=_dtype(tensor.dtype), shape=tuple(tensor.shape))
            known = specs.setdefault(name, spec)
            if (known.shape, known.dtype) != (spec.shape, spec.dtype):
                raise ValueError(
                    f"the networks take {name} of shapes {known.shape} and {spec.shape}, types "
                    f"{known.dtype} and {spec.dtype}: make them equal, or name them apart"
                )
    return specs


def run(
    network: keras.Layer,
    inputs: Tensor | Sequence[Tensor],
    named: Mapping[str, Tensor],
    names: Sequence[str],
    training: bool = False,
) -> Any:
    """Calls a network on its first inputs and on the conditions of the given names, in this order."""
    firsts = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    every = [*firsts, *(named[name] for name in names)]
    return network(every if len(every) > 1 else every[0], training=training)


def _further(network: keras.Model, first: int) -> dict[str, keras.KerasTensor]:
    """The inputs by name; a single one without a name, an integer an example, is the label."""
    tensors = network.inputs[first:]
    return {"labels" if _is_label(t) and len(tensors) == 1 else t.name: t for t in tensors}


def _is_label(tensor: keras.KerasTensor) -> bool:
    integers = keras.backend.is_int_dtype(tensor.dtype)
    return tensor.name.startswith("keras_tensor") and len(tensor.shape) == 1 and integers


def _dtype(dtype: Any) -> str:
    dtype = keras.backend.standardize_dtype(dtype)
    if dtype == "bool":
        return dtype
    return "int32" if keras.backend.is_int_dtype(dtype) else "float32"
