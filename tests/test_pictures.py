"""Opening, fitting and preprocessing pictures, and the sentence for each that cannot be opened."""

import io
import struct
import warnings
import zlib

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from helpers.pictures import PictureError, fit, open_picture, prepare, preprocess

RNG = np.random.default_rng(224)


def tries(number):
    """Hypothesis settings: this many examples, the same ones every time, however slow the machine."""
    return settings(
        max_examples=number, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )


def smooth_picture(width=64, height=48):
    """A picture with no symmetry and no fine detail, which JPEG keeps nearly as it is."""
    small = Image.fromarray(RNG.integers(0, 256, (4, 5, 3), "uint8"))
    return small.resize((width, height), Image.Resampling.BICUBIC)


PICTURE = smooth_picture()


def encoded(picture, format, **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def difference(a, b):
    assert a.size == b.size
    return np.abs(np.asarray(a, "int16") - np.asarray(b, "int16"))


# --- preprocessing -------------------------------------------------------------------------------

number_types = st.sampled_from(["uint8", "int16", "int64", "float16", "float32", "float64"])


@tries(100)
@given(st.data())
def test_preprocess_equals_keras_and_leaves_its_input_alone(data):
    kind = data.draw(number_types)
    shape = (*data.draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=6)), 3)
    elements = st.integers(0, 255) if "int" in kind else st.floats(0, 255, width=16)
    pixels = data.draw(hnp.arrays(kind, shape, elements=elements))
    before = pixels.copy()
    ours = preprocess(pixels)
    assert np.array_equal(pixels, before)
    assert ours.dtype == np.float32
    assert not np.shares_memory(ours, pixels)
    theirs = keras.applications.vgg16.preprocess_input(pixels.astype("float32"))
    assert np.array_equal(ours, theirs)


def test_preprocess_works_on_a_read_only_array_and_a_view():
    pixels = np.asarray(PICTURE)
    assert not pixels.flags.writeable
    assert np.array_equal(preprocess(pixels)[::2], preprocess(pixels[::2]))


def test_white_is_what_is_left_of_255():
    np.testing.assert_allclose(
        preprocess(np.full((1, 1, 3), 255))[0, 0], [255 - 103.939, 255 - 116.779, 255 - 123.68], rtol=1e-6
    )


def test_prepare_is_open_fit_preprocess():
    by_hand = preprocess(np.asarray(fit(PICTURE, "crop")))
    prepared = prepare(encoded(PICTURE, "PNG"), "crop")
    assert prepared.shape == (224, 224, 3) and prepared.dtype == np.float32
    assert np.array_equal(prepared, by_hand)


# --- what can be opened --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("TIFF", {}, 0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 10),
        ("WEBP", {"quality": 90}, 40),
        ("GIF", {}, 60),
    ],
)
def test_formats(format, options, tolerance):
    opened = open_picture(encoded(PICTURE, format, **options))
    assert opened.mode == "RGB"
    assert difference(opened, PICTURE).max() <= tolerance


def test_an_animation_is_its_first_picture():
    other = Image.new("RGB", PICTURE.size, "black")
    film = encoded(PICTURE, "GIF", save_all=True, append_images=[other])
    assert difference(open_picture(film), PICTURE).max() <= 60


def test_all_ways_of_giving_a_picture_give_the_same(tmp_path):
    path = tmp_path / "a picture of an éléphant.png"
    PICTURE.save(path)
    with open(path, "rb") as file:
        read_already = io.BytesIO(path.read_bytes())
        read_already.read(10)
        sources = [
            path,
            str(path),
            path.read_bytes(),
            bytearray(path.read_bytes()),
            memoryview(path.read_bytes()),
            file,
            read_already,
            PICTURE,
            Image.open(path),
            np.asarray(PICTURE),
            np.asarray(PICTURE, "float64"),
            np.asarray(PICTURE, "int64"),
            np.asarray(PICTURE, "float64") / 255,
        ]
        for source in sources:
            assert difference(open_picture(source), PICTURE).max() == 0, type(source)


def test_opening_a_pillow_picture_leaves_it_alone():
    picture = PICTURE.convert("CMYK")
    before = picture.tobytes()
    opened = open_picture(picture)
    opened.paste("black", (0, 0, 64, 48))
    assert picture.mode == "CMYK" and picture.tobytes() == before
    same = open_picture(PICTURE)
    assert same is not PICTURE


def test_no_file_is_left_open(tmp_path):
    for format in ("GIF", "PNG", "TIFF"):
        PICTURE.save(tmp_path / "picture", format)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ResourceWarning)
            open_picture(tmp_path / "picture")


GREY = PICTURE.convert("L")


def test_grey_pictures():
    expected = GREY.convert("RGB")
    for source in (GREY, encoded(GREY, "PNG"), np.asarray(GREY), np.asarray(GREY)[:, :, None]):
        assert difference(open_picture(source), expected).max() == 0
    assert difference(open_picture(encoded(GREY, "JPEG", quality=95)), expected).max() <= 10


def test_sixteen_bit_grey_keeps_its_greys():
    deep = Image.fromarray(np.asarray(GREY, "uint16") * 257)
    assert deep.mode == "I;16"
    for source in (deep, encoded(deep, "PNG"), encoded(deep, "TIFF"), deep.convert("I")):
        assert difference(open_picture(source), GREY.convert("RGB")).max() == 0


def test_black_and_white():
    expected = GREY.convert("1").convert("RGB")
    for source in (GREY.convert("1"), encoded(GREY.convert("1"), "PNG"), np.asarray(GREY.convert("1"))):
        assert difference(open_picture(source), expected).max() == 0


def test_palettes():
    palette = PICTURE.quantize(200)
    assert palette.mode == "P"
    for source in (palette, encoded(palette, "PNG"), encoded(palette, "BMP"), encoded(palette, "GIF")):
        assert difference(open_picture(source), palette.convert("RGB")).max() == 0


def test_cmyk_jpeg():
    opened = open_picture(encoded(PICTURE.convert("CMYK"), "JPEG", quality=95, subsampling=0))
    assert opened.mode == "RGB"
    assert difference(opened, PICTURE).max() <= 12


def half_transparent(mode):
    """The left half clear (black underneath), the right half solid red (or its grey)."""
    picture = Image.new("RGBA", (8, 4), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (4, 0, 8, 4))
    if mode == "P":
        palette = Image.new("P", (8, 4), 0)
        palette.putpalette([0, 0, 0, 255, 0, 0])
        palette.paste(1, (4, 0, 8, 4))
        palette.info["transparency"] = 0
        return palette
    if mode in ("L", "RGB"):
        solid = picture.convert("RGB").convert(mode)
        solid.info["transparency"] = 0 if mode == "L" else (0, 0, 0)
        return solid
    return picture.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P", "L", "RGB"])
@pytest.mark.parametrize("as_file", [False, True])
def test_transparency_becomes_white(mode, as_file):
    source = half_transparent(mode)
    if as_file and mode != "PA":  # PNG knows no PA
        source = encoded(source, "PNG", transparency=source.info.get("transparency"))
    pixels = np.asarray(open_picture(source))
    assert (pixels[:, :4] == 255).all()
    assert (pixels[:, 4:] == ([76] * 3 if "L" in mode else [255, 0, 0])).all()


def test_half_transparent_red_is_pink():
    for source in (
        Image.new("RGBA", (3, 3), (255, 0, 0, 128)),
        np.full((3, 3, 4), [255, 0, 0, 128], "uint8"),
    ):
        assert np.abs(np.asarray(open_picture(source), "int16") - [255, 127, 127]).max() <= 1


STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(("format", "tolerance"), [("PNG", 0), ("JPEG", 10), ("WEBP", 40)])
def test_every_exif_orientation_is_turned_upright(orientation, format, tolerance):
    stored = PICTURE if STORED[orientation] is None else PICTURE.transpose(STORED[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if format == "JPEG" else {}
    opened = open_picture(encoded(stored, format, exif=exif, **options))
    assert difference(opened, PICTURE).max() <= tolerance


# --- making it square ----------------------------------------------------------------------------

sizes = st.one_of(st.integers(1, 3000), st.sampled_from([1, 2, 3, 223, 224, 225, 2999, 3000]))


def slopes(width, height):
    """Red grows from 0 at the left to 255 at the right, green from top to bottom; there is no blue."""
    pixels = np.zeros((height, width, 3), "uint8")
    pixels[..., 0] = np.rint((np.arange(width) + 0.5) / width * 255)
    pixels[..., 1] = np.rint((np.arange(height) + 0.5) / height * 255)[:, None]
    return Image.fromarray(pixels)


@tries(40)
@given(sizes, sizes)
def test_squash_shows_everything_stretched(width, height):
    square = fit(slopes(width, height), "squash")
    assert square.size == (224, 224) and square.mode == "RGB"
    pixels = np.asarray(square, "float64")
    assert abs(pixels[..., 0].mean() - 127.5) < 2 and abs(pixels[..., 1].mean() - 127.5) < 2
    for side, channel, axis in ((width, 0, 0), (height, 1, 1)):
        if side >= 10:
            profile = pixels[..., channel].mean(axis=axis)
            assert np.abs(profile - (np.arange(224) + 0.5) / 224 * 255).max() < 255 / min(side, 224) + 2


@tries(40)
@given(sizes, sizes)
def test_crop_keeps_the_middle_and_the_proportions(width, height):
    square = fit(slopes(width, height), "crop")
    assert square.size == (224, 224) and square.mode == "RGB"
    pixels = np.asarray(square, "float64")
    short = min(width, height)
    for side, channel, axis in ((width, 0, 0), (height, 1, 1)):
        profile = pixels[..., channel].mean(axis=axis)
        assert abs(profile.mean() - 127.5) < 2
        if short >= 10:
            where = ((side - short) / 2 + (np.arange(224) + 0.5) / 224 * short) / side * 255
            assert np.abs(profile - where).max() < 255 / min(side, 224) + 2


@tries(40)
@given(sizes, sizes)
def test_pad_keeps_everything_and_the_proportions(width, height):
    square = fit(slopes(width, height), "pad")
    assert square.size == (224, 224) and square.mode == "RGB"
    inside = np.asarray(square)[..., 2] < 128  # blue is 0 in the picture, 255 in the white around it
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert max(len(rows), len(columns)) == 224
    assert abs(len(columns) - max(1, 224 * width / max(width, height))) <= 1
    assert abs(len(rows) - max(1, 224 * height / max(width, height))) <= 1
    assert abs(rows[0] - (223 - rows[-1])) <= 1 and abs(columns[0] - (223 - columns[-1])) <= 1
    picture = np.asarray(square, "float64")[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert abs(picture[..., 0].mean() - 127.5) < 2 and abs(picture[..., 1].mean() - 127.5) < 2


@pytest.mark.parametrize("how", ["squash", "crop", "pad"])
def test_a_square_picture_is_the_same_in_every_way(how):
    square = smooth_picture(300, 300)
    assert difference(fit(square, how), square.resize((224, 224), Image.Resampling.BICUBIC)).max() == 0
    assert fit(square, how, size=96).size == (96, 96)


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match='how must be "squash", "crop" or "pad", not \'stretch\'.'):
        fit(PICTURE, "stretch")


# --- what cannot be opened -----------------------------------------------------------------------


def png_that_claims(width, height):
    """A tiny PNG file that says it is enormous."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


BIG = smooth_picture(400, 300)
JPEG, PNG = encoded(BIG, "JPEG"), encoded(BIG, "PNG")
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><circle r="5"/></svg>'
NOT_OURS = "{} is not a picture that we can open: save it as JPEG or PNG first."
DAMAGED = "{} is damaged and cannot be opened: try another copy of it."
FILM = "{} is a HEIC or AVIF photo or a film, which we cannot open: save it as JPEG first."
BAD_FILES = {
    "shopping list.jpg": (b"eggs, milk, an elephant", NOT_OURS),
    "empty.jpg": (b"", "{} is empty: try another copy of it."),
    "cut.jpg": (JPEG[: len(JPEG) // 2], DAMAGED),
    "cut.png": (PNG[: len(PNG) // 2], DAMAGED),
    "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), FILM),
    "film.jpg": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100), FILM),
    "letter.pdf": (b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n", NOT_OURS),
    "drawing.svg": (SVG, NOT_OURS),
    "page.ps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", NOT_OURS),
    "bomb.png": (png_that_claims(60_000, 60_000), "{} is too large to open: make it smaller first."),
    "hollow.png": (png_that_claims(500, 500), DAMAGED),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_named_in_one_plain_sentence(name, tmp_path):
    content, sentence = BAD_FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    with open(path, "rb") as file:
        for source in (path, str(path), file):
            with pytest.raises(PictureError) as caught:
                open_picture(source)
            assert str(caught.value) == sentence.format(name)
    with pytest.raises(PictureError) as caught:
        open_picture(content)
    assert str(caught.value) == sentence.format("This picture")


def test_a_missing_file(tmp_path):
    for path in (tmp_path / "nowhere.jpg", "nowhere.jpg", tmp_path / "no folder" / "nowhere.jpg"):
        with pytest.raises(PictureError) as caught:
            open_picture(path)
        assert str(caught.value) == "There is no file nowhere.jpg: check its name and folder."


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG)
    with pytest.raises(PictureError, match="^There is no file b.jpg: check its name and folder.$"):
        open_picture(tmp_path / "a.jpg" / "b.jpg")


def test_a_folder(tmp_path):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(PictureError, match="^holiday is a folder, not a picture: name a file in it.$"):
        open_picture(tmp_path / "holiday")


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_path_without_a_name(path):
    with pytest.raises(PictureError, match="^[./] is a folder, not a picture: name a file in it.$"):
        open_picture(path)


@pytest.mark.parametrize(("thing", "said"), [(None, "None"), (7, "7"), (["a.jpg"], r"\['a.jpg'\]")])
def test_things_that_are_no_pictures(thing, said):
    with pytest.raises(
        PictureError, match=f"^{said} is not a picture: give a path, an opened picture or an array.$"
    ):
        open_picture(thing)


@pytest.mark.parametrize("shape", [(), (5,), (4, 5, 2), (4, 5, 5), (1, 4, 5, 3), (0, 5, 3), (4, 0)])
def test_arrays_of_other_shapes(shape):
    with pytest.raises(PictureError) as caught:
        open_picture(np.zeros(shape, "uint8"))
    assert str(caught.value) == (
        f"An array of shape {shape} is not a picture: it must be (height, width) or (height, width, 3)."
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, 1j, "a", None])
def test_arrays_of_something_other_than_numbers(value):
    with pytest.raises(
        PictureError, match="^This array is not a picture: it holds something other than finite numbers.$"
    ):
        open_picture(np.full((4, 5, 3), value))


@pytest.mark.parametrize("value", [-1, 256, -0.5, 1e9])
def test_arrays_out_of_range(value):
    with pytest.raises(
        PictureError,
        match="^This array is not a picture: its numbers must lie from 0 to 1 or from 0 to 255.$",
    ):
        open_picture(np.full((4, 5, 3), value))


def opens_or_says_why(content):
    try:
        assert open_picture(content).mode == "RGB"
    except PictureError as error:
        assert (
            str(error).startswith("This picture is ") and str(error).endswith(".") and "\n" not in str(error)
        )


@tries(200)
@given(
    st.binary(max_size=200),
    st.sampled_from(
        [
            b"",
            JPEG[:20],
            PNG[:33],
            b"GIF89a",
            b"BM",
            b"RIFF\x10\0\0\0WEBPVP8 ",
            b"II*\0\x08\0\0\0",
            b"MM\0*\0\0\0\x08",
        ]
    ),
)
def test_random_bytes_open_or_are_refused(content, start):
    opens_or_says_why(start + content)


exif = Image.Exif()
exif[0x0112] = 6
exif[0x010F] = "A camera"
REAL = [
    encoded(PICTURE, "JPEG", exif=exif),
    encoded(PICTURE, "PNG", exif=exif),
    encoded(PICTURE, "WEBP", exif=exif),
    encoded(PICTURE, "GIF"),
    encoded(PICTURE, "BMP"),
    encoded(PICTURE, "TIFF", compression="tiff_lzw"),
    encoded(PICTURE.quantize(16), "PNG"),
    encoded(PICTURE.convert("CMYK"), "JPEG"),
]


@tries(600)
@given(st.data())
def test_corrupted_files_open_or_are_refused(data):
    content = bytearray(data.draw(st.sampled_from(REAL)))
    # The first bytes of a file say most about it: damage them more often.
    last = data.draw(st.sampled_from([40, 150, len(content) - 1]))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(2, min(last, len(content) - 1)))] = data.draw(st.integers(0, 255))
    opens_or_says_why(bytes(content[: data.draw(st.sampled_from([len(content), len(content) * 2 // 3]))]))
