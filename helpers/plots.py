"""Every figure of the course, drawn from pictures, arrays and guesses, in one visual language.

Each function returns a Matplotlib figure and shows nothing; `show(figure, caption, alt)` shows it.
Figures are at most 7 inches wide, their text has 11 points or more, and their background is opaque, so
that they read the same on a white page, in a dark theme and for readers who see fewer colours.
"""

import base64
import functools
import io
import math
import sys
import warnings
from collections import Counter

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, Normalize, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Circle, Polygon, Rectangle
from matplotlib.ticker import EngFormatter, PercentFormatter
from PIL import Image

from helpers.architecture import INPUT_SIZE, VGG16_LAYERS

# From light to dark as the picture goes deeper, so that even a grey print keeps the order; red for the
# dense layers. All six stay apart for readers with any of the three kinds of colour blindness (a test).
BLOCK_COLOURS = {
    1: "#F2B632",
    2: "#86C06C",
    3: "#1BA39C",
    4: "#2F74C0",
    5: "#3F2A7A",
    6: "#CC4037",
}
INK = "#22252A"
QUIET = "#5E636B"
RULE = "#DAD6CC"
TRACK = "#E8E5DD"
GREY = "#8A8F98"
BACKGROUND = "#FAF8F3"

MAX_WIDTH = 7
TEXT = 11
TITLE = 13
MARGIN = 0.15
LINE = 0.2  # the height of one line of text, in inches

STYLE = {
    "figure.dpi": 115,
    "figure.facecolor": BACKGROUND,
    "savefig.facecolor": BACKGROUND,
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.titlesize": TITLE,
    "axes.titlelocation": "left",
    "axes.labelsize": TEXT,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "legend.fontsize": TEXT,
    "legend.frameon": False,
    "figure.titlesize": TITLE,
    "axes.facecolor": BACKGROUND,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "text.color": INK,
    "xtick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.color": QUIET,
    "ytick.labelcolor": INK,
    "lines.linewidth": 2,
    "text.parse_math": False,  # a dollar sign in a file name is a dollar sign
}

# A title may be a file name in any script; what the font cannot write becomes an empty box, not a warning.
warnings.filterwarnings("ignore", "Glyph .* missing from font")


# Showing a figure


def new_figure(width=MAX_WIDTH, height=3):
    """An empty figure in the course's style, with Matplotlib's constrained layout.

    width, height: inches; the width at most 7. The style also becomes Matplotlib's setting for this session,
    so that what a reader plots beside our figures matches them. Raises ValueError for a wider figure.
    """
    if width > MAX_WIDTH:
        raise ValueError(f"A figure of the course is at most {MAX_WIDTH} inches wide, not {width}.")
    matplotlib.rcParams.update(STYLE)
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    FigureCanvasAgg(figure)  # not pyplot's list of open figures: nothing to close, nothing shown twice
    return figure


def show(figure, caption, alt):
    """Show a figure in the notebook, with its caption in italics under it.

    figure: a Matplotlib figure; caption: one or more sentences of Markdown that say what to look at;
    alt: what the figure shows, in words, for readers who do not see it: stored with the PNG, in the output's
    metadata. Outside a notebook the two texts are printed. Raises ValueError if one of them is empty.
    """
    caption, alt = " ".join(caption.split()), " ".join(alt.split())
    if not caption or not alt:
        raise ValueError("A figure needs a caption (what to look at) and an alt text (what it shows).")
    if _in_notebook():
        from IPython.display import display

        picture = base64.b64encode(png(figure)).decode()
        display({"image/png": picture, "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True)
        display({"text/markdown": f"*{caption}*", "text/plain": caption}, raw=True)
    else:
        print(f"[Figure: {alt}]\n{caption}")
    if "matplotlib.pyplot" in sys.modules:  # a figure that a reader made with pyplot would be shown again
        sys.modules["matplotlib.pyplot"].close(figure)


def _in_notebook():
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None


def png(figure):
    """The figure as the bytes of a PNG file: in 256 colours where nobody would see the difference."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=STYLE["figure.dpi"])
    picture = Image.open(file).convert("RGB")
    if picture.getcolors(15_000):  # few enough colours: a drawing or feature maps, not a photo
        small = picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1)
        change = np.abs(np.asarray(picture, "int16") - np.asarray(small.convert("RGB"), "int16"))
        picture = small if change.max() <= 16 else picture  # of 255 levels
    compact = io.BytesIO()
    picture.save(compact, "png", optimize=True)
    return compact.getvalue()


def percent(p):
    """A probability as people read it: percent(0.9301) is "93.0 %", percent(0.00004) is "< 0.1 %".

    p: 0 to 1. Only certainty is written "100 %" and only impossibility "0 %".
    Raises ValueError for anything else (a rounding error of float32 is forgiven).
    """
    p = float(p)
    if not -1e-5 <= p <= 1 + 1e-5:
        raise ValueError(f"A probability lies between 0 and 1; this one is {p}.")
    if p <= 0:
        return "0 %"
    if p >= 1:
        return "100 %"
    if p < 0.001:
        return "< 0.1 %"
    if p > 0.999:
        return "> 99.9 %"
    return f"{100 * p:.1f} %"


# Pictures and guesses


def guess_bars(picture, guesses, title=None):
    """The picture, and beside it a bar for each guess on a scale from 0 to 100 %.

    picture: PIL image, or array (height, width[, 3]) with values 0 to 255;
    guesses: what `Recogniser.guess` gives, best first: objects with `label` and `probability` (0 to 1).
    """
    if not guesses:
        raise ValueError("There is no guess to draw: `guesses` is empty.")
    height, top = 0.6 + 0.5 * max(len(guesses), 4), _top(title)
    figure = _plain_figure(MAX_WIDTH, top + height)
    _heading(figure, title)
    _draw_picture(_place(figure, MARGIN, top + MARGIN, 2.7, height - 2 * MARGIN), picture, anchor="W")

    axes = _place(figure, 3.1, top + MARGIN, 2.9, height - 0.3 - 2 * MARGIN)
    for row, guess in enumerate(guesses):
        weight = "bold" if row == 0 else "normal"
        axes.barh(row, 1, height=0.36, color=TRACK)
        axes.barh(row, guess.probability, height=0.36, color=BLOCK_COLOURS[6])
        axes.text(0, row - 0.24, _shortened(guess.label, 3.7, weight), va="bottom", weight=weight)
        axes.text(1.03, row, percent(guess.probability), va="center", weight=weight)
    axes.set(xlim=(0, 1), ylim=(max(len(guesses), 4) - 0.75, -0.75), yticks=[], xticks=[0, 0.5, 1])
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=2)
    return figure


def guess_grid(pictures, guesses_list, titles=None, columns=3, top=3):
    """Several pictures, each with its best guesses and their bars under it.

    pictures: PIL images or arrays (height, width[, 3]), 0 to 255; guesses_list: a list of guesses for each;
    titles: one line above each picture, or None; columns: pictures in a row;
    top: how many guesses are written. Raises ValueError if the lists differ in length.
    """
    titles = titles or [""] * len(pictures)
    _same_length(pictures=pictures, guesses_list=guesses_list, titles=titles)
    columns = min(columns, max(len(pictures), 2))
    cell = (MAX_WIDTH - MARGIN) / columns - MARGIN
    step = 0.44  # a guess: a line of text and a bar
    heads, talls = _heights(pictures, titles, cell)
    uppers = [max(map(sum, row)) for row in _in_rows(zip(heads, talls, strict=True), columns)]
    figure = _plain_figure(MAX_WIDTH, MARGIN + sum(upper + step * top + 0.25 for upper in uppers))

    for number, (picture, guesses, title) in enumerate(zip(pictures, guesses_list, titles, strict=True)):
        row, column = divmod(number, columns)
        left, tall = MARGIN + column * (cell + MARGIN), talls[number]
        floor = MARGIN + sum(uppers[: row + 1]) + (step * top + 0.25) * row
        _draw_picture(_place(figure, left, floor - tall, cell, tall), picture, anchor="W")
        _write(figure, left, floor - tall - 0.07, _wrapped(title, cell, "bold"), va="bottom", weight="bold")
        axes = _place(figure, left, floor, cell, step * top)
        axes.set(xlim=(0, cell), ylim=(step * top, 0))
        axes.axis("off")
        for line, guess in enumerate(guesses[:top]):
            axes.text(0, step * line + 0.23, _shortened(guess.label, cell), va="baseline")
            long, low = cell - 0.85, step * line + 0.29
            for full, colour in [(1, TRACK), (guess.probability, BLOCK_COLOURS[6])]:
                axes.add_patch(Rectangle((0, low), full * long, 0.1, color=colour, lw=0))
            axes.text(cell, low + 0.06, percent(guess.probability), va="center", ha="right")
    return figure


def picture_row(pictures, titles, columns=None, title=None):
    """Pictures side by side, each with a line of text above it.

    pictures: PIL images or arrays (height, width[, 3]), 0 to 255; titles: one for each ("" for none);
    columns: pictures in a row; None puts up to four in one row and more into rows of four.
    Raises ValueError if the lists differ in length.
    """
    _same_length(pictures=pictures, titles=titles)
    columns = columns or min(len(pictures), 4)
    cell = min((MAX_WIDTH - MARGIN) / columns - MARGIN, 3.3)
    heads, talls = _heights(pictures, titles, cell)
    lines, bodies = (list(map(max, _in_rows(inches, columns))) for inches in (heads, talls))
    top = max(MARGIN, _top(title))
    figure = _plain_figure(
        MARGIN + columns * (cell + MARGIN), top + sum(lines) + sum(bodies) + MARGIN * len(bodies)
    )
    _heading(figure, title)
    for number, (picture, text) in enumerate(zip(pictures, titles, strict=True)):
        row, column = divmod(number, columns)
        left = MARGIN + column * (cell + MARGIN)
        start = top + sum(lines[: row + 1]) + sum(bodies[:row]) + MARGIN * row
        _write(figure, left, start - 0.07, _wrapped(text, cell), va="bottom")
        _draw_picture(_place(figure, left, start, cell, bodies[row]), picture, anchor="NW")
    return figure


def heat_map(picture, map, title=None):
    """The picture, and beside it the same picture in grey with a map laid over all of it.

    picture: PIL image or array (height, width[, 3]), 0 to 255; map: array (rows, columns), any size, larger
    where more was seen: it is stretched smoothly over the whole picture. The colours run from 0 (or less),
    "little", to the map's largest value, "much".
    """
    pixels, heat = _pixels(picture), np.asarray(map, "float32")
    if heat.ndim != 2 or not np.isfinite(heat).all():
        raise ValueError(f"A map is a table of finite numbers; this one has the shape {heat.shape}.")
    cell, bar = 2.95, 0.16
    body = cell * min(max(pixels.shape[0] / pixels.shape[1], 0.4), 1.3)
    top = _top(title)
    figure = _plain_figure(MAX_WIDTH, top + body + 2 * MARGIN)
    _heading(figure, title)

    # The colours grow denser with the map, so that the picture stays readable where little was seen.
    colours = ListedColormap(matplotlib.colormaps["inferno"](np.linspace(0.2, 1, 256)))
    dense = np.linspace(0.15, 0.85, 256)[:, None]
    overlay = ListedColormap(np.hstack([colours.colors[:, :3], dense]))
    scale = Normalize(0, max(float(heat.max()), 1e-12))
    left, right = (_place(figure, MARGIN + i * (cell + MARGIN), top + MARGIN, cell, body) for i in (0, 1))
    _draw_picture(left, pixels)
    _draw_picture(right, 80 + 0.6 * np.asarray(Image.fromarray(pixels).convert("L"), "float32"))
    right.imshow(
        heat,
        cmap=overlay,
        norm=scale,
        interpolation="bilinear",
        extent=(0, pixels.shape[1], pixels.shape[0], 0),
    )

    axes = _place(figure, 2 * cell + 3 * MARGIN, top + MARGIN + LINE + 0.1, bar, body - 2 * LINE - 0.2)
    on_grey = ListedColormap(dense * colours.colors[:, :3] + (1 - dense) * 0.5)
    figure.colorbar(ScalarMappable(cmap=on_grey), cax=axes, ticks=[]).outline.set_visible(False)
    axes.text(0, 1.04, "much", transform=axes.transAxes, va="bottom")
    axes.text(0, -0.04, "little", transform=axes.transAxes, va="top")
    return figure


def picture_table(rows, columns, title=None):
    """Pictures in rows and columns, each with an answer and a bar for the right word under it.

    rows: lists of the same length: in each a tuple (picture, answer, right, probability) for every column:
        a PIL image or array (height, width[, 3]), 0 to 255; the first guess as text; whether that counts as
        right: then it is written bold; and how probable the right word is, 0 to 1.
    columns: a heading for each column. Raises ValueError if a row is longer or shorter.
    """
    for row in rows:
        _same_length(columns=columns, row=row)
    cell = (MAX_WIDTH - MARGIN) / len(columns) - MARGIN / 2
    heads = [_wrapped(text, cell, "bold") for text in columns]
    answers = [
        [_wrapped(answer, cell, "bold" if right else "normal") for _, answer, right, _ in row] for row in rows
    ]
    top = _top(title) + MARGIN + LINE * (1 + max(text.count("\n") for text in heads))
    lines = [1 + max(text.count("\n") for text in row) for row in answers]
    talls = [cell + 0.1 + LINE * count + 0.5 for count in lines]
    figure = _plain_figure(MAX_WIDTH, top + sum(talls))
    _heading(figure, title)
    lefts = [MARGIN + number * (cell + MARGIN / 2) for number in range(len(columns))]
    for left, text in zip(lefts, heads, strict=True):
        _write(figure, left, top - 0.07, text, va="bottom", weight="bold")
    for number, row in enumerate(rows):
        start = top + sum(talls[:number])
        for left, text, (picture, _, right, probability) in zip(lefts, answers[number], row, strict=True):
            _draw_picture(_place(figure, left, start, cell, cell), picture)
            under = start + cell + 0.05
            _write(figure, left, under, text, va="top", weight="bold" if right else "normal")
            bar = _place(figure, left, under + LINE * lines[number] + 0.05, cell, 0.1)
            bar.barh(0, 1, color=TRACK)
            bar.barh(0, probability, color=BLOCK_COLOURS[6])
            bar.set(xlim=(0, 1), ylim=(-0.4, 0.4))
            bar.axis("off")
            below = under + LINE * lines[number] + 0.18
            _write(figure, left, below, percent(probability), va="top", color=QUIET)
    return figure


def book_page(pictures, words, answers=None, right=None, title="My first words", number=None):
    """Pictures drawn as a page of a first-words book: three in a row, a word in large letters under each.

    pictures: PIL images or arrays (height, width[, 3]), 0 to 255; words: one for each;
    answers: for each what the network said, in one or more lines, or None for the page as a child gets it;
    right: for each whether that counts as right: it gets a tick or a cross; number: of the page, or None.
    Raises ValueError if the lists differ in length.
    """
    answers = answers or [""] * len(pictures)
    right = right or [None] * len(pictures)
    _same_length(pictures=pictures, words=words, answers=answers, right=right)
    columns, gap, cell = 3, 0.4, 1.65
    said = ["\n".join(_wrapped(line, cell + 0.25) for line in answer.splitlines()) for answer in answers]
    lines = [max(text.count("\n") + 1 if text else 0 for text in row) for row in _in_rows(said, columns)]
    talls = [cell + 0.55 + LINE * count + 0.15 for count in lines]
    figure = _plain_figure(MAX_WIDTH, 0.95 + sum(talls) + 0.35)
    across, down = figure.get_size_inches()

    paper = _place(figure, 0, 0, across, down)
    paper.axis("off")
    # A sheet of white paper; the grey at its left is the fold between this page and the one before.
    paper.add_patch(Rectangle((0.2, 0.1), across - 0.4, down - 0.2, facecolor="white", edgecolor=RULE))
    fold = np.linspace(0.72, 1, 64)[None, :, None].repeat(3, axis=2)
    paper.imshow(fold, extent=(0.21, 0.5, down - 0.11, 0.11), aspect="auto", zorder=2)
    paper.set(xlim=(0, across), ylim=(down, 0))
    heading = _shortened(title, across - 1, "bold", 22)
    _write(figure, across / 2 + 0.1, 0.52, heading, size=22, weight="bold", ha="center", va="center")
    if number is not None:
        _write(figure, across - 0.4, down - 0.3, str(number), color=QUIET, ha="right", va="center")

    left = (across - columns * cell - (columns - 1) * gap) / 2 + 0.1
    for place, (picture, word, text, good) in enumerate(zip(pictures, words, said, right, strict=True)):
        row, column = divmod(place, columns)
        x, start = left + column * (cell + gap), 0.95 + sum(talls[:row])
        axes = _place(figure, x, start, cell, cell)
        axes.imshow(_pixels(picture), cmap="gray", vmin=0, vmax=255)
        axes.axis("off")
        word = _shortened(word, cell + gap - 0.1, "bold", 18)
        _write(
            figure, x + cell / 2, start + cell + 0.22, word, size=18, weight="bold", ha="center", va="center"
        )
        _write(figure, x + cell / 2, start + cell + 0.42, text, ha="center", va="top")
        if good is not None:
            mark, colour = ("✓", INK) if good else ("✗", BLOCK_COLOURS[6])
            _write(
                figure,
                x + cell + 0.1,
                start,
                mark,
                size=20,
                weight="bold",
                color=colour,
                ha="center",
                va="top",
            )
    return figure


# What the layers hold


def mosaic(activations, columns=8, title=None, count=32, block=None):
    """The first feature maps of a layer side by side, all on one scale.

    activations: array (height, width, channels) of one picture; columns: maps in a row; count: how many maps
    are shown at most; block: 1 to 5 draws them in that block's colour, None in grey. Maps with values below
    zero (before ReLU) are drawn in two colours, with zero between them.
    The scale ends at the value that only one in 200 exceeds: one loud spot shall not darken all others.
    """
    maps = np.asarray(activations, "float32")
    if maps.ndim != 3:
        raise ValueError(f"Feature maps have height, width and channels; these have the shape {maps.shape}.")
    total, shown = maps.shape[2], min(count, maps.shape[2])
    maps = maps[:, :, :shown]
    signed = maps.min() < 0
    largest = float(np.percentile(np.abs(maps), 99.5)) or float(np.abs(maps).max()) or 1.0
    scale = Normalize(-largest if signed else 0, largest)
    colours = matplotlib.colormaps["PuOr_r"] if signed else _glow(block)

    gap = 0.05
    columns = min(columns, shown)
    cell = min((MAX_WIDTH - 2 * MARGIN + gap) / columns - gap, 1.75)
    rows, tall = math.ceil(shown / columns), cell * maps.shape[0] / maps.shape[1]
    grid_height = rows * (tall + gap) - gap
    top = _top(True)
    figure = _plain_figure(MAX_WIDTH, top + grid_height + 0.62)
    note = f"{shown} of {total} maps" if shown < total else f"{total} maps"
    _heading(figure, title or "Feature maps", note, block)

    axes = _place(figure, MARGIN, top + 0.05, columns * (cell + gap) - gap, grid_height)
    for number in range(shown):
        row, column = divmod(number, columns)
        left, start = column * (cell + gap), row * (tall + gap)
        axes.imshow(
            maps[:, :, number],
            cmap=colours,
            norm=scale,
            aspect="auto",
            extent=(left, left + cell, start + tall, start),
        )
    axes.set(xlim=(0, columns * (cell + gap) - gap), ylim=(grid_height, 0))
    axes.axis("off")

    low = f"{_number(-largest)} or less" if signed else "0: nothing found"
    high = f"{_number(largest)} or more"
    bar = _place(figure, 2.4, top + grid_height + 0.29, 2.2, 0.13)
    scale_bar = figure.colorbar(ScalarMappable(scale, colours), cax=bar, orientation="horizontal", ticks=[])
    scale_bar.outline.set_visible(False)
    _write(figure, 2.3, top + grid_height + 0.355, low, ha="right", va="center")
    _write(figure, 4.7, top + grid_height + 0.355, high, va="center")
    return figure


def filters(kernels, title=None):
    """The kernels of the first layer as small colour pictures, in rows of eight.

    kernels: array (3, 3, 3, count): height, width, input channel (blue, green, red, as the network wants
    them), kernel. Each is scaled on its own: mid-grey is zero, its largest weight reaches full colour.
    """
    kernels = np.asarray(kernels, "float32")
    if kernels.ndim != 4 or kernels.shape[2] != 3:
        raise ValueError(f"First-layer kernels are (height, width, 3, count); these are {kernels.shape}.")
    count, columns, cell, gap = kernels.shape[3], 8, 0.56, 0.07
    rows = math.ceil(count / columns)
    side, tall = columns * (cell + gap) - gap, rows * (cell + gap) - gap
    top = _top(title)
    figure = _plain_figure(side + 2 * MARGIN, top + tall + 2 * MARGIN)
    _heading(figure, title, block=1)
    axes = _place(figure, MARGIN, top + MARGIN, side, tall)
    for number in range(count):
        row, column = divmod(number, columns)
        left, start = column * (cell + gap), row * (cell + gap)
        rgb = kernels[:, :, ::-1, number]
        axes.imshow(
            0.5 + 0.5 * rgb / max(float(np.abs(rgb).max()), 1e-12),
            interpolation="nearest",
            aspect="auto",
            extent=(left, left + cell, start + cell, start),
        )
    axes.set(xlim=(0, side), ylim=(tall, 0))
    axes.axis("off")
    return figure


# Numbers


def bars(values, title=None, xlabel=None, log=False):
    """Horizontal bars with their values written at them.

    values: dict name -> number, or list of (name, number, colour). In a dict, the layers of VGG16 get the
    colour of their block and all else a quiet grey. Numbers are zero or more; log: a logarithmic scale, on
    which each line is ten times the one before.
    """
    if not values:
        raise ValueError("There is no bar to draw: `values` is empty.")
    if isinstance(values, dict):
        values = [(name, number, _layer_colour(name)) for name, number in values.items()]
    names, numbers, colours = zip(*values, strict=True)
    if min(numbers) < 0:
        raise ValueError(f"A bar starts at zero; the value {min(numbers)} lies below it.")
    height = 0.27 * len(names) + 0.25 + _top(title) + (0.25 if xlabel else 0) + (0.25 if log else 0)
    figure = new_figure(MAX_WIDTH, height)
    _suptitle(figure, title)
    axes = figure.add_subplot()
    axes.barh(range(len(names)), numbers, color=colours, height=0.74)
    axes.set(ylim=(len(names) - 0.4, -0.6), yticks=range(len(names)), yticklabels=names, xlabel=xlabel)
    axes.tick_params(length=0)
    axes.spines["bottom"].set_visible(False)
    if log:
        smallest = min((number for number in numbers if number > 0), default=1)
        axes.set_xscale("log")
        axes.set_xlim(10 ** (math.ceil(math.log10(smallest)) - 1), max(*numbers, 10 * smallest))
        axes.xaxis.set_major_formatter(EngFormatter())
        axes.minorticks_off()
        axes.grid(axis="x")
    else:
        axes.set(xlim=(0, max(numbers) or 1), xticks=[])
    for row, number in enumerate(numbers):
        end = max(number, axes.get_xlim()[0])
        axes.annotate(_number(number), (end, row), (5, 0), textcoords="offset points", va="center_baseline")
    return figure


def confidence_curves(x, curves, xlabel, title=None):
    """How sure the network is, as something about the picture changes: one line for each label.

    x: numbers along the horizontal axis (degrees, pixels, ...); curves: dict name -> probabilities, 0 to 1,
    one for each x; the first is drawn strongest. The vertical axis is always 0 to 100 %.
    """
    figure = new_figure(MAX_WIDTH, 3.4 + 0.25 * math.ceil(len(curves) / 2))
    _suptitle(figure, title)
    axes = figure.add_subplot()
    # One colour for what comes out of the dense layers; the others differ by their dashes and marks as well.
    looks = [
        (BLOCK_COLOURS[6], "-", "o"),
        (INK, "-", "s"),
        (QUIET, "--", "^"),
        (GREY, "-.", "D"),
        (INK, ":", "v"),
    ]
    for number, (name, probabilities) in enumerate(curves.items()):
        colour, dash, mark = looks[number % len(looks)]
        axes.plot(
            x,
            probabilities,
            dash,
            marker=mark,
            color=colour,
            markersize=5,
            label=name,
            linewidth=2.6 if number == 0 else 1.5,
            zorder=3 - 0.1 * number,
            clip_on=False,
        )
    axes.set(ylim=(0, 1), yticks=[0, 0.25, 0.5, 0.75, 1], xlabel=xlabel)
    axes.margins(x=0.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def bend_curves(rows):
    """How sure the network is while a picture is bent more and more: curves, each above its pictures.

    rows: a tuple for each curve: title; a note under it, or ""; amounts, written under the pictures, at equal
    distances; probabilities, 0 to 1; is_first, whether that was the first guess: a full dot, else a ring;
    pictures, PIL images or arrays, of which five are shown. Raises ValueError if these differ in number.
    """
    columns, left, gap, curve = min(2, len(rows)), 0.62, 0.2, 1.1
    panel = (MAX_WIDTH - left - MARGIN - gap * (columns - 1)) / columns
    thumb = min(panel / 5, 0.9) - 0.05
    tall = 2 * LINE + 0.15 + curve + 0.06 + thumb + LINE + 0.2
    figure = _plain_figure(MAX_WIDTH, MARGIN + tall * math.ceil(len(rows) / columns))
    for place, (title, note, amounts, probabilities, is_first, pictures) in enumerate(rows):
        _same_length(
            amounts=list(amounts),
            probabilities=list(probabilities),
            is_first=list(is_first),
            pictures=pictures,
        )
        row, column = divmod(place, columns)
        start, across = MARGIN + row * tall, left + column * (panel + gap)
        _write(figure, across, start, _shortened(title, panel, "bold"), va="top", weight="bold")
        _write(figure, across, start + LINE, _shortened(note, panel), va="top", color=QUIET)
        start += 2 * LINE + 0.15
        axes = _place(figure, across, start, panel, curve)
        steps, last = np.arange(len(amounts)), len(amounts) - 1
        axes.plot(steps, probabilities, color=BLOCK_COLOURS[6], clip_on=False)
        fills = [BLOCK_COLOURS[6] if first else BACKGROUND for first in is_first]
        axes.scatter(
            steps,
            probabilities,
            s=36,
            c=fills,
            edgecolors=BLOCK_COLOURS[6],
            linewidths=1.5,
            zorder=3,
            clip_on=False,
        )
        # Each of the five pictures stands right under its dot.
        shown = np.linspace(0, last, 5).round().astype(int)
        axes.set(xlim=(-last / 8, last * 9 / 8), ylim=(0, 1), xticks=[], yticks=[0, 0.5, 1])
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.tick_params(axis="y", length=0, labelleft=column == 0)
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        for number in shown:
            middle = across + panel * (number / last + 1 / 8) * 4 / 5
            under = start + curve + 0.06
            _draw_picture(_place(figure, middle - thumb / 2, under, thumb, thumb), pictures[number])
            _write(figure, middle, under + thumb + 0.05, f"{amounts[number]:g}", va="top", ha="center")
    return figure


# The drawing of the network

SIDE = 1.55 / INPUT_SIZE  # inches for one pixel of a layer's height and depth
THICKNESS = 0.025 / 64  # inches for one channel
NEURON = 1.55 / 4096  # inches for one neuron of a dense layer
DEPTH = np.array([0.29, 0.21])  # how far one inch into the depth goes to the right and up
SHEET = 0.04  # inches between two layers of a block


def draw_network(highlight=None):
    """VGG16 to scale, from the picture on the left to the answer on the right.

    A convolution is a slab: its height and depth are the pixels of its maps, its thickness their number; the
    paler slab at the end of each block is the pooling. A dense layer is a bar as high as it has neurons.
    highlight: what gets the mark "you are here" while the rest turns pale: a block, 1 to 5 (6: the dense
    layers), a layer's name ("block3_conv2", "fc1"), "input" or "output", or a list of these; None: all in
    full colour. Raises ValueError for any other highlight.
    """
    names = [row.name for row in VGG16_LAYERS]
    for part in highlight if isinstance(highlight, list) else [highlight]:
        if part not in [None, "input", "output", *BLOCK_COLOURS, *names]:
            raise ValueError(
                f"The drawing has no {part!r}: use 1 to 6, 'input', 'output' "
                "or a layer's name, such as 'block3_conv2'."
            )
    height, floor = 3.1, 0.76
    figure = _plain_figure(MAX_WIDTH, height)
    axes = _place(figure, 0, 0, MAX_WIDTH, height)
    axes.set(xlim=(0, MAX_WIDTH), ylim=(-floor, height - floor))
    axes.axis("off")
    drawing = _Drawing(axes, highlight)
    drawing.picture()
    for block in range(1, 6):
        drawing.block(block)
    drawing.dense()
    drawing.answer()
    drawing.mark()
    scale = "height: pixels, or neurons · thickness: channels"
    axes.text(MAX_WIDTH - MARGIN, height - floor - 0.12, scale, ha="right", va="top", color=QUIET)
    return figure


class _Drawing:
    """The pen that draws the parts of the network from left to right, in inches above the floor."""

    def __init__(self, axes, highlight):
        self.axes = axes
        self.highlight = highlight if isinstance(highlight, list) or highlight is None else [highlight]
        self.size = INPUT_SIZE  # pixels, halved by every pooling
        self.x = 0.12  # where the next part may start
        self.marked = []  # the corners of what is highlighted

    def lit(self, *names):
        """Whether something that goes by these names is drawn in full colour."""
        return self.highlight is None or any(part in names for part in self.highlight)

    def part(self, width, heading, lines, lit):
        """Write the labels of the next part, `width` inches wide; returns where its drawing starts."""
        slot = max(width, *[_width(text) for text in lines], _width(heading, "bold")) + 0.09
        middle = self.x + slot / 2
        colour = INK if lit else QUIET
        self.axes.text(middle, -0.1, heading, ha="center", va="top", weight="bold", color=colour)
        self.axes.text(middle, -0.31, "\n".join(lines), ha="center", va="top", color=colour, linespacing=1.1)
        self.x += slot
        return middle - width / 2

    def shape(self, points, colour, lit, edge=True):
        """A filled polygon, pale where it is not lit."""
        if not lit:
            colour = _mix(colour, BACKGROUND, 0.74)
        line = _mix(colour, INK, 0.45 if lit else 0.12) if edge else "none"
        self.axes.add_patch(
            Polygon(points, facecolor=colour, edgecolor=line, linewidth=0.5, joinstyle="round")
        )
        if lit:
            self.marked.extend(np.asarray(points).tolist())

    def slab(self, x, thickness, side, depth, colour, lit):
        """A box on the floor: its front, top and right side. `depth`: how far it goes right and up."""
        left, right, up = np.array([x, 0]), np.array([x + thickness, 0]), np.array([0, side])
        front = [left, right, right + up, left + up]
        top = [left + up, right + up, right + up + depth, left + up + depth]
        end = [right, right + depth, right + depth + up, right + up]
        self.shape(front, colour, lit)
        self.shape(top, _mix(colour, "white", 0.35), lit)
        self.shape(end, _mix(colour, INK, 0.18), lit)

    def picture(self):
        lit, side, frame = self.lit("input"), self.size * SIDE, 0.03
        depth = side * DEPTH
        x = self.part(frame + depth[0], "picture", [f"{self.size}×{self.size}", "×3"], lit)
        self.slab(x, frame, side, depth, "#C9CDD3", lit)
        turn = np.linspace(0, 2 * np.pi, 40)
        sky = [(0.08, 0.04), (0.92, 0.04), (0.92, 0.96), (0.08, 0.96)]
        sun = np.column_stack([0.68 + 0.15 * np.cos(turn), 0.76 + 0.075 * np.sin(turn)])
        far = [(0.08, 0.04), (0.08, 0.3), (0.36, 0.56), (0.58, 0.4), (0.72, 0.48), (0.92, 0.32), (0.92, 0.04)]
        near = [(0.08, 0.04), (0.08, 0.16), (0.4, 0.24), (0.7, 0.15), (0.92, 0.2), (0.92, 0.04)]
        for points, colour in [(sky, "#DCE9F2"), (sun, "#F6E3A8"), (far, "#8C97A3"), (near, "#5D6875")]:
            on_the_side = [(x + frame + u * depth[0], u * depth[1] + v * side) for u, v in points]
            self.shape(on_the_side, colour, lit, edge=False)

    def block(self, block):
        rows = [row for row in VGG16_LAYERS if row.block == block]
        thickness = rows[0].units * THICKNESS
        width = len(rows) * (thickness + SHEET) - SHEET + self.size / 2 * SIDE * DEPTH[0]
        lit = self.lit(block, *[row.name for row in rows])
        x = self.part(width, f"block {block}", [f"{self.size}×{self.size}", f"×{rows[0].units}"], lit)
        for row in rows:
            colour = BLOCK_COLOURS[block]
            if row.kind == "pool":
                self.size //= 2
                colour = _mix(colour, BACKGROUND, 0.5)
            side = self.size * SIDE
            self.slab(x, thickness, side, side * DEPTH, colour, self.lit(block, row.name))
            x += thickness + SHEET

    def dense(self):
        rows = [row for row in VGG16_LAYERS if row.kind == "dense"]
        colour, thickness, step, fan = BLOCK_COLOURS[6], 0.07, 0.2, 0.16
        lit = self.lit(6, "flatten", *[row.name for row in rows])
        lines = [f"{count}×{units}" for units, count in Counter(row.units for row in rows).items()]
        x = self.part(fan + step * len(rows), "dense", lines, lit)
        # The flatten layer: every number of the last maps is handed to every neuron of the first dense layer.
        corners = [(x, 0), (x + fan, 0), (x + fan, rows[0].units * NEURON), (x, self.size * SIDE)]
        self.shape(corners, _mix(colour, BACKGROUND, 0.7), self.lit(6, "flatten"), edge=False)
        for number, row in enumerate(rows):
            left, depth = x + fan + number * step, np.array([0.06, 0.045])
            self.slab(left, thickness, row.units * NEURON, depth, colour, self.lit(6, row.name))

    def answer(self):
        lit = self.lit("output")
        x = self.part(0.5, "answer", [f"{VGG16_LAYERS[-1].units}", "labels"], lit)
        for number, long in enumerate([0.5, 0.26, 0.15, 0.09, 0.05]):
            low, high = 0.42 - 0.1 * number, 0.485 - 0.1 * number
            corners = [(x, low), (x + long, low), (x + long, high), (x, high)]
            self.shape(corners, BLOCK_COLOURS[6], lit, edge=False)

    def mark(self):
        """A pin above what is highlighted."""
        if self.highlight is None:
            return
        points = np.array(self.marked)
        middle = (points[:, 0].min() + points[:, 0].max()) / 2
        distance = np.abs(points[:, 0] - middle)
        tip = points[distance <= distance.min() + 0.5, 1].max() + 0.04
        # Beside the tall dense layers the pin gets a long needle, so that its words stand above them.
        head = (1.63 if middle > 5.5 else tip) + 0.27
        turn = np.linspace(-0.2 * np.pi, 1.2 * np.pi, 40)
        drop = np.column_stack([middle + 0.1 * np.cos(turn), head + 0.1 * np.sin(turn)])
        self.axes.add_patch(Polygon([(middle, max(tip, head - 0.27)), *drop], facecolor=INK, linewidth=0))
        self.axes.add_patch(Circle((middle, head), 0.04, facecolor=BACKGROUND, linewidth=0))
        self.axes.plot([middle, middle], [tip, head - 0.15], color=INK, linewidth=1.5)
        side, align = (0.16, "left") if middle < MAX_WIDTH / 2 else (-0.16, "right")
        self.axes.text(middle + side, head - 0.01, "you are here", ha=align, va="center", weight="bold")


# Small tools


def _plain_figure(width, height):
    """A figure without automatic layout: its parts are placed by `_place`, in inches."""
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    return figure


def _place(figure, left, top, width, height):
    """Axes at a place given in inches from the figure's upper left corner."""
    across, down = figure.get_size_inches()
    return figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))


def _write(figure, left, top, text, **style):
    """Text at a place given in inches from the figure's upper left corner."""
    across, down = figure.get_size_inches()
    return figure.text(left / across, 1 - top / down, text, **style)


def _top(title):
    """The height that the title of a plain figure takes, in inches."""
    return 0.4 if title else 0


def _heading(figure, title, note=None, block=None):
    """The title of a plain figure: a chip in the block's colour, the title, and a quiet note at the right."""
    if not title:
        return
    across, down = figure.get_size_inches()
    left, right = MARGIN, across - MARGIN
    if block:
        chip = (left / across, 1 - 0.36 / down), 0.16 / across, 0.16 / down
        figure.add_artist(Rectangle(*chip, color=BLOCK_COLOURS[block], lw=0))
        left += 0.25
    if note:
        _write(figure, right, 0.28, note, color=QUIET, ha="right", va="center")
        right -= _width(note) + 0.15
    text = _shortened(title, right - left, "bold", TITLE)
    _write(figure, left, 0.28, text, size=TITLE, weight="bold", va="center")


def _suptitle(figure, title):
    """The title of a figure with automatic layout, at the same place and in the same hand as `_heading`."""
    if title:
        width = figure.get_size_inches()[0]
        text = _shortened(title, width - 2 * MARGIN, "bold", TITLE)
        figure.suptitle(text, x=MARGIN / width, ha="left", weight="bold")


def _heights(pictures, titles, cell):
    """For each picture in a cell of this width: the heights of its title and of itself, in inches."""
    heads, talls = [], []
    for picture, title in zip(pictures, titles, strict=True):
        lines = _wrapped(title, cell, "bold").count("\n") + 1
        heads.append(LINE * lines + 0.07 if title else 0)
        height, width = _pixels(picture).shape[:2]
        talls.append(cell * min(height / width, 1.3))
    return heads, talls


def _in_rows(items, columns):
    items = list(items)
    return [items[start : start + columns] for start in range(0, len(items), columns)]


def _draw_picture(axes, picture, anchor="C"):
    pixels = _pixels(picture)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=(0, pixels.shape[1], pixels.shape[0], 0))
    axes.set(xticks=[], yticks=[], anchor=anchor)
    axes.spines[:].set(visible=True, color=RULE)


def _pixels(picture):
    """A picture as uint8, (height, width) or (height, width, 3), what is transparent on white.

    Raises ValueError for an array of another shape, or with values outside 0 to 255.
    """
    if isinstance(picture, Image.Image):
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        return np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))
    pixels = np.asarray(picture)
    if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
        raise ValueError(f"A picture has height, width and 3 colours; this array is {pixels.shape}.")
    low, high = pixels.min(), pixels.max()
    if not (low >= -0.5 and high < 255.5):
        raise ValueError(f"A picture's values run from 0 to 255; this array runs from {low:g} to {high:g}.")
    if pixels.dtype.kind == "f" and 0 < high <= 1:
        raise ValueError("A picture's values run from 0 to 255; these run from 0 to 1: multiply by 255.")
    return np.round(pixels).clip(0, 255).astype("uint8")


@functools.cache
def _width(text, weight="normal", size=TEXT):
    """How wide a line of text will be, in inches."""
    font = FontProperties(family=STYLE["font.family"], size=size, weight=weight)
    return RendererAgg(1, 1, 72).get_text_width_height_descent(text, font, ismath=False)[0] / 72


def _shortened(text, inches, weight="normal", size=TEXT):
    """One line of text that is not wider than this: cut, and ended by an ellipsis, if need be."""
    if _width(text, weight, size) <= inches:
        return text
    while text and _width(text + "…", weight, size) > inches:
        text = text[:-1].rstrip()
    return text + "…"


def _wrapped(text, inches, weight="normal"):
    """Text broken into lines that are not wider than this."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _width(longer, weight) > inches:
            lines.append(_shortened(word, inches, weight))
        else:
            lines[-1] = _shortened(longer, inches, weight)
    return "\n".join(lines)


def _number(value):
    """1234567 as "1,234,567" and 0.12345 as "0.123"."""
    whole = isinstance(value, (int, np.integer)) or abs(value) >= 100
    return (f"{value:,.0f}" if whole else f"{value:.3g}").replace("-", "−")


def _layer_colour(name):
    for row in VGG16_LAYERS:
        if row.name == name:
            return BLOCK_COLOURS[row.block]
    return GREY


def _mix(colour, other, share):
    """A colour with a share (0 to 1) of another one in it."""
    return to_hex((1 - share) * np.array(to_rgb(colour)) + share * np.array(to_rgb(other)))


def _glow(block):
    """The colour map of a block's feature maps: from ink through the block's colour to white."""
    if block is None:
        return matplotlib.colormaps["gray"]
    red, green, blue = to_rgb(BLOCK_COLOURS[block])
    light = 0.3 * red + 0.59 * green + 0.11 * blue  # the colour's place between black and white
    stops = [(0, "#101114"), (light, BLOCK_COLOURS[block]), (1, "white")]
    return LinearSegmentedColormap.from_list(f"block{block}", stops)


def _same_length(**lists):
    if len({len(items) for items in lists.values()}) > 1 or not all(lists.values()):
        counts = ", ".join(f"{name} has {len(items)}" for name, items in lists.items())
        raise ValueError(f"Every picture needs its own entry in each list: {counts}.")
