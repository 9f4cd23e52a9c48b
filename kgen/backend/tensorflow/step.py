"""The engine's TensorFlow side: gradient tapes, and `tf.function` with or without XLA."""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from kgen.backend.adam import replaced
from kgen.backend.scope import Function, Tensor, values_of
from kgen.backend.tensorflow.adam import FusedAdam
from kgen.backend.tensorflow.order import same_in_every_trace
from kgen.backend.tensorflow.threefry import fused_threefry


def value_and_grad(
    fn: Function, variables: Sequence[keras.Variable]
) -> tuple[tuple[Tensor, Any], list[Tensor]]:
    """See `kgen.backend.value_and_grad`."""
    values = values_of(variables)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for value in values:
            tape.watch(value)
        result, auxiliary = fn()
    # Keras' optimizers leave the moments of the rows alone that a sparse gradient of an embedding
    # does not name: another Adam than the other backends'.
    dense = [
        tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g
        for g in tape.gradient(result, values)
    ]
    return (result, auxiliary), dense


def gradient(fn: Function, x: Tensor) -> Tensor:
    """See `kgen.backend.gradient`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = fn(x)
    return tape.gradient(value, x, unconnected_gradients="zero")


def jvp(fn: Function, x: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
    """See `kgen.backend.jvp`."""
    with tf.autodiff.ForwardAccumulator(x, tangent) as accumulator:
        value = fn(x)
    return value, accumulator.jvp(value, unconnected_gradients="zero")


def vjp(fn: Function, x: Tensor, cotangent: Tensor) -> tuple[Tensor, Tensor]:
    """See `kgen.backend.vjp`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = fn(x)
    return value, tape.gradient(value, x, output_gradients=cotangent, unconnected_gradients="zero")


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Tensor],
    variables: Sequence[keras.Variable],
) -> None:
    """See `kgen.backend.apply_gradients`."""
    with replaced(optimizer, "update_step", FusedAdam()):
        optimizer.apply(gradients, variables)


def compile_program(fn: Function, variables: Sequence[keras.Variable], jit: bool) -> Function:
    """See `kgen.backend.compile_program`."""
    return tf.function(fn, jit_compile=jit, autograph=False, reduce_retracing=True)


def step_function(model: keras.Model, step: Function, training: bool) -> Function | None:
    """See `kgen.backend.step_function`: Keras' own where replicas or several steps run in one call.

    Else the batch is taken from the iterator outside the program. Keras takes it inside and wraps what
    the step gives in a `tf.experimental.Optional`, which three operations unwrap again: 0.2 ms a step.
    """
    one = model.steps_per_execution == 1 and isinstance(model.distribute_strategy, _Untuned)
    if model.run_eagerly or not one:
        return None
    return _StepOnIterator(step, model.jit_compile)


class _StepOnIterator:
    """A train or test step that takes its next batch from an iterator of tf.data, or a generator.

    The first shape of batches has a program of its own: where all sizes are known TensorFlow computes
    none, which small steps feel. A last, smaller batch takes a second program, of any size.
    """

    def __init__(self, step: Function, jit: bool) -> None:
        self._options = {"jit_compile": jit, "autograph": False}
        self._traced = functools.partial(_trace, step)
        self._any = tf.function(self._traced, reduce_retracing=True, **self._options)
        self._programs: dict[str, tuple[list[Any], Function, Function]] = {}
        self._iterator, self._program = None, (None, self._any, self._any)

    def __call__(self, iterator: Iterator[Any]) -> Any:
        batch = next(iterator)
        if iterator is not self._iterator:
            self._iterator, self._program = iterator, self._program_of(iterator, batch)
        shapes, exact, general = self._program
        with same_in_every_trace():
            return (exact if _shapes(batch) == shapes else general)(batch)

    def _program_of(self, iterator: Iterator[Any], batch: Any) -> tuple[Any, Function, Function]:
        """The usual shapes of a data set's batches, the program for them, and one for others."""
        spec = getattr(iterator, "element_spec", None)
        if spec is None:
            return None, self._any, self._any
        if str(spec) not in self._programs:
            exact = tf.nest.map_structure(tf.type_spec_from_value, batch)
            programs = [
                tf.function(self._traced, input_signature=[signature], **self._options)
                for signature in (exact, spec)
            ]
            self._programs[str(spec)] = (_shapes(batch), *programs)
        return self._programs[str(spec)]


def _shapes(batch: Any) -> list[Any]:
    return [getattr(value, "shape", None) for value in tf.nest.flatten(batch)]


def _trace(step: Function, data: Any) -> Any:
    with fused_threefry():
        return step(tf.nest.map_structure(_none_for_optional, data))


def _none_for_optional(value: Any) -> Any:
    # a PyDataset without labels: tf.data cannot hold None
    return None if isinstance(value, tf.experimental.Optional) else value


def concrete() -> contextlib.AbstractContextManager[Any]:
    """See `kgen.backend.concrete`."""
    return tf.init_scope()


def fit_strategy(strategy: tf.distribute.Strategy) -> Any:
    """See `kgen.backend.fit_strategy`: the default one, without autotuned input; others as they are.

    The thread that tunes a tf.data pipeline sleeps 10 ms, 20 ms, 40 ms and so on, and the end of an
    epoch waits until it wakes: up to as long as the epoch took. What Keras makes of arrays and
    PyDatasets gains nothing by tuning; a user's own option in a tf.data.Dataset stays.
    """
    default = not tf.distribute.has_strategy() and strategy is tf.distribute.get_strategy()
    return _Untuned(strategy) if default else strategy


class _Untuned:
    """A strategy in all but how it iterates over data."""

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy

    def __getattr__(self, name: str) -> Any:
        return getattr(self._strategy, name)

    def experimental_distribute_dataset(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Gives the dataset with autotuning off, unless its options say otherwise."""
        if dataset.options().autotune.enabled is None:
            options = tf.data.Options()
            options.autotune.enabled = False
            dataset = dataset.with_options(options)
        return dataset
