"""The residual perceptron against its formula in NumPy."""

import numpy as np
import pytest
from diffusion_networks import batch_for, numbers, perturbed

from kgen.networks import residual_mlp


def swish(x):
    return x / (1.0 + np.exp(-x))


def test_is_its_formula():
    network = perturbed(residual_mlp(dim=2, width=8, depth=2, classes=3, seed=0))
    x, t, labels = batch = batch_for(network, n=4)
    x, t, labels = numbers(x), numbers(t), numbers(labels).astype(int)
    weights = {x.path.removeprefix("residual_mlp/"): numbers(x) for x in network.variables}

    def dense(name, h):
        return h @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]

    features = np.concatenate([np.cos(1000 * t)[:, None], np.sin(1000 * t)[:, None]], axis=-1)
    told = dense("time-dense_1", swish(dense("time-dense_0", features)))
    told = swish(told + weights["label_embedding/embeddings"][labels])
    h = dense("input-dense", x)
    for block in ("block_0", "block_1"):
        u = dense(f"{block}-dense_0", swish(h)) + dense(f"{block}-embedding", told)
        h = h + dense(f"{block}-dense_1", swish(u))
    y = dense("output-dense", swish(h))
    np.testing.assert_allclose(numbers(network(batch)), y, atol=1e-3)
    assert len(weights) == 2 * 10 + 1


@pytest.mark.parametrize("options", [{"dim": 0}, {"depth": 0}, {"width": 0}])
def test_bad_arguments_are_refused(options):
    with pytest.raises(ValueError, match="at least 1"):
        residual_mlp(**options)
