"""The recipe of many small runs: how many there are, and what is printed of them."""

import pytest


@pytest.mark.parametrize(("options", "runs"), [("", 1), ("--runs 2 --method pacgan2", 2)])
def test_quick_is_one_run_unless_more_are_asked_for(train, capsys, options, runs):
    train("gan_modes", options)
    head, numbers = capsys.readouterr().out.splitlines()[-2:]
    assert f", ring8, {runs} run(s), modes_covered, high_quality_share, mode_reverse_kl:" in head
    means, errors = (part.strip(" []").split() for part in numbers.split("±"))
    assert len(means) == len(errors) == 3
    assert 0.0 <= float(means[0]) <= 8.0
