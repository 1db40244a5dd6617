"""What the layers hold, drawn: kernels, feature maps, and maps laid over the picture."""

import math

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, PowerNorm
from matplotlib.patches import Rectangle
from PIL import Image

from helpers.architecture import INPUT_SIZE, VGG16_LAYERS
from helpers.errors import ReaderError
from helpers.pictures import fit, on_white
from helpers.style import (
    BACKGROUND,
    BLOCK_COLOURS,
    INK,
    LINE,
    MARGIN,
    MAX_WIDTH,
    QUIET,
    RULE,
    CourseFigure,
    amount,
    clean,
    course_style,
    described,
    draw_picture,
    glow,
    heading,
    in_rows,
    lines_in,
    number_text,
    pixels_of,
    place,
    same_length,
    sentence,
    shortened,
    text_width,
    titled,
    top_of,
    wrapped,
    write,
)


@course_style()
def heat_map(picture, heat, title=None, labels=None):
    """The picture, and beside it the same picture in grey with a map laid over all of it.

    picture: PIL image, drawn as square as the network gets it (see `pictures.fit`); or array
    (height, width[, 3]), 0 to 255, drawn as it is; heat: array (rows, columns), any size, larger where more
    was found: it is stretched smoothly over what is drawn. The colours run from 0 or less, which is
    left grey, to the map's largest value, "much".
    labels: two words for the difference of two maps: it is drawn in two colours, one for what is above zero
    ("for" the first word) and one for what is below ("for" the second).
    Raises ReaderError for a map that is no table of finite numbers.
    """
    if isinstance(picture, Image.Image):
        picture = fit(on_white(picture), size=2 * INPUT_SIZE)
    pixels, heat = pixels_of(picture), np.asarray(heat, "float32")
    if heat.ndim != 2 or not np.isfinite(heat).all():
        raise ReaderError(f"A map is a table of finite numbers; this one has the shape {heat.shape}.")
    cell, bar = 2.95 if labels is None else (MAX_WIDTH - 3 * MARGIN) / 2, 0.16
    body = cell * min(max(pixels.shape[0] / pixels.shape[1], 0.4), 1.3)
    top, below = top_of(title), 0 if labels is None else 0.35
    figure = CourseFigure(MAX_WIDTH, top + body + below + 2 * MARGIN)
    heading(figure, title)

    left, right = (place(figure, MARGIN + i * (cell + MARGIN), top + MARGIN, cell, body) for i in (0, 1))
    draw_picture(left, picture)
    colours = laid_over(right, pixels, heat, signed=labels is not None)
    if labels is None:
        tall = body - 3 * LINE - 0.2
        axes = place(figure, 2 * cell + 3 * MARGIN, top + MARGIN + LINE + 0.1, bar, tall)
        axes.text(0, 1.04, "much", transform=axes.transAxes, va="bottom")
        axes.text(0, -0.04, "0 or\nless", transform=axes.transAxes, va="top")
        scale = figure.colorbar(ScalarMappable(cmap=colours), cax=axes, ticks=[], orientation="vertical")
        scale.outline.set(edgecolor=RULE)
        seen = f"a map that is {strongest(heat)}"
    else:
        ends = [shortened(f"for {label}", 2.5) for label in labels]
        scale_under(figure, MARGIN, top + MARGIN + body + 0.23, ends, colours)
        seen = f"the difference of two maps: {strongest_of_two(heat, labels)}"
    figure.alt = sentence(f"{titled(title)}{described(picture)}, and the same in grey under {seen}")
    return figure


def laid_over(axes, pixels, heat, signed=False):
    """A map stretched smoothly over a picture in grey: the stronger, the denser its colours; 0 stays grey.

    pixels: array (height, width, 3), 0 to 255; heat: array (rows, columns); signed: whether what is below 0
    gets a colour of its own. Returns the colours of the scale, on the grey of an empty background.
    """
    largest = max(float(np.abs(heat).max() if signed else heat.max()), 1e-12)
    if signed:
        scale = Normalize(-largest, largest)
        shades = matplotlib.colormaps["PuOr_r"](np.where(np.arange(256) < 128, 0.1, 0.85))
        dense = 0.9 * np.abs(np.linspace(-1, 1, 256))[:, None] ** 0.8
    else:
        scale, shades = Normalize(0, largest), matplotlib.colormaps["inferno"](np.linspace(0.2, 1, 256))
        dense = np.linspace(0, 0.85, 256)[:, None]
    shades = shades[:, :3]
    darkest, grey = (135 if signed else 80), np.asarray(Image.fromarray(pixels).convert("L"), "float32")
    share = 0.45 if signed else 0.6
    draw_picture(axes, darkest + share * grey)  # a dark picture would hide violet
    look = {"cmap": ListedColormap(np.hstack([shades, dense])), "norm": scale, "interpolation": "bilinear"}
    axes.imshow(heat, extent=(0, pixels.shape[1], pixels.shape[0], 0), **look)
    return ListedColormap(dense * shades + (1 - dense) * (darkest / 255 + share))


def scale_under(figure, left, level, ends, colours, long=1.4):
    """A bar of a map's colours, `long` inches, between two texts: what its upper end means, and its lower."""
    bar = 0.16
    across = left + text_width(ends[1]) + 0.12
    write(figure, left, level, ends[1], va="center")
    write(figure, across + long + 0.12, level, ends[0], va="center")
    axes = place(figure, across, level - bar / 2, long, bar)
    scale = figure.colorbar(ScalarMappable(cmap=colours), cax=axes, ticks=[], orientation="horizontal")
    scale.outline.set(edgecolor=RULE)


@course_style()
def mosaic(activations, columns=8, title=None, count=32, block=None):
    """The first feature maps of a layer side by side, all on one scale.

    activations: array (height, width, channels) of one picture; columns: maps in a row; count: how many maps
    are shown at most; block: 1 to 5 draws them in that block's colour, None in grey. Maps with values below
    zero (before ReLU) are drawn in two colours, with zero between them.
    The scale ends at the value that only one in 200 exceeds: one loud spot shall not darken all others.
    """
    maps = _feature_maps(activations)
    total, shown = maps.shape[2], min(count, maps.shape[2])
    maps = maps[:, :, :shown]
    scale, colours = _scale(maps), _colours(maps, block)
    gap = 0.05
    columns = min(columns, shown)
    cell = min((MAX_WIDTH - 2 * MARGIN + gap) / columns - gap, 1.75)
    tall = cell * maps.shape[0] / maps.shape[1]
    grid = math.ceil(shown / columns) * (tall + gap) - gap
    top = top_of(True)
    figure = CourseFigure(MAX_WIDTH, top + grid + 0.62)
    note = f"{shown} of {total} maps" if shown < total else amount(total, "map")
    heading(figure, title or "Feature maps", note, block)
    axes = place(figure, MARGIN, top + 0.05, columns * (cell + gap) - gap, grid)
    _tiles(axes, maps, columns, cell, tall, gap, cmap=colours, norm=scale)
    low, high = _scale_bar(figure, top + grid + 0.355, scale, colours)
    dark = sum(not maps[:, :, number].any() for number in range(shown))
    figure.alt = (
        f"{titled(title)}{shown} of {amount(total, 'feature map')} of {maps.shape[0]} × {maps.shape[1]}, "
        f"in rows of {columns}, on one scale from {low} to {high}; "
        f"{dark or 'none'} of them {'is' if dark in (0, 1) else 'are'} zero everywhere."
    )
    return figure


@course_style()
def filters(kernels, title=None, ringed=()):
    """The kernels of the first layer as small colour pictures, in rows of eight.

    kernels: array (3, 3, 3, count): height, width, input channel (blue, green, red, as the network wants
    them), kernel. Each is scaled on its own: mid-grey is zero, its largest weight reaches full colour.
    A kernel's number is the one at the left of its row plus the one above its column; the kernels numbered
    in ringed get a ring, with their number on it.
    """
    kernels = np.asarray(kernels, "float32")
    if kernels.ndim != 4 or kernels.shape[2] != 3:
        raise ReaderError(f"First-layer kernels are (height, width, 3, count); these are {kernels.shape}.")
    count, columns, cell, gap = kernels.shape[3], 8, 0.56, 0.1 if ringed else 0.07
    rows = math.ceil(count / columns)
    side, tall = columns * (cell + gap) - gap, rows * (cell + gap) - gap
    top = top_of(title) + LINE
    left = 2 * MARGIN + text_width(f"{count}")
    figure = CourseFigure(left + side + MARGIN, top + tall + 2 * MARGIN)
    heading(figure, title)
    for column in range(min(count, columns)):
        across = left + column * (cell + gap) + cell / 2
        write(figure, across, top + MARGIN - 0.05, f"+{column}", ha="center", va="bottom", color=QUIET)
    for row in range(rows):
        level = top + MARGIN + row * (cell + gap) + cell / 2
        write(figure, left - MARGIN, level, f"{row * columns}", ha="right", va="center", color=QUIET)
    axes = place(figure, left, top + MARGIN, side, tall)
    rgb = kernels[:, :, ::-1].transpose(0, 1, 3, 2)
    strongest = np.maximum(np.abs(rgb).max(axis=(0, 1, 3), keepdims=True), 1e-12)
    _tiles(axes, 0.5 + 0.5 * rgb / strongest, columns, cell, cell, gap, interpolation="nearest")
    for number in ringed:
        x, y = number % columns * (cell + gap), number // columns * (cell + gap)
        axes.add_patch(Rectangle((x, y), cell, cell, fill=False, edgecolor=INK, linewidth=2.5, clip_on=False))
        paper = {"facecolor": BACKGROUND, "edgecolor": INK, "boxstyle": "round,pad=0.15"}
        axes.text(x + cell / 2, y + cell, f"{number}", ha="center", va="center", bbox=paper, weight="bold")
    figure.alt = sentence(
        f"{titled(title)}{count} kernels of 3 × 3 as small colour pictures, in rows of {columns}"
        + (f"; ringed are {', '.join(map(str, ringed))}" if ringed else "")
    )
    return figure


@course_style()
def journey(picture, maps, count=8, title=None):
    """What becomes of a picture on its way through the blocks: a row of feature maps for each stop.

    picture: PIL image or array (height, width[, 3]), 0 to 255; maps: dict from a layer's name, in order, to
    its output (height, width, channels), as `explain.activations` gives it. Shown are the maps that are most
    active on average, each with its number under it, in the block's colour, each row on its own scale from
    0; count: how many of them.
    Raises ReaderError for anything else than maps.
    """
    left, gap = 1.2, 0.05
    cell = (MAX_WIDTH - left - MARGIN + gap) / count - gap
    start, step = top_of(title) + MARGIN, cell + LINE + 0.15
    figure = CourseFigure(MAX_WIDTH, start + 1.15 + step * len(maps) + MARGIN)
    heading(figure, title)
    draw_picture(place(figure, left, start, 2.4, 1.05), picture, anchor="W")
    write(figure, MARGIN, start, "picture", va="top", weight="bold")
    told = []
    for row, (name, values) in enumerate(maps.items()):
        values = _feature_maps(values)
        order = np.argsort(-values.mean(axis=(0, 1)), kind="stable")[:count]
        upper, block = start + 1.15 + row * step, _block_of(name)
        size = f"{values.shape[0]} × {values.shape[1]}"
        across, down = figure.get_size_inches()
        if block:
            chip = (MARGIN / across, 1 - (upper + 0.19) / down), 0.16 / across, 0.16 / down
            figure.add_artist(Rectangle(*chip, color=BLOCK_COLOURS[block], lw=0))
        stop = f"block {block}" if block else shortened(name, left - MARGIN - 0.1, "bold")
        write(figure, MARGIN + (0.25 if block else 0), upper, stop, va="top", weight="bold")
        write(figure, MARGIN, upper + 0.24, f"{size}\n{values.shape[2]} maps", va="top", color=QUIET)
        for number, channel in enumerate(order):
            axes = place(figure, left + number * (cell + gap), upper, cell, cell)
            axes.imshow(
                values[:, :, channel], cmap=glow(block), norm=_scale(values[:, :, order]), aspect="auto"
            )
            axes.axis("off")
            middle = left + number * (cell + gap) + cell / 2
            write(figure, middle, upper + cell + 0.03, f"map {channel}", ha="center", va="top", color=QUIET)
        told.append(f"{clean(name)}, {size}, maps {', '.join(map(str, order))}")
    figure.alt = sentence(
        f"{titled(title)}{described(picture)}, and under it for each stop the most active of its "
        f"feature maps. {'; '.join(told)}"
    )
    return figure


@course_style()
def patches(pictures, titles=None, columns=3, title=None, rows=()):
    """Small square patches of pictures in a grid, such as those that excite one feature map most.

    pictures: PIL images or arrays (height, width[, 3]), 0 to 255; titles: a line under each, or None;
    columns: patches in a row; rows: a line above each row. Raises ReaderError if the lists differ in length.
    """
    titles = titles or [""] * len(pictures)
    same_length(pictures=pictures, titles=titles)
    columns = min(columns, len(pictures))
    cell = min((MAX_WIDTH - MARGIN) / columns - MARGIN, 1.45)
    under, above = LINE + 0.08 if any(titles) else 0, LINE + 0.05 if rows else 0
    top, step = top_of(title) + MARGIN, above + cell + under + MARGIN
    figure = CourseFigure(MARGIN + columns * (cell + MARGIN), top + step * math.ceil(len(pictures) / columns))
    heading(figure, title)
    for row, text in enumerate(rows):
        write(figure, MARGIN, top + row * step, text, va="top", weight="bold")
    for number, (picture, text) in enumerate(zip(pictures, titles, strict=True)):
        row, column = divmod(number, columns)
        left, upper = MARGIN + column * (cell + MARGIN), top + row * step + above
        draw_picture(place(figure, left, upper, cell, cell), picture, anchor="W")
        write(figure, left, upper + cell + 0.05, shortened(text, cell), va="top")
    shown = [f"{titled(text)}{described(picture)}" for picture, text in zip(pictures, titles, strict=True)]
    if rows:
        shown = [f"{text}: {', '.join(row)}" for text, row in zip(rows, in_rows(shown, columns))]
    figure.alt = sentence(f"{titled(title)}{amount(len(pictures), 'patch', 'patches')}. {'; '.join(shown)}")
    return figure


@course_style()
def before_after(left, right, titles=("before", "after"), title=None, count=16, columns=4, block=None):
    """Two mosaics of feature maps, or of first-layer kernels, side by side on one scale.

    left, right: arrays (height, width, channels) of the same shape; titles: one above each; count: how many
    maps of each are shown, the same channels on both sides; block: 1 to 5 draws them in that block's colour.
    Raises ReaderError if the shapes differ.
    """
    left, right = _feature_maps(left), _feature_maps(right)
    if left.shape != right.shape:
        raise ReaderError(f"Both sides need the same shape; these are {left.shape} and {right.shape}.")
    shown = min(count, left.shape[2])
    both = np.stack([left[:, :, :shown], right[:, :, :shown]])
    scale, colours = _scale(both), _colours(both, block)
    if scale.vmin == 0:  # lifts what is faint: one side is often far fainter than the other
        scale = PowerNorm(0.6, 0, scale.vmax)
    gap, side = 0.04, (MAX_WIDTH - 2 * MARGIN - 0.3) / 2
    columns = min(columns, shown)
    cell = (side + gap) / columns - gap
    tall = cell * left.shape[0] / left.shape[1]
    grid, top = math.ceil(shown / columns) * (tall + gap) - gap, top_of(title) + MARGIN
    heads = [wrapped(text, side, "bold") for text in titles]
    head = LINE * (max(map(lines_in, heads)) + 1) + 0.08
    figure = CourseFigure(MAX_WIDTH, top + head + grid + 0.55)
    heading(figure, title, block=block)
    which = f"the first {shown} of {amount(left.shape[2], 'map')}"
    for number, (maps, text) in enumerate(zip(both, heads, strict=True)):
        start = MARGIN + number * (side + 0.3)
        write(figure, start, top, text, va="top", weight="bold")
        write(figure, start, top + head - 0.06, which, va="bottom", color=QUIET)
        axes = place(figure, start, top + head, side, grid)
        _tiles(axes, maps, columns, cell, tall, gap, cmap=colours, norm=scale)
    _scale_bar(figure, top + head + grid + 0.27, scale, colours)
    strengths = [
        f"{clean(text)}, on average {number_text(maps.mean())}, {np.mean(maps == 0):.0%} of its values 0"
        for text, maps in zip(titles, both, strict=True)
    ]
    figure.alt = sentence(
        f"{titled(title)}{shown} of {left.shape[2]} maps of {left.shape[0]} × {left.shape[1]}, twice, "
        f"side by side on one scale: {'; '.join(strengths)}"
    )
    return figure


def _feature_maps(values):
    maps = np.asarray(values, "float32")
    if maps.ndim != 3:
        raise ReaderError(f"Feature maps have height, width and channels; these have the shape {maps.shape}.")
    return maps


def _block_of(name):
    return next((row.block for row in VGG16_LAYERS if row.name == name), None)


def _scale(maps):
    """From 0, or from below where there is anything below zero, to the value that one in 200 exceeds."""
    largest = float(np.percentile(np.abs(maps), 99.5)) or float(np.abs(maps).max()) or 1.0
    return Normalize(-largest if maps.min() < 0 else 0, largest)


def _colours(maps, block):
    return matplotlib.colormaps["PuOr_r"] if maps.min() < 0 else glow(block)


def _tiles(axes, maps, columns, cell, tall, gap, **look):
    """Maps, (height, width, channels[, 3]), as tiles in one pair of axes, measured in inches."""
    for number in range(maps.shape[2]):
        row, column = divmod(number, columns)
        left, start = column * (cell + gap), row * (tall + gap)
        box = (left, left + cell, start + tall, start)
        axes.imshow(maps[:, :, number], aspect="auto", extent=box, **look)
    rows = math.ceil(maps.shape[2] / columns)
    axes.set(xlim=(0, columns * (cell + gap) - gap), ylim=(rows * (tall + gap) - gap, 0))
    axes.axis("off")


def _scale_bar(figure, level, scale, colours):
    """A bar of the colours in the middle of the figure; returns what its two ends mean, in words."""
    low = f"{number_text(scale.vmin)} or less" if scale.vmin < 0 else "0: nothing found"
    high = f"{number_text(scale.vmax)} or more"
    middle, half = figure.get_size_inches()[0] / 2, 1.1
    bar = place(figure, middle - half, level - 0.065, 2 * half, 0.13)
    figure.colorbar(
        ScalarMappable(scale, colours), cax=bar, orientation="horizontal", ticks=[]
    ).outline.set_visible(False)
    write(figure, middle - half - 0.1, level, low, ha="right", va="center")
    write(figure, middle + half + 0.1, level, high, va="center")
    return low, high


def strongest_of_two(heat, labels):
    """Where a difference of two maps is largest for each of the two labels, in words."""
    return f"for {clean(labels[0])} {strongest(heat)}, for {clean(labels[1])} {strongest(-heat)}"


def strongest(heat):
    """Where a map is largest, in words."""
    if np.ptp(heat) == 0:
        return "the same everywhere"
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    down = ["upper", "middle", "lower"][int(3 * (row + 0.5) / heat.shape[0])]
    across = ["left", "centre", "right"][int(3 * (column + 0.5) / heat.shape[1])]
    return f"strongest in the {'centre' if (down, across) == ('middle', 'centre') else f'{down} {across}'}"
