"""ONNX forms of TensorFlow operations that tf2onnx does not know.

log(1 + x) and exp(x) - 1 by hyperbolic functions, which lose no digits where x is small.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

Operation = tuple[str | float, ...]  # a kind, and its inputs: names of tensors, and numbers


def expm1(x: str, make: Callable[..., str]) -> Operation:
    """exp(x) - 1 = 2 sinh(x / 2) exp(x / 2): the last operation of it."""
    half = make("Mul", x, 0.5)
    return "Mul", make("Mul", make("Sinh", half), make("Exp", half)), 2.0


def log1p(x: str, make: Callable[..., str]) -> Operation:
    """log(1 + x) = 2 artanh(x / (2 + x)); where |x| >= 1/2, as it stands: the last operation of it."""
    small = make("Mul", make("Atanh", make("Div", x, make("Add", x, 2.0))), 2.0)
    return "Where", make("Less", make("Abs", x), 0.5), small, make("Log", make("Add", x, 1.0))


def erfc(x: str, make: Callable[..., str]) -> Operation:
    """erfc(x) = 1 - erf(x), to 1e-7: what GELU multiplies by x."""
    return "Sub", 1.0, make("Erf", x)


@functools.cache
def register() -> None:
    """Teaches tf2onnx these operations, once: its handlers are classes with a method a version."""
    from tf2onnx.handler import tf_op

    for name, form in (("Expm1", expm1), ("Log1p", log1p), ("Erfc", erfc)):
        tf_op(name)(_handler(form))


def _handler(form: Callable[..., Operation]) -> type:
    """Returns a class whose method tf2onnx calls with a graph and the node to replace."""

    def replace(cls: type, graph: Any, node: Any, **options: Any) -> None:
        (x,), outputs, name = node.input, list(node.output), node.name
        known = {"shapes": [graph.get_shape(outputs[0])], "dtypes": [graph.get_dtype(outputs[0])]}
        graph.remove_node(name)

        def named(value: str | float) -> str:
            if isinstance(value, str):
                return value
            array = np.array(value, "float32")
            return graph.make_const(f"{name}_{next(_NUMBERS)}", array).output[0]

        def make(kind: str, *inputs: str | float, **options: Any) -> str:
            names = [named(value) for value in inputs]
            return graph.make_node(kind, names, name=f"{name}_{next(_NUMBERS)}", **options).output[0]

        make(*form(x, make), outputs=outputs, **known)

    return type(form.__name__, (), {"version_1": classmethod(replace)})


_NUMBERS = itertools.count()
