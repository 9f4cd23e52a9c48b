"""Makes the embedded `fashion_mini` out of Fashion-MNIST: python -m kgen.data._make_fashion_mini.

Takes the first 1,000 training and 200 test images of each class, in their order. Needs the idx
files of Fashion-MNIST where `kgen.data.idx.find_idx` looks; run once, its output is in `files/`.
"""

from pathlib import Path

import numpy as np

from kgen.data.idx import SETS, SPLITS, find_idx, read_idx, where_to_put

PER_CLASS = {"train": 1000, "test": 200}


def balanced(labels: np.ndarray, per_class: int) -> np.ndarray:
    """Gives the indices, in order, of the first `per_class` examples of each class.

    >>> balanced(np.array([1, 0, 0, 1, 1, 0]), 2).tolist()
    [0, 1, 2, 3]
    """
    firsts = [np.flatnonzero(labels == k)[:per_class] for k in np.unique(labels)]
    return np.sort(np.concatenate(firsts))


def make(folder: Path) -> None:
    """Writes `fashion_mini-train.npz` and `fashion_mini-test.npz` into the folder."""
    for split in SPLITS:
        files = find_idx("fashion_mnist", split)
        if files is None:
            raise FileNotFoundError(where_to_put("fashion_mnist"))
        md5 = SETS["fashion_mnist"].md5
        images, labels = (read_idx(p, md5[p.name.removesuffix(".gz")]) for p in files)
        chosen = balanced(labels, PER_CLASS[split])
        np.savez_compressed(
            folder / f"fashion_mini-{split}.npz", images=images[chosen], labels=labels[chosen]
        )


if __name__ == "__main__":
    make(Path(__file__).parent / "files")
