"""Measures runs, samples of other programs, and few-step samplers; keeps the leaderboard.

Importing this package loads no Keras.
"""

from kgen.evaluation.evaluate import check_same_data, evaluate_runs, evaluate_samples, table
from kgen.evaluation.quality import Quality

__all__ = ["Quality", "check_same_data", "evaluate_runs", "evaluate_samples", "table"]
