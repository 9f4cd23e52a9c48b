"""Small diffusion networks and inputs for them, which several files test."""

import keras
import numpy as np

from kgen import backend
from kgen.networks import dit, residual_mlp, unet

SHAPE = {"unet": (4, 8, 2), "dit": (4, 8, 2), "residual_mlp": (3,)}

BUILD = {
    "unet": lambda **o: unet((4, 8, 2), **{"width": 8, "multipliers": (1, 2), "blocks": 1, **o}),
    "dit": lambda **o: dit((4, 8, 2), **{"patch": 2, "width": 8, "depth": 2, "heads": 2, **o}),
    "residual_mlp": lambda **o: residual_mlp(3, **{"width": 8, "depth": 2, **o}),
}


def run(fn, network, *arguments):
    """Runs a function of a network as one program; op by op, JAX would compile each by itself."""
    jit = keras.backend.backend() == "jax"
    return backend.compile_program(fn, network.variables, jit=jit)(*arguments)


def outputs(network, batch):
    return run(lambda *batch: network(list(batch)), network, *batch)


def numbers(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def batch_for(network, n=3, seed=0):
    """Random inputs, in the order of the network's; the last label is the null label's."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 5
    arrays = []
    for tensor in network.inputs:
        drawn = rng.uniform(0, 1, (n, *tensor.shape[1:])).astype("float32")
        arrays.append(labels.astype("int32") if tensor.name == "labels" else drawn)
    return [keras.ops.convert_to_tensor(array) for array in arrays]


def perturbed(network, seed=1):
    """Moves every trainable weight away from the zeros that many start at."""
    rng = np.random.default_rng(seed)
    for weight in network.trainable_variables:
        weight.assign(numbers(weight) + 0.2 * rng.standard_normal(weight.shape))
    return network
