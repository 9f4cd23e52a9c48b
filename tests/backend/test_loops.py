"""Loops inside compiled programs: one compilation of the body, current weights, current arguments."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend

JIT = pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])


def run(program, *arguments):
    return ops.convert_to_numpy(program(*(np.float32(a) for a in arguments)))


def counted(body):
    """A body that counts how often Python runs it."""
    calls = []

    def counting(*arguments):
        calls.append(1)
        return body(*arguments)

    return counting, calls


@JIT
def test_constants_and_weights_are_those_of_the_call(jit):
    weight = keras.Variable(2.0)

    def power(x, shift):
        return backend.fori_loop(3, lambda i, s, shift: s * weight.value + shift, x, shift)

    program = backend.compile_program(power, [weight], jit)
    assert run(program, 1.0, 0.0) == 8.0
    assert run(program, 1.0, 1.0) == 15.0  # 3, 7, 15
    weight.assign(3.0)
    assert run(program, 2.0, 0.0) == 54.0


def test_a_compiled_body_runs_in_python_no_more_often_for_more_steps():
    counts = []
    for steps in (4, 40):
        body, calls = counted(lambda i, s: s + ops.cast(i, "float32"))
        loop = functools.partial(backend.fori_loop, steps, body)
        program = backend.compile_program(loop, [], True)
        assert run(program, 0.0) == steps * (steps - 1) / 2
        counts.append(len(calls))
    assert counts[0] == counts[1]


def test_a_second_call_does_not_trace_again():
    body, calls = counted(lambda i, s: 2.0 * s)
    program = backend.compile_program(lambda x: backend.fori_loop(3, body, x), [], True)
    assert run(program, 1.0) == 8.0
    first = len(calls)
    assert run(program, 2.0) == 16.0
    assert len(calls) == first


@JIT
def test_two_loops_one_inside_a_tuple_state(jit):
    def both(x):
        total, count = backend.fori_loop(3, lambda i, s: (s[0] + x_of(s), s[1] + 1.0), (x, 0.0 * x))
        return backend.fori_loop(2, lambda i, s: s * s, total + count)

    def x_of(state):
        return 2.0 * state[0]

    program = backend.compile_program(both, [], jit)
    assert run(program, 1.0) == (27.0 + 3.0) ** 4


@JIT
def test_while_loop(jit):
    def collatz(n):
        def body(n, steps, one):
            odd = ops.floor(n / 2.0) * 2.0 != n
            return ops.where(odd, 3.0 * n + one, n / 2.0), steps + one

        return backend.while_loop(lambda n, steps: n > 1.0, body, (n, 0.0 * n), ops.ones_like(n))[1]

    program = backend.compile_program(collatz, [], jit)
    assert run(program, 6.0) == 8.0  # 3 10 5 16 8 4 2 1
    assert run(program, 27.0) == 111.0
