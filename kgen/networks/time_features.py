"""Features of a time: what tells a diffusion network how much noise there is."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.layers import Normal


class _TimeFeatures(keras.layers.Layer):
    """Cosines and sines of a time, in float32: in half precision close times would be one time."""

    def __init__(self, width: int, name: str | None = None, dtype: Any = "float32") -> None:
        super().__init__(name=name or "time-features", dtype=dtype)
        if width < 2 or width % 2:
            raise ValueError(f"expected an even width, for cosines and sines, got {width}")
        self.width = width

    def _waves(self, t: Tensor, frequencies: Tensor) -> Tensor:
        angles = ops.expand_dims(t, -1) * frequencies
        return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        config = super().get_config()
        return {"name": config["name"], "dtype": config["dtype"], "width": self.width}


@keras.saving.register_keras_serializable("kgen")
class SinusoidalFeatures(_TimeFeatures):
    """Maps times `(batch,)` to cosines and sines `(batch, width)` at geometric frequencies.

    With s = `scale` and h = width / 2: cos(s t w_i) and sin(s t w_i), w_i = 10000^(-i / h).

    Args:
        width: even, at least 2.
        scale: 1000 spreads t in [0, 1] as the papers' 1000 steps; 1 for a log-SNR or another
            number of many units.
        name: of the layer; None: "time-features", as networks name it.
        dtype: float32 whatever the policy, unless given.

    Raises:
        ValueError: where the width is odd.

    Source: "Attention Is All You Need" (Vaswani et al., 2017), section 3.5; "Denoising Diffusion
    Probabilistic Models" (Ho et al., 2020), appendix B.

    >>> import numpy as np
    >>> np.array(ops.convert_to_numpy(SinusoidalFeatures(4)(np.zeros(1)))).tolist()
    [[1.0, 1.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        width: int,
        scale: float = 1000.0,
        name: str | None = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(width, name, dtype)
        self.scale = scale

    def call(self, t: Tensor) -> Tensor:
        """Maps `(batch,)` to `(batch, width)`."""
        half = self.width // 2
        frequencies = self.scale * 10000.0 ** (-np.arange(half) / half)
        return self._waves(t, ops.convert_to_tensor(frequencies.astype("float32")))

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("kgen")
class FourierFeatures(_TimeFeatures):
    """Maps times `(batch,)` to cosines and sines `(batch, width)` at fixed random frequencies.

    cos(2 pi t f_i) and sin(2 pi t f_i), f_i from N(0, stddev**2): a weight that is saved, not trained.

    Args:
        width: even, at least 2.
        stddev: of the frequencies, in periods a unit of time.
        seed: of the frequencies, the same on every backend; None: fresh ones.
        name: of the layer; None: "time-features", as networks name it.
        dtype: float32 whatever the policy, unless given.

    Raises:
        ValueError: where the width is odd.

    Source: "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional Domains"
    (Tancik et al., 2020), equation 5; for times "Score-Based Generative Modeling through Stochastic
    Differential Equations" (Song et al., 2021), appendix C.2, whose stddev is 16.

    >>> import numpy as np
    >>> tuple(FourierFeatures(6, seed=0)(np.zeros(3)).shape)
    (3, 6)
    """

    def __init__(
        self,
        width: int,
        stddev: float = 16.0,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(width, name, dtype)
        self.stddev = stddev
        self.seed = seed
        self.frequencies = self.add_weight(
            shape=(width // 2,),
            initializer=Normal(stddev, seed),
            trainable=False,
            name="frequencies",
        )
        self.built = True

    def call(self, t: Tensor) -> Tensor:
        """Maps `(batch,)` to `(batch, width)`."""
        return self._waves(t, 2.0 * np.pi * ops.convert_to_tensor(self.frequencies))

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}
