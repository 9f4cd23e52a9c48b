"""The engine's PyTorch side: autograd on detached leaves, and whole steps traced into one graph."""

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import torch
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing, make_fx

from kgen.backend.adam import replaced
from kgen.backend.scope import ChildScope, Function, Tensor, values_of
from kgen.backend.torch.adam import update
from kgen.backend.torch.graph import add_biases, drop_copies, reuse_memory
from kgen.backend.torch.kernels import plain_operations
from kgen.backend.torch.loop import Program


def value_and_grad(
    fn: Function, variables: Sequence[keras.Variable]
) -> tuple[tuple[Tensor, Any], list[Tensor]]:
    """See `kgen.backend.value_and_grad`."""
    leaves = [value.detach().requires_grad_() for value in values_of(variables)]
    with torch.enable_grad(), ChildScope(zip(variables, leaves, strict=True)) as scope:
        value, auxiliary = fn()
    gradients = torch.autograd.grad(value, leaves, allow_unused=True)
    for variable, new in zip(scope.changed, scope.new_values, strict=True):
        variable.assign(new.detach())
    return (value.detach(), keras.tree.map_structure(_detach, auxiliary)), list(gradients)


def gradient(fn: Function, x: Tensor) -> Tensor:
    """See `kgen.backend.gradient`."""
    value, leaf, differentiable = _forward(fn, x)
    (result,) = torch.autograd.grad(value, leaf, create_graph=differentiable, materialize_grads=True)
    return result


def jvp(fn: Function, x: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
    """See `kgen.backend.jvp`."""
    with plain_operations():
        return torch.func.jvp(fn, (x,), (tangent,))


def vjp(fn: Function, x: Tensor, cotangent: Tensor) -> tuple[Tensor, Tensor]:
    """See `kgen.backend.vjp`."""
    value, leaf, differentiable = _forward(fn, x)
    (result,) = torch.autograd.grad(
        value, leaf, cotangent, create_graph=differentiable, materialize_grads=True
    )
    return (value if differentiable else value.detach()), result


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Tensor],
    variables: Sequence[keras.Variable],
) -> None:
    """See `kgen.backend.apply_gradients`."""
    with torch.no_grad(), replaced(optimizer, "_parallel_update_step", update):
        optimizer.apply(gradients, variables)


def compile_program(fn: Function, variables: Sequence[keras.Variable], jit: bool) -> Function:
    """See `kgen.backend.compile_program`."""

    def stateless(values: list[Tensor], *arguments: Tensor) -> Any:
        with torch.no_grad(), keras.StatelessScope(zip(variables, values, strict=True)):
            return fn(*arguments)

    program = Program(stateless, variables, Traced) if jit else stateless

    def run(*arguments: Any) -> Any:
        tensors = [keras.ops.convert_to_tensor(argument) for argument in arguments]
        return program([value.detach() for value in values_of(variables)], *tensors)

    return run


def step_function(model: keras.Model, step: Callable, training: bool) -> Function:
    """See `kgen.backend.step_function`.

    Keras' trainer would hand the Python step to dynamo, which recompiles it dozens of times. The
    stateless step is traced once per input shape instead, gradients and optimizers included.
    """

    def stateless(state: tuple, batch: Any) -> tuple[dict, tuple]:
        with torch.no_grad():  # `value_and_grad` enables it where it is needed
            return step(state, batch)

    compiled = model.jit_compile and not model.run_eagerly
    program = Traced(stateless, getattr(model, "inductor", False)) if compiled else stateless

    def run(data: Sequence[Any]) -> dict:
        variables = model.state_variables(training)
        state = tuple([value.detach() for value in values_of(group)] for group in variables)
        batch = keras.tree.map_structure(keras.ops.convert_to_tensor, _present(data[0]))
        with _own_noise(model):
            logs, new_state = program(state, batch)
        _write(state, new_state)
        return logs

    return run


@contextlib.contextmanager
def concrete() -> Iterator[None]:
    """See `kgen.backend.concrete`."""
    with disable_proxy_modes_tracing(), unset_fake_temporarily():
        yield


class Traced:
    """Runs a function of tensors from a graph traced once for each shape and type of its arguments.

    A function that cannot be traced runs eagerly, after one warning that says why.

    Args:
        fn: takes and returns nested tensors, changes no Python state.
        inductor: whether to compile the graph further, which takes minutes and pays off in long runs.
    """

    def __init__(self, fn: Function, inductor: bool = False) -> None:
        self.fn = fn
        self.inductor = inductor
        self.graphs: dict[Any, Function] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Traces at the first call with these shapes, replays the graph afterwards."""
        leaves = _flatten(arguments)
        signature = tuple(_signature(leaf) for leaf in leaves)
        if signature not in self.graphs:
            self.graphs[signature] = self._trace(arguments)
        return self.graphs[signature](leaves)

    def _trace(self, arguments: tuple) -> Function:
        """Makes a function of the leaves of the arguments."""
        structure: list[Any] = []

        def flat(*leaves: Tensor) -> list[Tensor]:
            result = self.fn(*_pack(arguments, iter(leaves)))
            structure[:] = [result]
            return _flatten(result)

        try:
            graph = make_fx(flat, tracing_mode="fake")(*_flatten(arguments))
            drop_copies(graph)
            add_biases(graph)
            reuse_memory(graph)
        except Exception as error:
            reason = _first_line(error)  # where the arguments are at fault, the eager call says so
            warnings.warn(
                f"torch could not trace this step, so it runs eagerly: {reason} "
                "(keras.layers.Dropout is a common cause: use kgen.layers.Dropout)",
                stacklevel=2,
            )
            return lambda leaves: self.fn(*_pack(arguments, iter(leaves)))
        output = _pack(structure[0], itertools.repeat(None))  # holds no tensor of the trace
        run = torch.compile(graph, dynamic=False) if self.inductor else graph
        return lambda leaves: _pack(output, iter(run(*leaves)))


def _forward(fn: Function, x: Tensor) -> tuple[Tensor, Tensor, bool]:
    """Evaluates fn at x with gradients on; says whether the caller differentiates further."""
    differentiable = torch.is_grad_enabled()
    operations = plain_operations() if differentiable else contextlib.nullcontext()
    with torch.enable_grad(), operations:
        leaf = x if differentiable and x.requires_grad else x.detach().requires_grad_()
        return fn(leaf), leaf, differentiable


def _write(state: tuple, new_state: tuple) -> None:
    """Copies new values into the variables' memory; what was updated in place is there already."""
    pairs = [
        (old, new)
        for old, new in zip(_flatten(state), _flatten(new_state), strict=True)
        if old is not new
    ]
    if pairs:
        olds, news = zip(*pairs, strict=True)
        torch._foreach_copy_(list(olds), [new.detach() for new in news])


@contextlib.contextmanager
def _own_noise(model: keras.Model) -> Iterator[None]:
    """Seeds torch's generator for one step from what the model saves, and gives it back after.

    Keras layers without a seed draw from that generator: so their noise resumes exactly, too.
    """
    words = (
        *model.random.state.value.tolist(),
        int(keras.ops.convert_to_tensor(model.optimizer.iterations)),
    )
    with torch.random.fork_rng():
        # Without an accelerator `torch.manual_seed` keeps a traceback of each call, in case one comes.
        everywhere = torch.accelerator.is_available()
        seed = torch.manual_seed if everywhere else torch.default_generator.manual_seed
        seed(hash(words))
        yield


def _present(batch: Any) -> tuple:
    """The tensors of a batch, without the labels and sample weights that are not there."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    if sample_weight is not None:
        return x, y, sample_weight
    return (x,) if y is None else (x, y)


def _flatten(nested: Any) -> list[Any]:
    """The leaves of nested tuples, lists and dicts: `keras.tree`'s take a millisecond a step."""
    if isinstance(nested, dict):
        nested = nested.values()
    elif not isinstance(nested, (tuple, list)):
        return [nested]
    return [leaf for item in nested for leaf in _flatten(item)]


def _pack(like: Any, leaves: Iterator[Any]) -> Any:
    """Puts leaves into the structure of `like`: the inverse of `_flatten`."""
    if isinstance(like, dict):
        return {key: _pack(item, leaves) for key, item in like.items()}
    if isinstance(like, (tuple, list)):
        return type(like)([_pack(item, leaves) for item in like])
    return next(leaves)


def _signature(leaf: Any) -> tuple:
    return tuple(leaf.shape), leaf.dtype, leaf.device


def _detach(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
