"""Trains gan_ring and ends itself with a signal: python killed.py MOMENT SIGNAL OPTIONS.

MOMENT is "batch", the middle of the second epoch of 8 batches, or "save", when the state of the
second epoch is written but does not have its name yet.
"""

import os
import signal
import sys

import kgen

# A shell starts what it runs in the background with SIGINT ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

moment, name, *options = sys.argv[1:]
calls = []


def count_and_end(last):
    calls.append(1)
    if len(calls) == last:
        os.kill(os.getpid(), signal.Signals[name])


def callbacks(self, model, **arguments):
    import keras

    end = keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_, **__: count_and_end(11))
    return [*of_the_run(self, model, **arguments), end]


def replace(source, target):
    if os.fspath(target).endswith("/model.keras"):
        count_and_end(2)
    rename(source, target)


of_the_run, rename = kgen.runs.Run.callbacks, os.replace
if moment == "batch":
    kgen.runs.Run.callbacks = callbacks
else:
    os.replace = replace

module = kgen.runs.recipe.load("gan_ring")
kgen.runs.cli(module.main, module.Config, options)
