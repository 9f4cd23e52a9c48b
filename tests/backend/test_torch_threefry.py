"""Threefry as one operation of torch: the same numbers for any shapes, and one node of a trace."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from kgen.backend.torch.threefry import in_torch, threefry


def words(*shapes):
    torch.manual_seed(0)
    return [torch.randint(-(2**31), 2**31, shape, dtype=torch.int32) for shape in shapes]


@pytest.mark.parametrize(
    "shapes",
    [((), (), (), ()), ((3,),) * 4, ((), (), (5,), ()), ((2, 1), (2, 1), (2, 7), (2, 7)), ((0,),) * 4],
    ids=str,
)
def test_numpy_gives_what_torch_gives(shapes):
    arguments = words(*shapes)
    for found, expected in zip(threefry(*arguments), in_torch(*arguments), strict=True):
        assert found.dtype == torch.int32
        assert torch.equal(found, expected)


def test_strides_do_not_matter():
    a, b, c, d = words(*((4, 6),) * 4)
    turned = threefry(a.T, b.T, c.T, d.T)
    for found, expected in zip(turned, threefry(a, b, c, d), strict=True):
        assert torch.equal(found, expected.T)


def test_a_trace_holds_one_operation_that_runs_on_other_numbers():
    graph = make_fx(lambda *w: threefry(*w), tracing_mode="fake")(*words((2,), (2,), (2,), (2,)))
    calls = [node.target for node in graph.graph.nodes if "threefry" in str(node.target)]
    assert calls == [torch.ops.kgen.threefry.default]
    arguments = [word + 1 for word in words((2,), (2,), (2,), (2,))]
    assert all(map(torch.equal, graph(*arguments), threefry(*arguments)))
