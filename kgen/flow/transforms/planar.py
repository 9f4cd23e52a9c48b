"""Planar and radial transforms of vectors: one hidden unit, one centre."""

from keras import ops

from kgen import backend
from kgen.backend import Tensor

_HALVINGS = 40  # of an interval of length 2 |w.u|: to the last bit of float32


def planar_and_ladj(x: Tensor, u: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """y = x + u' tanh(w.x + b), with u' such that w.u' > -1, which makes it a bijection.

    Args:
        x: float `(batch, dim)`.
        u, w: `(dim,)`.
        b: a scalar.

    Returns:
        y, and the log-determinant log |1 + w.u' tanh'(w.x + b)|, `(batch,)`.

    Source: "Variational Inference with Normalizing Flows" (Rezende and Mohamed, 2015), equations 10 to
    12 and appendix A.1.
    """
    u = _bijective(u, w)
    h = ops.tanh(ops.matmul(x, w) + b)
    ladj = ops.log(1.0 + ops.sum(w * u) * (1.0 - ops.square(h)))
    return x + ops.expand_dims(h, -1) * u, ladj


def planar_inverse_and_ladj(y: Tensor, u: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Inverts `planar_and_ladj`: v + w.u' tanh(v + b) = w.y in v = w.x, by halving; no gradient."""
    u_hat = _bijective(u, w)
    slope, target = ops.sum(w * u_hat), ops.matmul(y, w)
    radius = ops.abs(slope) + ops.zeros_like(target)

    def halve(
        _: Tensor, ends: tuple, target: Tensor, slope: Tensor, b: Tensor
    ) -> tuple[Tensor, Tensor]:
        low, high = ends
        middle = 0.5 * (low + high)
        below = middle + slope * ops.tanh(middle + b) < target
        return ops.where(below, middle, low), ops.where(below, high, middle)

    ends = (target - radius, target + radius)
    low, high = backend.fori_loop(_HALVINGS, halve, ends, target, slope, ops.convert_to_tensor(b))
    h = ops.tanh(0.5 * (low + high) + b)
    return y - ops.expand_dims(h, -1) * u_hat, -ops.log(1.0 + slope * (1.0 - ops.square(h)))


def radial_and_ladj(x: Tensor, centre: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """y = x + beta (x - centre) / (alpha + r), r = |x - centre|, alpha > 0 and beta > -alpha.

    Args:
        x: float `(batch, dim)`.
        centre: `(dim,)`.
        a, b: scalars: alpha = softplus(a), beta = softplus(b) - alpha.

    Returns:
        y, and the log-determinant, `(batch,)`.

    Source: "Variational Inference with Normalizing Flows" (Rezende and Mohamed, 2015), equation 14 and
    appendix A.2.
    """
    alpha, beta = _radial(a, b)
    away = x - centre
    r = _length(away)
    return x + ops.expand_dims(beta / (alpha + r), -1) * away, _radial_ladj(r, alpha, beta, x.shape[-1])


def radial_inverse_and_ladj(y: Tensor, centre: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Inverts `radial_and_ladj`: r (1 + beta / (alpha + r)) = |y - centre| is a quadratic in r."""
    alpha, beta = _radial(a, b)
    away = y - centre
    length = _length(away)
    p = alpha + beta - length
    r = 0.5 * (ops.sqrt(ops.square(p) + 4.0 * alpha * length) - p)
    shrink = 1.0 / (1.0 + beta / (alpha + r))
    return centre + ops.expand_dims(shrink, -1) * away, -_radial_ladj(r, alpha, beta, y.shape[-1])


def _bijective(u: Tensor, w: Tensor) -> Tensor:
    """u' = u + (softplus(w.u) - 1 - w.u) w / |w|^2."""
    product = ops.sum(w * u)
    return u + (ops.softplus(product) - 1.0 - product) * w / (ops.sum(ops.square(w)) + 1e-12)


def _radial(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    alpha = ops.softplus(a)
    return alpha, ops.softplus(b) - alpha


def _radial_ladj(r: Tensor, alpha: Tensor, beta: Tensor, dim: int) -> Tensor:
    # (1 + beta h)^(d - 1) (1 + beta h + beta h' r), h = 1 / (alpha + r), h' = -h^2
    h = 1.0 / (alpha + r)
    return (dim - 1) * ops.log1p(beta * h) + ops.log1p(beta * h - beta * r * ops.square(h))


def _length(x: Tensor) -> Tensor:
    """|x|, `(batch,)`; the square root of 0 has no gradient, that of 1e-24 has."""
    return ops.sqrt(ops.sum(ops.square(x), axis=-1) + 1e-24)
