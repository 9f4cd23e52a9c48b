"""The autoregressive model: a network, a likelihood of each position, and their exact sum."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.autoregressive.checks import check_sizes, examples
from kgen.autoregressive.likelihoods import Likelihood
from kgen.autoregressive.sampling import SamplingMixin
from kgen.backend import Tensor
from kgen.core import Conditions, GenerativeModel, endpoint, seeds
from kgen.core.check import check_network, check_object
from kgen.core.inputs import run


@keras.saving.register_keras_serializable("kgen")
class Autoregressive(SamplingMixin, GenerativeModel):
    """Predicts each pixel or token from those before it, in row-major order:

        log p(x) = sum_i log p(x_i | x_1 ... x_{i-1}),

    and is trained to make that, an exact likelihood, large.

    Args:
        network: a functional model of x, or of [x, conditions...], whose output at a position depends
            on earlier ones only: `kgen.networks.pixelcnn`, `gated_pixelcnn`, `transformer`, `lstm`,
            or `made` in its natural order.
        likelihood: of `kgen.autoregressive`; what the outputs say about a position.
        shape: of one example, where the network takes it in another one: (28, 28, 1) for a network of
            784 positions. None: that of the network's input.
        classes: how many labels there are, where the network takes labels.
        binarize: whether training and evaluation see images in [-1, 1] as coins: each pixel is 1 with
            probability (x + 1) / 2, drawn afresh each time. For `Bernoulli()` only.
        ema_decay: None, or the decay of an average of the network, which everything but training uses.

    A network whose first input is of integers is given the numbers of the values, 0 ... levels - 1.

    `call` maps x (or [x, conditions...]) to the outputs. The log is "loss", -log p(x), in nats per
    example.

    Source: "Pixel Recurrent Neural Networks" (van den Oord et al., 2016), equation 1; dynamic
    binarisation: "On the Quantitative Analysis of Deep Belief Networks" (Salakhutdinov and Murray,
    2008), section 5.

    Raises ValueError for a network whose inputs or outputs do not fit.

    >>> import kgen
    >>> network = kgen.networks.transformer((5,), 3, vocabulary=3, width=8, depth=1, heads=2)
    >>> model = Autoregressive(network, kgen.autoregressive.Tokens(3))
    >>> model.compile(keras.optimizers.Adam(1e-2))
    >>> history = model.fit(np.tile([0, 1, 2, 0, 1], (64, 1)), epochs=1, verbose=0)
    >>> model.sample(4, seed=0).shape
    (4, 5)
    """

    log_prob_estimate = "exact"
    """What `log_prob` is, for the cards of `kgen.metrics`."""

    range_width = None
    """A probability of discrete values, for bits per dimension."""

    def __init__(
        self,
        network: keras.Model,
        likelihood: Likelihood,
        shape: Sequence[int] | None = None,
        classes: int | None = None,
        binarize: bool = False,
        ema_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_network("network", network)
        check_object("likelihood", likelihood, "kgen.autoregressive.Categorical()")
        self.network = network
        self.likelihood = likelihood
        self.shape = tuple(shape if shape is not None else network.inputs[0].shape[1:])
        self.classes = classes
        self.binarize = binarize
        self.ema_decay = ema_decay
        self.grid = tuple(network.output_shape[1:-1])
        self.conditions = Conditions.of(network, classes=classes)
        check_sizes(network, likelihood, self.shape)
        if binarize and likelihood.levels != 2:
            raise ValueError(f"binarize makes two levels, and {likelihood} has others: use Bernoulli()")
        self.ema = self.average(network, ema_decay)
        self.track("loss")

    @property
    def data_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.shape

    @property
    def integers(self) -> bool:
        """Whether examples are integers: tokens."""
        return self.likelihood.integers

    @property
    def positions(self) -> int:
        """How many positions an example has."""
        return math.prod(self.grid)

    @property
    def channels(self) -> int:
        """How many values stand at a position."""
        return math.prod(self.shape) // self.positions

    @property
    def averaged(self) -> keras.Model:
        """The network that samples and evaluates."""
        return self.network if self.ema is None else self.ema.average

    @property
    def endpoints(self) -> dict[str, dict[str, keras.InputSpec]]:
        """`generate`, `extend` and `log_prob`, with the conditions last."""
        dtype = "int32" if self.integers else "float32"
        x = {"x": keras.InputSpec(shape=(None, *self.shape), dtype=dtype)}
        given = {"given": keras.InputSpec(shape=(None,), dtype="int32")}
        seed = seeds()
        conditions = self.conditions.specs()
        return {
            "generate": seed | conditions,
            "extend": x | given | seed | conditions,
            "log_prob": x | conditions,
        }

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Maps x, or [x, conditions...], to the outputs, with the weights of the last step."""
        x, *given = inputs if isinstance(inputs, list | tuple) else [inputs]
        return self.outputs_of(self.network, x, self.conditions.of_tensors(given), training)

    def outputs_of(
        self, network: keras.Model, x: Tensor, named: dict[str, Tensor], training: bool = False
    ) -> Tensor:
        """Runs a network on examples and conditions; float32 `(batch, positions, outputs)`."""
        fed = self._feed(self._values(x), self.grid)
        outputs = run(network, fed, named, self.conditions.names, training)
        return ops.cast(ops.reshape(outputs, (-1, self.positions, outputs.shape[-1])), "float32")

    def losses_of(self, x: Tensor, condition: Any, keys: Tensor, training: bool = False) -> Tensor:
        """The negative log-likelihood of each example in nats, float32 `(batch,)`.

        Args:
            x: examples.
            condition: as `fit` takes it.
            keys: int32 `(batch, 2)`, for `binarize` and nothing else.
            training: whether the network runs in training mode; else it is the averaged one.
        """
        if self.binarize:
            ones = kgen.random.uniform(keys, self.shape) < (ops.cast(x, "float32") + 1.0) / 2.0
            x = 2.0 * ops.cast(ones, "float32") - 1.0
        network = self.network if training else self.averaged
        outputs = self.outputs_of(network, x, self.conditions.of_batch(condition), training)
        return -ops.sum(self.likelihood.log_prob(outputs, self._values(x)), axis=-1)

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Takes one step up the likelihood."""
        x, condition = self.unpack(data)
        keys = self.random.next_keys(like=x)
        loss = self.minimize(lambda: ops.mean(self.losses_of(x, condition, keys, training=True)))
        return self.update_metrics(loss=loss)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluates the likelihood."""
        x, condition = self.unpack(data)
        return self.update_metrics(loss=self.losses_of(x, condition, self.random.next_keys(like=x)))

    def check_data(self, x: np.ndarray, y: Any = None) -> None:
        """Looks at the examples, also for the levels, and at the conditions."""
        super().check_data(x, y)
        if not self.binarize:
            self.likelihood.check(x)

    def log_prob(self, x: Any, labels: Any = None, batch_size: int = 256, **conditions: Any) -> Any:
        """Computes log p(x), or log p(x | condition), exactly.

        Args:
            x: examples `(n, *shape)`.
            labels: int `(n,)` where the model takes them, else None.
            batch_size: how many at once, of NumPy arrays.
            conditions: those besides labels, by name.

        Returns:
            Nats, float32 `(n,)`.

        Raises:
            ValueError: for values that are not those of the likelihood, another shape, and conditions
                that do not fit the model.
        """
        given = conditions if labels is None else {"labels": labels, **conditions}
        if isinstance(x, np.ndarray | list):
            x = examples(x, self.shape, self.likelihood)
            given = self.conditions.of_examples(len(x), **given)
        else:
            given = self.conditions.named(given).values()
        return self.exact_log_prob(x, *given, batch_size=batch_size)

    @endpoint
    def exact_log_prob(self, x: Tensor, *conditions: Tensor) -> Tensor:
        """The log-likelihood of each example in nats, float32 `(batch,)`; unchecked."""
        outputs = self.outputs_of(self.averaged, x, self.conditions.of_tensors(conditions))
        return ops.sum(self.likelihood.log_prob(outputs, self._values(x)), axis=-1)

    def _values(self, x: Tensor) -> Tensor:
        """Examples as `(batch, positions, channels)`."""
        x = ops.cast(x, "int32" if self.integers else "float32")
        return ops.reshape(x, (-1, self.positions, self.channels))

    def _feed(self, values: Tensor, grid: Sequence[int]) -> Tensor:
        """What the network takes: values, or their numbers, on a grid of positions."""
        example = self.network.inputs[0]
        if not keras.backend.is_float_dtype(example.dtype):
            values = self.likelihood.index(values)
        channels = () if len(example.shape) == 1 + len(grid) else (self.channels,)
        return ops.reshape(values, (-1, *grid, *channels))
