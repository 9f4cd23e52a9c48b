"""Takes needless copies out of a traced torch graph.

Keras computes a convolution on images with the channels last by a copy to channels first and one
back to channels last in memory: two copies of every feature map, of which torch needs none.
"""

from collections.abc import Iterator
from typing import Any

import keras
import torch
from torch import fx

_COPY = torch.ops.aten.clone.default


def drop_copies(module: fx.GraphModule) -> None:
    """Replaces, in place, each copy of a copy that lies in memory as the first tensor does.

    A copy stays where it may serve a purpose: where it or its source is changed in place, or shares
    its memory with what is returned.
    """
    needed = {storage for node in module.graph.nodes for storage in _needed_by(node)}
    for node in list(module.graph.nodes):
        if node.target is not _COPY:
            continue
        source = node.args[0]
        while source.target is _COPY:
            source = source.args[0]
        kept = needed.intersection([*_storages(node), *_storages(source)])
        if _layout(node) == _layout(source) and not kept:
            node.replace_all_uses_with(source)
    # Not `eliminate_dead_code`: it would have to know each operation's effects, this only copies.
    for node in reversed(module.graph.nodes):
        if node.target is _COPY and not node.users:
            module.graph.erase_node(node)
    module.recompile()


def _needed_by(node: fx.Node) -> Iterator[int]:
    """The memory of an operation's arguments, where it changes any of them or returns them."""
    schema = getattr(node.target, "_schema", None)
    if node.op == "output" or (schema is not None and schema.is_mutable):
        for argument in keras.tree.flatten((node.args, node.kwargs)):
            if isinstance(argument, fx.Node):
                yield from _storages(argument)


def _storages(node: fx.Node) -> list[int]:
    values = keras.tree.flatten(node.meta.get("val"))  # constants have none
    return [x.untyped_storage()._cdata for x in values if isinstance(x, torch.Tensor)]


def _layout(node: fx.Node) -> Any:
    value = node.meta.get("val")
    return None if value is None else (value.shape, value.stride(), value.dtype)
