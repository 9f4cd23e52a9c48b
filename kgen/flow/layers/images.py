"""Transforms of images: scales within scales, and the logit of pixels."""

from typing import Any

import keras

from kgen.backend import Tensor
from kgen.flow.layers.base import Transform
from kgen.flow.masks import Half
from kgen.flow.transforms.logit import expit_and_ladj, logit_and_ladj
from kgen.flow.transforms.squeeze import check_squeeze, squeeze, unsqueeze


@keras.saving.register_keras_serializable("kgen")
class Squeeze(Transform):
    """Applies a transform to the squeezed image, and takes the squeezing back.

    So latents keep the shape of the data, however many scales there are.

    Args:
        transform: of images `(h / factor, w / factor, c factor**2)`.
        factor: at least 2.
        kwargs: of `keras.layers.Layer`.

    Raises ValueError, when called, for sizes that the factor does not divide.

    Source: "Density Estimation Using Real NVP" (Dinh et al., 2017), section 3.6.
    """

    def __init__(self, transform: Transform, factor: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if factor < 2:
            raise ValueError(f"expected factor >= 2, got {factor}")
        self.transform = transform
        self.factor = factor

    @property
    def inner(self) -> list[Transform]:
        """The transform inside."""
        return [self.transform]

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Moving pixels changes no volume."""
        z, ladj = self.transform.call_and_ladj(self._squeeze(x), context, keys)
        return unsqueeze(z, self.factor), ladj

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The inverse, on the squeezed image too."""
        x, ladj = self.transform.inverse_and_ladj(self._squeeze(z), context)
        return unsqueeze(x, self.factor), ladj

    def initialize(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """That of the transform."""
        return unsqueeze(self.transform.initialize(self._squeeze(x), context), self.factor)

    def _squeeze(self, x: Tensor) -> Tensor:
        check_squeeze(tuple(x.shape[1:]), self.factor)
        return squeeze(x, self.factor)


@keras.saving.register_keras_serializable("kgen")
class Split(Transform):
    """Applies a transform to the second half of the channels; the first are latents already.

    Args:
        transform: of images with half the channels.
        kwargs: of `keras.layers.Layer`.

    Source: "Density Estimation Using Real NVP" (Dinh et al., 2017), section 3.6, equations 13 to 16.
    """

    def __init__(self, transform: Transform, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.transform = transform

    @property
    def inner(self) -> list[Transform]:
        """The transform inside."""
        return [self.transform]

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """That of the second half."""
        done, rest = Half().split(x)
        rest, ladj = self.transform.call_and_ladj(rest, context, keys)
        return Half().join(done, rest), ladj

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """That of the second half."""
        done, rest = Half().split(z)
        rest, ladj = self.transform.inverse_and_ladj(rest, context)
        return Half().join(done, rest), ladj

    def initialize(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """That of the second half."""
        done, rest = Half().split(x)
        return Half().join(done, self.transform.initialize(rest, context))


@keras.saving.register_keras_serializable("kgen")
class Logit(Transform):
    """Takes numbers of an interval to the whole line, where a normal prior is at home.

    Args:
        low, high: the ends of the interval of the data.
        alpha: how far the ends stay away from infinity, in [0, 1/2).
        kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: for an empty interval, or an alpha out of range.

    Source: "Density Estimation Using Real NVP" (Dinh et al., 2017), section 4.1.
    """

    def __init__(
        self, low: float = -1.0, high: float = 1.0, alpha: float = 0.05, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not low < high or not 0.0 <= alpha < 0.5:
            raise ValueError(
                f"expected low < high and alpha in [0, 0.5), got {low}, {high} and {alpha}"
            )
        self.low = low
        self.high = high
        self.alpha = alpha

    @property
    def support(self) -> tuple[float, float]:
        """Where p = alpha + (1 - 2 alpha) u is in (0, 1)."""
        margin = self.alpha / (1.0 - 2.0 * self.alpha) * (self.high - self.low)
        return self.low - margin, self.high + margin

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `logit_and_ladj`."""
        return logit_and_ladj(x, self.low, self.high, self.alpha)

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See `expit_and_ladj`."""
        return expit_and_ladj(z, self.low, self.high, self.alpha)
