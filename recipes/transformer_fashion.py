"""A transformer over the pixels of Fashion-MNIST at few levels, told the class.

Paper: "Generative Pretraining from Pixels" (Chen et al., 2020), the model and the order of the pixels;
here 8 levels in place of a palette, and positions rotary along both axes.
Command: KERAS_BACKEND=tensorflow python recipes/transformer_fashion.py
Time: 15 minutes of CPU time; `--preset tiny` is for a CPU, `--preset base` for a GPU.
Target: fewer nats an image than independent pixels at 8 levels, 1039 (its command: recipes/README.md).
Measured: val_loss 403.2 nats, 0.742 bits/dim of the 8 levels.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import kgen

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"width": 32, "depth": 2, "heads": 2},
    "base": {"width": 256, "depth": 8, "heads": 8, "dropout": 0.1},
}


@dataclass(frozen=True)
class Config(kgen.runs.Config):
    """The options of this recipe."""

    data: str = "fashion_mini"
    epochs: int = 4
    batch_size: int = 32
    preset: Literal["tiny", "base"] = "tiny"
    """The size of the transformer: 26,344 parameters for a CPU, or one for a GPU."""
    levels: int = 8
    """To which the 256 grey levels are rounded."""
    learning_rate: float = 3e-3
    """Of Adam."""


def main(config: Config) -> None:
    import keras  # here, so that --help and mistakes in the options are answered at once

    from kgen.autoregressive import Categorical, quantize

    keras.utils.set_random_seed(config.seed)
    run = kgen.runs.Run(config)
    train, test = (
        replace(data, x=quantize(data.x, config.levels))
        for data in (config.load("train"), config.load("test"))
    )
    batches = train.batches(config.batch_size, seed=config.seed, drop_last=True, labels=True)

    height, width, _ = shape = train.spec.shape
    classes, levels = len(train.spec.classes), config.levels
    network = kgen.networks.transformer(
        (height, width), levels, vocabulary=levels, classes=classes, **SIZES[config.preset]
    )
    model = kgen.Autoregressive(network, Categorical(levels), shape=shape, classes=classes)
    model.compile(keras.optimizers.Adam(config.learning_rate), jit_compile=config.jit_compile)

    doctor = kgen.callbacks.Doctor(train.x, path=run.path)
    run.restore(model, batches)
    model.fit(
        batches,
        validation_data=test.batches(config.batch_size, shuffle=False, labels=True),
        epochs=config.epochs,
        initial_epoch=run.epoch,
        callbacks=run.callbacks(model, watchers=[doctor]),
    )


if __name__ == "__main__":
    kgen.runs.cli(main, Config)
