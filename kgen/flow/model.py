"""The flow: a transform and a prior, trained by maximum likelihood."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core import Conditions, GenerativeModel, endpoint, seeds
from kgen.core.check import check_object, check_temperature
from kgen.flow.data_checks import check_support, first_examples
from kgen.flow.dequantization import content_keys
from kgen.flow.distribution import log_density
from kgen.flow.layers import ActNorm, Chain, Continuous, Transform


@keras.saving.register_keras_serializable("kgen")
class Flow(GenerativeModel):
    """Maximises the exact log-likelihood of a transform f from data to latents:

        log p(x) = log p_prior(f(x)) + log |det df/dx|.

    `RealNVP`, `Glow`, `NeuralSplineFlow`, `MAF`, `IAF` and `FFJORD` build the usual ones.

    Args:
        transform: data to latents of the same shape, or several, the first next to the data.
        prior: of the latents, with `sample(keys)`, `log_prob(z)` and `shape`: `StandardNormal(shape)`,
            or a `Transformed`.
        classes: how many labels there are, where the networks take a context of so many numbers.
        context: how many numbers the networks take as context, where that is a vector.
        dequantization: None: the data are real numbers; or an object of `kgen.flow.dequantization`:
            they are levels, and log-likelihoods bounds on log-probabilities.
        ema_decay: None, or the decay of an average of the transform; all but training and the "loss"
            uses it.

    `call` maps x to z. Logs: "loss", -log p(x) in nats, and with dequantisation "bits_per_dim".

    The first `fit` starts `ActNorm` layers from up to 512 of the examples (of a stream: its first
    batch) before the first step; that they are started is saved with the weights.

    Raises ValueError for what does not fit together.

    >>> import kgen
    >>> model = kgen.flow.RealNVP((2,), layers=2)
    >>> model.compile(keras.optimizers.Adam(1e-3))
    >>> x = kgen.data.load("moons", size=256).x
    >>> history = model.fit(x, epochs=1, verbose=0)
    >>> model.log_prob(x).shape, model.sample(5, seed=0).shape
    ((256,), (5, 2))
    """

    def __init__(
        self,
        transform: Transform | Sequence[Transform],
        prior: Any,
        classes: int | None = None,
        context: int | None = None,
        dequantization: Any = None,
        ema_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_object("prior", prior, "kgen.distributions.StandardNormal((2,))")
        check_object("dequantization", dequantization, "kgen.flow.UniformNoise()")
        self.conditions = _conditions(classes, context)
        self.transform = transform if isinstance(transform, Transform) else Chain(transform)
        self.prior = prior
        self.classes = classes
        self.context = context
        self.dequantization = dequantization
        self.ema_decay = ema_decay
        self.ema = self.average(self.transform, ema_decay)
        self.track("loss", *(["bits_per_dim"] if dequantization is not None else []))

    @property
    def data_shape(self) -> tuple[int, ...]:
        """The shape of one example: that of a latent."""
        return tuple(self.prior.shape)

    @property
    def log_prob_estimate(self) -> str:
        """What `log_prob` is, for the cards of `kgen.metrics`."""
        if self.dequantization is not None:
            return "bound"
        continuous = any(isinstance(part, Continuous) for part in self.transform.walk())
        return "ODE" if continuous else "exact"

    @property
    def range_width(self) -> float | None:
        """None: `log_prob` is of discrete values; 2.0: of a density on [-1, 1]."""
        return None if self.dequantization is not None else 2.0

    @property
    def endpoints(self) -> dict[str, dict[str, keras.InputSpec]]:
        """`generate`, `log_prob`, `encode` and `decode`, each with the condition if any."""
        array = keras.InputSpec(shape=(None, *self.data_shape), dtype="float32")
        specs = self.conditions.specs()
        return {
            "generate": seeds() | specs,
            "log_prob": {"x": array} | specs,
            "encode": {"x": array} | specs,
            "decode": {"latents": array} | specs,
        }

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Maps x, or [x, condition], to z, with the weights of the last step."""
        x, *given = inputs if isinstance(inputs, list | tuple) else [inputs]
        return self.transform.call_and_ladj(_real(x), self._context(given))[0]

    def losses_of(self, x: Tensor, condition: Tensor | None, keys: Tensor) -> Tensor:
        """The negative log-likelihood of each example in nats, or its bound, float32 `(batch,)`.

        Args:
            x: examples.
            condition: labels or vectors, or None.
            keys: int32 `(batch, 2)`, of the noise of dequantisation and of estimates.
        """
        context = self._vector(self.conditions.of_batch(condition))
        y, bonus = self._dequantized(_real(x), kgen.random.fold_in(keys, 0))
        keys = kgen.random.fold_in(keys, 1)
        return -(log_density(self.transform, self.prior, y, context, keys) + bonus)

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Takes one step up the likelihood."""
        x, condition = self.unpack(data)
        keys = self.random.next_keys(like=x)

        def loss() -> tuple[Tensor, dict[str, Tensor]]:
            losses = self.losses_of(x, condition, keys)
            return ops.mean(losses), {"losses": losses}

        _, report = self.minimize(loss)
        return self._logs(report["losses"])

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluates the likelihood."""
        x, condition = self.unpack(data)
        return self._logs(self.losses_of(x, condition, self.random.next_keys(like=x)))

    def prepare(self, x: Any, y: Any) -> None:
        """Starts the `ActNorm` layers that were not yet."""
        if any(isinstance(part, ActNorm) and not part.started for part in self.transform.walk()):
            shown = first_examples(x, y)
            if shown is not None:
                self.initialize(*shown)

    def check_data(self, x: np.ndarray, y: Any = None) -> None:
        """Looks at the examples, also for the support and the levels, and at the condition."""
        super().check_data(x, y)
        check_support(x, self.transform.support, self.dequantization)

    def initialize(self, x: np.ndarray, condition: Any = None) -> None:
        """Starts the `ActNorm` layers that were not yet, from examples `(n, ...)`; `fit` does so.

        Call it before a `fit` on a generator that can be read only once.
        """
        named = self.conditions.of_batch(condition)
        x = _real(ops.convert_to_tensor(x))
        y, _ = self._dequantized(x, ops.convert_to_tensor(kgen.random.keys(0, x.shape[0])))
        self.transform.initialize(y, self._vector(named))
        if self.ema is not None:
            self.ema.reset()

    def log_prob(
        self,
        x: Any,
        labels: Any = None,
        context: Any = None,
        seed: int = 0,
        batch_size: int = 256,
    ) -> Any:
        """Gives log p(x) in nats, float32 `(batch,)`.

        With dequantisation it is a bound on the log-probability of levels, from one draw of noise
        that depends on the seed and on x alone: the same in every batch.

        Args:
            x: examples `(batch, ...)`.
            labels, context: `(batch,)` or `(batch, width)`, where the flow takes them.
            seed: of the noise.
            batch_size: how many at once, of NumPy arrays.

        Raises:
            ValueError: for a condition that does not fit, and of NumPy arrays for values that are not
                levels and labels out of range.
        """
        if self.dequantization is not None and isinstance(x, np.ndarray | list):
            self.dequantization.check(x)
        given = {"labels": labels, "context": context}
        if isinstance(x, np.ndarray | list):
            given = self.conditions.of_examples(len(x), **given)
        else:
            given = self.conditions.named({k: v for k, v in given.items() if v is not None}).values()
        return self.density(x, *given, seed=seed, batch_size=batch_size)

    @endpoint
    def density(self, x: Tensor, *condition: Tensor, seed: int = 0) -> Tensor:
        """See `log_prob`; unchecked."""
        x = _real(x)
        y, bonus = self._dequantized(x, content_keys(x, seed))
        context = self._context(condition)
        return ops.cast(log_density(self._sampled, self.prior, y, context) + bonus, "float32")

    @endpoint
    def encode(self, x: Tensor, *condition: Tensor) -> Tensor:
        """Maps examples to their latents, of the same shape; without noise."""
        return self._sampled.call_and_ladj(_real(x), self._context(condition))[0]

    @endpoint
    def decode(self, latents: Tensor, *condition: Tensor) -> Tensor:
        """Maps latents to examples: the inverse of `encode`; not rounded to levels."""
        return self._sampled.inverse_and_ladj(_real(latents), self._context(condition))[0]

    @endpoint
    def generate(self, seed: Tensor, *condition: Tensor, temperature: float = 1.0) -> Tensor:
        """Turns keys, int32 `(batch, 2)`, into samples; with dequantisation they lie in [-1, 1].

        Args:
            seed: the keys.
            condition: labels or context, where the flow takes them.
            temperature: by which the latents are multiplied; below 1 for likelier samples.
        """
        x = self.decode(temperature * self.prior.sample(seed), *condition)
        return x if self.dequantization is None else ops.clip(x, -1.0, 1.0)

    def draw(
        self,
        keys: np.ndarray,
        given: dict[str, Any],
        batch_size: int,
        *,
        temperature: float = 1.0,
    ) -> np.ndarray:
        """Draws a sample from each key; see `sample`.

        Args:
            keys: int32 `(n, 2)`.
            given: the condition by name.
            batch_size: how many at once.
            temperature: see `generate`.

        Raises:
            ValueError: for a condition that does not fit, or a temperature that is not above 0.
            FloatingPointError: where samples are not finite.
        """
        check_temperature(temperature)
        n = len(keys)
        arrays = self.conditions.arrays(n, **given)
        options = {} if temperature == 1.0 else {"temperature": float(temperature)}
        samples = self.generate(keys, *arrays, batch_size=batch_size, **options)
        if not np.isfinite(samples).all():
            bad = int((~np.isfinite(samples.reshape(n, -1))).any(axis=1).sum())
            raise FloatingPointError(
                f"{bad} of {n} samples are not finite: the inverse of the transform overflows. Train "
                "at a lower learning rate or with clipnorm, or draw at a temperature below 1"
            )
        return samples

    @property
    def _sampled(self) -> Transform:
        """The transform of everything but training."""
        return self.transform if self.ema is None else self.ema.average

    def _context(self, tensors: Sequence[Tensor]) -> Tensor | None:
        """The context of the transforms, from the last arguments of an endpoint."""
        return self._vector(self.conditions.of_tensors(tensors))

    def _vector(self, named: dict[str, Tensor]) -> Tensor | None:
        """The context of the transforms, float32 `(batch, width)`, from a condition by name."""
        if self.classes is None:
            return named.get("context")
        return ops.one_hot(named["labels"], self.classes, dtype="float32")

    def _dequantized(self, x: Tensor, keys: Tensor) -> tuple[Tensor, Any]:
        return (x, 0.0) if self.dequantization is None else self.dequantization.dequantize(x, keys)

    def _logs(self, losses: Tensor) -> dict[str, Tensor]:
        if self.dequantization is None:
            return self.update_metrics(loss=losses)
        bits = losses / (float(np.prod(self.data_shape)) * np.log(2.0))
        return self.update_metrics(loss=losses, bits_per_dim=bits)


def _conditions(classes: int | None, context: int | None) -> Conditions:
    if classes is not None and context is not None:
        raise ValueError("expected classes or context, got both: put one-hot labels into the context")
    if context is not None and context < 1:
        raise ValueError(f"expected context >= 1, got {context}")
    if context is not None:
        return Conditions({"context": keras.InputSpec(dtype="float32", shape=(None, context))})
    labels = {"labels": keras.InputSpec(dtype="int32", shape=(None,))}
    return Conditions(labels if classes is not None else None, classes)


def _real(x: Tensor) -> Tensor:
    """At least float32: half precision is too coarse for likelihoods."""
    x = ops.convert_to_tensor(x)
    return x if keras.backend.standardize_dtype(x.dtype) == "float64" else ops.cast(x, "float32")
