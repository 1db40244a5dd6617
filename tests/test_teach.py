"""Pictures for new words, the layer that is fitted on them, and the file and link in which it is kept."""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import load_recogniser
from helpers.errors import ReaderError
from helpers.explain import class_activation_map
from helpers.pictures import PictureError, example, examples, open_picture
from helpers.teach import collect, fit_layer, leave_out
from helpers.weights import CONV_BASE, Head, WeightsError, load_head, save_head
from helpers.words_link import head_from_link

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


# Fitting and judging

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "11_teach_it_a_new_word.ipynb"


def features_of(count, words, rng):
    """Like averages of maps: not negative, many of them small, and some alike for the pictures of a word."""
    kinds, numbers = rng.gamma(0.5, size=(words, 512)), np.arange(count) % words
    return (kinds[numbers] + rng.gamma(0.5, size=(count, 512))).astype("float32"), numbers


def as_in_the_notebook(x, numbers, words):
    """The functions that notebook 11 builds in front of the reader, from its own cells."""
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    scope = {"np": np, "x": x, "numbers": numbers, "words": words}
    for name in ("softmax", "fit_layer", "leave_out"):
        (source,) = [source for source in sources if source.startswith(f"def {name}(")]
        exec(source, scope)
    return scope


def test_the_fit_is_notebook_11s():
    x, numbers = features_of(18, 3, np.random.default_rng(0))
    scope = as_in_the_notebook(x, numbers, ["a", "b", "c"])
    for settings in ({}, {"decay": 0, "steps": 30}):
        for ours, theirs in zip(
            fit_layer(x, numbers, **settings), scope["fit_layer"](x, numbers, **settings)
        ):
            np.testing.assert_array_equal(ours, theirs)
    scenes = np.arange(18) // 6
    ours = leave_out(x, numbers, scenes, steps=40)
    np.testing.assert_array_equal(ours, scope["leave_out"](x, numbers, scenes, steps=40))
    np.testing.assert_allclose(ours.sum(axis=1), 1)


def test_pictures_of_a_group_are_left_out_together():
    """Three bursts a word, each of the same photo over and over: the photo's twins must not give it away."""
    rng = np.random.default_rng(1)
    x, numbers = rng.gamma(0.5, size=(6, 512)).repeat(5, axis=0), np.arange(6).repeat(5) % 2
    alone = leave_out(x, numbers, np.arange(30)).argmax(axis=1) == numbers
    together = leave_out(x, numbers, np.arange(6).repeat(5)).argmax(axis=1) == numbers
    assert alone.all() and together.mean() < 0.9


def test_a_word_in_one_group_cannot_be_left_out():
    x, numbers = features_of(6, 2, np.random.default_rng(0))
    with pytest.raises(ReaderError, match=r"All pictures of a word are in one group \(0\)"):
        leave_out(x, numbers, numbers)


# The link of the live page

LAYERS = hashlib.sha256(CONV_BASE.read_bytes()).hexdigest()
node = pytest.mark.skipif(
    not shutil.which("node") and os.environ.get("CI") != "true", reason="no node on this machine"
)


@pytest.fixture(scope="module")
def page_link():
    """A head, and the link that the live page makes of it."""
    rng = np.random.default_rng(2)
    kernel, bias = rng.normal(0, 0.02, (512, 3)), rng.normal(size=3)
    head = Head(
        kernel - kernel.mean(axis=1, keepdims=True), bias - bias.mean(), ("",) * 3, ("cup", "Löwe 🦁", "x")
    )
    asked = {"kernel": head.kernel.ravel().tolist(), "bias": head.bias.tolist(), "names": head.names}
    made = subprocess.run(
        ["node", Path(__file__).parent / "live" / "make_link.mjs"],
        input=json.dumps({**asked, "layers": LAYERS}),
        capture_output=True,
        text=True,
        check=True,
    )
    return head, made.stdout


@node
def test_a_link_of_the_page_opens_here(page_link, tmp_path):
    head, text = page_link
    for link in (text, f"https://example.org/try/#show=teach&words={text}&picture=elephant.gif"):
        opened = head_from_link(link)
        assert opened.names == head.names and opened.wnids == ("", "", "")
        np.testing.assert_allclose(opened.bias, head.bias, atol=1e-6)
        # Half a step of each of two columns, of 127 steps up to the largest weight.
        np.testing.assert_allclose(opened.kernel, head.kernel, atol=np.abs(head.kernel).max() / 127)
    save_head(tmp_path / "from_link.h5", opened)
    assert load_head(tmp_path / "from_link.h5").names == head.names


@node
@pytest.mark.parametrize(
    "place, value, words",
    [
        (0, 7, "version 7"),
        (1, 0, "claims 0 words"),
        (2, 0, "other layers"),
        (10, 200, "damaged"),
        (11, ord("<"), "no name of 1 to 40 plain characters"),
        (11, 10, "no name of 1 to 40 plain characters"),
        (11, 0xFF, "damaged"),
        (-1, None, "not whole"),
    ],
)
def test_a_bad_link_is_one_sentence(page_link, place, value, words):
    data = bytearray(base64.urlsafe_b64decode(page_link[1] + "=" * (-len(page_link[1]) % 4)))
    if value is None:
        del data[place]
    else:
        data[place] = value
    with pytest.raises(WeightsError, match=words):
        head_from_link(base64.urlsafe_b64encode(data).decode().rstrip("="))


@pytest.mark.parametrize(
    "text", ["", "words=", "<script>", "https://example.org/try/", "A" * 30_000, "AAAA\n" * 9]
)
def test_what_is_no_link_is_one_sentence(text):
    with pytest.raises(WeightsError, match="This link is"):
        head_from_link(text)


@node
def test_the_pages_arithmetic():
    """tests/live: what needs neither a browser nor a package."""
    tests = sorted((Path(__file__).parent / "live").glob("*.test.mjs"))
    done = subprocess.run(["node", "--test", *tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"# pass {done.stdout.count('# Subtest')}" in done.stdout
