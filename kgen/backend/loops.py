"""Loops inside one compiled program."""

from collections.abc import Callable
from typing import Any

from keras import ops

from kgen.backend.scope import Tensor


def fori_loop(steps: int, body: Callable[..., Any], state: Any, *constants: Any) -> Any:
    """Runs `state = body(i, state, *constants)` for i = 0 ... steps - 1 inside one compiled program.

    The state is nested tensors whose shapes and types stay the same. The body is compiled once,
    whatever the number of steps. It assigns to no variable, and it uses no tensors but its
    arguments, the values of variables, and those that it makes: pass others as `constants`.

    >>> float(fori_loop(4, lambda i, total: total + 2.0, ops.zeros(())))
    8.0
    """
    from kgen import backend

    if steps < 0:
        raise ValueError(f"expected steps >= 0, got {steps}")
    run = backend.loop_body(body)
    return ops.fori_loop(0, steps, lambda i, state: run(i, state, *constants), state)


def while_loop(
    condition: Callable[..., Tensor], body: Callable[..., Any], state: tuple, *constants: Any
) -> tuple:
    """Runs `state = body(*state, *constants)` while `condition(*state)`, inside one compiled program.

    The state is a tuple; else as in `fori_loop`.

    >>> state = while_loop(lambda n: n < 100, lambda n: (2 * n,), (ops.convert_to_tensor(3),))
    >>> int(state[0])
    192
    """
    from kgen import backend

    run = backend.loop_body(body)
    return ops.while_loop(condition, lambda *state: run(*state, *constants), state)
