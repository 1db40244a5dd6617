"""The figures: readable, in one visual language, and true to the numbers they show."""

import gc
import io
import itertools
import re
import tracemalloc
import weakref
from types import SimpleNamespace
from typing import NamedTuple

import matplotlib
import matplotlib.cbook
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Polygon
from matplotlib.text import Text
from PIL import Image

from helpers import plots, style
from helpers.architecture import VGG16_LAYERS
from helpers.errors import ReaderError
from helpers.pictures import catalogue, open_picture


class Guess(NamedTuple):
    label: str
    probability: float


GUESSES = [
    Guess("American Staffordshire terrier", 0.99985),
    Guess("German shepherd, police dog", 0.02),
    Guess("soft-coated wheaten terrier", 0.00004),
    Guess("West Highland white terrier", 0.0),
    Guess("ant", 0.5),
]
LAYERS = [row.name for row in VGG16_LAYERS]


@pytest.fixture(scope="module")
def photo():
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return Image.open(file).convert("RGB").resize((128, 150))


def maps(channels=64, low=0):
    return np.random.default_rng(1).uniform(low, 90, (7, 7, channels))


def figures(photo):
    """One or more figures from every drawing function, with the longest texts it may meet."""
    wide = photo.resize((300, 60))
    long = "A title that is much longer than any figure of this course is wide, " * 2
    yield "guess_bars", plots.guess_bars(photo, GUESSES, "What is it?")
    yield "guess_bars, wide", plots.guess_bars(wide, GUESSES, long)
    yield "guess_bars, one", plots.guess_bars(photo, GUESSES[:1])
    titles = ["A photo", long, "", "a$b$_{c}"]
    yield "guess_grid", plots.guess_grid([photo, wide, photo, wide], [GUESSES] * 4, titles)
    yield "guess_grid, one", plots.guess_grid([photo], [GUESSES], columns=2, top=5)
    yield "picture_row", plots.picture_row([photo, wide, photo], ["a photo", long, ""], title=long)
    yield "picture_row, many", plots.picture_row([photo] * 6, ["the photo again"] * 6)
    row = [(photo, guess.label, number == 0, guess.probability) for number, guess in enumerate(GUESSES)]
    yield "picture_table", plots.picture_table([row, row[::-1]], ["photo", "a long heading", long, "", "e"])
    yield "book_page", plots.book_page([photo, wide] * 3, ["teddy bear", long] * 3, number=12)
    yield (
        "book_page, answered",
        plots.book_page(
            [photo] * 9,
            ["caterpillar"] * 9,
            [f"{GUESSES[0].label}, 99.9 %"] * 9,
            [True, False, None] * 3,
            long,
        ),
    )
    yield "mosaic", plots.mosaic(maps(), title="block3_conv1", block=3)
    yield "mosaic, signed", plots.mosaic(maps(5, low=-90), columns=4, title=long)
    yield "mosaic, many", plots.mosaic(maps(512) * 1e6, count=128, columns=32)
    yield "filters", plots.filters(np.full((3, 3, 3, 64), 0.1), "The first kernels")
    yield "heat_map", plots.heat_map(photo, maps()[:, :, 0], "Where?")
    yield "heat_map, wide", plots.heat_map(photo.resize((400, 30)), maps()[:, :, 0])
    numbers = {name: 10**number for number, name in enumerate(LAYERS[:11])}
    yield "bars", plots.bars(numbers, long, "parameters")
    numbers = [("multiply-adds", 15_470_264_320, "red"), ("nothing", 0, "red"), ("a few", 1.5, "red")]
    yield "bars, log", plots.bars(numbers, log=True)
    curves = {guess.label: [guess.probability] * 3 for guess in GUESSES}
    yield "confidence_curves", plots.confidence_curves([0, 45, 90], curves, "turned by (degrees)", "Turning")
    bent = ("hue, degrees", long, range(9), np.linspace(1, 0, 9), [True] * 5 + [False] * 4, [photo] * 9)
    yield "bend_curves", plots.bend_curves([bent] * 4)
    yield "bend_curves, one", plots.bend_curves([bent])
    steps = list(range(9))
    bend = ("turned (degrees)", "a note", [20 * step for step in steps], [0.9] * 9, [True] * 9, [photo] * 9)
    yield "bend_curves", plots.bend_curves([bend, bend, bend])
    yield from new_figures(photo, wide, long)
    for highlight in [None, "input", "output", 1, 5, 6, "block1_pool", "predictions", [1, 2, 3, 4, 5]]:
        yield f"draw_network, {highlight!r}", plots.draw_network(highlight=highlight)
    for highlight in [None, "output", 5, 6, "average"]:
        yield f"draw_network, pocket, {highlight!r}", plots.draw_network("pocket", highlight)
    yield "draw_network", plots.draw_network("pocket", 2, built=2)


STOPS = ["block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"]
CROSS = np.zeros((12, 12)) + 200 * (np.abs(np.arange(12) - 5) < 2)
EDGE = np.array([[-1, 0, 1]] * 3)


def new_figures(photo, wide, long):
    heat = maps(low=-90)[:, :, 0]
    yield "heat_map, signed", plots.heat_map(photo, heat, labels=("African elephant", long))
    yield "heat_map, signed and wide", plots.heat_map(wide, heat, long, labels=("a", "b"))
    yield "journey", plots.journey(photo, {name: maps() for name in STOPS}, title=long)
    yield "journey, odd", plots.journey(wide, {"some_other_layer_of_mine": maps(3)})
    yield "patches", plots.patches([photo] * 9, [long] * 9, title="Map 7")
    yield "patches, plain", plots.patches([wide] * 2)
    yield "patches, rows", plots.patches([photo] * 4, [long] * 4, columns=2, rows=["map 7", "map 8"])
    yield "before_after", plots.before_after(maps(), maps(), (long, "after"), "Trained", block=1)
    yield "before_after, signed", plots.before_after(maps(5, -9), maps(5, -9), columns=2)
    loss = np.linspace(2, 0.1, 301)
    series = {"training pictures": loss, long: loss + 0.1}
    yield "curves", plots.curves(range(301), series, "step", "loss", {"apple": loss / 2}, long)
    yield "curves, one panel with names", plots.curves(range(301), {**series, "c": loss}, "step", "loss")
    yield "curves, one panel", plots.curves([1, 2], {"a": [0.5, 12345]}, "step", "loss")
    kernels = {step: EDGE * step / 300 for step in (0, 10, 50, 150, 300)}
    yield "loss_curve", plots.loss_curve(loss, kernels, long)
    yield "loss_curve, one", plots.loss_curve([0.5], {0: EDGE})
    mapped = plots.loss_curve([0.5, 0], {0: -EDGE}, goal=EDGE, as_map=lambda kernel: np.kron(kernel, kernel))
    yield "loss_curve, with maps", mapped
    thin = {f"{long[:28]}{number}": [0.9, number / 12] for number in range(12)}
    yield "many_curves", plots.many_curves([0, 90], ("banana", [1, 0]), thin, "turned (degrees)", long)
    yield "many_curves, together", plots.many_curves([0, 9], ("a", [1, 1]), {"b": [1, 1], "c": [1, 0]}, "x")
    firsts = {name: [True, False] for name in [*thin, "banana"]}
    dotted = plots.many_curves([0, 90], ("banana", [1, 0]), thin, "turned (degrees)", is_first=firsts)
    yield "many_curves, dotted", dotted
    answers = ([0.3, 0.6, 0.7, 0.99], [False, True, False, True])
    yield "claimed_and_right", plots.claimed_and_right({"224 pixels": answers, long: answers}, title=long)
    yield "bars, of a whole", plots.bars({"kept": 3, long: 0}, long, of=9)
    for threshold in (0, 0.6, 1):
        groups = {"known pictures": [0.99] * 30 + [0.2, 0.4], long: np.linspace(0, 1, 40)}
        yield f"dots, {threshold}", plots.dots_with_threshold(groups, threshold, long)
    changes = [np.linspace(-1, 0.4, 63), np.zeros(5), [0.004]]
    yield "change_chart", plots.change_chart(["red first", long, "c"], changes, long)
    yield "change_chart, losses", plots.change_chart(["red first", long, "c"], changes, long, loss=0.2)
    counts = np.arange(12).reshape(3, 4) * 100
    yield "confusion", plots.confusion(counts, ["apple", "pear", long], long, ["apple", "pear", long, "else"])
    yield "confusion, small", plots.confusion([[1]], ["a"])
    yield "convolution_steps", plots.convolution_steps(CROSS, -EDGE * 4, [(0, 0), (3, 2), (9, 9)], long)
    yield "convolution_step", plots.convolution_step(photo, np.full((3, 3), 1 / 9), (20, 50))
    yield "slice_figure", plots.slice_figure(title=long)
    yield "slice_figure, first", plots.slice_figure(3, 512)


def drawn_texts(figure, monkeypatch):
    """Every text that reaches the paper when the figure is drawn: the Matplotlib text and its place."""
    texts, draw = [], Text.draw

    def draw_and_remember(text, renderer):
        if text.get_visible() and text.get_text().strip():
            texts.append(text)
        draw(text, renderer)

    with monkeypatch.context() as patch:
        patch.setattr(Text, "draw", draw_and_remember)
        figure.canvas.draw()
    return {text: text.get_window_extent() for text in texts}


def test_every_figure_is_readable(photo, monkeypatch):
    for name, figure in figures(photo):
        width, height = figure.get_size_inches() * figure.dpi
        assert figure.get_size_inches()[0] <= 7, name
        texts = drawn_texts(figure, monkeypatch)
        for text, box in texts.items():
            assert text.get_fontsize() >= 11, f"{name}: {text.get_text()!r} is too small"
            inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
            assert inside, f"{name}: {text.get_text()!r} leaves the figure"
        for (one, here), (other, there) in itertools.combinations(texts.items(), 2):
            apart = here.x1 <= there.x0 or there.x1 <= here.x0 or here.y1 <= there.y0 or there.y1 <= here.y0
            assert apart, f"{name}: {one.get_text()!r} and {other.get_text()!r} overlap"
        assert figure.get_facecolor()[3] == 1, f"{name}: the background must be opaque"
        assert figure.alt.endswith("."), name


def test_no_figure_stays_open_or_in_memory(photo):
    from matplotlib import pyplot

    figure = plots.heat_map(photo, maps()[:, :, 0])
    figure._repr_mimebundle_()
    assert pyplot.get_fignums() == []
    trace = weakref.ref(figure)
    del figure
    gc.collect()
    assert trace() is None


def test_a_figure_is_at_most_seven_inches_wide():
    with pytest.raises(ValueError, match="at most 7 inches"):
        plots.new_figure(7.5, 3)


# A figure shows itself


def test_a_figure_says_itself_in_a_script():
    figure = plots.draw_network("pocket")
    assert str(figure) == f"[Figure: {figure.alt}]"
    assert "195 labels" in figure.alt


def test_a_figure_without_alt_gets_one_from_its_title_and_axes():
    figure = plots.new_figure()
    assert figure.alt == "A figure."
    axes = figure.add_subplot(title="Growth", xlabel="years", ylabel="metres")
    axes.plot([1, 2])
    assert figure.alt == "A figure: Growth; years along the horizontal axis; metres along the vertical axis"
    figure.alt = "  It\ngrows. "
    assert figure.alt == "It grows."


def test_a_figure_knows_the_credits_of_its_pictures(photo):
    entries = catalogue()[:2]
    pictures = [open_picture(entry.path) for entry in [*entries, entries[0]]]
    figure = plots.guess_grid([*pictures, photo], [GUESSES] * 4)
    assert figure.credits == tuple(entry.credit for entry in entries)
    assert all(entry.title in figure.alt for entry in entries)
    assert plots.guess_bars(photo, GUESSES).credits == plots.draw_network().credits == ()


# A reader's own settings

HOSTILE = {
    "image.interpolation": "bicubic",
    "image.origin": "lower",
    "image.cmap": "jet",
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "savefig.facecolor": "black",
    "savefig.dpi": 30,
    "figure.facecolor": "black",
    "figure.dpi": 30,
    "text.usetex": True,
    "text.color": "white",
    "text.parse_math": True,
    "font.size": 40,
    "font.weight": "bold",
    "axes.grid": True,
    "axes.spines.left": False,
    "axes.inverted": None,
    "axes.titlepad": 50,
    "lines.linestyle": ":",
    "lines.marker": "o",
    "path.sketch": (5, 50, 2),
    "patch.linewidth": 9,
    "xtick.bottom": False,
    "ytick.labelsize": 4,
    "figure.autolayout": True,
    "figure.constrained_layout.use": False,
}


def saved(figure):
    file = io.BytesIO()
    figure.savefig(file, format="rgba")
    return file.getvalue()


def test_a_readers_settings_change_no_figure(photo):
    def drawn():
        yield saved(plots.guess_bars(photo, GUESSES, "What is it?"))
        yield saved(plots.filters(np.random.default_rng(2).normal(size=(3, 3, 3, 8))))
        yield saved(plots.heat_map(photo, maps()[:, :, 0]))
        yield saved(plots.bars({"block1_conv1": 1, "other": 100}, log=True))
        yield saved(plots.confidence_curves([0, 1], {"banana": [0.2, 0.1]}, "blur"))
        yield saved(plots.convolution_step(CROSS, EDGE, (3, 2)))
        yield saved(plots.draw_network("pocket", highlight=3))

    expected = list(drawn())
    hostile = {name: value for name, value in HOSTILE.items() if name in matplotlib.rcParams}
    with matplotlib.rc_context(hostile):
        assert list(drawn()) == expected
        assert matplotlib.rcParams["image.origin"] == "lower"  # and they are left as they were
        own = plots.new_figure(4, 2)
        own.add_subplot().imshow(np.eye(3))
        theirs = saved(own)
    own = plots.new_figure(4, 2)
    own.add_subplot().imshow(np.eye(3))
    assert saved(own) == theirs


def test_a_reader_chooses_the_font(photo):
    with matplotlib.rc_context({"font.family": ["DejaVu Serif"]}):
        figure = plots.guess_bars(photo, GUESSES)
        changed = saved(figure)
    assert {text.get_fontfamily()[0] for text in figure.findobj(Text)} == {"DejaVu Serif"}
    assert changed != saved(plots.guess_bars(photo, GUESSES))


# Large and odd things


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_a_phones_photo_is_drawn_small(mode):
    """Watched is Python's own memory: the arrays of Matplotlib and numpy."""
    picture = Image.new(mode, (8000, 6000))
    tracemalloc.start()
    figure = plots.guess_bars(picture, GUESSES)
    plots.png(figure)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    assert max(figure.axes[0].images[0].get_array().shape) == 1000


@pytest.mark.parametrize("shape", [(1, 4000), (4000, 1), (3000, 2000, 3)])
def test_an_array_of_any_size_is_drawn(shape):
    array = np.full(shape, 200, "float32")
    figure = plots.picture_row([array], ["large"])
    assert max(figure.axes[0].images[0].get_array().shape[:2]) <= 1000


ENDLESS = "W" * 2000


def test_an_endless_label_is_cut(photo):
    guesses = [Guess(ENDLESS, 0.5), Guess("two words " * 300, 0.25), Guess("\x1b[31mred\x00\ud800", 0.1)]
    for figure in [
        plots.guess_bars(photo, guesses, ENDLESS),
        plots.guess_grid([photo], [guesses], [ENDLESS]),
        plots.picture_row([photo], [ENDLESS], title=ENDLESS),
        plots.book_page([photo] * 3, [ENDLESS] * 3, ["two words " * 300] * 3),
        plots.bars({ENDLESS: 1}),
        plots.confidence_curves([0, 1], {ENDLESS: [0, 1]}, "x"),
    ]:
        saved(figure)
        assert max(len(word) for word in words(figure)) < 300
        assert len(figure.alt) < 3000 and figure.alt.isprintable()


def test_a_percentage_is_never_broken():
    for inches in np.linspace(0.3, 2, 18):
        lines = style.wrapped("it is > 99.9 % sure and (80.3 %) here", inches).splitlines()
        assert not any(line.startswith("%") or line.endswith((">", "99.9", "80.3")) for line in lines)


# Tables


def test_a_table_aligns_numbers_and_escapes_words():
    shown = plots.table([["<b>$a$|b", 1234567, "84.7 %"], ["ox", 2, "< 0.1 %"]], ["word", "n", "p"], "A & B")
    html = shown._repr_html_()
    assert "<b>" not in html and "&lt;b&gt;<span>$</span>a<span>$</span>|b" in html and "A &amp; B" in html
    assert '<td align="right" style="text-align: right">1,234,567</td>' in html
    assert html.count('align="left"') == 3  # the words and their heading
    assert str(shown).splitlines() == [
        "A & B",
        "word              n        p",
        "--------  ---------  -------",
        "<b>$a$|b  1,234,567   84.7 %",
        "ox                2  < 0.1 %",
    ]


def test_a_table_wants_a_value_for_every_column():
    with pytest.raises(ReaderError, match="Row 2 of the table has 1 values for 2 columns"):
        plots.table([[1, 2], [3]], ["a", "b"])


def test_the_png_is_small_where_possible_and_true_everywhere(photo):
    for figure, compact in [
        (plots.draw_network(highlight=3), True),
        (plots.picture_row([photo], [""]), False),
    ]:
        picture = Image.open(io.BytesIO(plots.png(figure)))
        assert (picture.mode == "P") == compact
        figure.canvas.draw()
        exact = np.asarray(figure.canvas.buffer_rgba())[:, :, :3].astype(int)
        assert np.abs(np.asarray(picture.convert("RGB")) - exact).max() <= 16


# percent


@pytest.mark.parametrize(
    "p, text",
    [
        (0.9301, "93.0 %"),
        (0.018, "1.8 %"),
        (0.00004, "< 0.1 %"),
        (0.9996, "> 99.9 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (np.float32(1.0000001), "100 %"),
        (0.001, "0.1 %"),
        (0.999, "99.9 %"),
    ],
)
def test_percent(p, text):
    assert plots.percent(p) == text


@given(st.floats(0, 1))
def test_percent_is_true(p):
    text = plots.percent(p)
    number = float(re.search(r"[\d.]+", text).group())
    if text.startswith("<"):
        assert 0 < 100 * p < number
    elif text.startswith(">"):
        assert number < 100 * p < 100
    else:
        assert abs(100 * p - number) <= 0.05 + 1e-9
    assert (text == "0 %") == (p == 0) and (text == "100 %") == (p == 1)


@pytest.mark.parametrize("p", [-0.1, 1.1, 93, float("nan")])
def test_percent_refuses_what_is_no_probability(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        plots.percent(p)


# Colours

# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision
# deficiency", 2009, severity 1.0: for linear RGB.
VISION = {
    "all three": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour, vision):
    """The colour in CIELAB (D65), as seen with one kind of vision."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(VISION[vision] @ linear, 0, 1)
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    xyz = np.array(to_xyz) @ seen / [0.95047, 1, 1.08883]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_block_colours_stay_apart_for_every_eye(vision):
    seen = [lab(colour, vision) for colour in [*plots.BLOCK_COLOURS.values(), plots.BACKGROUND]]
    nearest = min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2))
    assert nearest > 15  # 2.3 is a just noticeable difference


def test_block_colours_darken_with_depth():
    lightness = [lab(plots.BLOCK_COLOURS[block], "all three")[0] for block in range(1, 6)]
    assert lightness == sorted(lightness, reverse=True) and min(-np.diff(lightness)) > 5


# What the figures say


def rendered(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[:, :, :3].astype(float)


def crop(image, box):
    """The part of a rendered figure inside a Matplotlib box (which counts from below)."""
    height = len(image)
    return image[height - round(box.y1) : height - round(box.y0), round(box.x0) : round(box.x1)]


def tiles(figure):
    """The typical colour, red, green, blue, of each little picture in a mosaic."""
    image = rendered(figure)
    return [np.median(crop(image, tile.get_window_extent()), axis=(0, 1)) for tile in figure.axes[0].images]


def words(figure):
    return [text.get_text() for text in figure.findobj(Text)]


def test_a_low_guess_looks_low(photo):
    figure = plots.guess_bars(photo, [Guess("burrito", 0.018), Guess("crutch", 0.01)])
    bars_drawn = [patch for patch in figure.axes[1].patches if to_hex(patch.get_facecolor()) == "#cc4037"]
    track = figure.axes[1].get_window_extent().width
    widths = [patch.get_window_extent().width for patch in bars_drawn]
    assert widths == pytest.approx([0.018 * track, 0.01 * track], rel=1e-3)
    assert {"burrito", "1.8 %", "crutch", "1.0 %"} <= set(words(figure))


def test_a_long_name_is_written_in_full_beside_the_picture(photo):
    assert "American Staffordshire terrier" in words(plots.guess_bars(photo, GUESSES))


def test_a_dollar_sign_is_a_dollar_sign(photo):
    figure = plots.picture_row([photo], ["from $5_a to $9"])
    figure.canvas.draw()
    text = next(text for text in figure.texts if "$5_a" in text.get_text())
    assert not text.get_parse_math()


@pytest.mark.parametrize("row, column", [(0, 0), (0, 6), (4, 0), (4, 6), (2, 3)])
def test_the_heat_map_lies_exactly_on_the_picture(row, column):
    heat = np.zeros((5, 7))
    heat[row, column] = 1
    figure = plots.heat_map(Image.new("RGB", (300, 300), "grey"), heat)
    beside, over = figure.axes[:2]
    places = [image.get_extent() for image in [*beside.images, *over.images]]
    assert places == [places[0]] * 3 and beside.get_xlim() == over.get_xlim()
    picture = crop(rendered(figure), over.get_window_extent())
    glow = (picture[:, :, :2].mean(-1) - picture[:, :, 2]) > 60  # yellow on grey
    down, across = np.argwhere(glow).mean(0) / glow.shape
    assert abs(down * 5 - (row + 0.5)) < 0.3 and abs(across * 7 - (column + 0.5)) < 0.3
    edge = {0: "first", 4: "last"}.get(row)
    if edge:  # the map reaches the picture's border
        assert glow[1 if edge == "first" else -2].any()


def test_a_map_with_nothing_in_it_glows_nowhere():
    figure = plots.heat_map(Image.new("RGB", (100, 100), "grey"), -np.ones((14, 14)))
    picture = crop(rendered(figure), figure.axes[1].get_window_extent())[5:-5, 5:-5]
    assert np.ptp(picture, axis=(0, 1)).max() <= 1


def test_feature_maps_share_one_scale():
    strength = np.array([1.0, 4, 4, 8])
    figure = plots.mosaic(np.ones((8, 8, 4)) * strength, columns=4, block=4)
    shades = [tile.sum() for tile in tiles(figure)]
    assert shades[0] < shades[1] == shades[2] < shades[3]


@pytest.mark.parametrize("channels, note", [(64, "32 of 64 maps"), (512, "32 of 512 maps"), (8, "8 maps")])
def test_the_mosaic_says_how_many_maps_it_shows(channels, note):
    figure = plots.mosaic(maps(channels), title="block1_conv2")
    assert {note, "block1_conv2"} <= set(words(figure))
    assert len(figure.axes[0].images) == min(channels, 32)
    assert not figure.axes[0].axison  # no ticks


def test_kernels_are_shown_in_the_colours_they_look_for():
    kernels = np.zeros((3, 3, 3, 64), "float32")
    kernels[:, :, 2, 0] = 0.3  # the input's third channel is red: OpenCV's and VGG16's order
    kernels[:, :, 0, 1] = -0.01  # against blue, however weakly
    figure = plots.filters(kernels)
    shown = tiles(figure)
    assert len(shown) == 64
    assert shown[0] == pytest.approx([255, 127.5, 127.5], abs=1)
    assert shown[1] == pytest.approx([127.5, 127.5, 0], abs=1)
    assert shown[2] == pytest.approx([127.5, 127.5, 127.5], abs=1)
    assert "ringed are 1, 7." in plots.filters(kernels, ringed=[1, 7]).alt


def test_bars_carry_the_colour_of_their_block_and_their_value():
    figure = plots.bars({"block1_conv1": 1792, "block5_conv3": 2_359_808, "fc1": 102_764_544, "other": 0.5})
    colours = [to_hex(patch.get_facecolor()).upper() for patch in figure.axes[0].patches]
    assert colours == [*[plots.BLOCK_COLOURS[block] for block in (1, 5, 6)], plots.GREY]
    assert {"1,792", "2,359,808", "102,764,544", "0.5"} <= set(words(figure))


def test_confidence_is_always_drawn_from_0_to_100_percent():
    figure = plots.confidence_curves([0, 1], {"banana": [0.2, 0.1]}, "blur (pixels)")
    assert figure.axes[0].get_ylim() == (0, 1)
    assert "banana" in words(figure)


def bent_row(photo, probabilities=(0.9, 0.8, 0.5, 0.3, 0.2, 0.2, 0.1, 0.1, 0.0)):
    pictures = [photo.point(lambda value, step=step: min(255, value + step)) for step in range(0, 90, 10)]
    return "blur", "lost at 60: lemon", range(0, 90, 10), probabilities, [True] * 6 + [False] * 3, pictures


def test_a_bent_picture_stands_under_its_dot(photo):
    figure = plots.bend_curves([bent_row(photo)] * 3)
    figure.canvas.draw()
    curves = [axes for axes in figure.axes if not axes.images]
    thumbs = [axes for axes in figure.axes if axes.images]
    assert len(curves) == 3 and len(thumbs) == 27
    for number, curve in enumerate(curves):
        for step, thumb in enumerate(thumbs[9 * number : 9 * number + 9]):
            box = thumb.get_window_extent()
            assert (box.x0 + box.x1) / 2 == pytest.approx(curve.transData.transform((step, 0))[0], abs=1)
            assert box.y1 < curve.get_window_extent().y0
            np.testing.assert_array_equal(thumb.images[0].get_array(), np.asarray(bent_row(photo)[-1][step]))


def test_bend_curves_say_their_notes(photo):
    title, note, *rest = bent_row(photo)
    assert "blur (lost at 60: lemon): " in plots.bend_curves([(title, note, *rest)]).alt
    assert "blur: " in plots.bend_curves([(title, "", *rest)]).alt


def test_a_lost_first_place_is_a_ring(photo):
    dots = plots.bend_curves([bent_row(photo)]).axes[0].collections[0]
    fills = [to_hex(colour).upper() for colour in dots.get_facecolor()]
    assert fills == [plots.BLOCK_COLOURS[6]] * 6 + [plots.BACKGROUND] * 3


def test_bend_curves_refuses_lists_of_different_lengths(photo):
    with pytest.raises(ValueError, match="probabilities"):
        plots.bend_curves([bent_row(photo, probabilities=[0.5, 0.4])])


# What the newer figures say


def test_a_difference_of_maps_has_a_colour_for_each_side():
    heat = np.zeros((5, 5))
    heat[0, 0], heat[4, 4] = 1, -1
    figure = plots.heat_map(Image.new("RGB", (200, 200), "grey"), heat, labels=("elephant", "ox"))
    picture = crop(rendered(figure), figure.axes[1].get_window_extent())
    warm = picture[:, :, 0] - picture[:, :, 2]  # orange above zero, purple below
    high = len(picture)
    assert warm[: high // 6, : high // 6].mean() > 40 and warm[-high // 6 :, -high // 6 :].mean() < -10
    assert abs(warm[high // 2, high // 2]) < 5
    assert "for elephant strongest in the upper left, for ox strongest in the lower right" in figure.alt
    assert {"for elephant", "for ox"} <= set(words(figure))


def test_a_journey_shows_the_most_active_maps_first(photo):
    values = np.zeros((14, 14, 64)) + np.arange(64)
    figure = plots.journey(photo, {"block4_conv3": values, "block5_conv3": -np.sort(-values)})
    assert "block4_conv3, 14 × 14, maps 63, 62, 61, 60, 59, 58, 57, 56" in figure.alt
    tiles = [axes.images[0].get_array() for axes in figure.axes[1:9]]
    assert [tile.max() for tile in tiles] == list(range(63, 55, -1))
    assert {"block 4", "block 5", "14 × 14\n64 maps"} <= set(words(figure))


def test_before_and_after_share_one_scale():
    figure = plots.before_after(np.ones((4, 4, 4)), np.ones((4, 4, 4)) * 4, count=4, block=2)
    scales = {(image.norm.vmin, image.norm.vmax) for axes in figure.axes[:2] for image in axes.images}
    assert (
        scales == {(0, 4)} and "before, on average 1, 0% of its values 0; after, on average 4," in figure.alt
    )
    with pytest.raises(ReaderError, match="the same shape"):
        plots.before_after(np.ones((4, 4, 4)), np.ones((4, 4, 3)))


def test_dots_are_counted_at_the_threshold():
    figure = plots.dots_with_threshold({"known": [0.5, 0.49, 0.9], "unknown": [0.1]}, 0.5)
    assert "known: 2 of 3 reach it, 1 stay below; unknown: 0 of 1 reach it, 1 stay below" in figure.alt
    dots = [collection.get_offsets()[:, 0].tolist() for collection in figure.axes[0].collections]
    assert dots == [[0.5, 0.49, 0.9], [0.1]]


def test_dots_with_a_wrong_name_are_rings():
    figure = plots.dots_with_threshold({"known": [0.4, 0.3, 0.9]}, 0.5, wrong={"known": [True, False, True]})
    fills = [to_hex(colour) for colour in figure.axes[0].collections[0].get_facecolor()]
    assert fills[0] == fills[2] == plots.BACKGROUND.lower() != fills[1]
    assert "known: 1 of 3 reach it (1 wrong), 2 stay below (1 wrong)" in figure.alt


def test_what_was_claimed_stands_beside_what_was_right():
    results = {"large": ([0.9, 0.2], [True, False]), "small": ([0.9, 0.9], [True, False])}
    alt = plots.claimed_and_right(results, edges=(0, 0.5, 1)).alt
    assert "large, answers of 0 to 50 %: claimed 20.0 %, 0 of 1 right, 0 %, of 50 to 100 %" in alt
    assert "small, answers of 50 to 100 %: claimed 90.0 %, 1 of 2 right, 50.0 %" in alt
    with pytest.raises(ReaderError, match="its own verdict"):
        plots.claimed_and_right({"a": ([0.5], [])})


def test_bars_of_a_whole_say_so():
    figure = plots.bars({"trained": 48, "random": 35}, of=63)
    assert {"48 of 63", "35 of 63"} <= set(
        words(figure)
    ) and "trained 48 of 63, random 35 of 63" in figure.alt


def test_a_curve_has_a_ring_where_something_else_comes_first():
    first = {"a": [True, False], "b": [True, True]}
    figure = plots.many_curves([0, 1], ("a", [1, 0]), {"b": [1, 1]}, "x", is_first=first)
    assert (
        "a from 100 % at 0 to 0 % at 1, first at 1 of 2; b from 100 % at 0 to 100 % at 1, first at 2 of 2"
        in (figure.alt)
    )


def test_a_curve_is_marked_where_it_turns_and_kin_share_a_colour():
    series = {"new, no decay": [2, 0.5, 1], "new, decay": [2, 0.5, 0.6], "old": [2, 1, 0.5]}
    figure = plots.curves([0, 20, 40], series, "steps", "loss")
    assert "new, no decay from 2 at 0 by 0.5 at 20 to 1 at 40" in figure.alt
    assert "old from 2 at 0 to 0.5 at 40" in figure.alt
    lines = figure.axes[0].lines
    assert [line.get_xdata() for line in lines if line.get_marker() == "o"] == [[20], [20]]
    first, second, third = (line.get_color() for line in lines if len(line.get_xdata()) == 3)
    assert first == second != third


def test_few_steps_far_apart_have_a_tick_each():
    figure = plots.curves([1, 20, 400], {"old": [2, 1, 0.5]}, "steps", "loss", log=True)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "20", "400"]


def test_a_point_is_marked_on_the_probabilities():
    figure = plots.curves([0, 1, 2], {"loss": [3, 2, 1]}, "step", "loss", {"apple": [0.2, 0.6, 0.9]}, mark=1)
    assert figure.alt.endswith("marked: step 1: 60.0 %.")
    assert [text.get_text() for text in figure.axes[1].texts] == ["step 1: 60.0 %"]
    assert [list(line.get_xdata()) for line in figure.axes[1].lines if line.get_marker() == "o"] == [[1]]


def test_the_pictures_of_a_grid_can_be_kept_small(photo):
    small, large = (plots.guess_grid([photo] * 2, [GUESSES] * 2, widest=widest) for widest in (2, 3.3))
    assert small.get_figwidth() < 5 < large.get_figwidth() <= 7


def test_a_picture_without_guesses_has_no_bars(photo):
    figure = plots.guess_grid([photo, photo], [GUESSES, []])
    assert figure.alt.count("answered") == 1
    assert [bool(axes.patches) for axes in figure.axes if not axes.images] == [True, False]


def test_a_long_name_of_a_file_is_broken_after_an_underscore():
    assert style.wrapped("teddy_bear_silhouette.png", 1.3).splitlines() == ["teddy_bear_", "silhouette.png"]


def test_dots_of_the_same_value_do_not_hide_each_other():
    figure = plots.dots_with_threshold({"known": [0.7] * 9}, 0.5)
    places = figure.axes[0].collections[0].get_offsets()
    assert len(np.unique(places, axis=0)) == 9


def test_the_medians_of_changes_are_written():
    figure = plots.change_chart(["red first", "nothing"], [[-0.5, -0.38, 0.1], [0.0, 0.0]])
    assert {"−38", "0"} <= set(words(figure))
    assert "red first: median −38, from −50 to +10; nothing: median 0" in figure.alt


def test_the_losses_among_changes_are_counted():
    figure = plots.change_chart(["red first", "nothing"], [[-0.5, -0.38, 0.1], [0.0, -0.2, 0.3]], loss=0.2)
    assert {"lose over\n20 points", "2", "0"} <= set(words(figure))
    assert "from −50 to +10, 2 lose over 20; nothing: " in figure.alt and figure.alt.endswith(
        "0 lose over 20."
    )


def test_a_step_of_a_convolution_is_computed():
    figure = plots.convolution_step(CROSS, EDGE, (3, 2))
    expected = (CROSS[3:6, 2:5] * EDGE).sum()
    assert f"sum {expected:.0f}" in words(figure) and f"add up to {expected:.0f}." in figure.alt
    output = figure.axes[-2].images[0].get_array()
    assert output.mask[3, 3:].all() and not output.mask[3, :3].any() and output[3, 2] == expected
    for position in [(10, 0), (0, -1)]:
        with pytest.raises(ReaderError, match="leaves the picture"):
            plots.convolution_step(CROSS, EDGE, position)


def test_a_box_of_slices_is_counted():
    figure = plots.slice_figure(64, 128)
    assert "64 slices of 3 × 3, 576 weights" in figure.alt and "128 kernels make 128 maps" in figure.alt


def test_a_confusion_is_told():
    figure = plots.confusion([[8, 1], [0, 9]], ["apple", "pear"])
    assert "apple answered with apple 8, pear 1; pear answered with pear 9" in figure.alt
    with pytest.raises(ReaderError, match="as many rows and columns"):
        plots.confusion([[8, 1]], ["apple", "pear"])


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.curves([0, 1], {"loss": [1]}, "step", "loss"),
        lambda: plots.many_curves([0, 1], ("a", [1]), {}, "x"),
        lambda: plots.loss_curve([1, 0.5], {2: EDGE}),
        lambda: plots.dots_with_threshold({"known": []}, 0.5),
        lambda: plots.change_chart(["a", "b"], [[0.1]]),
        lambda: plots.patches([np.zeros((3, 3))], ["a", "b"]),
        lambda: plots.journey(np.zeros((3, 3)), {"fc1": np.zeros(4096)}),
        lambda: plots.convolution_step(CROSS, np.eye(5), (0, 0)),
    ],
)
def test_what_does_not_fit_together_is_refused(draw):
    with pytest.raises(ReaderError):
        draw()


def test_pictures_of_a_row_are_equally_high_and_their_titles_stand_at_one_height(photo, monkeypatch):
    tall, wide = photo.resize((60, 100)), photo.resize((100, 70))
    titles = ["one", "a title that takes two lines or even more", "three"]
    figures = [
        plots.picture_row([tall, wide, photo], titles),
        plots.guess_grid([tall, wide, photo], [GUESSES[:1]] * 3, titles),
    ]
    for figure in figures:
        texts = drawn_texts(figure, monkeypatch)
        heights = {round(axes.get_window_extent().height) for axes in figure.axes if axes.images}
        assert len(heights) == 1
        tops = [box.y1 for text, box in texts.items() if text.get_text().split("\n")[0] in ("one", "three")]
        assert np.ptp([*tops, *[box.y1 for text, box in texts.items() if "two" in text.get_text()]]) <= 3


def test_a_grid_leaves_no_room_for_guesses_that_are_not_there(photo):
    one, three = (plots.guess_grid([photo] * 3, [GUESSES[:n]] * 3).get_size_inches()[1] for n in (1, 3))
    assert three - one == pytest.approx(2 * 0.62)  # two guesses of three lines each


# The network


def full_colours(figure):
    """The blocks that appear in their full colour."""
    shapes = [patch for patch in figure.axes[0].patches if isinstance(patch, Polygon)]
    drawn = {to_hex(shape.get_facecolor()).upper() for shape in shapes}
    return {block for block, colour in plots.BLOCK_COLOURS.items() if colour in drawn}


def test_the_network_is_in_full_colour_without_a_highlight():
    figure = plots.draw_network()
    assert full_colours(figure) == set(plots.BLOCK_COLOURS)
    assert "you are here" not in words(figure)


def test_the_pocket_network_is_drawn_with_its_own_end():
    texts = words(plots.draw_network("pocket"))
    assert {"average", "512\nnumbers", "predictions", "195\nlabels"} <= set(texts)
    assert not any("4,096" in text or "1,000" in text for text in texts)
    with pytest.raises(ReaderError, match="no 'fc1'"):
        plots.draw_network("pocket", highlight="fc1")


@pytest.mark.parametrize("last, labels, expected", [("fc1", 1000, "4,096"), ("average", 3, "3 labels")])
def test_the_network_of_a_recogniser_is_drawn(last, labels, expected):
    layers = [SimpleNamespace(name="block1_conv1"), SimpleNamespace(name=last)]
    recogniser = SimpleNamespace(model=SimpleNamespace(layers=layers), labels=["a"] * labels)
    assert expected in plots.draw_network(recogniser).alt


def test_the_drawing_grows_block_by_block():
    for built in range(7):
        figure = plots.draw_network(built=built)
        assert full_colours(figure) == set(range(1, built + 1))
    with pytest.raises(ReaderError, match="0 to 6"):
        plots.draw_network(built=7)


@pytest.mark.parametrize("network", ["vgg19", None, 2])
def test_an_unknown_network_is_refused(network):
    with pytest.raises(ReaderError, match="no network that can be drawn"):
        plots.draw_network(network)


@pytest.mark.parametrize("highlight", LAYERS)
def test_every_layer_of_the_table_can_be_highlighted(highlight):
    assert "you are here" in words(plots.draw_network(highlight=highlight))


@pytest.mark.parametrize(
    "highlight, block",
    [(1, 1), (5, 5), (6, 6), ("block3_conv2", 3), ("fc2", 6), ("input", None), ("output", 6)],
)
def test_only_the_highlight_keeps_its_colour(highlight, block):
    figure = plots.draw_network(highlight=highlight)
    assert full_colours(figure) == ({block} if block else set())
    assert "you are here" in words(figure)


def test_several_parts_can_be_highlighted():
    figure = plots.draw_network(highlight=[1, "block3_conv2", 5])
    assert full_colours(figure) == {1, 3, 5}
    assert "you are here" in words(figure)


def test_the_network_is_drawn_to_scale():
    """The fronts of the boxes: as high as the maps are wide, as thick as they are many."""
    fronts = [
        patch.get_xy()
        for patch in plots.draw_network().axes[0].patches
        if to_hex(patch.get_facecolor()).upper() in list(plots.BLOCK_COLOURS.values())[:5]
    ]
    boxes = [np.ptp(points, axis=0) for points in fronts]
    thickness, height = np.array(boxes).T
    convolutions = [row for row in VGG16_LAYERS if row.kind == "conv"]
    assert thickness / thickness[0] == pytest.approx([row.units / 64 for row in convolutions])
    assert height / height[0] == pytest.approx([0.5 ** (row.block - 1) for row in convolutions])


@pytest.mark.parametrize("highlight", [0, 7, "block6_conv1", "Input", "", [1, 7]])
def test_an_unknown_highlight_is_refused(highlight):
    with pytest.raises(ValueError, match="a layer's name"):
        plots.draw_network(highlight=highlight)


# What cannot be drawn


def test_a_picture_is_not_changed_by_being_drawn(photo):
    pixels = np.asarray(photo, "float32")
    before = pixels.copy()
    plots.guess_bars(pixels, GUESSES)
    plots.heat_map(pixels, maps()[:, :, 0])
    assert (pixels == before).all()


def test_transparency_is_shown_on_white():
    figure = plots.picture_row([Image.new("RGBA", (20, 20), (255, 0, 0, 0))], [""])
    assert (figure.axes[0].images[0].get_array() == 255).all()


@pytest.mark.parametrize(
    "draw, sentence",
    [
        (lambda: plots.picture_row([np.full((4, 4, 3), -103.9)], [""]), "from 0 to 255"),
        (lambda: plots.picture_row([np.full((4, 4, 3), 0.5)], [""]), "multiply by 255"),
        (lambda: plots.picture_row([np.zeros((1, 4, 4, 3))], [""]), "height, width"),
        (lambda: plots.picture_row([np.zeros((4, 4))], ["one", "two"]), "pictures has 1, titles has 2"),
        (lambda: plots.guess_bars(np.zeros((4, 4)), []), "no guess"),
        (lambda: plots.mosaic(np.zeros((4, 4))), "height, width and channels"),
        (lambda: plots.filters(np.zeros((3, 3, 64, 64))), "First-layer kernels"),
        (lambda: plots.heat_map(np.zeros((4, 4)), np.full((2, 2), np.nan)), "finite"),
        (lambda: plots.bars({"a": -1}), "starts at zero"),
        (lambda: plots.bars({}), "no bar"),
    ],
)
def test_what_cannot_be_drawn_gets_one_sentence(draw, sentence):
    with pytest.raises(ValueError, match=sentence):
        draw()


# The tables of pictures


def test_a_picture_table_wants_every_place_filled(photo):
    cell = (photo, "ant", True, 0.5)
    with pytest.raises(ValueError, match="columns has 2, row has 1"):
        plots.picture_table([[cell, cell], [cell]], ["photo", "drawing"])


def test_right_answers_are_bold_and_bars_show_how_probable_each_answer_is(photo, monkeypatch):
    figure = plots.picture_table([[(photo, "ant", True, 0.25), (photo, "bee", False, 0.75)]], ["one", "two"])
    weights = {text.get_text(): text.get_weight() for text in drawn_texts(figure, monkeypatch)}
    assert weights["ant"] == "bold" and weights["bee"] == "normal"
    bars = [axes.patches[-1].get_width() for axes in figure.axes if len(axes.patches) == 2]
    assert bars == [0.25, 0.75]
    assert {"25.0 %", "75.0 %"} <= weights.keys()


def test_a_book_page_marks_only_what_was_scored(photo, monkeypatch):
    words = ["ant", "bee", "cow"]

    def marks(**given):
        texts = drawn_texts(plots.book_page([photo] * 3, words, **given), monkeypatch)
        return [text.get_text() for text in texts if text.get_text() in ("✓", "✗", "–")]

    assert marks() == []
    assert marks(answers=words, right=[True, False, None]) == ["✓", "✗"]
    assert marks(answers=words, right=["no label", False, True]) == ["–", "✗", "✓"]
    with pytest.raises(ValueError, match="words has 3, answers has 2"):
        plots.book_page([photo] * 3, words, answers=["ant", "bee"])


def test_a_book_page_says_what_its_marks_mean(photo, monkeypatch):
    figure = plots.book_page([photo] * 3, ["ant", "bee", "cow"], ["a", "b", "c"], ["no label", None, True])
    assert "ant (answer: a, no label for it), bee (answer: b), cow (answer: c, right)" in figure.alt
    texts = [text.get_text() for text in drawn_texts(figure, monkeypatch)]
    assert "✓ right · – no label for it" in texts
    figure = plots.book_page([photo] * 4, list("abcd"), list("efgh"), ["no label", None, True, True])
    texts = [text.get_text() for text in drawn_texts(figure, monkeypatch)]
    assert "✓ right\n– no label for it" in texts  # where a fifth picture would stand
