"""Texts as tokens: there and back, and what cannot be."""

import numpy as np
import pytest

from kgen.data.text import Characters, windows

TEXT = "To be, or not to be:\nthat is the question"


def test_a_text_comes_back_from_its_tokens():
    letters = Characters.of(TEXT)
    tokens = letters.encode(TEXT)
    assert letters.decode(tokens) == TEXT
    assert sorted(set(tokens.tolist())) == list(range(len(letters)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Characters("aba"), r"\['a'\] more often"),
        (lambda: Characters("ab").encode("abc"), r"\['c'\] are not in the alphabet"),
        (lambda: windows(np.arange(3), 4, 1), "3 tokens is shorter than one piece of 4"),
    ],
)
def test_what_cannot_be(make, message):
    with pytest.raises(ValueError, match=message):
        make()
