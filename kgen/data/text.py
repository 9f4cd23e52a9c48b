"""Texts as tokens: one character, one integer."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Characters:
    """A vocabulary of characters: character i of the alphabet is token i.

    Args:
        alphabet: each character once.

    Raises:
        ValueError: for a character that comes twice.

    >>> letters = Characters.of("banana")
    >>> letters.alphabet, letters.encode("nab").tolist(), letters.decode([1, 0])
    ('abn', [2, 0, 1], 'ba')
    """

    alphabet: str

    def __post_init__(self) -> None:
        """Checks that the characters differ."""
        twice = sorted({c for c in self.alphabet if self.alphabet.count(c) > 1})
        if twice:
            raise ValueError(f"expected each character once, got {twice} more often")

    @classmethod
    def of(cls, text: str) -> "Characters":
        """The characters of a text, sorted."""
        return cls("".join(sorted(set(text))))

    def __len__(self) -> int:
        """How many characters there are."""
        return len(self.alphabet)

    def encode(self, text: str) -> np.ndarray:
        """Gives the tokens of a text, int32 `(len(text),)`.

        Raises ValueError for a character outside the alphabet.
        """
        numbers = {character: i for i, character in enumerate(self.alphabet)}
        unknown = sorted(set(text) - set(numbers))
        if unknown:
            raise ValueError(f"characters {unknown} are not in the alphabet: make it of the whole text")
        return np.array([numbers[character] for character in text], "int32")

    def decode(self, tokens: np.ndarray) -> str:
        """Gives the text of tokens `(n,)`."""
        return "".join(self.alphabet[int(token)] for token in tokens)


def windows(tokens: np.ndarray, length: int, step: int) -> np.ndarray:
    """Cuts a sequence into pieces of one length, one begun every `step` tokens; int32 `(n, length)`.

    Raises ValueError for a sequence shorter than one piece.

    >>> windows(np.arange(7), length=3, step=2).tolist()
    [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    """
    if len(tokens) < length:
        raise ValueError(
            f"a text of {len(tokens)} tokens is shorter than one piece of {length}: give a longer "
            "text, or a smaller length"
        )
    starts = np.arange(0, len(tokens) - length + 1, step)
    return np.asarray(tokens, "int32")[starts[:, None] + np.arange(length)]
