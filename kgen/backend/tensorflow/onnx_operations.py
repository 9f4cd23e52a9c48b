"""ONNX forms of TensorFlow operations that tf2onnx does not know: log(1 + x) and exp(x) - 1.

Both by hyperbolic functions, which lose no digits where x is small, as the plain forms do.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np


def expm1(x: str, make: Callable[..., str]) -> str:
    """exp(x) - 1 = 2 sinh(x / 2) exp(x / 2)."""
    half = make("Mul", x, 0.5)
    return make("Mul", make("Mul", make("Sinh", half), make("Exp", half)), 2.0)


def log1p(x: str, make: Callable[..., str]) -> str:
    """log(1 + x) = 2 artanh(x / (2 + x)); where |x| >= 1/2, as it stands."""
    small = make("Mul", make("Atanh", make("Div", x, make("Add", x, 2.0))), 2.0)
    return make("Where", make("Less", make("Abs", x), 0.5), small, make("Log", make("Add", x, 1.0)))


def _handler(form: Callable[..., str]) -> Callable[..., None]:
    """Returns what tf2onnx calls with the graph, and the node that the form replaces."""

    def replace(graph: Any, node: Any, name: str, arguments: Any) -> None:
        (x,), (output,) = node.input, node.output
        dtype, shape = graph.get_dtype(output), graph.get_shape(output)
        graph.remove_node(name)
        numbers = itertools.count()

        def make(kind: str, *inputs: str | float) -> str:
            names = [value if isinstance(value, str) else constant(value) for value in inputs]
            return graph.make_node(kind, names, name=f"{name}_{next(numbers)}").output[0]

        def constant(value: float) -> str:
            array = np.array(value, "float32")
            return graph.make_const(f"{name}_{next(numbers)}", array).output[0]

        result = form(x, make)
        graph.make_node("Identity", [result], outputs=[output], shapes=[shape], dtypes=[dtype])

    return replace


HANDLERS = {"Expm1": (_handler(expm1), []), "Log1p": (_handler(log1p), [])}
