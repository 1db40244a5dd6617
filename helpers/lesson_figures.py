"""Two figures of the lesson that a reader moves through: a kernel step by step, and a threshold."""

import numpy as np
from matplotlib.patches import Rectangle

from helpers.errors import ReaderError
from helpers.style import (
    BACKGROUND,
    BLOCK_COLOURS,
    GREY,
    INK,
    QUIET,
    RULE,
    TRACK,
    amount,
    arranged_figure,
    course_style,
    number_text,
    percent,
    percent_axis,
)


@course_style()
def convolution_figure(pixels, kernel, position):
    """One step of a convolution: where the kernel lies, the nine products, their sum, and the output so far.

    pixels: array (height, width) of greys, 0 to 255, small enough for single pixels to be seen. kernel: array
    (3, 3), not mirrored. position: which step, 0 for the upper left corner, then along the rows.
    Raises ReaderError for a position outside the output.
    """
    pixels, kernel = np.asarray(pixels, "float32"), np.asarray(kernel, "float32")
    output = convolved(pixels, kernel)
    if not 0 <= position < output.size:
        raise ReaderError(f"position lies between 0 and {output.size - 1}; {position} does not.")
    row, column = divmod(position, output.shape[1])
    figure = arranged_figure(7, 5.3)
    grid = figure.add_gridspec(2, 6, height_ratios=[2.9, 2])

    left = figure.add_subplot(grid[0, :3])
    _pixels(left, pixels, 0, 255, "the picture")
    _frame(left, column, row, 3)
    right = figure.add_subplot(grid[0, 3:])
    largest = max(float(np.abs(output).max()), 1e-9)
    shown = np.where(np.arange(output.size).reshape(output.shape) <= position, output, np.nan)
    _pixels(right, shown, -largest, largest, "the output so far")
    right.patch.set(hatch="///", edgecolor=RULE)  # what has not been reached yet
    _frame(right, column, row, 1)

    patch = pixels[row : row + 3, column : column + 3]
    products = patch * kernel
    for place, (table, title) in enumerate(
        [(patch, "nine pixels"), (kernel, "× the kernel"), (products, "= nine products")]
    ):
        axes = figure.add_subplot(grid[1, 2 * place : 2 * place + 2])
        _numbers(axes, table, title, pixels=place == 0)
    axes.set_xlabel(f"their sum: {number_text(output[row, column])}", color=BLOCK_COLOURS[6], weight="bold")
    listed = "; ".join(f"{number_text(a)} times {number_text(b)}" for a, b in zip(patch.flat, kernel.flat))
    figure.alt = (
        f"A small grey picture with a square of nine pixels marked, at row {row + 1}, column {column + 1}. "
        f"Under it the nine products: {listed}. Their sum, {number_text(output[row, column])}, is the newest "
        f"of {amount(position + 1, 'pixel')} of the output."
    )
    return figure


def convolved(pixels, kernel):
    """What a 3 x 3 kernel gives at every place where it lies wholly on the picture.

    pixels: array (height, width), 3 or more each; kernel: array (3, 3), not mirrored.
    Returns an array (height - 2, width - 2).
    """
    rows, columns = pixels.shape[0] - 2, pixels.shape[1] - 2
    return sum(kernel[y, x] * pixels[y : y + rows, x : x + columns] for y in range(3) for x in range(3))


@course_style()
def threshold_figure(known, unknown, threshold):
    """The top probabilities of known and of unknown things as two rows of dots, and a threshold across them.

    known, unknown: numbers from 0 to 1. threshold: 0 to 1; what is below it is refused, and drawn as a ring.
    """
    figure = arranged_figure(7, 3.4)
    axes = figure.add_subplot()
    refused, answered = misses(known, unknown, threshold)
    rows = [
        (1, known, BLOCK_COLOURS[3], f"on the list: {refused} of {len(known)} refused"),
        (0, unknown, BLOCK_COLOURS[6], f"not on the list: {answered} of {len(unknown)} answered"),
    ]
    axes.axvspan(0, threshold, color=TRACK, lw=0)
    for level, values, colour, text in rows:
        values = np.sort(np.asarray(values, float))
        heights = level + 0.08 * _stacked(values)
        fills = [colour if value >= threshold else BACKGROUND for value in values]
        axes.scatter(values, heights, s=36, c=fills, ec=colour, lw=1.5, zorder=3, clip_on=False)
        axes.text(0.01, level + 0.5, text, va="center", weight="bold", color=INK)
    axes.axvline(threshold, color=INK, zorder=2)
    side, align = (-0.01, "right") if threshold > 0.5 else (0.01, "left")
    axes.text(threshold + side, -0.53, f"threshold {percent(threshold)}", ha=align, va="center", color=QUIET)
    axes.set(xlim=(0, 1), ylim=(-0.68, 1.68), yticks=[], xlabel="top probability")
    percent_axis(axes.xaxis)
    axes.spines["left"].set_visible(False)
    figure.alt = (
        f"Two rows of dots from 0 to 100 %, and a line at {percent(threshold)}. Below it lie {refused} of "
        f"{len(known)} dots for things on the list; on it or above, {answered} of {len(unknown)} for others."
    )
    return figure


def misses(known, unknown, threshold):
    """How many known things a threshold refuses, and how many unknown ones it answers: two counts.

    known, unknown: top probabilities, 0 to 1. What reaches the threshold is answered.
    """
    return int(np.sum(np.asarray(known) < threshold)), int(np.sum(np.asarray(unknown) >= threshold))


def _stacked(values, width=0.022, most=4):
    """For each of the sorted values a height, so that dots that would hide each other stand apart."""
    heights, last = [], {}
    for value in values:
        order = sorted(range(-most, most + 1), key=abs)
        free = [height for height in order if value - last.get(height, -1) >= width]
        height = free[0] if free else min(order, key=lambda height: last[height])
        heights.append(height)
        last[height] = value
    return np.array(heights)


def _pixels(axes, values, low, high, title):
    axes.imshow(values, cmap="gray", vmin=low, vmax=high, interpolation="nearest", origin="upper")
    axes.set(xticks=[], yticks=[], title=title, facecolor=BACKGROUND)
    axes.spines[:].set(visible=True, color=GREY)


def _frame(axes, column, row, side):
    look = {"fill": False, "ec": BLOCK_COLOURS[6], "lw": 2.5, "clip_on": False}
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), side, side, **look))


def _numbers(axes, table, title, pixels):
    """Nine numbers in nine squares; pixels: on the grey that they stand for."""
    for (y, x), value in np.ndenumerate(table):
        face, ink = (str(value / 255), "white" if value < 128 else INK) if pixels else (BACKGROUND, INK)
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=face, edgecolor=GREY))
        axes.text(x + 0.5, y + 0.5, number_text(value), ha="center", va="center", color=ink)
    axes.set(xlim=(0, 3), ylim=(3, 0), xticks=[], yticks=[], title=title, aspect=0.62)
    axes.spines[:].set_visible(False)
