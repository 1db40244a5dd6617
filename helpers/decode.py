"""From anything that a person calls a picture to its pixels: upright, in colour, on white."""

import contextlib
import functools
import io
import math
import os
import re
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from helpers.errors import ReaderError
from helpers.quiet import without_stderr
from helpers.web import AddressError, fetch

try:
    # The photos of an iPhone. Never among our requirements (its files are under the GPL), used where it is.
    import pillow_heif
except ImportError:
    pass
else:
    pillow_heif.register_heif_opener()

# The last two are not in every Pillow, which stumbles over a format that it does not have.
FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
    if name in Image.registered_extensions().values()
)

# By these a folder's pictures are found. Not every computer can open the second line, but whoever has such
# photos should hear of it.
ENDINGS = frozenset(
    f".{ending}"
    for endings in (
        "jpg jpeg jpe jfif png apng webp gif bmp dib tif tiff",
        "heic heics heif heifs hif avif avifs",
    )
    for ending in endings.split()
)

PIXELS = 1_500_000  # larger pictures are opened smaller, but never with fewer pixels than this
PIECE = 2048  # pixels, the side of the pieces in which they are made smaller

# What white can be where a picture does not say it, and how large its largest number must be for us to be
# sure: 1.2 may be a white that is too bright, or a black of 255 steps.
WHITES = {1: 0, 255: 16, 4095: 1024, 65535: 16384}

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(ReaderError):
    """Something is not a picture that we can use; the message is one plain sentence for the reader."""


def decode(source):
    """What `pictures.open_picture` does, but for the credit: a new Pillow image in mode RGB, without `info`.

    source: see there. Raises PictureError.
    """
    name = _name_of(source)
    with warnings.catch_warnings(), _reported(name):
        # Pillow warns of large pictures and odd metadata; what it cannot open is an error all the same.
        warnings.simplefilter("ignore")
        if isinstance(source, Image.Image):
            picture = _rendered(source, name)
        elif isinstance(source, np.ndarray):
            picture = _rendered(_from_array(source), name)
        else:
            with _stream(source, name) as stream:
                picture = _from_file(stream, name)
    picture.info = {}
    return picture


@contextlib.contextmanager
def _reported(name):
    try:
        yield
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(
            f"{name} is too large for the memory that is free: make it smaller first."
        ) from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{name} is too large to open: make it smaller first.") from error
    except Exception as error:
        # Pillow reports a damaged file with whatever error its decoder stumbled over.
        raise PictureError(_damaged(name)) from error


def _damaged(name):
    return f"{name} is damaged, or of a kind that we cannot open: try another copy of it."


# Finding the file


def _name_of(source):
    if isinstance(source, (str, os.PathLike)):
        path = path_of(source)
        return path.name or str(path)
    if isinstance(source, np.ndarray):
        return "This array"
    name = getattr(source, "name", None)
    return Path(name).name if name and isinstance(name, str) else "This picture"


def path_of(source):
    """The path that a reader means: ~ is their home, and quotes or blanks round it came with pasting."""
    written = os.path.expanduser(os.fsdecode(source))
    pasted = os.path.expanduser(os.fsdecode(source).strip(" \t\r\n\"'“”‘’«»"))
    return Path(written if os.path.exists(written) else pasted)


def _stream(source, name):
    """Where the bytes of a picture can be read."""
    if isinstance(source, str) and re.match(r"\s*['\"]?https?://", source, re.IGNORECASE):
        try:
            source = fetch(source.strip(" \t\r\n\"'"))
        except AddressError as error:
            raise PictureError(str(error)) from error
    if isinstance(source, (str, os.PathLike)):
        return _opened(path_of(source), name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _Stream(io.BytesIO(source), len(source))
    source = getattr(source, "buffer", source) if isinstance(source, io.TextIOBase) else source
    if not hasattr(source, "read"):
        raise PictureError(f"{source!r:.40} is not a picture: give a path, an opened picture or an array.")
    try:
        if source.seekable():
            source.seek(0)
        content = bytes(source.read())
    except Exception as error:
        raise PictureError(f'{name} cannot be read: open it again with open(path, "rb").') from error
    return _Stream(io.BytesIO(content), len(content))


def _opened(path, name):
    if os.path.isdir(path):
        raise PictureError(f"{name} is a folder, not a picture: name a file in it.")
    if os.path.exists(path) and not os.path.isfile(path):  # to open a pipe is to wait for ever
        raise PictureError(f"{name} is a pipe or a device, not a picture: name a file.")
    try:
        return _Stream(io.FileIO(path), os.path.getsize(path))
    except PermissionError as error:
        raise PictureError(f"{name} may not be read: check its permissions.") from error
    except (OSError, ValueError) as error:
        # At least two letters before the colon: one is a drive of Windows.
        if re.match(r"[a-z][a-z0-9+.-]+:[/\\]|data:|www\.", str(path), re.IGNORECASE):
            raise PictureError(
                f"{path!s:.60} is no address that we take: give one as text that begins with https://, or "
                "the path of a file."
            ) from error
        raise PictureError(f"There is no file {name:.100}: check its name and folder.") from error


class _Stream(io.BufferedReader):
    """A file that is read in sensible portions, or not at all.

    A few files are made, or damaged, so that Pillow reads them byte by byte for minutes, or joins a thousand
    blocks of EXIF one by one.
    """

    def __init__(self, raw, size):
        super().__init__(raw)
        self.reads_left, self.exif_left = 10_000 + size // 100, 20

    def read(self, size=-1):
        portion = super().read(size)
        self.reads_left -= 1
        self.exif_left -= portion.startswith(b"Exif\0")
        if self.reads_left < 0 or self.exif_left < 0:
            raise OSError("too many small blocks")
        return portion

    def whole(self):
        """All bytes of the file."""
        self.seek(0)
        return super().read()


# From a file to a picture


def _from_file(stream, name):
    try:
        return _decoded(stream, name)
    except (PictureError, MemoryError, Image.DecompressionBombError):
        raise
    except Exception as error:
        content = stream.whole()
        mended = _without_odd_chunks(content) or _with_an_end(content)
        if mended:
            return _decoded(_Stream(io.BytesIO(mended), len(mended)), name)
        if isinstance(error, UnidentifiedImageError):
            raise PictureError(_not_a_picture(content, name)) from error
        raise


def _decoded(stream, name):
    with Image.open(stream, formats=FORMATS) as picture:
        factor = _factor(picture)
        # A JPEG can be decoded at a half, a quarter or an eighth of its size, in little time and memory.
        picture.draft(None, (picture.width // factor, picture.height // factor))
        return _rendered(picture, name)


def _without_odd_chunks(content):
    """A PNG without all that is not its pixels: a checksum that is wrong there must not cost the picture."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    kept, start = [content[:8]], 8
    for _ in range(100_000):
        length = int.from_bytes(content[start : start + 4], "big")
        kind, end = content[start + 4 : start + 8], start + 12 + length
        sound = zlib.crc32(content[start + 4 : end - 4]).to_bytes(4, "big") == content[end - 4 : end]
        if kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND") or (sound and kind in (b"tRNS", b"eXIf")):
            kept.append(content[start:end])
        start = end
        if start >= len(content):
            return b"".join(kept)
    return None


def _with_an_end(content):
    """A JPEG whose last bytes are missing, with an end: None if whole rows of its pixels are missing too."""
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    content = content + b"\xff\xd9"
    try:
        with Image.open(_Stream(io.BytesIO(content), len(content)), formats=["JPEG"]) as picture:
            picture.draft(None, (picture.width // 8, picture.height // 8))
            lowest = picture.crop((0, picture.height - 1, picture.width, picture.height))
    except Exception:
        return None
    # The decoder fills up what is missing with the grey that is all zeros in a JPEG.
    missing = all(low >= 127 and high <= 128 for low, high in np.reshape(lowest.getextrema(), (-1, 2)))
    return None if missing else content


def _not_a_picture(content, name):
    if not content:
        return f"{name} is empty: try another copy of it."
    if content[4:8] != b"ftyp":
        return f"{name} is not a picture that we can open: save it as JPEG or PNG first."
    kind = {b"hei": "HEIF", b"hev": "HEIF", b"mif": "HEIF", b"msf": "HEIF", b"avi": "AVIF"}.get(content[8:11])
    if kind in FORMATS:
        return _damaged(name)
    if kind == "HEIF":
        return (
            f"{name} is a HEIC photo, which we cannot open: on an iPhone, choose Settings, Camera, Formats, "
            "Most Compatible, and take it again; on a Mac, open it in Preview and export it as JPEG."
        )
    if kind == "AVIF":
        return f"{name} is an AVIF picture, which Pillow opens from version 11.3 on: save it as JPEG first."
    return f"{name} is a film, not a picture: take a still from it and save that as JPEG."


# From a picture to red, green and blue


def _rendered(picture, name):
    """A Pillow image as it was opened, made smaller, upright, in sRGB, on white."""
    if 0 in picture.size:
        raise PictureError(
            f"{name} has no pixels: it is {picture.width} pixels wide and {picture.height} high."
        )
    clear, drawn = _clear_shade(picture), _drawn_part(picture)
    _load(picture, name)
    small = _smaller(picture, _factor(picture), _white_of(picture, name), clear)
    small.info["icc_profile"] = picture.info.get("icc_profile")
    small = on_white(small)
    if drawn:
        small = _only(small, [side * small.width / picture.width for side in drawn])
    turn = UPRIGHT.get(_orientation(picture))
    return small if turn is None else small.transpose(turn)


def _factor(picture):
    return max(1, math.isqrt(picture.width * picture.height // PIXELS))


def _load(picture, name):
    """Decode the pixels."""
    if picture.format != "TIFF":
        picture.load()
        return
    tags = picture.tag_v2 if hasattr(picture, "tag_v2") else {}
    if tags.get(284) == 2 and max(tags.get(258, (8,))) > 8 and tags.get(277, 1) > 1:
        # Pillow makes noise of it.
        raise PictureError(
            f"{name} is a TIFF of a rare kind, 16 bits and colour by colour: save it as PNG first."
        )
    with without_stderr():  # libtiff writes past Python
        picture.load()


def _clear_shade(picture):
    """The grey or colour that a picture calls transparent, in the steps of its pixels; None if there is none.

    Pillow makes 8 bits of the 2, 4 or 16 of a PNG, but leaves this number as it is.
    """
    shade = picture.info.get("transparency")
    stored = picture.tile[0][3] if picture.format == "PNG" and getattr(picture, "tile", None) else ""
    if stored in ("L;2", "L;4") and isinstance(shade, int):
        return shade * {"L;2": 85, "L;4": 17}[stored]
    if stored == "RGB;16B" and isinstance(shade, tuple):
        return tuple(part >> 8 for part in shade)
    return shade


def _drawn_part(picture):
    """The box of a GIF's first picture if that is smaller than the whole: browsers draw nothing around it."""
    if picture.format != "GIF" or not getattr(picture, "tile", None):
        return None
    box = tuple(picture.tile[0][1])
    return box if box != (0, 0, *picture.size) else None


def _only(picture, box):
    box = [round(side) for side in box]
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture.crop(box), box[:2])
    return white


def _orientation(picture):
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # what a camera, or a program after it, wrote there can be anything
        return 1


def _pieces(picture, side):
    """The boxes of the pieces of a picture."""
    return [
        (left, top, min(left + side, picture.width), min(top + side, picture.height))
        for top in range(0, picture.height, side)
        for left in range(0, picture.width, side)
    ]


def _smaller(picture, factor, white, clear):
    """The picture, `factor` times smaller, in whole bytes: piece by piece, to spare memory."""
    small = None
    for box in _pieces(picture, PIECE // factor * factor if factor > 1 else max(picture.size)):
        piece = picture.crop(box)
        if clear is not None:
            piece.info["transparency"] = clear
        piece = _plain(piece, white)
        if factor > 1:
            piece = piece.reduce(factor)
        if small is None:
            small = Image.new(piece.mode, [math.ceil(side / factor) for side in picture.size])
        small.paste(piece, (box[0] // factor, box[1] // factor))
    return small


def _plain(picture, white=None):
    """The picture in mode L, RGB, CMYK or LAB, or, if anything can be transparent, RGBA."""
    if _is_deep(picture):
        return _from_deep(picture, white or _white_of(picture, "This picture"))
    if picture.mode == "La":
        picture = picture.convert("LA")  # the only mode that Pillow converts it to
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if picture.mode in ("1", "L"):
        return picture.convert("L")
    return picture if picture.mode in ("CMYK", "LAB") else picture.convert("RGB")


def on_white(picture):
    """A Pillow image of any mode as a new one in mode RGB, in the colours of a screen, on white."""
    picture = _in_srgb(_plain(picture), picture.info.get("icc_profile"))
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


@functools.cache
def _profile(colours):
    return ImageCms.createProfile(colours)


def _in_srgb(picture, profile):
    """The colours that a picture's profile means. Without one, or with a damaged one, nothing is done."""
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    if picture.mode == "LAB":
        return ImageCms.profileToProfile(picture, _profile("LAB"), _profile("sRGB"), outputMode=mode)
    try:
        meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(picture, meant, _profile("sRGB"), outputMode=mode)
    except Exception:
        return picture


# More than 8 bits a colour, and arrays


def _is_deep(picture):
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def _white_of(picture, name):
    """The number that is white in a picture; None if it has 8 bits a colour, where that is known."""
    if not _is_deep(picture):
        return None
    pieces = (np.asarray(picture.crop(box)) for box in _pieces(picture, PIECE))
    lows, highs = zip(*[(piece.min(), piece.max()) for piece in pieces])
    low, high = np.min(lows), np.max(highs)
    if picture.mode.startswith("I;16") and high > 1:
        # Whole numbers without a sign: no doubt but whether all 16 bits are used.
        return next(white for white in WHITES if high <= white)
    return _white(low, high, picture.mode != "F", name)


def _white(low, high, whole, name):
    """The number that is white in a picture whose numbers run from `low` to `high`, see WHITES."""
    if not np.isfinite([low, high]).all():
        raise PictureError(f"{name} is not a picture: it holds something other than finite numbers.")
    for white, least in WHITES.items():
        slack = min(white, 255) / 1000  # what computing leaves of a number
        if -slack <= low and high <= white + slack:
            # Whole numbers that end at 1 are a mask, or the black of a photo.
            if high <= 0 or (high >= least and not (whole and high == 1)):
                return white
            break
    raise PictureError(
        f"{name} is not clear: its numbers run from {low:.6g} to {high:.6g}, so divide them by the one that "
        "means white, and cut off what is then below 0 or above 1."
    )


def _eight_bits(numbers, white):
    return np.rint(np.clip(numbers * (255 / white), 0, 255)).astype("uint8")


def _from_deep(picture, white):
    numbers, clear = np.asarray(picture), picture.info.get("transparency")
    grey = Image.fromarray(_eight_bits(numbers, white))
    if not isinstance(clear, int):
        return grey
    solid = Image.fromarray((numbers != clear) * np.uint8(255))
    return Image.merge("RGBA", (grey, grey, grey, solid))


def _from_array(array):
    shape = array.shape
    if array.ndim == 3 and shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or 0 in shape or (array.ndim == 3 and shape[2] not in (1, 3, 4)):
        raise PictureError(
            f"An array of shape {shape} is not a picture: it must be (height, width) or (height, width, 3)."
        )
    if array.dtype == bool:
        return Image.fromarray(array * np.uint8(255))
    if array.dtype.kind not in "uif" or not np.isfinite(array).all():
        raise PictureError("This array is not a picture: it holds something other than finite numbers.")
    if array.dtype == np.uint8 and array.max() != 1:
        return Image.fromarray(array)
    white = _white(array.min(), array.max(), array.dtype.kind != "f", "This array")
    return Image.fromarray(_eight_bits(array, white))
