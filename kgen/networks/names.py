"""Layers by their path, as `down_0/block_1/conv_1`: the same in every process and every version.

Keras refuses "/" in a layer's name, and torch refuses ".", so "-" stands for it: the layer's name is
`down_0-block_1-conv_1`. What has an index counts from 0. A nested network's name comes before the paths
of its layers, `mlp/hidden_0`, and each network's before its variables': `mlp/hidden_0/kernel`.
"""

import difflib
import fnmatch
import functools
import inspect
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import keras

Outputs = TypeVar("Outputs")
Arguments = ParamSpec("Arguments")

# The network whose layers are being made from its config: `with_labels` gives its own the same name.
_loading: ContextVar[str | None] = ContextVar("loading", default=None)


@keras.saving.register_keras_serializable("kgen")
class Functional(keras.Model):
    """A functional model whose variables' paths begin with its name when it is loaded, too.

    On torch, Keras keeps a model's variables by their paths, so that those of two networks in one
    model must differ: of two with the same path, `fit` would reset the gradient of one alone.
    The class has the name of Keras' own, by which files of weights know a nested model.

    >>> x = keras.Input((2,), name="x")
    >>> network = Functional(x, keras.layers.Dense(1, name="output")(x), name="linear")
    >>> Functional.from_config(network.get_config()).variables[0].path
    'linear/output/kernel'
    """

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> "Functional":
        """Makes the layers in the scope of the network's name; once, where networks share it."""
        if _loading.get() == config["name"]:
            return super().from_config(config, custom_objects=custom_objects)
        token = _loading.set(config["name"])
        try:
            with keras.name_scope(config["name"]):
                return super().from_config(config, custom_objects=custom_objects)
        finally:
            _loading.reset(token)


def scoped(build: Callable[Arguments, keras.Model]) -> Callable[Arguments, keras.Model]:
    """Decorates a function that builds a network, so that its variables' paths begin with `name`."""
    signature = inspect.signature(build)

    @functools.wraps(build)
    def built(*args: Arguments.args, **kwargs: Arguments.kwargs) -> keras.Model:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        with keras.name_scope(bound.arguments["name"]):
            return build(*args, **kwargs)

    return built


def find(network: keras.Model, pattern: str) -> list[keras.Layer]:
    """Returns the layers of a network, nested ones too, whose path fits a pattern.

    Args:
        network: a functional or sequential model; one loaded from a file, too.
        pattern: a path in which * stands for any characters, "/" included, as in `fnmatch`:
            "down_0/block_1/*", "*/self_attention/qkv", "down_*".

    Raises:
        ValueError: where no layer fits; the message names those with a similar path.

    >>> from kgen.networks import mlp
    >>> network = mlp(2, 1, hidden=(8, 8))
    >>> [layer.units for layer in find(network, "hidden_*")]
    [8, 8]
    >>> for layer in find(network, "hidden_*"):
    ...     layer.trainable = False
    >>> len(network.trainable_variables)
    2
    """
    paths = list(_walk(network))
    found = {id(layer): layer for path, layer in paths if fnmatch.fnmatchcase(path, pattern)}
    if not found:
        hint = _similar(pattern, [path for path, _ in paths])
        raise ValueError(f"network {network.name!r} has no layer {pattern!r}: {hint}")
    return list(found.values())


def named(outputs: Outputs, name: str) -> Outputs:
    """Names the operation that has these outputs, since functions of `keras.ops` take no name.

    Args:
        outputs: a symbolic tensor, or a list of them; of tensors with values no operation is kept.
        name: of the operation.

    >>> x = named(keras.Input((2,)) + 1.0, "shifted-add")
    >>> keras.Model(keras.utils.get_source_inputs(x), x).operations[-1].name
    'shifted-add'
    """
    first = keras.tree.flatten(outputs)[0]
    if isinstance(first, keras.KerasTensor):
        first._keras_history.operation.name = name
    return outputs


def _walk(network: keras.Layer, before: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """Yields paths and layers in the network's order, each before those that it holds."""
    for layer in _held(network):
        path = before + layer.name.replace("-", "/")
        yield path, layer
        yield from _walk(layer, f"{path}/")


def _held(layer: keras.Layer) -> list[keras.Layer]:
    """The layers of a model, or the one in a wrapper."""
    if isinstance(layer, keras.Model):
        return layer.layers
    return [layer.layer] if isinstance(layer, keras.layers.Wrapper) else []


def _similar(pattern: str, paths: list[str]) -> str:
    """Names paths, or patterns of all below one, that are close to a pattern."""
    groups = {
        f"{'/'.join(path.split('/')[:depth])}/*"
        for path in paths
        for depth in range(1, path.count("/") + 1)
    }
    close = difflib.get_close_matches(pattern, [*sorted(groups), *paths], n=3)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    return "it has " + ", ".join(dict.fromkeys(path.partition("/")[0] for path in paths))
