"""Makes a traced torch graph cheaper: fewer copies, biases added where products are made, less memory.

Keras computes a convolution on images with the channels last by a copy to channels first and one
back to channels last in memory: two copies of every feature map, of which torch needs none. And it
adds the bias of a dense layer to the finished product, which reads and writes all of it once more.
A result written to other memory than its operand also costs more than many an operation itself.
"""

from collections.abc import Iterator
from typing import Any

import keras
import torch
from torch import fx

_COPY = torch.ops.aten.clone.default
# Of single elements, all of them, though torch tags only some.
_BACKWARD = [
    f"{name}_backward"
    for name in ("threshold", "leaky_relu", "elu", "softplus", "silu", "gelu", "tanh", "sigmoid")
]
_ADD, _PRODUCT = torch.ops.aten.add.Tensor, torch.ops.aten.mm.default


def add_biases(module: fx.GraphModule) -> None:
    """Replaces, in place, `x @ w + b` by one operation, where nothing else wants the product."""
    for node in list(module.graph.nodes):
        if node.target is not _ADD or node.kwargs or len(node.args) != 2:
            continue
        product, bias = node.args
        if _is_dense(product, bias):
            with module.graph.inserting_before(node):
                fused = module.graph.call_function(torch.ops.aten.addmm.default, (bias, *product.args))
            fused.meta = node.meta
            node.replace_all_uses_with(fused)
            module.graph.erase_node(node)
            module.graph.erase_node(product)
    module.recompile()


def reuse_memory(module: fx.GraphModule) -> None:
    """Has operations on single elements write, in place, over an operand that nothing needs later.

    An operand stays that is an argument or a constant of the graph, or shares its memory with what is
    returned or read afterwards.
    """
    nodes = list(module.graph.nodes)
    roots: dict[int, int] = {}  # of memory that is another's by now
    last: dict[int, float] = {}  # the place of the last node that reads or returns it
    for place, node in enumerate(nodes):
        kept = node.op in ("placeholder", "get_attr", "output")
        for storage in [s for n in (node, *node.all_input_nodes) for s in _storages(n)]:
            last[storage] = max(last.get(storage, 0), float("inf") if kept else place)
    for place, node in enumerate(nodes):
        operation, target = _in_place(node)
        if operation is None:
            continue
        old, new = (roots.get(s, s) for n in (node.args[0], node) for s in _storages(n))
        others = [s for n in node.all_input_nodes if n is not node.args[0] for s in _storages(n)]
        if last[old] <= place and old not in [roots.get(s, s) for s in others]:
            node.target = operation
            node.kwargs = {**node.kwargs, **dict.fromkeys(target, node.args[0])}
            roots[new], last[old] = old, last[new]
    module.recompile()


def _in_place(node: fx.Node) -> tuple[Any, tuple[str, ...]]:
    """The operation that can write over its first operand, and the name of what it writes to.

    (None, ()) where there is none, or where the result needs more room.
    """
    tags = getattr(node.target, "tags", None)
    if tags is None or not node.args or not isinstance(node.args[0], fx.Node):
        return None, ()
    if _layout(node) != _layout(node.args[0]) or _layout(node) is None:
        return None, ()
    name, _, overload = str(node.target).removeprefix("aten.").partition(".")
    if name in _BACKWARD:
        return getattr(node.target.overloadpacket, "grad_input", None), ("grad_input",)
    in_place = getattr(torch.ops.aten, f"{name}_", None) if torch.Tag.pointwise in tags else None
    return getattr(in_place, overload, None), ()


def _is_dense(product: Any, bias: Any) -> bool:
    if not isinstance(product, fx.Node) or not isinstance(bias, fx.Node):
        return False
    x, b = product.meta.get("val"), bias.meta.get("val")
    tensors = isinstance(x, torch.Tensor) and isinstance(b, torch.Tensor)
    alone = product.target is _PRODUCT and len(product.users) == 1
    return tensors and alone and b.shape == x.shape[1:] and b.dtype == x.dtype


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
    tensor = isinstance(value, torch.Tensor)
    return (value.shape, value.stride(), value.dtype) if tensor else None
