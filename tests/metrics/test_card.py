"""What a card refuses, and how it is written and read again."""

import json

import pytest

from kgen.metrics import Card, format_value

CARD = Card(metric="m", value=1.0, interval=(0.5, 2.0), notes=("a", "b"), samples=9)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"interval": (2.0, 1.0)}, r"interval of m as two finite numbers .* got \(2.0, 1.0\)"),
        ({"interval": (0.0, float("inf"))}, "interval of m as two finite numbers"),
        ({"interval": (float("nan"), 1.0)}, "interval of m as two finite numbers"),
        ({"interval": (1.0,)}, "interval of m as two finite numbers"),
        ({"value": float("nan")}, "m is nan: its input was not checked"),
        ({"estimate": "guess"}, "got 'guess'"),
    ],
)
def test_a_card_that_says_nothing_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Card(**{"metric": "m", "value": 1.0} | fields)


def test_an_interval_may_be_a_point():
    assert Card(metric="m", value=1.0, interval=(1.0, 1.0)).interval == (1.0, 1.0)


def test_a_card_comes_back_from_json():
    assert Card.from_dict(json.loads(json.dumps(CARD.to_dict()))) == CARD


@pytest.mark.parametrize(
    ("value", "error", "written"),
    [(17.6234, 0.312, "17.62 ± 0.31"), (0.5, None, "0.5000"), (1234.5, 98.7, "1234 ± 99")],
)
def test_the_error_decides_the_digits(value, error, written):
    assert format_value(Card(metric="m", value=value, error=error)) == written
