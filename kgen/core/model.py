"""`GenerativeModel`: a `keras.Model` whose one `train_step` runs on TensorFlow, JAX and PyTorch."""

import inspect
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core.check import check_batch, check_given, check_values
from kgen.core.conditions import Conditions
from kgen.core.ema import EMA
from kgen.core.optimizers import OptimizerGroup, make_optimizer, portable, serialize_optimizer
from kgen.core.saving import SavingMixin
from kgen.core.step import stateless_or_stateful
from kgen.core.stream import RandomStream


class GenerativeModel(SavingMixin, keras.Model):
    """The base of every family: named parts, each with its optimizer, and a step written once.

    A subclass writes `__init__` (whose arguments are its config, each kept as an attribute of the
    same name), `train_step(self, data)`, `test_step(self, data)`, and where it draws `generate(self,
    seed)` as an `endpoint`, listed in `endpoints`. Inside a step it calls `self.minimize(loss_fn,
    *parts)`, draws keys from `self.random`, and returns `self.update_metrics(...)`. The step contains
    nothing of any backend.

    Args:
        data_range: of the examples; "auto": (-1, 1) for images; None: any values, as of latents.

    State must not change inside `ops.cond` or a loop body; `for _ in range(k)` is unrolled and fine.

    >>> class Shift(GenerativeModel):
    ...     def __init__(self, network, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.network = network
    ...         self.track("loss")
    ...     def train_step(self, data):
    ...         x, _ = self.unpack(data)
    ...         return self.update_metrics(
    ...             loss=self.minimize(lambda: ops.mean((self.network(x) - 3.0) ** 2))
    ...         )
    >>> model = Shift(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    >>> model.compile(keras.optimizers.Adam(0.1))
    >>> history = model.fit(np.ones((64, 2), "float32"), epochs=30, verbose=0)
    >>> history.history["loss"][-1] < history.history["loss"][0]
    True
    """

    def __init__(self, data_range: Any = "auto", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        named = data_range is None or isinstance(data_range, str)
        self._data_range = data_range if named else tuple(data_range)
        self.conditions = Conditions()
        self.averages: deque[EMA] = deque()  # no list: Keras would save them by their place in it
        self.random = RandomStream()
        self.trackers: dict[str, keras.metrics.Mean] = {}
        self.programs: dict[Any, Callable[..., Any]] = {}
        self.inductor = False
        # The parts are built by the time that `compile` is called; the model adds no weights of its
        # own. Unset, `fit` would call the model on its data to build it.
        self.built = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Wraps the steps that a subclass writes, so that they run with and without a state."""
        super().__init_subclass__(**kwargs)
        for name in ("train_step", "test_step"):
            if name in cls.__dict__:
                setattr(cls, name, stateless_or_stateful(cls.__dict__[name]))

    # What a family says of itself

    @property
    def parts(self) -> Mapping[str, keras.Layer]:
        """What each named optimizer trains; one part, the whole model, unless a family says more."""
        return MappingProxyType({"model": self})  # no dict: Keras' loader would walk in a circle

    @property
    def data_shape(self) -> tuple[int | None, ...] | None:
        """The shape of one example, for the checks of `fit`; None: any shape."""
        return None

    @property
    def data_range(self) -> tuple[float, float] | None:
        """The range of the data, for the checks of `fit`; None: any values.

        Unless `data_range` is given to the model, (-1, 1) for images, which are floats of three axes.
        Latents of three axes are no images: give None.
        """
        if self._data_range != "auto":
            return self._data_range
        images = self.data_shape is not None and len(self.data_shape) == 3 and not self.integers
        return (-1.0, 1.0) if images else None

    @property
    def integers(self) -> bool:
        """Whether examples are integers, such as tokens; else they are floats."""
        return False

    @property
    def endpoints(self) -> dict[str, dict[str, keras.InputSpec]]:
        """The exported functions: method name to its inputs; the first axis, None, is the batch.

        None unless a family lists them: `{"generate": kgen.core.seeds()}` of one that draws.
        """
        return {}

    @property
    def data_conditions(self) -> Conditions:
        """The conditions that `fit` takes as y: all, unless the model draws some itself."""
        return self.conditions

    @property
    def sample_conditions(self) -> Conditions:
        """The conditions that `sample` takes: all, unless a family says otherwise."""
        return self.conditions

    @property
    def takes_labels(self) -> bool:
        """Whether `sample` can be asked for classes of the data."""
        both = self.data_conditions, self.sample_conditions
        return all("labels" in conditions.names for conditions in both)

    @property
    def needs_labels(self) -> bool:
        """Whether the model knows its data by class only: `fit` and a likelihood need labels."""
        return "labels" in self.data_conditions.names

    def generate(self, seed: Tensor) -> Tensor:
        """Turns keys, int32 `(batch, 2)`, into samples, one from each key."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to generate")

    def sample(
        self, n: int, *, seed: int | None = None, batch_size: int = 256, **given: Any
    ) -> np.ndarray:
        """Draws `n` samples, with the averaged weights where the model keeps an average.

        Args:
            n: how many, at least 1.
            seed: the same seed gives the same samples, on every backend up to rounding, and sample i
                does not depend on `n`. None: fresh ones.
            batch_size: how many at once.
            given: conditions by name, one for all samples or one each, of which labels may be left
                out (then sample i is of class i % classes); and options of the family's `draw`.

        Returns:
            `(n, ...)`: float32, images in [-1, 1]; or int32 tokens.

        Raises ValueError for n < 1, names that are neither conditions nor options, conditions that do
        not fit the model, and what `draw` refuses.
        """
        if n < 1:
            raise ValueError(f"expected n >= 1 samples, got {n}")
        keys = kgen.random.keys(seed, n)
        options = {name: given.pop(name) for name in self.sample_options if name in given}
        unknown = [name for name in given if name not in self.sample_conditions.names]
        if unknown and any(given[name] is not None for name in unknown):
            names, own = list(self.sample_conditions.names), list(self.sample_options)
            takes = f"its conditions are {names}" if names else "it is unconditional"
            raise ValueError(
                f"the model takes no {unknown[0]}: {takes}, and the options of sample are {own}"
            )
        return self.draw(keys, given, min(batch_size, n), **options)

    @property
    def sample_options(self) -> tuple[str, ...]:
        """What `sample` takes besides conditions: the keyword-only arguments of `draw`."""
        parameters = inspect.signature(self.draw).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)

    def draw(self, keys: np.ndarray, given: dict[str, Any], batch_size: int) -> np.ndarray:
        """Draws a sample from each key; a family adds its options as keyword-only arguments.

        Args:
            keys: int32 `(n, 2)`.
            given: conditions by name, as `sample` takes them.
            batch_size: how many at once.
        """
        arrays = self.sample_conditions.arrays(len(keys), **given)
        return self.generate(keys, *arrays, batch_size=batch_size)

    # What a step uses

    def track(self, *names: str) -> None:
        """Adds a running mean for each name; call it in `__init__`, before the first step."""
        for name in names:
            self.trackers[name] = keras.metrics.Mean(name=name)

    def average(self, network: keras.Layer, decay: float | None, name: str = "ema") -> EMA | None:
        """Makes an average of a network that follows it, once after each train step.

        Call it in `__init__` and keep the result as an attribute, by whose name files know it.

        Args:
            network: built.
            decay: in [0, 1); None: there is no average.
            name: of the layer.

        Raises ValueError as `EMA` does.
        """
        if decay is None:
            return None
        self.averages.append(EMA(network, decay, name))
        return self.averages[-1]

    def unpack(self, data: Any) -> tuple[Tensor, Tensor | None]:
        """Gives the examples and the condition of a batch of `fit(x)` or `fit(x, condition)`.

        Raises ValueError where the batch is not float or not of the model's `data_shape`.
        """
        x, condition, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError("generative models take no sample_weight: drop it, or resample the data")
        check_batch(x, self.data_shape, self.integers, self.data_range)
        return x, condition

    def check_data(self, x: np.ndarray, y: Any = None) -> None:
        """Looks at examples, and at what they come with, before a step does: `fit` calls it.

        Raises ValueError, also for a `y` that does not fit the model's conditions.
        """
        check_values(x, self.data_shape, self.integers, self.data_range)
        self.data_conditions.check(y)

    def prepare(self, x: Any, y: Any) -> None:
        """What a family does with the data of `fit`, after the look at them: nothing."""

    def minimize(self, loss_fn: Callable[[], Any], *parts: str) -> Any:
        """Takes one optimizer step on the trainable variables of parts, after one backward pass.

        Args:
            loss_fn: no arguments; gives a scalar loss, or the loss and a dict of further tensors to
                report. Computed in float32 it is safe in mixed precision. The regularizers of the
                weights are added to the loss.
            parts: keys of `parts`, each stepped by its own optimizer, such as two generators under one
                loss; may be left out where there is only one.

        Returns:
            What `loss_fn` gave before the step, without gradients: a scalar float32 tensor, or that
            and the dict.

        Raises ValueError for unknown parts, one named twice, and one without trainable variables.
        """
        names = self._part_names(parts)
        groups = [self._trained(name) for name in names]
        optimizers = [self._optimizer(name) for name in names]
        variables = [variable for group in groups for variable in group]

        def scaled() -> tuple[Tensor, Any]:
            result = loss_fn()
            loss, *report = result if isinstance(result, tuple) else (result,)
            loss = ops.cast(loss, "float32") + _penalty(variables)
            return optimizers[0].scale_loss(loss), (loss, *report) if report else loss

        (_, result), gradients = backend.value_and_grad(scaled, variables)
        for optimizer, group in zip(optimizers, groups, strict=True):
            own, gradients = gradients[: len(group)], gradients[len(group) :]
            backend.apply_gradients(optimizer, _rescaled(own, optimizers[0], optimizer), group)
        return result

    def update_metrics(self, **values: Tensor) -> dict[str, Tensor]:
        """Updates the tracked means and gives the logs that `fit` shows.

        A value is a scalar, or a vector with one number for each example: then the mean over an
        epoch is exact, also where the last batch is smaller. Raises ValueError for untracked names.
        """
        unknown = sorted(set(values) - set(self.trackers))
        if unknown:
            raise ValueError(
                f"metrics {unknown} are not tracked: add self.track({', '.join(map(repr, unknown))}) "
                f"to {type(self).__name__}.__init__"
            )
        for name, value in values.items():
            self.trackers[name].update_state(ops.cast(value, "float32"))
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    # Keras' protocol

    def compile(
        self,
        optimizer: Any = "adam",
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
    ) -> None:
        """Sets the optimizers and how steps are compiled.

        Args:
            optimizer: one optimizer (every part gets its own copy), or a dict with one a part.
            run_eagerly: run steps op by op, to debug them.
            steps_per_execution: batches for each call of the step; 1 on torch.
            jit_compile: True: XLA on TensorFlow and JAX, on torch the whole step as one traced
                graph; "inductor": on torch that graph compiled further, which takes minutes; "auto":
                Keras' choice (JAX yes, TensorFlow on a GPU, torch no).

        Raises ValueError for unknown or missing parts and for networks without weights.
        """
        self.inductor = jit_compile == "inductor"
        parts = self.parts
        for name, part in parts.items():
            if not part.built:
                raise ValueError(
                    f"part {name!r} has no weights yet: call it on a batch, or give its first layer a "
                    "keras.Input, before compile"
                )
        self.programs = {}
        super().compile(
            optimizer=make_optimizer(
                optimizer,
                {name: part.trainable_variables for name, part in parts.items()},
                scaled=self.dtype_policy.compute_dtype == "float16",
            ),
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=True if self.inductor else jit_compile,
            auto_scale_loss=False,
        )

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does, after a look at the data (range, NaN, shape, type)."""
        for name in ("class_weight", "sample_weight"):
            if kwargs.get(name) is not None:
                raise ValueError(f"generative models take no {name}: drop it, or resample the data")
        check_given(self, x, y)
        validation = kwargs.get("validation_data")
        if validation is not None:
            pair = validation[:2] if isinstance(validation, list | tuple) else [validation]
            check_given(self, *pair)
        self.prepare(x, y)
        if getattr(x, "orders_itself", False):  # Keras would shuffle the batches of a PyDataset again
            kwargs.setdefault("shuffle", False)
        with backend.keep_weights(self):
            return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Measures as `keras.Model.evaluate` does, after the look at the data that `fit` takes."""
        if not kwargs.get("_use_cached_eval_dataset"):  # inside `fit`, which has looked
            check_given(self, x, y)
        with backend.keep_weights(self):
            return super().evaluate(x, y, *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the model on batches of x, as `keras.Model.predict` does."""
        with backend.keep_weights(self):
            return super().predict(x, *args, **kwargs)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means behind the logs, without Keras' own of a loss that it would compute."""
        own = self.trackers.get("loss")
        return [metric for metric in super().metrics if metric.name != "loss" or metric is own]

    @property
    def distribute_strategy(self) -> Any:
        """What Keras' TensorFlow trainer runs steps and feeds data through."""
        return backend.fit_strategy(super().distribute_strategy)

    def make_train_function(self, force: bool = False) -> Any:
        """Compiles the train step: Keras calls this."""
        return self._compile_step("train", super().make_train_function, force)

    def make_test_function(self, force: bool = False) -> Any:
        """Compiles the test step: Keras calls this."""
        return self._compile_step("test", super().make_test_function, force)

    def state_variables(self, training: bool) -> tuple[list[keras.Variable], ...]:
        """The variables of a stateless step, in the order that the JAX trainer passes their values."""
        model = [self.trainable_variables, self.non_trainable_variables]
        optimizer = [self.optimizer.variables] if training else []
        return (*model, *optimizer, self.metrics_variables)

    def get_compile_config(self) -> dict[str, Any]:
        """Gives what `compile` was called with, the optimizers as they are now."""
        if not self.compiled:
            return {}
        return {
            "optimizer": serialize_optimizer(self.optimizer),
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "jit_compile": "inductor" if self.inductor else self.jit_compile,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model; every optimizer slot exists afterwards."""
        self.compile(**keras.saving.deserialize_keras_object(portable(config)))

    def _compile_step(self, kind: str, keras_make: Callable[..., Any], force: bool) -> Any:
        name = f"{kind}_function"
        if getattr(self, name) is None or force:
            step = getattr(self, f"{kind}_step")
            function = backend.step_function(self, step, training=kind == "train")
            if function is None:
                return keras_make(force)
            if self.steps_per_execution != 1:
                raise ValueError(
                    f"expected steps_per_execution=1 on torch, got {self.steps_per_execution}"
                )
            setattr(self, name, function)
        return getattr(self, name)

    def _part_names(self, parts: Sequence[str]) -> list[str]:
        names = list(self.parts)
        if not parts and len(names) == 1:
            return names
        unknown = [part for part in parts if part not in names]
        if unknown or not parts or len(set(parts)) != len(parts):
            got = repr(unknown[0]) if unknown else list(parts)
            raise ValueError(
                f"unknown part {got} of {type(self).__name__}: expected one of {names}, or several, "
                "each once"
            )
        return list(parts)

    def _trained(self, name: str) -> list[keras.Variable]:
        variables = self.parts[name].trainable_variables
        if not variables:
            raise ValueError(f"part {name!r} of {type(self).__name__} has no trainable variables")
        return variables

    def _optimizer(self, name: str) -> keras.optimizers.Optimizer:
        group = isinstance(self.optimizer, OptimizerGroup)
        return self.optimizer[name] if group else self.optimizer


def _penalty(variables: list[keras.Variable]) -> Any:
    """The sum of the variables' regularizers."""
    return sum((v.regularizer(v.value) for v in variables if v.regularizer is not None), 0.0)


def _rescaled(
    gradients: Sequence[Any], used: keras.optimizers.Optimizer, own: keras.optimizers.Optimizer
) -> Sequence[Any]:
    """Gradients of a loss that one optimizer scaled, for float16, as another one would have it."""
    if own is used or not isinstance(own, keras.optimizers.LossScaleOptimizer):
        return gradients
    ratio = own.scale_loss(ops.ones(())) / used.scale_loss(ops.ones(()))
    return [None if gradient is None else gradient * ratio for gradient in gradients]
