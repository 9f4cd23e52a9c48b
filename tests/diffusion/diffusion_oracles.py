"""What is known in closed form of Gaussian data and mixtures, and a plain sampling loop."""

import functools
from dataclasses import dataclass

import numpy as np
from keras import ops

import kgen.random
from kgen import backend
from kgen.diffusion.solvers import Problem


def tensor(array):
    return ops.convert_to_tensor(np.asarray(array), dtype="float32")


def array(x):
    return np.asarray(ops.convert_to_numpy(x), dtype="float64")


@dataclass(frozen=True)
class Gaussian:
    """Data N(mean, diag(variance)); at time t, N(a mean, a^2 variance + b^2)."""

    mean: tuple = (1.0, -0.5)
    variance: tuple = (0.25, 2.0)

    def problem(self, schedule):
        return problem_of(self, schedule)

    def predict(self, schedule, x, t):
        a, b, mean, variance = schedule.a(t), schedule.b(t), tensor(self.mean), tensor(self.variance)
        total = a * a * variance + b * b
        return mean + a * variance / total * (x - a * mean), b / total * (x - a * mean)

    def at(self, schedule, t):
        """Mean and variance of x_t, float64."""
        a, b = array(schedule.a(tensor(t))), array(schedule.b(tensor(t)))
        return a * np.array(self.mean), a**2 * np.array(self.variance) + b**2

    def flow(self, schedule, x, t, s):
        """Where the probability-flow equation takes x from t to s."""
        (mean_t, variance_t), (mean_s, variance_s) = self.at(schedule, t), self.at(schedule, s)
        return mean_s + np.sqrt(variance_s / variance_t) * (np.asarray(x, "float64") - mean_t)


@dataclass(frozen=True)
class Mixture:
    """Data from components N(mean_k, deviation^2 I) with weights."""

    means: tuple = ((-2.0, 0.0), (2.0, 1.0), (0.0, -2.0))
    weights: tuple = (0.5, 0.3, 0.2)
    deviation: float = 0.3

    def problem(self, schedule):
        return problem_of(self, schedule)

    def predict(self, schedule, x, t):
        a, b, means, weights = schedule.a(t), schedule.b(t), tensor(self.means), tensor(self.weights)
        total = (a * self.deviation) ** 2 + b * b
        away = x[:, None, :] - a * means[None]  # (batch, components, 2)
        logits = ops.log(weights) - 0.5 * ops.sum(away**2, axis=-1) / total
        share = ops.softmax(logits, axis=-1)[..., None]
        data = means[None] + a * self.deviation**2 / total * away
        return ops.sum(share * data, axis=1), ops.sum(share * (b / total * away), axis=1)

    def draw(self, n, seed):
        random = np.random.default_rng(seed)
        component = random.choice(len(self.weights), n, p=self.weights)
        return np.array(self.means)[component] + self.deviation * random.normal(size=(n, 2))

    def shares(self, samples):
        """How many of the samples are nearest to each component."""
        away = samples[:, None] - np.array(self.means)[None]
        nearest = np.argmin(np.sum(away**2, axis=-1), axis=-1)
        return np.bincount(nearest, minlength=len(self.weights)) / len(samples)


def noisy(schedule, data, t, seed=0):
    """x_t of data (batch, ...) from NumPy's noise."""
    noise = np.random.default_rng(seed).normal(size=np.shape(data))
    a, b = array(schedule.a(tensor(t))), array(schedule.b(tensor(t)))
    return tensor(a * data + b * noise)


@functools.cache
def problem_of(data, schedule):
    """One object for equal data and schedules, so that `program_of` knows it again."""
    return Problem(schedule, lambda x, t: data.predict(schedule, x, t))


@functools.cache
def program_of(solver, problem):
    """A step as a graph where the backend has graphs: TensorFlow is slow without."""

    def step(x, t, s, keys, i, *memory):
        return solver.step(problem, x, t, s, kgen.random.fold_in(keys, i), memory)

    return backend.compile_program(step, [], jit=False)


def solve(solver, problem, x, times, seed=0):
    """Steps through the times; the sample at the last one, float64 `(batch, ...)`."""
    step = program_of(solver, problem)
    keys = ops.convert_to_tensor(kgen.random.keys(seed, x.shape[0]))
    memory = solver.start(x)
    for i in range(len(times) - 1):
        index = ops.convert_to_tensor(i, dtype="int32")
        x, memory = step(x, tensor(times[i]), tensor(times[i + 1]), keys, index, *memory)
    return array(x)


def sample(solver, problem, n, times, shape=(2,), seed=0):
    """Draws n samples from noise through the times, finished where the last one is not 0."""
    schedule, last = problem.schedule, tensor(times[0])
    x = schedule.b(last) * kgen.random.normal(kgen.random.keys(seed + 1, n), shape)
    x = tensor(solve(solver, problem, x, times, seed))
    return array(solver.finish(problem, x, tensor(times[-1])) if times[-1] > 0 else x)
