"""Programs with loops on torch: the body of each loop is traced once, and its graph replayed.

A trace of the whole program would hold every step of every loop.
"""

import contextvars
from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch

from kgen.backend.scope import Function, Tensor

_running: contextvars.ContextVar["Program | None"] = contextvars.ContextVar("program", default=None)


class Program:
    """A function of variables' values and of tensors, traced: whole, or its loops' bodies.

    Args:
        stateless: takes the variables' values and tensors.
        variables: whose values those are.
        trace: makes a `Traced` of a function.
    """

    def __init__(
        self,
        stateless: Function,
        variables: Sequence[keras.Variable],
        trace: Callable[[Function], Function],
    ) -> None:
        self.stateless = stateless
        self.variables = variables
        self.trace = trace
        self.whole: Function | None = None
        self.bodies: list[_Body] = []
        self.values: list[Tensor] = []
        self.position = 0

    def __call__(self, values: list[Tensor], *arguments: Tensor) -> Any:
        """Runs eagerly but for the loops' bodies, or as one graph where the first run met no loop."""
        if self.whole is not None:
            return self.whole(values, *arguments)
        self.values, self.position = values, 0
        token = _running.set(self)
        try:
            result = self.stateless(values, *arguments)
        finally:
            _running.reset(token)
            self.values = []
        if self.bodies:
            return result
        self.whole = self.trace(self.stateless)
        return self.whole(values, *arguments)

    def body(self, body: Function) -> Function:
        """Gives the traced form of the next loop's body."""
        if self.position == len(self.bodies):
            self.bodies.append(_Body(self))
        traced = self.bodies[self.position]
        self.position += 1
        traced.body = body  # the same program, but with this run's closure for a new shape
        return traced


class _Body:
    """One loop's body: `body(*state)` with the variables' values as further inputs of its graph."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.body: Function | None = None
        self.traced = program.trace(self._stateless)

    def __call__(self, *arguments: Any) -> Any:
        return self.traced(self.program.values, *keras.tree.map_structure(_tensor, arguments))

    def _stateless(self, values: list[Tensor], *arguments: Any) -> Any:
        token = _running.set(None)  # a loop inside the loop belongs to its graph
        try:
            with keras.StatelessScope(zip(self.program.variables, values, strict=True)):
                return self.body(*arguments)
        finally:
            _running.reset(token)


def loop_body(body: Function) -> Function:
    """See `kgen.backend.loop_body`."""
    program = _running.get()
    return body if program is None else program.body(body)


def _tensor(value: Any) -> Tensor:
    if isinstance(value, torch.Tensor):
        return value
    dtype = "int32" if isinstance(value, int) else None
    return keras.ops.convert_to_tensor(value, dtype=dtype)
