"""The names of feature networks: the same in Python and on the command line, and lazy."""

import subprocess
import sys

import pytest

from kgen.commands.evaluate import evaluate
from kgen.metrics import features, suites


def test_the_command_line_knows_every_feature_network():
    option = next(option for option in evaluate.params if option.name == "features")
    assert set(option.type.choices) == set(suites.FEATURES)


@pytest.mark.parametrize("name", ["fashion_classifier", "mnist_classifier", "inception"])
def test_a_name_on_the_command_line_is_one_of_the_module(name):
    assert suites.FEATURES[name] is getattr(features, name)


def test_to_name_a_network_loads_no_keras():
    code = (
        "import sys, kgen; kgen.metrics.features.fashion_classifier, kgen.density.KernelDensity;"
        "heavy = {'keras', 'tensorflow', 'jax', 'torch', 'sklearn', 'scipy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
