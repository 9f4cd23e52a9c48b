"""The jackknife of statistics whose error is known."""

import numpy as np
import pytest

from kgen.metrics.jackknife import jackknife_error, normal_interval

X = np.random.default_rng(0).normal(size=500)


def test_of_a_mean_it_is_the_standard_error():
    assert jackknife_error((X.sum() - X) / 499) == pytest.approx(X.std(ddof=1) / 500**0.5)


def test_of_a_function_of_the_mean_it_is_that_of_the_delta_method():
    # exp(mean): the slope is exp(mean) itself
    expected = np.exp(X.mean()) * X.std(ddof=1) / 500**0.5
    assert jackknife_error(np.exp((X.sum() - X) / 499)) == pytest.approx(expected, rel=1e-3)


def test_the_interval_is_1_96_errors_wide():
    assert normal_interval(10.0, 1.0) == pytest.approx((8.04, 11.96), abs=1e-4)
