"""The TensorFlow process of `kgen.export.process`: `python -m kgen.export.child JOB`."""

import importlib
import json
import sys
from pathlib import Path

import keras

from kgen import backend


def main(arguments: list[str]) -> None:
    """Loads a saved model and writes its endpoints, as the job in JSON says."""
    job = json.loads(arguments[0])
    for module in job["modules"]:  # registers the classes that the file names
        importlib.import_module(module)
    # safe_mode would refuse lambdas; this file was written a moment ago by the caller.
    model = keras.saving.load_model(job["file"], compile=False, safe_mode=False)
    backend.write_export(model, Path(job["directory"]), job["format"], job["jit_compile"])


if __name__ == "__main__":
    main(sys.argv[1:])
