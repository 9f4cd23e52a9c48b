"""One seed for a network, one for each of its layers."""

import random as python_random
from collections.abc import Iterator

import numpy as np


def layer_seeds(seed: int | None) -> Iterator[int]:
    """Gives an endless row of unrelated seeds; None: from Python's `random`, as in Keras.

    >>> seeds = layer_seeds(0)
    >>> next(seeds) != next(seeds)
    True
    """
    if seed is None:
        seed = python_random.getrandbits(31)
    sequence = np.random.SeedSequence(seed)
    while True:
        yield int(sequence.spawn(1)[0].generate_state(1)[0])
