"""Copies and additions that a traced torch graph loses, and those that it must keep."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from kgen.backend.torch.graph import add_biases, drop_copies

IMAGES = torch.arange(24.0).reshape(1, 2, 3, 4)


def there_and_back(x):
    """Channels last to channels first and back, as Keras' convolution does it."""
    first = x.permute(0, 3, 1, 2).contiguous()
    return first.contiguous(memory_format=torch.channels_last)


def pure(x):
    return there_and_back(x) * 2.0


def changes_the_copy(x):
    copy = there_and_back(x)
    copy.add_(1.0)
    return copy * x.permute(0, 3, 1, 2)


def changes_the_source(x):
    source = x * 1.0
    copy = there_and_back(source)
    source.add_(1.0)
    return copy + source.permute(0, 3, 1, 2)


def returns_the_copy(x):
    return there_and_back(x)


def returns_a_view(x):
    return there_and_back(x)[:1]


def transposes(x):
    return x.permute(0, 3, 1, 2).contiguous() * 2.0


@pytest.mark.parametrize(
    "fn, copies",
    [
        (pure, 0),
        (changes_the_copy, 2),
        (changes_the_source, 2),
        (returns_the_copy, 2),
        (returns_a_view, 2),
        (transposes, 1),
    ],
)
def test_drop_copies(fn, copies):
    graph = make_fx(fn, tracing_mode="fake")(IMAGES)
    drop_copies(graph)
    left = [n for n in graph.graph.nodes if n.target is torch.ops.aten.clone.default]
    assert len(left) == copies
    torch.testing.assert_close(graph(IMAGES), fn(IMAGES), rtol=0, atol=0)


def dense(x, w, b):
    return x @ w + b


def wants_the_product(x, w, b):
    product = x @ w
    return product + b + product


def adds_a_matrix(x, w, b):
    return x @ w + b * torch.ones(5, 1)


def adds_twice_the_bias(x, w, b):
    return torch.add(x @ w, b, alpha=2)


@pytest.mark.parametrize(
    "fn, fused",
    [(dense, 1), (wants_the_product, 0), (adds_a_matrix, 0), (adds_twice_the_bias, 0)],
)
def test_add_biases(fn, fused):
    torch.manual_seed(0)
    arguments = torch.randn(5, 3), torch.randn(3, 4), torch.randn(4)
    graph = make_fx(fn, tracing_mode="fake")(*arguments)
    add_biases(graph)
    assert [n.target for n in graph.graph.nodes].count(torch.ops.aten.addmm.default) == fused
    torch.testing.assert_close(graph(*arguments), fn(*arguments))
