"""How sure a smooth statistic is, where leaving out one example has a closed form."""

import math

import numpy as np

_Z95 = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations


def jackknife_error(left_out: np.ndarray) -> float:
    """Gives the standard error of a statistic from its n values with one example left out.

    Unlike a bootstrap it draws nothing: no seed, and no example that is its own neighbour.

    Args:
        left_out: `(n,)`, the statistic without example i, up to a constant.

    Source: "Bias and confidence in not-quite large samples" (Tukey, 1958). The variance is
    (n - 1)/n sum_i (T_i - mean T)².

    >>> x = np.array([1.0, 2.0, 4.0, 9.0])
    >>> error = jackknife_error((x.sum() - x) / 3)  # of the mean: the usual one
    >>> bool(np.isclose(error, x.std(ddof=1) / 2))
    True
    """
    return math.sqrt((len(left_out) - 1) * np.var(left_out))


def normal_interval(value: float, error: float) -> tuple[float, float]:
    """Gives the 95 % interval of a value whose error is normal.

    >>> [round(end, 2) for end in normal_interval(0.0, 0.5)]
    [-0.98, 0.98]
    """
    return value - _Z95 * error, value + _Z95 * error
