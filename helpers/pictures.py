"""Opening anything that a person calls a picture, and making it what the network wants."""

import csv
import functools
import html
import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers.architecture import INPUT_SIZE
from helpers.decode import ENDINGS, PictureError, decode, on_white, path_of  # noqa: F401, for others too

IMAGES = Path(__file__).resolve().parent.parent / "images"

# How a photo becomes square where nobody says otherwise: measured better on sharp photos (the model card).
DEFAULT_HOW = "crop"

# The average colour of the ImageNet training photos, blue, green, red: Oxford's network was
# trained on pictures with it taken away (and in that order, as its authors' tools read files).
MEAN_BGR = np.array([103.939, 116.779, 123.68], dtype="float32")


def open_picture(source):
    """Open a picture and return it upright, in colour, on white: a Pillow image in mode RGB.

    A picture of 6 million pixels or more, as phones make them, is opened at a half, a third, a quarter ... of
    its width, so that at least 1.5 million pixels remain: the network looks at 50 thousand of them.

    source: a path, an address that begins with http:// or https:// (see `web.fetch`), the bytes of a file, an
        open file, a Pillow image, or an array of shape (height, width),
        (height, width, 1), (height, width, 3) or (height, width, 4). Its numbers run from black, 0, to white:
        255 in uint8; in other types 1 (not in whole numbers), 255, 4095 or 65535, whichever fits the largest
        of them. Files and Pillow images with more than 8 bits a colour are read in the same way.
    Raises PictureError, naming the file, if there is no picture in it, or if it is not clear what white is.

    Of what else a file says about its picture, nothing is kept; but a picture of the course knows its credit,
    see `credit_of`.
    """
    picture = decode(source)
    file = _in_the_course(source)
    if file:
        picture.info = {"course": file}
        _OPENED[file] = None
    return picture


def fit(picture, how=DEFAULT_HOW, size=INPUT_SIZE):
    """Make a picture square: `size` x `size` pixels.

    picture: a Pillow image in mode RGB.
    how: "squash" changes its proportions and keeps everything; "crop" keeps the proportions and cuts the
        ends of the longer side off; "pad" keeps everything and its proportions, and fills up with white.
    Returns a new Pillow image. Raises PictureError for another `how`, or if the picture has no pixels.
    """
    if 0 in picture.size:
        raise PictureError(
            f"This picture has no pixels: it is {picture.width} pixels wide and {picture.height} high."
        )
    if how == "squash":
        return _resized(picture, (size, size))
    if how == "crop":
        side = min(picture.size)
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        return _resized(picture, (size, size), box=(left, top, left + side, top + side))
    if how == "pad":
        scale = size / max(picture.size)
        # Of a picture that is hundreds of times longer than wide, at least a line remains.
        inner = _resized(picture, [max(1, round(side * scale)) for side in picture.size])
        square = Image.new("RGB", (size, size), "white")
        square.info = dict(picture.info)  # its credit
        square.paste(inner, ((size - inner.width) // 2, (size - inner.height) // 2))
        return square
    raise PictureError(f'how must be "squash", "crop" or "pad", not {how!r:.40}.')


def _resized(picture, size, box=None):
    # The gap concerns sides of thousands of pixels only, for which a filter of that width takes gigabytes.
    return picture.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=16)


def preprocess(pixels):
    """Turn colours into the numbers that VGG16 was trained on: blue first, and the average colour taken away.

    pixels: array (..., 3) of red, green, blue from 0 to 255, any number type; it is never changed.
    Returns a new float32 array of the same shape; equal to `keras.applications.vgg16.preprocess_input`.
    """
    return np.asarray(pixels, dtype="float32")[..., ::-1] - MEAN_BGR


def prepare(source, how=DEFAULT_HOW, size=INPUT_SIZE):
    """Everything at once: open, make square, preprocess.

    source and how: as in `open_picture` and `fit`.
    Returns a float32 array (size, size, 3).
    """
    return preprocess(fit(open_picture(source), how, size))


# The pictures of the course


class Entry(NamedTuple):
    """A picture of the course: one row of images/catalogue.csv."""

    file: str
    title: str
    author: str
    source: str
    licence: str
    sha256: str
    sets: tuple
    word: str
    wnid: str = ""

    @property
    def path(self):
        """Where the picture is."""
        return IMAGES / self.file

    @property
    def credit(self):
        """Title, author and licence in one line."""
        return f"{self.title}, {self.author}, {self.licence}"


def catalogue():
    """All pictures of the course: a list of Entry, in the order of images/catalogue.csv."""
    with open(IMAGES / "catalogue.csv", newline="", encoding="utf-8") as file:
        return [Entry(**{**row, "sets": tuple(row["sets"].split(";"))}) for row in csv.DictReader(file)]


def examples(name):
    """The pictures of one set, such as "known" or "apples_drawn": a list of Entry, in order.

    Raises PictureError if there is no such set.
    """
    found = [entry for entry in catalogue() if name in entry.sets]
    if not found:
        raise PictureError(f'images/ has no set of pictures called "{name}".')
    return found


def test_photos():
    """The course's test photos: a list of Entry, each with the WordNet id of its right answer in `wnid`.

    Photos and cut-outs of things on the pocket network's list, from elsewhere than ImageNet. They were fixed
    before the network got any of them (tests/data/outside/labels.csv), and took no part in training or in a
    choice.
    """
    return examples("outside")


def example(file):
    """The path of one picture of the course, by its file name in images/.

    Raises PictureError if there is no such picture.
    """
    path = IMAGES / file
    if not path.is_file():
        raise PictureError(
            f"There is no picture {file} in images/: see images/catalogue.csv for what is there."
        )
    return path


# Credits

UNFOLDED = 20  # a longer list of credits is folded
_OPENED = {}  # the files of the course's pictures that were opened, in this order, with None for each


@functools.cache
def _entries():
    return {entry.file: entry for entry in catalogue()}


def _in_the_course(source):
    """The file in images/ that a picture comes from; None if it is not one of the course's."""
    if isinstance(source, Image.Image):
        file = source.info.get("course")
    elif isinstance(source, (str, os.PathLike)):
        path = path_of(source).resolve()
        file = path.relative_to(IMAGES).as_posix() if path.is_relative_to(IMAGES) else None
    else:
        return None
    return file if isinstance(file, str) and file in _entries() else None


def credit_of(picture):
    """Title, author and licence of a picture that `open_picture` opened from images/; None for any other.

    picture: a Pillow image. What changes pixels in Pillow (`rotate`, `crop`, `convert`) keeps the credit.
    """
    file = _in_the_course(picture)
    return _entries()[file].credit if file else None


class Credits(NamedTuple):
    """Whose pictures were shown: as the last line of a cell a Markdown list, in `print` plain lines.

    entries: a tuple of Entry.
    """

    entries: tuple

    def __str__(self):
        return "\n".join(f"- {entry.credit}" for entry in self.entries) or "No picture of the course yet."

    __repr__ = __str__

    def _repr_markdown_(self):
        lines = "\n".join(f"- {_escaped(entry.credit)}" for entry in self.entries) or str(self)
        if len(self.entries) <= UNFOLDED:
            return lines
        summary = f"{len(self.entries)} pictures"
        return f"<details><summary>{summary}</summary>\n\n{lines}\n\n</details>"


def _escaped(text):
    """Text that Markdown and HTML show as it is."""
    return re.sub(r"([\\`*_~\[\]{}|#$])", r"\\\1", html.escape(" ".join(text.split()), quote=False))


def credits():
    """The credits of the course's pictures that this session has opened: each once, in that order."""
    return Credits(tuple(_entries()[file] for file in _OPENED))
