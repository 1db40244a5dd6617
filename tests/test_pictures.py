"""Opening, fitting and preprocessing pictures, and the sentence for each that cannot be opened."""

import io
import os
import re
import struct
import warnings
import zlib
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms

from helpers import decode
from helpers.decode import ENDINGS, FORMATS
from helpers.pictures import (
    PictureError,
    catalogue,
    credit_of,
    credits,
    example,
    examples,
    fit,
    on_white,
    open_picture,
    prepare,
    preprocess,
)

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
BIG = smooth_picture(400, 300)


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
    if mode in ("P", "PA"):
        palette = Image.new("P", (8, 4), 0)
        palette.putpalette([0, 0, 0, 255, 0, 0])
        palette.paste(1, (4, 0, 8, 4))
        if mode == "PA":
            palette.putalpha(picture.getchannel("A"))
        else:
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


def oriented(number):
    """EXIF that says how the camera was held."""
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


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
    exif = oriented(orientation)
    options = {"quality": 95, "subsampling": 0} if format == "JPEG" else {}
    opened = open_picture(encoded(stored, format, exif=exif, **options))
    assert difference(opened, PICTURE).max() <= tolerance


# --- odd metadata, and metadata that is wrong -----------------------------------------------------


@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize(
    "junk", [b"no TIFF at all", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"]
)
def test_odd_exif_does_not_cost_the_picture(format, junk):
    opened = open_picture(encoded(PICTURE, format, exif=junk))
    assert opened.size == PICTURE.size
    # Nothing odd is handed on, so that what follows can open it again.
    assert opened.info == {}
    assert difference(open_picture(encoded(opened, "PNG")), opened).max() == 0


@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
def test_orientation_beside_a_tag_of_an_unexpected_type(format):
    # Orientation 6, and a Software tag that claims to be two fractions.
    tags = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack("<HHII", 0x0131, 5, 2, 4000)
    odd = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + tags + struct.pack("<I", 0)
    opened = open_picture(encoded(PICTURE, format, exif=odd))
    assert opened.size == (PICTURE.height, PICTURE.width)


def with_chunk(png, kind, content, checksum=None, before=b"IDAT"):
    """A PNG with one chunk more, before another."""
    chunk = struct.pack(">I", len(content)) + kind + content
    chunk += struct.pack(">I", zlib.crc32(kind + content) if checksum is None else checksum)
    place = png.index(before) - 4
    return png[:place] + chunk + png[place:]


@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
@pytest.mark.parametrize(
    ("kind", "content", "checksum"),
    [
        (b"tEXt", b"Comment\0hello", 1),
        (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000)), None),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(2_000_000)), None),
        (b"tIME", b"", 2),
        (b"pHYs", b"\0", None),
        (b"gAMA", b"", None),
        (b"acTL", b"\0", None),
        (b"fcTL", b"\0\0", None),
    ],
)
def test_a_bad_side_chunk_does_not_cost_a_png(kind, content, checksum, before):
    upright = encoded(PICTURE.transpose(STORED[6]), "PNG", exif=oriented(6))
    opened = open_picture(with_chunk(upright, kind, content, checksum, before))
    assert difference(opened, PICTURE).max() == 0


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0, "quality": 95}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("missing", [1, 2, 4])
def test_a_jpeg_without_its_last_bytes_opens(options, mode, missing):
    whole = encoded(BIG.convert(mode), "JPEG", **options)
    opened = open_picture(whole[:-missing])
    # Of a progressive one, the last details of many rows can be missing.
    assert difference(opened, open_picture(whole)).mean() < 1


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_lower_half_is_refused(mode):
    whole = encoded(BIG.convert(mode), "JPEG")
    with pytest.raises(PictureError, match="^This picture is damaged, or of a kind that we cannot open"):
        open_picture(whole[: len(whole) // 2])


def profile_that_swaps_red_and_blue():
    """A colour profile: sRGB, but what it calls red is sRGB's blue."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    entries = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colour_profiles_are_heeded(format, mode):
    if (format, mode) in [("JPEG", "RGBA"), ("JPEG", "P"), ("WEBP", "P")]:
        pytest.skip("no such files")
    red = Image.new("RGB", (20, 10), (255, 0, 0)).convert(mode)
    opened = open_picture(encoded(red, format, icc_profile=profile_that_swaps_red_and_blue()))
    assert difference(opened, Image.new("RGB", (20, 10), (0, 0, 255))).max() <= 2
    damaged = encoded(red, format, icc_profile=b"no profile" * 20)
    assert difference(open_picture(damaged), Image.new("RGB", (20, 10), (255, 0, 0))).max() <= 2


# --- more than 8 bits, rare modes, rare files ------------------------------------------------------

UNCLEAR = (
    "This array is not clear: its numbers run from {} to {}, so divide them by the one that means white, and "
    "cut off what is then below 0 or above 1."
)


@pytest.mark.parametrize("white", [1, 255, 4095, 65535])
def test_the_usual_scales_are_recognised(white):
    numbers = np.asarray(GREY, "float64") / 255 * white
    numbers[0, 0] = white
    expected = Image.fromarray(np.rint(numbers / white * 255).astype("uint8")).convert("RGB")
    pictures = [numbers, numbers.astype("float32"), Image.fromarray(numbers.astype("float32"))]
    if white > 1:
        whole = np.rint(numbers)
        pictures += [whole.astype("int64"), whole.astype("uint16"), Image.fromarray(whole.astype("int32"))]
        pictures += [Image.fromarray(whole.astype("uint16"))]
    for picture in pictures:
        assert difference(open_picture(picture), expected).max() <= 1
        if isinstance(picture, Image.Image):
            assert difference(open_picture(encoded(picture, "TIFF")), expected).max() <= 1


def test_a_number_that_is_white_and_a_little_more_is_white():
    for white, kind in ((1, "float64"), (1, "float32"), (255, "float64")):
        numbers = np.asarray(PICTURE, kind) / 255 * white
        numbers[0, 0] = white * 1.0000002
        opened = np.asarray(open_picture(numbers))
        assert (opened[0, 0] == 255).all()
        assert np.abs(opened[1:].astype(int) - np.asarray(PICTURE)[1:]).max() <= 1


@tries(200)
@given(
    st.sampled_from([1, 255, 4095, 65535]),
    st.floats(0.8, 3),
    st.sampled_from(["int64", "uint16", "float32", "float64"]),
)
def test_no_scale_makes_a_picture_black_or_white(white, brighter, kind):
    white = 255 if white == 1 and "int" in kind else white
    numbers = (np.asarray(GREY, "float64") / 255 * white * brighter).astype(kind)
    try:
        opened = np.asarray(open_picture(numbers), "float64")
    except PictureError as error:
        assert "divide them by the one that means white" in str(error)
    else:
        assert 20 < opened.mean() < 235 and opened.std() > 10


@pytest.mark.parametrize("kind", ["uint8", "int64", "uint16"])
def test_a_mask_is_no_black_picture(kind):
    mask = np.asarray(GREY) > 100
    with pytest.raises(PictureError, match="^" + UNCLEAR.format(0, 1)):
        open_picture(mask.astype(kind))
    assert np.array_equal(np.asarray(open_picture(mask / 1))[..., 0], mask * 255)


def test_an_array_of_zeros_is_black():
    for kind in ("uint8", "int64", "float32"):
        assert not np.asarray(open_picture(np.zeros((4, 5, 3), kind))).any()


def test_floats_that_are_no_numbers():
    with pytest.raises(PictureError, match="^This picture is not a picture: it holds something other than"):
        open_picture(Image.fromarray(np.full((4, 5), np.nan, "float32")))


def png_by_hand(bits, colours, rows, clear):
    """A PNG of 1 to 16 bits with a transparent shade: `rows` are the bytes of each row."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    width = len(rows[0]) * 8 // bits // colours
    header = struct.pack(">IIBBBBB", width, len(rows), bits, 2 if colours == 3 else 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    shade = struct.pack(f">{colours}H", *clear)
    chunks = [(b"IHDR", header), (b"tRNS", shade), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


@pytest.mark.parametrize(
    ("bits", "colours", "row", "clear", "expected"),
    [
        (1, 1, b"\x55", [1], [0, 255, 0, 255, 0, 255, 0, 255]),
        (1, 1, b"\x55", [0], [255] * 8),
        (2, 1, b"\x1b", [2], [0, 85, 255, 255]),
        (4, 1, b"\x03\x9f", [9], [0, 51, 255, 255]),
        (8, 1, b"\x00\x33\x99", [0x33], [0, 255, 153]),
        (16, 1, b"\x00\x00\x33\x33\x99\x99\xff\xff", [0x3333], [0, 255, 153, 255]),
        (16, 3, b"\x33\x33" * 3 + b"\x99\x99" * 3, [0x3333] * 3, [255, 153]),
    ],
)
def test_a_transparent_shade_of_a_png(bits, colours, row, clear, expected):
    opened = np.asarray(open_picture(png_by_hand(bits, colours, [row, row], clear)))
    assert opened[1].tolist() == [[grey] * 3 for grey in expected]


def test_around_the_first_picture_of_a_gif_is_white():
    # A canvas of 8 x 6, all background, and on it a picture of 2 x 3 at (4, 1).
    small = Image.new("P", (2, 3), 1)
    small.putpalette([200, 0, 0, 0, 0, 200])
    gif = bytearray(encoded(small, "GIF"))
    gif[6:10] = struct.pack("<HH", 8, 6)
    place = gif.index(b"\x2c\0\0\0\0\x02\0\x03\0")
    gif[place + 1 : place + 5] = struct.pack("<HH", 4, 1)
    expected = Image.new("RGB", (8, 6), "white")
    expected.paste((0, 0, 200), (4, 1, 6, 4))
    assert difference(open_picture(bytes(gif)), expected).max() == 0


@pytest.mark.parametrize("mode", ["La", "RGBa", "LAB", "HSV", "YCbCr", "RGBX"])
def test_rare_modes(mode):
    if mode == "LAB":
        source = ImageCms.profileToProfile(
            PICTURE, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    elif mode in ("La", "RGBa"):
        source = PICTURE.convert({"La": "LA", "RGBa": "RGBA"}[mode]).convert(mode)
    else:
        source = PICTURE.convert(mode)
    expected = GREY.convert("RGB") if mode == "La" else PICTURE
    before = source.tobytes()
    for opened in (open_picture(source), on_white(source)):
        assert opened.mode == "RGB" and difference(opened, expected).mean() < 4
    assert source.tobytes() == before


def test_a_tiff_that_would_come_out_as_noise_is_refused(tmp_path):
    # 16 bits, red, green and blue one after the other: written by hand, as Pillow writes no such files.
    pixels = np.full((3, 6, 8), 40_000, "<u2").tobytes()
    size, start = len(pixels) // 3, 8
    at = start + len(pixels)
    numbers, extra = [], at + 2 + 12 * 10 + 4
    for tag, kind, count, value in [
        (256, 3, 1, 8),
        (257, 3, 1, 6),
        (258, 3, 3, extra),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 3, extra + 6),
        (277, 3, 1, 3),
        (278, 3, 1, 6),
        (279, 4, 3, extra + 18),
        (284, 3, 1, 2),
    ]:
        numbers.append(struct.pack("<HHII", tag, kind, count, value))
    content = b"II*\0" + struct.pack("<I", at) + pixels + struct.pack("<H", 10) + b"".join(numbers) + bytes(4)
    content += struct.pack("<3H", 16, 16, 16) + struct.pack("<3I", *(start + size * i for i in range(3)))
    content += struct.pack("<3I", size, size, size)
    try:
        opened = np.asarray(open_picture(content))
    except PictureError as error:
        assert "is a TIFF of a rare kind" in str(error)
    else:
        assert np.abs(opened.astype(int) - 156).max() <= 1


def test_libtiff_says_nothing(capfd):
    content = bytearray(encoded(BIG, "TIFF", compression="tiff_lzw"))
    content[200:3000] = bytes(2800)
    with pytest.raises(PictureError):
        open_picture(bytes(content))
    with pytest.raises(PictureError):
        open_picture(encoded(BIG, "TIFF", compression="tiff_lzw")[:2000])
    captured = capfd.readouterr()
    assert captured.err == captured.out == ""


# --- photos of phones ------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("how", ["squash", "crop"])
def test_a_large_photo_is_opened_smaller_and_answers_as_before(format, how):
    # 12 million pixels, held upright; a pattern of a few pixels, so that careless shrinking would show.
    photo = smooth_picture(4000, 3000)
    photo.paste(BIG, (1000, 1000))
    stored = encoded(photo.transpose(STORED[6]), format, exif=oriented(6))
    opened = open_picture(stored)
    assert 1000 <= max(opened.size) <= 2000 and opened.width == round(opened.height * 4 / 3)
    whole = Image.open(io.BytesIO(stored)).transpose(Image.Transpose.ROTATE_270)
    assert difference(fit(opened, how), fit(whole, how)).max() <= 3


def test_a_picture_that_is_not_large_keeps_its_size():
    assert open_picture(encoded(Image.new("RGB", (2400, 2400)), "PNG")).size == (2400, 2400)


# --- formats that not every computer has -----------------------------------------------------------


@pytest.mark.skipif("AVIF" not in FORMATS, reason="this Pillow has no AVIF")
def test_avif():
    opened = open_picture(encoded(PICTURE, "AVIF", quality=95))
    assert difference(opened, PICTURE).max() <= 40


def test_avif_where_pillow_has_none(monkeypatch):
    monkeypatch.setattr(decode, "FORMATS", ("JPEG", "PNG"))
    with pytest.raises(
        PictureError, match="^This picture is an AVIF picture, which Pillow opens from version"
    ):
        open_picture(b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf" + bytes(100))


def test_formats_are_those_that_this_pillow_has():
    assert {"JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"} <= set(FORMATS) <= set(Image.OPEN)


def test_common_endings():
    assert {".jpg", ".png", ".apng", ".heic", ".heif", ".hif", ".avif"} <= ENDINGS
    assert all(ending == ending.lower() and ending.startswith(".") for ending in ENDINGS)


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
    for how in ("stretch", None, 3, ["pad"]):
        with pytest.raises(PictureError) as caught:
            fit(PICTURE, how)
        assert str(caught.value) == f'how must be "squash", "crop" or "pad", not {how!r}.'


def test_a_picture_without_pixels():
    empty = Image.new("RGB", (0, 5))
    sentence = "^This picture has no pixels: it is 0 pixels wide and 5 high.$"
    for use in (open_picture, fit):
        with pytest.raises(PictureError, match=sentence):
            use(empty)


@pytest.mark.parametrize("how", ["squash", "crop", "pad"])
def test_a_line_of_millions_of_pixels_can_be_made_square(how):
    line = slopes(3_000_000, 1)
    assert fit(line, how).size == (224, 224)
    if how == "squash":
        profile = np.asarray(fit(line, how), "float64")[..., 0].mean(axis=0)
        assert np.abs(profile - (np.arange(224) + 0.5) / 224 * 255).max() < 2


# --- what cannot be opened -----------------------------------------------------------------------


def png_that_claims(width, height):
    """A tiny PNG file that says it is enormous."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


JPEG, PNG = encoded(BIG, "JPEG"), encoded(BIG, "PNG")
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><circle r="5"/></svg>'
NOT_OURS = "{} is not a picture that we can open: save it as JPEG or PNG first."
DAMAGED = "{} is damaged, or of a kind that we cannot open: try another copy of it."
FILM = "{} is a film, not a picture: take a still from it and save that as JPEG."
HEIC = (
    "{} is a HEIC photo, which we cannot open: on an iPhone, choose Settings, Camera, Formats, "
    "Most Compatible, and take it again; on a Mac, open it in Preview and export it as JPEG."
)
BAD_FILES = {
    "shopping list.jpg": (b"eggs, milk, an elephant", NOT_OURS),
    "empty.jpg": (b"", "{} is empty: try another copy of it."),
    "cut.jpg": (JPEG[: len(JPEG) // 2], DAMAGED),
    "cut.png": (PNG[: len(PNG) // 2], DAMAGED),
    "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), HEIC),
    "burst.heics": (b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc" + bytes(100), HEIC),
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


@pytest.mark.parametrize("around", ["{}", " {}", "{}\n", "'{}'", '"{}"', ' "{}" ', "“{}”"])
def test_quotes_and_blanks_round_a_path_are_forgiven(around, tmp_path):
    PICTURE.save(tmp_path / "a b.png")
    assert difference(open_picture(around.format(tmp_path / "a b.png")), PICTURE).max() == 0


def test_a_name_with_quotes_in_it_is_taken_as_it_is(tmp_path, monkeypatch):
    path = tmp_path / "'a'"
    PICTURE.save(path, "PNG")
    monkeypatch.chdir(tmp_path)
    assert difference(open_picture("'a'"), PICTURE).max() == 0


def test_the_readers_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    PICTURE.save(tmp_path / "a.png")
    (tmp_path / "note.txt").write_text("eggs, milk")
    for path in ("~/a.png", Path("~/a.png"), '"~/a.png" '):
        assert difference(open_picture(path), PICTURE).max() == 0
    with pytest.raises(PictureError, match="^note.txt is not a picture that we can open"):
        open_picture("~/note.txt")


@pytest.mark.parametrize(
    "path", ["~nosuchuser/x.jpg", "no folder/" + "x" * 300 + ".jpg", "x\0.jpg", "x" * 5000]
)
def test_what_is_not_there_is_not_called_damaged(path):
    with pytest.raises(PictureError, match="^There is no file x"):
        open_picture(path)


@pytest.mark.parametrize(
    "address",
    [
        Path("https://example.org/cat.jpg"),
        "ftp://example.org/cat.jpg",
        "file:///home/me/cat.jpg",
        "www.example.org/cat.jpg",
        "data:image/png;base64," + "A" * 500,
    ],
)
def test_an_address_of_another_kind_is_no_file(address):
    with pytest.raises(PictureError) as caught:
        open_picture(address)
    assert str(caught.value).endswith(
        " is no address that we take: give one as text that begins with https://, or the path of a file."
    )
    assert len(str(caught.value)) < 170


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PictureError, match="^pipe.jpg is a pipe or a device, not a picture: name a file.$"):
        open_picture(tmp_path / "pipe.jpg")


def test_files_opened_in_a_way_that_does_not_suit(tmp_path):
    path = tmp_path / "a.png"
    PICTURE.save(path)
    with open(path) as text:  # in text mode
        assert difference(open_picture(text), PICTURE).max() == 0
    with open(path, "rb") as closed:
        pass
    with open(tmp_path / "b.png", "wb") as written:
        for source in (closed, written, io.StringIO("eggs")):
            with pytest.raises(
                PictureError, match=r"cannot be read: open it again with open\(path, \"rb\"\).$"
            ):
                open_picture(source)


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
    with pytest.raises(PictureError, match=re.escape(UNCLEAR.format(f"{value:g}", f"{value:g}"))):
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


exif = oriented(6)
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


# --- the course's own pictures ---------------------------------------------------------------------


def test_an_opened_picture_of_the_course_knows_its_credit(monkeypatch):
    entry = next(entry for entry in catalogue() if entry.file == "coffee.jpg")
    monkeypatch.chdir(entry.path.parent.parent)
    for source in (entry.path, str(entry.path), "images/coffee.jpg", '"images/../images/coffee.jpg"'):
        opened = open_picture(source)
        assert opened.info == {"course": "coffee.jpg"}
        for picture in (
            opened,
            *(fit(opened, how) for how in ("squash", "crop", "pad")),
            open_picture(opened),
        ):
            assert credit_of(picture) == entry.credit


def test_other_pictures_have_no_credit(tmp_path):
    PICTURE.save(tmp_path / "coffee.jpg")
    strange = PICTURE.copy()
    strange.info["course"] = "no such picture.jpg"
    for source in (tmp_path / "coffee.jpg", PICTURE, strange, np.asarray(PICTURE)):
        opened = open_picture(source)
        assert opened.info == {} and credit_of(opened) is None
    assert credit_of(strange) is None
    strange.info["course"] = ["coffee.jpg"]
    assert credit_of(strange) is None


def test_credits_lists_what_was_opened_once_and_in_that_order():
    before = {entry.file for entry in credits().entries}
    fresh = [entry for entry in catalogue() if entry.file not in before][:3]
    for entry in (fresh[2], fresh[0], fresh[2], fresh[1]):
        open_picture(entry.path)
    listed = credits().entries[len(before) :]
    assert [entry.file for entry in listed] == [fresh[2].file, fresh[0].file, fresh[1].file]
    lines = str(credits()).splitlines()
    assert lines[len(before) :] == [f"- {entry.credit}" for entry in listed]
    markdown = credits()._repr_markdown_().splitlines()
    assert len([line for line in markdown if line.startswith("- ")]) == len(lines)


def test_credits_are_shown_as_they_are_written():
    entry = catalogue()[0]._replace(title="<img src=x> *a*|b_c", author="[A & B](c)", licence="CC0")
    shown = type(credits())((entry,))._repr_markdown_()
    assert shown == r"- &lt;img src=x&gt; \*a\*\|b\_c, \[A &amp; B\](c), CC0"


def test_a_long_list_of_credits_is_folded():
    def shown(count):
        return type(credits())(tuple(catalogue()[:count]))._repr_markdown_()

    assert "<details>" not in shown(20)
    assert shown(21).startswith("<details><summary>21 pictures</summary>\n\n- ")
    assert len([line for line in shown(21).splitlines() if line.startswith("- ")]) == 21


def test_credits_of_nothing():
    nothing = type(credits())(())
    assert str(nothing) == nothing._repr_markdown_() == "No picture of the course yet."


def test_a_set_or_a_picture_that_there_is_not():
    with pytest.raises(PictureError, match='^images/ has no set of pictures called "unicorns".$'):
        examples("unicorns")
    with pytest.raises(PictureError, match="^There is no picture unicorn.jpg in images/"):
        example("unicorn.jpg")
