"""Collecting the pictures of new words, and the last layer that notebook 11 saves for them."""

import numpy as np
import pytest

from helpers import load_recogniser
from helpers.explain import class_activation_map
from helpers.pictures import PictureError, example, examples
from helpers.teach import collect
from helpers.weights import Head, save_head


@pytest.fixture
def folder(tmp_path):
    for name in ["b.png", "a.JPG", "notes.txt", ".hidden.png", "c.webp"]:
        (tmp_path / name).write_bytes(b"not opened here")
    (tmp_path / "more.png").mkdir()
    return tmp_path


def test_folders_lists_and_bytes_together(folder):
    apples = [entry.path for entry in examples("apples_drawn")]
    classes = {"apple": apples, "mine": folder, "also mine": str(folder), "new": [b"1", b"2"]}
    pictures, numbers = collect(classes)
    assert pictures[: len(apples)] == apples
    assert [path.name for path in pictures[len(apples) : len(apples) + 3]] == ["a.JPG", "b.png", "c.webp"]
    assert pictures[-2:] == [b"1", b"2"]
    assert numbers.tolist() == [0] * len(apples) + [1] * 3 + [2] * 3 + [3] * 2


def test_own_lists_stay_as_they_are():
    mine = [b"1", b"2"]
    collect({"one": mine, "two": mine})[0].append(b"3")
    assert mine == [b"1", b"2"]


@pytest.mark.parametrize(
    "classes, words",
    [
        ({}, "too few words (0)"),
        ({"apple": [b"1", b"2"]}, "too few words (1)"),
        ({"apple": [b"1", b"2"], "pear": [b"1"]}, 'too few pictures for "pear" (1)'),
        ({"apple": [b"1", b"2"], "pear": "no_such_place/pears"}, 'no folder pears for "pear"'),
    ],
)
def test_says_in_one_sentence_what_is_missing(classes, words):
    with pytest.raises(PictureError) as error:
        collect(classes)
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(PictureError, match=r"too few pictures for \"pear\" \(0\)"):
        collect({"apple": [b"1", b"2"], "pear": tmp_path})


def test_taught_words_without_ids(tmp_path):
    """Words that a reader taught have no WordNet id: all have the same empty one, only their names differ."""
    kernel = np.random.default_rng(0).normal(size=(512, 3))
    words = ("apple", "pear", "something else")
    save_head(tmp_path / "my_words.h5", Head(kernel, [0.1, 0.2, 0.3], ("", "", ""), words))
    taught = load_recogniser(tmp_path / "my_words.h5")
    assert [label.text for label in taught.labels] == list(words)
    assert [taught.index(word) for word in words] == [0, 1, 2]
    with pytest.raises(ValueError):
        taught.index("")

    picture = example("apple_clipart.png")
    guesses = taught.guess(picture)
    assert {guess.label for guess in guesses} == set(words)
    assert all(guess.wnid == "" for guess in guesses)
    evidence = {word: class_activation_map(taught, picture, word).mean() for word in words}
    logits = np.array([evidence[word] + bias for word, bias in zip(words, [0.1, 0.2, 0.3])])
    shares = np.exp(logits - logits.max())
    for word, share in zip(words, shares / shares.sum()):
        assert next(g.probability for g in guesses if g.label == word) == pytest.approx(share, abs=1e-4)
