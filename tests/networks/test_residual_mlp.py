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
    weights = {variable.path: numbers(variable) for variable in network.variables}
    names = [layer.name for layer in network.layers if layer.name.startswith("dense")]

    def dense(h):
        name = names.pop(0)
        return h @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]

    names.sort(key=lambda name: int(name.partition("_")[2] or 0))
    features = np.concatenate([np.cos(1000 * t)[:, None], np.sin(1000 * t)[:, None]], axis=-1)
    told = dense(swish(dense(features))) + weights["label_embedding/embeddings"][labels]
    told = swish(told)
    h = dense(x)
    for _ in range(2):
        u = dense(swish(h)) + dense(told)
        h = h + dense(swish(u))
    np.testing.assert_allclose(numbers(network(batch)), dense(swish(h)), atol=1e-3)
    assert names == []


@pytest.mark.parametrize("options", [{"dim": 0}, {"depth": 0}, {"width": 0}])
def test_bad_arguments_are_refused(options):
    with pytest.raises(ValueError, match="at least 1"):
        residual_mlp(**options)
