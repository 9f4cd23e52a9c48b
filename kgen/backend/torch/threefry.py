"""Threefry on torch: one operation, which NumPy computes on a CPU.

It is some 160 operations, mostly on a few numbers each: what each call costs decides, and NumPy's cost
less than torch's.
"""

import numpy as np
import torch

from kgen.backend.threefry_rounds import threefry as rounds

Words = tuple[torch.Tensor, torch.Tensor]


def threefry(k0: torch.Tensor, k1: torch.Tensor, x0: torch.Tensor, x1: torch.Tensor) -> Words:
    """See `kgen.backend.threefry`; a trace holds one operation of it."""
    on_cpu = x0.device.type == "cpu"
    return torch.ops.kgen.threefry(k0, k1, x0, x1) if on_cpu else in_torch(k0, k1, x0, x1)


def in_torch(*words: torch.Tensor) -> Words:
    """The same, operation by operation."""
    return rounds(*words, _rotate_left)


def _rotate_left(x: torch.Tensor, distance: int) -> torch.Tensor:
    # int32 shifts right with its sign: mask the copies of the sign bit away.
    return (x << distance) | ((x >> (32 - distance)) & ((1 << distance) - 1))


def _on_cpu(*words: torch.Tensor) -> Words:
    # not of rank 0: NumPy's scalars warn where an array wraps around
    arrays = [np.atleast_1d(word.numpy()).view(np.uint32) for word in words]
    shape = np.broadcast_shapes(*(word.shape for word in words))
    y0, y1 = rounds(*arrays, _rotate_left_in_numpy)
    return tuple(torch.from_numpy(y.view(np.int32)).reshape(shape) for y in (y0, y1))


def _rotate_left_in_numpy(x: np.ndarray, distance: int) -> np.ndarray:
    return (x << np.uint32(distance)) | (x >> np.uint32(32 - distance))


def _shapes_only(*words: torch.Tensor) -> Words:
    shape = torch.broadcast_shapes(*(word.shape for word in words))
    return words[0].new_empty(shape), words[0].new_empty(shape)


_library = torch.library.Library("kgen", "DEF")
_library.define("threefry(Tensor k0, Tensor k1, Tensor x0, Tensor x1) -> (Tensor, Tensor)")
_library.impl("threefry", _on_cpu, "CPU")
_library.impl("threefry", _shapes_only, "Meta")
