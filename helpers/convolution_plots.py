"""Convolution drawn: a kernel's steps over a picture with all their numbers, and its third dimension."""

import matplotlib
import numpy as np
from matplotlib.patches import ConnectionPatch, Polygon, Rectangle
from PIL import Image

from helpers.errors import ReaderError
from helpers.style import (
    BLOCK_COLOURS,
    GREY,
    INK,
    LINE,
    MARGIN,
    MAX_WIDTH,
    QUIET,
    RULE,
    CourseFigure,
    amount,
    course_style,
    heading,
    mix,
    number_text,
    place,
    sentence,
    titled,
    top_of,
    write,
)

SIDE = 1.18  # inches of the picture and of the output
TALL = 0.36  # inches of a row of numbers, the same in all three boxes
# Inches across of a number in each: patch and kernel are the same squares.
PIXEL, WEIGHT, PRODUCT = TALL, TALL, 0.44


def convolution_step(picture, kernel, position, title=None):
    """One step of a convolution: the patch, times the kernel, gives products; their sum goes to the output.

    picture: array (height, width) or a Pillow image, taken as grey, 0 to 255; kernel: array (3, 3), not
    mirrored, as convolution layers use it; position: (row, column) of the patch's upper left corner, from 0.
    The output shows what the kernel has found until now, row by row from the upper left.
    Raises ReaderError for another kernel, or for a patch that leaves the picture.
    """
    return convolution_steps(picture, kernel, [position], title)


def convolved(pixels, kernel):
    """What a 3 x 3 kernel gives at every place where it lies wholly on the picture.

    pixels: array (height, width), 3 or more each; kernel: array (3, 3), not mirrored.
    Returns an array (height - 2, width - 2).
    """
    rows, columns = pixels.shape[0] - 2, pixels.shape[1] - 2
    return sum(kernel[y, x] * pixels[y : y + rows, x : x + columns] for y in range(3) for x in range(3))


@course_style()
def convolution_steps(picture, kernel, positions, title=None):
    """Several steps of a convolution under each other, see `convolution_step`; positions: a list of them."""
    grey = np.asarray(picture.convert("L") if isinstance(picture, Image.Image) else picture, "float64")
    kernel = np.asarray(kernel, "float64")
    if grey.ndim != 2 or kernel.shape != (3, 3):
        raise ReaderError(
            f"A step needs a grey picture (height, width) and a kernel (3, 3); "
            f"these are {grey.shape} and {kernel.shape}."
        )
    rows, columns = grey.shape[0] - 2, grey.shape[1] - 2
    found = convolved(grey, kernel)
    for row, column in positions:
        if not (0 <= row < rows and 0 <= column < columns):
            raise ReaderError(
                f"The patch at row {row}, column {column} leaves the picture: "
                f"row 0 to {rows - 1}, column 0 to {columns - 1}."
            )
    top, tall = top_of(title) + MARGIN, 3 * TALL + LINE + 0.22
    figure = CourseFigure(MAX_WIDTH, top + LINE + 0.08 + tall * len(positions) + 0.05)
    heading(figure, title)
    widths = [SIDE, 3 * PIXEL, 3 * WEIGHT, 3 * PRODUCT, SIDE]
    lefts = [MARGIN]
    for width, gap in zip(widths, (0.2, 0.2, 0.2, 0.27)):
        lefts.append(lefts[-1] + width + gap)
    for left, text in zip(lefts, ("picture", "patch", "kernel", "products", "output"), strict=True):
        write(figure, left, top, text, va="top", weight="bold")
    told = []
    for number, (row, column) in enumerate(positions):
        start = top + LINE + 0.08 + number * tall
        told.append(_draw_step(figure, lefts, start, grey, kernel, found, row, column))
    figure.alt = sentence(f"{titled(title)}a kernel of 3 × 3 steps over a picture. {'; '.join(told)}")
    return figure


def _draw_step(figure, lefts, start, grey, kernel, found, row, column):
    """One step, its boxes on one middle line; returns it in words."""
    middle = start + 1.5 * TALL
    patch = grey[row : row + 3, column : column + 3]
    products = patch * kernel

    height, width = grey.shape
    seen = place(figure, lefts[0], middle - SIDE / 2, SIDE, SIDE)
    seen.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
    seen.add_patch(Rectangle((column, row), 3, 3, fill=False, edgecolor=BLOCK_COLOURS[6], linewidth=1.6))
    shades = matplotlib.colormaps["gray"], matplotlib.colormaps["PuOr_r"]
    zoom = _numbers(figure, lefts[1], middle, PIXEL, patch, shades[0], (0, 255), _whole)
    for y, corner in ((row, (0, 1)), (row + 3, (0, 0))):  # from the little square to the large one
        line = ConnectionPatch((column + 3, y), corner, "data", "axes fraction", axesA=seen, axesB=zoom)
        line.set(color=BLOCK_COLOURS[6], linewidth=0.8)
        figure.add_artist(line)
    largest = max(np.abs(kernel).max(), 1e-12)
    _numbers(figure, lefts[2], middle, WEIGHT, kernel, shades[1], (-largest, largest), _short)
    ends = (-255 * largest, 255 * largest)
    _numbers(figure, lefts[3], middle, PRODUCT, products, shades[1], ends, _whole)
    for left, sign in ((lefts[2], "×"), (lefts[3], "=")):
        write(figure, left - 0.1, middle, sign, ha="center", va="center")
    total = products.sum()
    words, across = f"sum {_whole(total)}", lefts[3] + 1.5 * PRODUCT
    write(figure, across, middle + 1.5 * TALL + 0.05, words, ha="center", va="top", weight="bold")

    done = np.full(found.shape, np.nan)
    done.flat[: row * found.shape[1] + column + 1] = found.flat[: row * found.shape[1] + column + 1]
    output = place(figure, lefts[4], middle - SIDE / 2, SIDE, SIDE)
    strongest = max(np.abs(found).max(), 1e-12)
    box = (0, found.shape[1], found.shape[0], 0)
    output.imshow(done, cmap=shades[1], vmin=-strongest, vmax=strongest, extent=box)
    around = (column - 0.5, row - 0.5), 2, 2  # a frame around the number, which stays visible in it
    output.add_patch(Rectangle(*around, fill=False, edgecolor=BLOCK_COLOURS[6], linewidth=1.6, clip_on=False))
    for axes in (seen, output):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=RULE)
    arrow = {"arrowstyle": "->", "color": INK, "linewidth": 1.2}
    axes = place(figure, lefts[4] - 0.25, middle - 0.1, 0.22, 0.2)
    axes.annotate("", (1, 0.5), (0, 0.5), arrowprops=arrow)
    axes.axis("off")
    return f"at row {row}, column {column} the nine products add up to {_whole(total)}"


def _numbers(figure, left, middle, wide, values, colours, ends, written):
    """Nine numbers in their colours, centred on a line."""
    axes = place(figure, left, middle - 1.5 * TALL, 3 * wide, 3 * TALL)
    scaled = (values - ends[0]) / (ends[1] - ends[0])
    axes.imshow(values, cmap=colours, vmin=ends[0], vmax=ends[1], extent=(0, 3, 3, 0), aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = colours(float(scaled[row, column]))
        ink = INK if 0.3 * red + 0.59 * green + 0.11 * blue > 0.55 else "white"
        axes.text(column + 0.5, row + 0.52, written(value), ha="center", va="center", color=ink)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=QUIET)
    return axes


def _whole(value):
    return number_text(round(float(value))).replace(",", "")


def _short(value):
    return f"{value:.2g}".replace("-", "−").replace("0.", ".") if value % 1 else number_text(int(value))


# A kernel's third dimension

SLANT = np.array([0.055, 0.04])  # how far one slice lies right of the one before it and above it
SLICES = 8  # drawn of each stack; its true number is written


@course_style()
def slice_figure(channels=64, kernels=64, title=None):
    """How a kernel of 3 × 3 becomes a box: it has a slice for every map of its input, and makes one map.

    channels: how many maps go in; kernels: how many kernels there are, so many maps come out.
    """
    weights = 9 * channels
    top = top_of(title) + MARGIN
    figure = CourseFigure(MAX_WIDTH, top + 4.95)
    heading(figure, title)
    down = figure.get_size_inches()[1]
    axes = place(figure, 0, 0, MAX_WIDTH, down)
    axes.set(xlim=(0, MAX_WIDTH), ylim=(down, 0))
    axes.axis("off")
    drawn = min(channels, SLICES)
    slices, numbers = amount(channels, "slice"), f"3 × 3 × {channels} = {amount(weights, 'weight')}"
    columns = (MARGIN, 2.75, 5.2)

    heads = ("the input", "one kernel", "its map")
    some = f" ({SLICES} drawn)" if channels > SLICES else ""
    notes = (
        f"a box of {amount(channels, 'map')}{some}",
        f"{slices}, as many as maps:\n{numbers}",
        "one number per place",
    )
    _captions(figure, columns, top, heads, notes)
    y = top + 0.85
    _stack(axes, columns[0], y, 1.1, BLOCK_COLOURS[1], drawn, patch=True)
    _stack(axes, columns[1] + 0.2, y + 0.3, 0.5, BLOCK_COLOURS[4], drawn, lines=3)
    _stack(axes, columns[2], y, 1.1, BLOCK_COLOURS[4], 1, point=True)
    _arrow(axes, 1.85, y + 0.75, 0.8, "×")
    _arrow(axes, 4.0, y + 0.75, 1.05, "sum + bias,\nthen ReLU")

    start = y + 1.7
    heads = ("the same input", amount(kernels, "kernel"), amount(kernels, "map"))
    few = min(channels, 4)
    notes = (
        f"{amount(channels, 'map')}{some}",
        "each with its own weights"
        + (f"\n({few} of {amount(channels, 'slice')} drawn)" if few < channels else ""),
        "the next layer's input" + (f"\n({SLICES} drawn)" if kernels > SLICES else ""),
    )
    _captions(figure, columns, start, heads, notes)
    y = start + 0.85
    _stack(axes, columns[0], y, 1.1, BLOCK_COLOURS[1], drawn, patch=True)
    first, second, last = (BLOCK_COLOURS[number] for number in (4, 6, 3))  # a kernel and its map alike
    for colour, shift in ((first, 0), (second, 0.52), (last, 1.25)):
        _stack(axes, columns[1] + shift, y + 0.45, 0.3, colour, few, lines=3)
    write(figure, columns[1] + 1.04, y + 0.65, "…", va="center", weight="bold")
    many = min(kernels, SLICES)
    colours = [first, second, *[GREY] * (many - 3), last][:many]
    _stack(axes, columns[2], y, 1.1, colours, many, point=True)
    _arrow(axes, 1.85, y + 0.65, 0.8, "×")
    _arrow(axes, 4.6, y + 0.65, 0.5)
    figure.alt = sentence(
        f"{titled(title)}a box of {amount(channels, 'map')} is the input. One kernel is a box too, with "
        f"{slices} of 3 × 3, {amount(weights, 'weight')}; at each place all products and a bias add up, "
        f"ReLU follows, and that is one number of its map. {amount(kernels, 'kernel')} make "
        f"{amount(kernels, 'map')}"
    )
    return figure


def _captions(figure, lefts, top, heads, notes):
    for left, head, note in zip(lefts, heads, notes, strict=True):
        write(figure, left, top, head, va="top", weight="bold")
        write(figure, left, top + LINE + 0.03, note, va="top", color=QUIET, linespacing=1.15)


def _stack(axes, x, y, side, colour, count, lines=6, patch=False, point=False):
    """Slices behind each other; colour: of all, or a list, the front one first; y: the top of the one at
    the back; lines: cells a side."""
    y += SLANT[1] * (count - 1)
    colours = [colour] * count if isinstance(colour, str) else colour
    colour = colours[0]
    for number in reversed(range(count)):
        left, top = x + SLANT[0] * number, y - SLANT[1] * number
        shade = mix(colours[number], "white", 0.55 if number and colours[number] == colour else 0.35)
        edge = mix(colours[number], INK, 0.4)
        axes.add_patch(Rectangle((left, top), side, side, facecolor=shade, edgecolor=edge, linewidth=0.8))
    cell = side / lines
    for number in range(1, lines):
        for xs, ys in (([x, x + side], [y + number * cell] * 2), ([x + number * cell] * 2, [y, y + side])):
            axes.plot(xs, ys, color=mix(colour, INK, 0.25), linewidth=0.6)
    if patch:  # the kernel's place: a box through all slices
        corner, long = np.array([x + cell, y + cell]), SLANT * [1, -1] * (count - 1)
        front = corner + 3 * cell * np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        for a, b in ((0, 1), (1, 2)):
            axes.add_patch(
                Polygon(
                    [front[a], front[b], front[b] + long, front[a] + long],
                    facecolor=mix(BLOCK_COLOURS[4], "white", 0.3),
                    edgecolor=INK,
                    linewidth=0.8,
                    alpha=0.55,
                )
            )
        axes.add_patch(Polygon(front, facecolor=BLOCK_COLOURS[4], edgecolor=INK, linewidth=1.2, alpha=0.8))
    if point:
        spot = (x + 2 * cell, y + 2 * cell)
        axes.add_patch(Rectangle(spot, cell, cell, facecolor=BLOCK_COLOURS[4], edgecolor=INK, linewidth=1.2))


def _arrow(axes, x, y, long, text=""):
    arrow = {"arrowstyle": "->", "color": INK, "linewidth": 1.5}
    axes.annotate("", (x + long, y), (x, y), arrowprops=arrow)
    axes.text(x + long / 2, y - 0.07, text, ha="center", va="bottom")
