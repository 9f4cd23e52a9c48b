"""Derivatives against closed forms: with respect to variables, to inputs, twice, and along noise."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend

MATRIX = np.array([[1.0, 2.0], [0.5, -1.0]], dtype="float32")
X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]], dtype="float32")


def tensor(array):
    return ops.convert_to_tensor(array, dtype="float32")


def field(x):
    """The linear field x -> M x for each row; its divergence is the trace of M, 0."""
    return ops.matmul(x, tensor(MATRIX.T))


def cubic(x):
    return x**3


def test_value_and_grad_of_variables():
    a, b = keras.Variable(3.0), keras.Variable(2.0)
    (value, auxiliary), gradients = backend.value_and_grad(lambda: (a * a * b, a + b), [a, b])
    assert float(value) == 18.0
    assert float(auxiliary) == 5.0
    assert [float(g) for g in gradients] == [12.0, 9.0]


def test_value_and_grad_keeps_the_updates_of_other_variables():
    weight, count = keras.Variable(3.0), keras.Variable(0.0)

    def loss():
        count.assign(count + 1.0)
        return weight * weight * count, None

    (value, _), gradients = backend.value_and_grad(loss, [weight])
    assert (float(value), float(gradients[0]), float(count)) == (9.0, 6.0, 1.0)


def test_value_and_grad_reads_the_enclosing_stateless_scope():
    weight, scale = keras.Variable(3.0), keras.Variable(1.0)
    with keras.StatelessScope(state_mapping=[(scale, tensor(10.0))]) as scope:

        def loss():
            scale.assign(scale * 2.0)
            return weight * scale, None

        (value, _), gradients = backend.value_and_grad(loss, [weight])
        assert (float(value), float(gradients[0])) == (60.0, 20.0)
        assert float(scope.get_current_value(scale)) == 20.0
    assert float(scale) == 1.0


def test_gradient_with_respect_to_an_input():
    result = backend.gradient(lambda x: ops.sum(x**3), tensor(X))
    np.testing.assert_allclose(ops.convert_to_numpy(result), 3 * X**2, rtol=1e-6)


def test_gradient_is_zero_where_nothing_depends_on_the_input():
    result = backend.gradient(lambda x: ops.sum(x * 0.0), tensor(X))
    np.testing.assert_array_equal(ops.convert_to_numpy(result), np.zeros_like(X))


def test_gradient_can_be_differentiated_with_respect_to_weights():
    """Second order, as in a gradient penalty: d/dw (d/dx w x^2)^2 = 8 w x^2."""
    weight = keras.Variable(2.0)

    def penalty():
        slope = backend.gradient(lambda x: ops.sum(weight * x**2), tensor(3.0))
        return slope**2, None

    (value, _), gradients = backend.value_and_grad(penalty, [weight])
    assert (float(value), float(gradients[0])) == (144.0, 144.0)


def test_gradient_of_a_gradient():
    result = backend.gradient(
        lambda x: ops.sum(backend.gradient(lambda y: ops.sum(y**4), x)), tensor(X)
    )
    np.testing.assert_allclose(ops.convert_to_numpy(result), 12 * X**2, rtol=1e-5)


def test_jvp():
    tangent = np.ones_like(X)
    value, product = backend.jvp(cubic, tensor(X), tensor(tangent))
    np.testing.assert_allclose(ops.convert_to_numpy(value), X**3, rtol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(product), 3 * X**2, rtol=1e-6)


def test_vjp():
    value, product = backend.vjp(field, tensor(X), tensor(X))
    np.testing.assert_allclose(ops.convert_to_numpy(value), X @ MATRIX.T, rtol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(product), X @ MATRIX, rtol=1e-6)


def test_jvp_can_be_differentiated_with_respect_to_weights():
    """As in sliced score matching: d/dw of v . J v with f = w x^3 is 3 x^2 v^2."""
    weight = keras.Variable(2.0)

    def estimate():
        _, product = backend.jvp(lambda x: weight * x**3, tensor(X), tensor(np.ones_like(X)))
        return ops.sum(product), None

    (value, _), gradients = backend.value_and_grad(estimate, [weight])
    np.testing.assert_allclose(float(value), 2 * (3 * X**2).sum(), rtol=1e-6)
    np.testing.assert_allclose(float(gradients[0]), (3 * X**2).sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("fn", "expected"),
    [(field, np.zeros(3)), (cubic, (3 * X**2).sum(-1)), (lambda x: 2.0 * x, np.full(3, 4.0))],
    ids=["linear", "cubic", "scaling"],
)
def test_exact_divergence(fn, expected):
    _, result = backend.divergence(fn, tensor(X))
    np.testing.assert_allclose(ops.convert_to_numpy(result), expected, rtol=1e-5, atol=1e-6)


def test_hutchinson_divergence_is_the_quadratic_form_of_its_noise():
    noise = np.array([[1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]], dtype="float32")
    _, result = backend.divergence(field, tensor(X), tensor(noise))
    expected = np.einsum("bi,ij,bj->b", noise, MATRIX, noise)
    np.testing.assert_allclose(ops.convert_to_numpy(result), expected, rtol=1e-5)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_a_compiled_program_sees_later_weights(jit):
    weight = keras.Variable(2.0)
    program = backend.compile_program(lambda x: weight * x, [weight], jit)
    x = np.array([3.0], dtype="float32")
    before = float(ops.convert_to_numpy(program(x))[0])
    weight.assign(5.0)
    assert (before, float(ops.convert_to_numpy(program(x))[0])) == (6.0, 15.0)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_a_loop_inside_a_compiled_program(jit):
    program = backend.compile_program(
        lambda x: backend.fori_loop(5, lambda i, s: s * 2.0 + ops.cast(i, "float32"), x), [], jit
    )
    # By hand from 1: 2, 5, 12, 27, 58.
    assert float(ops.convert_to_numpy(program(np.array([1.0], "float32")))[0]) == 58.0


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_second_order_derivatives_inside_a_compiled_program(jit):
    program = backend.compile_program(lambda x: backend.divergence(cubic, x)[1], [], jit)
    np.testing.assert_allclose(ops.convert_to_numpy(program(X)), (3 * X**2).sum(-1), rtol=1e-5)


def test_a_negative_number_of_steps_is_refused():
    with pytest.raises(ValueError, match="steps >= 0"):
        backend.fori_loop(-1, lambda i, s: s, 0.0)
