"""Opening anything that a person calls a picture, and making it what the network wants."""

import csv
import io
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from helpers.architecture import INPUT_SIZE
from helpers.errors import ReaderError

IMAGES = Path(__file__).resolve().parent.parent / "images"
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

# How a photo becomes square where nobody says otherwise: measured better on sharp photos (the model card).
DEFAULT_HOW = "crop"

# The average colour of the ImageNet training photos, blue, green, red: Oxford's network was
# trained on pictures with it taken away (and in that order, as its authors' tools read files).
MEAN_BGR = np.array([103.939, 116.779, 123.68], dtype="float32")


class PictureError(ReaderError):
    """Something is not a picture that we can use; the message is one plain sentence for the reader."""


def open_picture(source):
    """Open a picture and return it upright, in colour, on white: a Pillow image in mode RGB.

    source: a path, the bytes of a file, an open binary file, a Pillow image, or an array of shape
        (height, width), (height, width, 1), (height, width, 3) or (height, width, 4), either uint8, or
        numbers from 0 to 1, or from 0 to 255.
    Raises PictureError, naming the file, if there is no picture in it.
    """
    name = _name_of(source)
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures and odd metadata; what it cannot open is an error all the same.
            warnings.simplefilter("ignore")
            if hasattr(source, "read"):
                if source.seekable():
                    source.seek(0)
                source = bytes(source.read())
            with _open_any(source, name) as picture:
                return _on_white(ImageOps.exif_transpose(picture))
    except Image.DecompressionBombError as error:
        raise PictureError(f"{name} is too large to open: make it smaller first.") from error
    except UnidentifiedImageError as error:
        raise PictureError(_not_a_picture(source, name)) from error
    except PictureError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PictureError(f"There is no file {name}: check its name and folder.") from error
    except IsADirectoryError as error:
        raise PictureError(f"{name} is a folder, not a picture: name a file in it.") from error
    except PermissionError as error:
        raise PictureError(f"{name} may not be read: check its permissions.") from error
    except Exception as error:
        # Pillow reports a damaged file with whatever error its decoder stumbled over.
        raise PictureError(f"{name} is damaged and cannot be opened: try another copy of it.") from error


def _name_of(source):
    if isinstance(source, (str, os.PathLike)):
        return Path(source).name or str(Path(source))
    return Path(str(getattr(source, "name", "") or "This picture")).name


def _open_any(source, name):
    if isinstance(source, Image.Image):
        return source.copy()
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = io.BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        source = Path(source).expanduser()
        if source.is_dir():
            raise IsADirectoryError(name)
    else:
        raise PictureError(f"{source!r:.40} is not a picture: give a path, an opened picture or an array.")
    return Image.open(source, formats=FORMATS)


def _from_array(array):
    shape = array.shape
    if array.ndim == 3 and shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or 0 in shape or (array.ndim == 3 and shape[2] not in (1, 3, 4)):
        raise PictureError(
            f"An array of shape {shape} is not a picture: it must be (height, width) or (height, width, 3)."
        )
    if array.dtype == bool:
        array = array * np.uint8(255)
    if array.dtype != np.uint8:
        real = np.issubdtype(array.dtype, np.number) and not np.iscomplexobj(array)
        if not real or not np.isfinite(array).all():
            raise PictureError("This array is not a picture: it holds something other than finite numbers.")
        if array.min() < 0 or array.max() > 255:
            raise PictureError(
                "This array is not a picture: its numbers must lie from 0 to 1 or from 0 to 255."
            )
        scale = 255 if np.issubdtype(array.dtype, np.floating) and array.max() <= 1 else 1
        array = np.rint(array * scale).astype("uint8")
    return Image.fromarray(array)


def _on_white(picture):
    if picture.mode.startswith("I;16") or picture.mode == "I":
        # 16 bits a pixel: Pillow's own conversion would clip everything above 255 to white.
        picture = Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype("uint8"))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def _not_a_picture(source, name):
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            start = file.read(12)
    else:
        start = bytes(source[:12])
    if not start:
        return f"{name} is empty: try another copy of it."
    if start[4:8] == b"ftyp":
        return f"{name} is a HEIC or AVIF photo or a film, which we cannot open: save it as JPEG first."
    return f"{name} is not a picture that we can open: save it as JPEG or PNG first."


def fit(picture, how=DEFAULT_HOW, size=INPUT_SIZE):
    """Make a picture square: `size` x `size` pixels.

    picture: a Pillow image in mode RGB.
    how: "squash" changes its proportions and keeps everything; "crop" keeps the proportions and cuts the
        ends of the longer side off; "pad" keeps everything and its proportions, and fills up with white.
    Returns a new Pillow image.
    """
    bicubic = Image.Resampling.BICUBIC
    if how == "squash":
        return picture.resize((size, size), bicubic)
    if how == "crop":
        side = min(picture.size)
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        return picture.resize((size, size), bicubic, box=(left, top, left + side, top + side))
    if how == "pad":
        scale = size / max(picture.size)
        # Of a picture that is hundreds of times longer than wide, at least a line remains.
        inner = picture.resize([max(1, round(side * scale)) for side in picture.size], bicubic)
        square = Image.new("RGB", (size, size), "white")
        square.paste(inner, ((size - inner.width) // 2, (size - inner.height) // 2))
        return square
    raise ValueError(f'how must be "squash", "crop" or "pad", not {how!r}.')


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
    """The pictures of one set, such as "known" or "apples_drawn": a list of Entry, in order."""
    found = [entry for entry in catalogue() if name in entry.sets]
    if not found:
        raise ValueError(f'images/ has no set of pictures called "{name}".')
    return found


def test_photos():
    """The course's test photos: a list of Entry, each with the WordNet id of its right answer in `wnid`.

    Photos and cut-outs of things on the pocket network's list, from elsewhere than ImageNet. They were fixed
    before any network saw them (tests/data/outside/labels.csv), and took no part in training or in any choice.
    """
    return examples("outside")


def example(file):
    """The path of one picture of the course, by its file name in images/."""
    path = IMAGES / file
    if not path.is_file():
        raise PictureError(
            f"There is no picture {file} in images/: see images/catalogue.csv for what is there."
        )
    return path
