"""The recipe of texts, small: it trains, writes, and its model comes back."""

import keras


def test_it_writes_and_keeps_the_model(train):
    path = train("char_transformer", "--epochs 1")
    written = (path / "samples" / "written.txt").read_text().split("\n---\n")
    assert [len(text) for text in written] == [16] * 4
    assert keras.saving.load_model(path / "model.keras").sample(2, seed=0).shape == (2, 16)


def test_a_text_that_is_not_there_is_an_error(train, fails):
    code, message = fails(train, "char_transformer", "--data nowhere.txt")
    assert (code, "there is no text nowhere.txt" in message) == (1, True)
