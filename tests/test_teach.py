"""Collecting the pictures of new words, and the last layer that notebook 11 saves for them."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers import load_recogniser
from helpers.explain import class_activation_map
from helpers.pictures import PictureError, example, examples, open_picture
from helpers.teach import collect
from helpers.weights import Head, save_head

APPLES = [entry.path for entry in examples("apples_drawn")]


def png(shade):
    """The bytes of a picture file, another one for every shade."""
    file = io.BytesIO()
    Image.new("L", (9, 9), shade).save(file, "png")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    for shade, name in enumerate(["b.png", "a.JPG", "notes.txt", ".hidden.png", "c.webp"]):
        (tmp_path / name).write_bytes(png(shade))
    (tmp_path / "more.png").mkdir()
    return tmp_path


def test_folders_lists_uploads_and_bytes_together(folder):
    classes = {
        "apple": APPLES,
        "mine": folder,
        "uploaded": [("x.png", png(90)), ("y.png", png(91))],
        "new": [png(92), png(93)],
    }
    pictures, numbers, problems = collect(classes)
    count = len(APPLES)
    assert pictures[:count] == APPLES and problems == []
    assert [path.name for path in pictures[count : count + 3]] == ["a.JPG", "b.png", "c.webp"]
    assert [file.name for file in pictures[-4:-2]] == ["x.png", "y.png"]
    assert pictures[-2:] == [png(92), png(93)]
    assert numbers.tolist() == [0] * count + [1] * 3 + [2] * 2 + [3] * 2
    for _ in range(2):  # an upload can be opened as often as we like
        assert [open_picture(picture).getpixel((0, 0))[0] for picture in pictures[-4:]] == [90, 91, 92, 93]
    assert collect({"same": str(folder), "apple": APPLES})[1].tolist() == [0] * 3 + [1] * count


def test_a_bad_upload_is_named_and_the_others_are_kept():
    uploads = [("mug1.png", png(1)), ("mug2.jpg", b"no picture"), ("mug3.png", png(3)), ("\x1b[2J.png", b"")]
    pictures, numbers, problems = collect({"apple": APPLES, "my mug": [*uploads, b"", png(4)]})
    assert [getattr(picture, "name", None) for picture in pictures[-3:]] == ["mug1.png", "mug3.png", None]
    assert numbers.tolist() == [0] * len(APPLES) + [1] * 3
    assert [problem.split(": ")[0] for problem in problems] == [
        f'Picture {place} of 6 for "my mug" is left out' for place in (2, 4, 5)
    ]
    assert "mug2.jpg is not a picture" in problems[0] and "This picture is empty" in problems[2]
    assert all(problem.isprintable() for problem in problems)


def test_own_lists_stay_as_they_are():
    mine = [png(1), png(2)]
    collect({"one": mine, "two": APPLES})[0].append(b"3")
    assert mine == [png(1), png(2)]


@pytest.mark.parametrize(
    "classes, words",
    [
        ({}, "too few words (0)"),
        ({"apple": APPLES}, "too few words (1)"),
        ({"apple": APPLES, "pear": [png(1)]}, 'too few pictures for "pear" (1)'),
        ({"apple": APPLES, "pear": "no_such_place/pears"}, 'no folder pears for "pear"'),
        (
            {"apple": APPLES, "pear": [png(1), ("x.jpg", b"no")]},
            'Picture 2 of 2 for "pear" is left out: x.jpg',
        ),
        ({"apple": APPLES, "": [png(1), png(2)]}, "Word 2 of 2 is empty"),
        ({"  ": [png(1), png(2)], "apple": APPLES}, "Word 1 of 2 is empty"),
        ({"apple": APPLES, None: [png(1), png(2)]}, "Word 2 of 2 is empty"),
        ({"apple": APPLES, "pear": [png(1), APPLES[3]]}, 'Picture 2 of 2 for "pear" is also under "apple"'),
        (
            {"apple": APPLES, "pear": [("other name.png", APPLES[0].read_bytes()), png(1)]},
            'Picture 1 of 2 for "pear" is also under "apple"',
        ),
    ],
)
def test_says_in_one_sentence_what_is_wrong(classes, words):
    with pytest.raises(PictureError) as error:
        collect(classes)
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(PictureError, match=r"too few pictures for \"pear\" \(0\)"):
        collect({"apple": APPLES, "pear": tmp_path})


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
