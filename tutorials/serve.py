"""Serves a SavedModel that kgen exported, with TensorFlow alone: neither kgen nor Keras is imported.

python tutorials/serve.py PATH_OF_SAVEDMODEL --out served.png
"""

import argparse
import sys

# TensorFlow imports Keras by itself where it is installed: shut both out, to show that none is needed.
sys.modules["keras"] = sys.modules["kgen"] = None

import numpy as np
import tensorflow as tf
from PIL import Image

COLUMNS = 8


def main() -> None:
    """Draws 64 samples and writes them as one picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    parser.add_argument("--out", default="served.png")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    model = tf.saved_model.load(options.path)
    # One key a sample, (seed, index): the numbers of kgen's model.sample(64, seed=seed).
    keys = np.stack([np.full(64, options.seed), np.arange(64)], axis=1).astype("int32")
    images = model.generate(keys).numpy()

    rows = images.reshape(-1, COLUMNS, *images.shape[1:])  # (rows, columns, height, width, channels)
    picture = np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
    pixels = np.clip(np.round((picture + 1.0) * 127.5), 0, 255).astype("uint8")
    Image.fromarray(pixels.squeeze()).save(options.out)
    print(
        f"wrote {options.out}: 64 samples, served by TensorFlow {tf.__version__} without kgen and Keras"
    )


if __name__ == "__main__":
    main()
