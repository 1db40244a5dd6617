"""How every figure of the course looks, shows itself and places its parts: the ground under the figures.

Figures are at most 7 inches wide, their text has 11 points or more, and their background is opaque, so
that they read the same on a white page, in a dark theme and for readers who see fewer colours.
"""

import base64
import functools
import io
import math
import re
import warnings
from bisect import bisect
from contextlib import contextmanager

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from PIL import Image

from helpers.architecture import VGG16_LAYERS
from helpers.errors import ReaderError
from helpers.pictures import catalogue, on_white

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
TRACK = "#D9D5CA"
GREY = "#8A8F98"
BACKGROUND = "#FAF8F3"

MAX_WIDTH = 7
TEXT = 11
TITLE = 13
MARGIN = 0.15
LINE = 0.2  # the height of one line of text, in inches
LARGEST = 1000  # pixels of a picture's longer side: more than that no figure can show
LONGEST = 200  # letters of a text: more than that no figure can show

STYLE = {
    "figure.dpi": 115,
    "figure.facecolor": BACKGROUND,
    "savefig.facecolor": BACKGROUND,
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
# What the font cannot write becomes an empty box. Readers whose labels need another font set it in
# Matplotlib, as in `matplotlib.rcParams["font.family"] = ["DejaVu Sans", "Noto Sans CJK JP"]`.
LEFT_TO_THE_READER = ("font.family", "font.sans-serif", "font.serif", "font.monospace", "font.cursive")


# A figure that shows itself


def _settings():
    """Matplotlib's own settings and ours over them; only the fonts are whatever the reader has chosen."""
    return ["default", STYLE | {name: matplotlib.rcParams[name] for name in LEFT_TO_THE_READER}]


@contextmanager
def course_style():
    """Within it, what is drawn looks like the course, whatever a reader's own matplotlibrc says.

    Also a decorator, `@course_style()`, as of every function that draws a figure.
    """
    with matplotlib.style.context(_settings()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


class CourseFigure(Figure):
    """A Matplotlib figure that shows itself where it is the last line of a cell, with its alt text.

    alt: what the figure shows, in words, for readers who do not see it. If nobody sets it, it is put
        together from the titles and the labels of the axes.
    credits: a tuple of lines, one for each picture of the course in the figure: title, author, licence.
    """

    def __init__(self, width=MAX_WIDTH, height=3, layout="none"):
        if width > MAX_WIDTH + 1e-9:
            raise ReaderError(f"A figure of the course is at most {MAX_WIDTH} inches wide, not {width:g}.")
        super().__init__(figsize=(width, height), layout=layout)
        FigureCanvasAgg(self)  # not pyplot's list of open figures: nothing to close, nothing shown twice
        self.credits = ()
        self._alt = ""

    @property
    def alt(self):
        """What the figure shows, in words."""
        return self._alt or _alt_of_axes(self)

    @alt.setter
    def alt(self, text):
        self._alt = " ".join(text.split())

    draw = course_style()(Figure.draw)
    savefig = course_style()(Figure.savefig)

    def __str__(self):
        return f"[Figure: {self.alt}]"

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"image/png": base64.b64encode(png(self)).decode(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


def _alt_of_axes(figure):
    said = [figure.get_suptitle()]
    for axes in figure.axes:
        said.append(axes.get_title("left") or axes.get_title())
        said += [f"{label} along the horizontal axis" for label in [axes.get_xlabel()] if label]
        said += [f"{label} along the vertical axis" for label in [axes.get_ylabel()] if label]
    return "A figure: " + "; ".join(clean(text) for text in said if text) if any(said) else "A figure."


def new_figure(width=MAX_WIDTH, height=3):
    """An empty figure in the course's style, for a plot of your own: it shows itself, see `CourseFigure`.

    width, height: inches; the width at most 7. Matplotlib's constrained layout arranges what is in it.
    The style also becomes Matplotlib's setting for this session, so that what you draw matches it.
    Raises ReaderError for a wider figure.
    """
    matplotlib.style.use(_settings())
    return arranged_figure(width, height)


def arranged_figure(width, height):
    """A figure that Matplotlib's constrained layout arranges, in inches."""
    figure = CourseFigure(width, height, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    return figure


def png(figure):
    """The figure as the bytes of a PNG file: in 256 colours where nobody would see the difference."""
    file = io.BytesIO()
    # Only on its way, so not compressed: that would cost as much time as to draw it.
    figure.savefig(file, format="png", dpi=STYLE["figure.dpi"], pil_kwargs={"compress_level": 0})
    picture = Image.open(file).convert("RGB")
    if picture.getcolors(15_000):  # few enough colours: a drawing or feature maps, not a photo
        small = picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1)
        change = np.abs(np.asarray(picture, "int16") - np.asarray(small.convert("RGB"), "int16"))
        picture = small if change.max() <= 16 else picture  # of 255 levels
    compact = io.BytesIO()
    picture.save(compact, "png", optimize=True)
    return compact.getvalue()


# Numbers and words


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


def percent_axis(axis):
    """Probabilities along an axis as 0 %, 50 %, 100 %."""
    axis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))


def number_text(value):
    """1234567 as "1,234,567" and 0.12345 as "0.123"."""
    whole = isinstance(value, (int, np.integer)) or abs(value) >= 100
    return (f"{value:,.0f}" if whole else f"{value:.3g}").replace("-", "−")


def amount(count, thing, things=None):
    """An amount with its noun: amount(1, "map") is "1 map", amount(64, "map") is "64 maps"."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def clean(text, longest=LONGEST):
    """A text in one line, without control codes, and not longer than any figure can show."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", str(text)[: 4 * longest])
    text = " ".join(re.sub(r"[\ud800-\udfff]", "\ufffd", text).split())  # bytes that are no UTF-8
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def text_width(text, weight="normal", size=TEXT):
    """How wide a line of text will be, in inches."""
    return _measured(text, weight, size, tuple(matplotlib.rcParams["font.family"]))


@functools.lru_cache(10_000)
def _measured(text, weight, size, family):
    font = FontProperties(family=list(family), size=size, weight=weight)
    return RendererAgg(1, 1, 72).get_text_width_height_descent(text, font, ismath=False)[0] / 72


def shortened(text, inches, weight="normal", size=TEXT):
    """One line of text that is not wider than this: cut, and ended by an ellipsis, if need be."""
    text = clean(text)
    if text_width(text, weight, size) <= inches:
        return text
    fits = bisect(range(len(text)), inches, key=lambda end: text_width(text[:end] + "…", weight, size))
    return text[: max(0, fits - 1)].rstrip() + "…"


def wrapped(text, inches, weight="normal", most=6):
    """Text broken between its words into lines that are not wider than this.

    most: how many lines; a longer text ends with an ellipsis. A number keeps its percent sign.
    """
    lines = [""]
    for word in re.findall(r"(?:[<>] )?\S*\d %\S*|\S+", clean(text)):
        # The name of a file that is too long for a line is broken after an underscore.
        pieces = re.findall(r"[^_]*_|[^_]+", word) if text_width(word, weight) > inches else [word]
        for number, piece in enumerate(pieces):
            longer = f"{lines[-1]} {piece}".strip() if number == 0 else lines[-1] + piece
            if lines[-1] and text_width(longer, weight) > inches:
                lines.append(piece)
            else:
                lines[-1] = longer
    if len(lines) > most:
        lines[most - 1 :] = [" ".join(lines[most - 1 :])]
    return "\n".join(shortened(line, inches, weight) for line in lines)


def lines_in(text):
    """How many lines a text has: none if it is empty."""
    return text.count("\n") + 1 if text else 0


# Placing, in inches from the figure's upper left corner


def place(figure, left, top, width, height):
    """Axes at a place given in inches from the figure's upper left corner."""
    across, down = figure.get_size_inches()
    return figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))


def write(figure, left, top, text, **style):
    """Text at a place given in inches from the figure's upper left corner."""
    across, down = figure.get_size_inches()
    return figure.text(left / across, 1 - top / down, text, **style)


def write_lines(figure, left, top, text, **style):
    """Text in lines; beside each other such texts stand on one line, whatever letters are in them."""
    for number, line in enumerate(text.split("\n") if text else []):
        write(figure, left, top + 0.15 + LINE * number, line, va="baseline", **style)


def top_of(title):
    """The height that the title of a figure takes, in inches."""
    return 0.4 if title else 0


def heading(figure, title, note=None, block=None):
    """The title of a figure: a chip in the block's colour, the title, and a quiet note at the right."""
    if not title:
        return
    across, down = figure.get_size_inches()
    left, right = MARGIN, across - MARGIN
    if block:
        chip = (left / across, 1 - 0.36 / down), 0.16 / across, 0.16 / down
        figure.add_artist(Rectangle(*chip, color=BLOCK_COLOURS[block], lw=0))
        left += 0.25
    if note:
        write(figure, right, 0.28, note, color=QUIET, ha="right", va="center")
        right -= text_width(note) + 0.15
    text = shortened(title, right - left, "bold", TITLE)
    write(figure, left, 0.28, text, size=TITLE, weight="bold", va="center")


def suptitle(figure, title):
    """The title of an arranged figure, at the same place and in the same hand as `heading`."""
    if title:
        width = figure.get_size_inches()[0]
        text = shortened(title, width - 2 * MARGIN, "bold", TITLE)
        figure.suptitle(text, x=MARGIN / width, ha="left", weight="bold")


def in_rows(items, columns):
    """Items in rows of this many columns: a list of lists."""
    items = list(items)
    return [items[start : start + columns] for start in range(0, len(items), columns)]


def same_length(**lists):
    """Raises ReaderError, with the names of the lists, unless all have the same number of items, and some."""
    if len({len(items) for items in lists.values()}) > 1 or not all(lists.values()):
        counts = ", ".join(f"{name} has {len(items)}" for name, items in lists.items())
        raise ReaderError(f"Every picture needs its own entry in each list: {counts}.")


# Pictures


def draw_picture(axes, picture, anchor="C", frame=True):
    """A picture in axes without ticks; the figure remembers its credit.

    picture: Pillow image, or array (height, width[, 3]) with values 0 to 255. Returns what `pixels_of` gives.
    """
    shown = pixels_of(picture)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255, extent=(0, shown.shape[1], shown.shape[0], 0))
    axes.set(xticks=[], yticks=[], anchor=anchor)
    axes.spines[:].set(visible=frame, color=RULE)
    if entry := course_entry(picture):
        figure = axes.get_figure()
        figure.credits = tuple(dict.fromkeys([*figure.credits, entry.credit]))
    return shown


def pixels_of(picture):
    """A picture as it is drawn: uint8, (height, width) or (height, width, 3), at most 1000 pixels long.

    picture: Pillow image (what is transparent becomes white), or array (height, width[, 3]), 0 to 255.
    Raises ReaderError for an array of another shape, or with values outside 0 to 255.
    """
    if isinstance(picture, Image.Image):
        # Shrunk first: in full, the photo of a phone would take hundreds of megabytes for each copy.
        shrink = min(1, LARGEST / max(1, *picture.size))
        if shrink < 1:
            way = Image.Resampling.BOX if picture.mode in ("RGB", "L") else Image.Resampling.NEAREST
            picture = picture.resize([max(1, round(side * shrink)) for side in picture.size], way)
        return np.asarray(on_white(picture))
    array = np.asarray(picture)
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,)) or 0 in array.shape:
        raise ReaderError(f"A picture has height, width and 3 colours; this array is {array.shape}.")
    low, high = array.min(), array.max()
    if not (low >= -0.5 and high < 255.5):
        raise ReaderError(f"A picture's values run from 0 to 255; this array runs from {low:g} to {high:g}.")
    if array.dtype.kind == "f" and 0 < high <= 1:
        raise ReaderError("A picture's values run from 0 to 255; these run from 0 to 1: multiply by 255.")
    step = math.ceil(max(array.shape[:2]) / LARGEST)
    return np.round(array[::step, ::step]).clip(0, 255).astype("uint8")


def course_entry(picture):
    """The row of images/catalogue.csv for an opened picture of the course, or None."""
    name = getattr(picture, "info", {}).get("course")
    return _catalogue_by_file().get(name) if isinstance(name, str) else None


@functools.cache
def _catalogue_by_file():
    return {entry.file: entry for entry in catalogue()}


def described(picture):
    """A picture in words, for an alt text: its title if it is one of the course, else "a picture"."""
    entry = course_entry(picture)
    return f'the picture "{clean(entry.title)}"' if entry else "a picture"


def said(guesses):
    """Guesses in words, for an alt text: "African elephant 84.7 %, ox 3.2 %"."""
    return ", ".join(f"{clean(guess.label, 60)} {percent(guess.probability)}" for guess in guesses)


def titled(title):
    """A title in front of an alt text: "Title: ", or nothing."""
    return f"{clean(title)}: " if title else ""


def sentence(text):
    """A text that ends with a point, and begins with a capital letter unless that is a layer's name."""
    if text.split(" ", 1)[0].strip(":,").isalpha():
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."


# Colours


def layer_colour(name):
    """The colour of the block that a layer of VGG16 belongs to, or of "block 1"; grey for any other name."""
    for row in VGG16_LAYERS:
        if name in (row.name, f"block {row.block}"):
            return BLOCK_COLOURS[row.block]
    return GREY


def mix(colour, other, share):
    """A colour with a share (0 to 1) of another one in it."""
    return to_hex((1 - share) * np.array(to_rgb(colour)) + share * np.array(to_rgb(other)))


def glow(block):
    """The colour map of a block's feature maps: from ink through the block's colour to white."""
    if block is None:
        return matplotlib.colormaps["gray"]
    red, green, blue = to_rgb(BLOCK_COLOURS[block])
    light = 0.3 * red + 0.59 * green + 0.11 * blue  # the colour's place between black and white
    stops = [(0, "#101114"), (light, BLOCK_COLOURS[block]), (1, "white")]
    return LinearSegmentedColormap.from_list(f"block{block}", stops)
