"""Recipes and the run directories that they write.

    run = kgen.runs.Run(config)
    model.fit(batches, epochs=config.epochs, callbacks=run.callbacks(model))

Importing this package loads no Keras, so that mistakes are answered at once and the backend can still
be chosen.
"""

from kgen.runs.files import finished_epochs, load_model, read_config, read_env, read_metrics
from kgen.runs.model_pictures import pictures_of
from kgen.runs.recipe import Config, cli, train
from kgen.runs.rewind import DivergenceError
from kgen.runs.run import Run

__all__ = [
    "Config",
    "DivergenceError",
    "Run",
    "cli",
    "finished_epochs",
    "load_model",
    "pictures_of",
    "read_config",
    "read_env",
    "read_metrics",
    "train",
]
