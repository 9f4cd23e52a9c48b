"""Metrics of generative models: NumPy in, numbers out."""

from kgen.metrics.likelihood import bits_per_dim

__all__ = ["bits_per_dim"]
