"""A transformer that writes one character after the other, in the manner of a text given by its path.

Paper: "Attention Is All You Need" (Vaswani et al., 2017), the decoder.
Command: KERAS_BACKEND=jax python recipes/char_transformer.py (--data PATH for a text of your own)
Time: 45 s on one CPU core, start and end included; 24 s of training.
Target: fewer nats a character, on the last tenth of the text, than guessing by frequency: 3.27.
Measured: 2.18; from the fourth epoch on it learns the short default text by heart.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import kgen
from kgen.errors import UserError


@dataclass(frozen=True)
class Config(kgen.runs.Config):
    """The options of this recipe."""

    data: str = ""
    """Path of a text in UTF-8; empty: this repository's licence, 11 kB, enough to see words appear."""
    epochs: int = 3
    batch_size: int = 32
    length: int = 64
    """Characters in a piece."""
    width: int = 64
    """Of the transformer."""
    depth: int = 2
    """Of the transformer."""
    dropout: float = 0.1
    """Of the transformer."""
    learning_rate: float = 3e-3
    """Of Adam."""
    temperature: float = 0.8
    """Of the text that is written at the end."""


def main(config: Config) -> None:
    import keras  # here, so that --help and mistakes in the options are answered at once

    from kgen.data.text import Characters, windows

    path = Path(config.data) if config.data else Path(__file__).parents[1] / "LICENSE"
    if not path.is_file():
        raise UserError(f"there is no text {path}: give one by --data PATH")
    keras.utils.set_random_seed(config.seed)
    run = kgen.runs.Run(config)
    text = path.read_text(encoding="utf-8")
    letters = Characters.of(text)
    tokens, cut, n, k = letters.encode(text), int(0.9 * len(text)), config.length, len(letters)
    train, test = windows(tokens[:cut], n, 4)[: config.examples], windows(tokens[cut:], n, n)
    network = kgen.networks.transformer(
        (n,), k, k, width=config.width, depth=config.depth, dropout=config.dropout
    )
    model = kgen.Autoregressive(network, kgen.autoregressive.Tokens(k))
    model.compile(keras.optimizers.Adam(config.learning_rate), jit_compile=config.jit_compile)
    batches = kgen.data.Batches(train, None, config.batch_size, config.seed, drop_last=True)
    guess = np.log((cut + k) / (np.bincount(tokens[:cut], minlength=k) + 1.0))[test].mean()

    def text_of(samples: np.ndarray) -> str:
        return "\n---\n".join(letters.decode(sample) for sample in samples)

    def report(logs: dict) -> None:
        print(f"nats a character: {-model.log_prob(test).mean() / n:.3f}, by frequency {guess:.3f}")
        print(text_of(draw()))

    draw = functools.partial(model.sample, 4, temperature=config.temperature, seed=config.seed)
    end = keras.callbacks.LambdaCallback(on_train_end=report)
    run.restore(model, batches)
    calls = run.callbacks(model, watchers=[end], draw=draw, text=text_of)
    options = {"epochs": config.epochs, "initial_epoch": run.epoch, "callbacks": calls}
    model.fit(batches, validation_data=(test,), **options)


if __name__ == "__main__":
    kgen.runs.cli(main, Config)
