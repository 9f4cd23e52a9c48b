"""Threefry-2x32 with 20 rounds, in operators on integers: of tensors, or of NumPy's arrays.

Source: "Parallel Random Numbers: As Easy as 1, 2, 3" (Salmon et al., 2011).
"""

from collections.abc import Callable

from kgen.backend.scope import Tensor

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry(
    k0: Tensor, k1: Tensor, x0: Tensor, x1: Tensor, rotate_left: Callable[[Tensor, int], Tensor]
) -> tuple[Tensor, Tensor]:
    """Encrypts a counter. 32-bit addition wraps around on every backend, as the algorithm needs.

    Args:
        k0: first word of the key, int32 (or uint32 in NumPy), as are the other words.
        k1: second word of the key.
        x0: first word of the counter.
        x1: second word of the counter.
        rotate_left: rotates the 32 bits by a distance. Not `keras.ops.left_shift`: on torch that makes
            a tensor of each distance.
    """
    schedule = (k0, k1, k0 ^ k1 ^ _PARITY)
    x0, x1 = x0 + schedule[0], x1 + schedule[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = rotate_left(x1, rotation) ^ x0
        x0 = x0 + schedule[(group + 1) % 3]
        x1 = x1 + schedule[(group + 2) % 3] + (group + 1)
    return x0, x1
