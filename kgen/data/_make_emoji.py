"""Makes the embedded part of `emoji32` out of all: python -m kgen.data._make_emoji.

Takes one in four of the emoji of each split, in their order, without the flags, which are not
Google's. Needs `emoji32.npz` in `$KGEN_DATA_DIR`; run once, its output is in `files/`.
"""

import os
from pathlib import Path

import numpy as np

from kgen.data.emoji import NAME, of_split
from kgen.data.idx import SPLITS
from kgen.data.npz import read_npz

STEP = 4


def make(source: Path, folder: Path) -> None:
    """Writes `emoji32-train.npz` and `emoji32-test.npz` into the folder."""
    images, labels, categories = read_npz(source)
    flags = categories.index("Flags")
    for split in SPLITS:
        chosen = of_split(len(images), split)
        chosen = chosen[labels[chosen] != flags][::STEP]
        np.savez_compressed(
            folder / f"{NAME}-{split}.npz",
            images=images[chosen],
            labels=labels[chosen],
            categories=np.array(categories),
        )


if __name__ == "__main__":
    make(Path(os.environ["KGEN_DATA_DIR"]) / f"{NAME}.npz", Path(__file__).parent / "files")
