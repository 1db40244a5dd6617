"""What the layers hold, drawn: kernels, feature maps, and maps laid over the picture."""

import math

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from PIL import Image

from helpers.errors import ReaderError
from helpers.style import (
    LINE,
    MARGIN,
    MAX_WIDTH,
    CourseFigure,
    amount,
    course_style,
    described,
    draw_picture,
    glow,
    heading,
    number_text,
    pixels_of,
    place,
    sentence,
    titled,
    top_of,
    write,
)


@course_style()
def heat_map(picture, heat, title=None):
    """The picture, and beside it the same picture in grey with a map laid over all of it.

    picture: PIL image or array (height, width[, 3]), 0 to 255; heat: array (rows, columns), any size, larger
    where more was seen: it is stretched smoothly over the whole picture. The colours run from 0 (or less),
    "little", to the map's largest value, "much".
    """
    pixels, heat = pixels_of(picture), np.asarray(heat, "float32")
    if heat.ndim != 2 or not np.isfinite(heat).all():
        raise ReaderError(f"A map is a table of finite numbers; this one has the shape {heat.shape}.")
    cell, bar = 2.95, 0.16
    body = cell * min(max(pixels.shape[0] / pixels.shape[1], 0.4), 1.3)
    top = top_of(title)
    figure = CourseFigure(MAX_WIDTH, top + body + 2 * MARGIN)
    heading(figure, title)

    # The colours grow denser with the map, so that the picture stays readable where little was seen.
    colours = ListedColormap(matplotlib.colormaps["inferno"](np.linspace(0.2, 1, 256)))
    dense = np.linspace(0.15, 0.85, 256)[:, None]
    overlay = ListedColormap(np.hstack([colours.colors[:, :3], dense]))
    scale = Normalize(0, max(float(heat.max()), 1e-12))
    left, right = (place(figure, MARGIN + i * (cell + MARGIN), top + MARGIN, cell, body) for i in (0, 1))
    draw_picture(left, picture)
    draw_picture(right, 80 + 0.6 * np.asarray(Image.fromarray(pixels).convert("L"), "float32"))
    right.imshow(
        heat,
        cmap=overlay,
        norm=scale,
        interpolation="bilinear",
        extent=(0, pixels.shape[1], pixels.shape[0], 0),
    )

    axes = place(figure, 2 * cell + 3 * MARGIN, top + MARGIN + LINE + 0.1, bar, body - 2 * LINE - 0.2)
    on_grey = ListedColormap(dense * colours.colors[:, :3] + (1 - dense) * 0.5)
    figure.colorbar(ScalarMappable(cmap=on_grey), cax=axes, ticks=[]).outline.set_visible(False)
    axes.text(0, 1.04, "much", transform=axes.transAxes, va="bottom")
    axes.text(0, -0.04, "little", transform=axes.transAxes, va="top")
    figure.alt = sentence(
        f"{titled(title)}{described(picture)}, and the same in grey under a map that is {_strongest(heat)}"
    )
    return figure


@course_style()
def mosaic(activations, columns=8, title=None, count=32, block=None):
    """The first feature maps of a layer side by side, all on one scale.

    activations: array (height, width, channels) of one picture; columns: maps in a row; count: how many maps
    are shown at most; block: 1 to 5 draws them in that block's colour, None in grey. Maps with values below
    zero (before ReLU) are drawn in two colours, with zero between them.
    The scale ends at the value that only one in 200 exceeds: one loud spot shall not darken all others.
    """
    maps = np.asarray(activations, "float32")
    if maps.ndim != 3:
        raise ReaderError(f"Feature maps have height, width and channels; these have the shape {maps.shape}.")
    total, shown = maps.shape[2], min(count, maps.shape[2])
    maps = maps[:, :, :shown]
    signed = maps.min() < 0
    largest = float(np.percentile(np.abs(maps), 99.5)) or float(np.abs(maps).max()) or 1.0
    scale = Normalize(-largest if signed else 0, largest)
    colours = matplotlib.colormaps["PuOr_r"] if signed else glow(block)

    gap = 0.05
    columns = min(columns, shown)
    cell = min((MAX_WIDTH - 2 * MARGIN + gap) / columns - gap, 1.75)
    rows, tall = math.ceil(shown / columns), cell * maps.shape[0] / maps.shape[1]
    grid_height = rows * (tall + gap) - gap
    top = top_of(True)
    figure = CourseFigure(MAX_WIDTH, top + grid_height + 0.62)
    note = f"{shown} of {total} maps" if shown < total else f"{total} maps"
    heading(figure, title or "Feature maps", note, block)

    axes = place(figure, MARGIN, top + 0.05, columns * (cell + gap) - gap, grid_height)
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

    low = f"{number_text(-largest)} or less" if signed else "0: nothing found"
    high = f"{number_text(largest)} or more"
    bar = place(figure, 2.4, top + grid_height + 0.29, 2.2, 0.13)
    scale_bar = figure.colorbar(ScalarMappable(scale, colours), cax=bar, orientation="horizontal", ticks=[])
    scale_bar.outline.set_visible(False)
    write(figure, 2.3, top + grid_height + 0.355, low, ha="right", va="center")
    write(figure, 4.7, top + grid_height + 0.355, high, va="center")
    dark = sum(not maps[:, :, number].any() for number in range(shown))
    figure.alt = (
        f"{titled(title)}{shown} of {amount(total, 'feature map')} of {maps.shape[0]} × {maps.shape[1]}, "
        f"in rows of {columns}, on one scale from {low} to {high}; "
        f"{dark or 'none'} of them {'is' if dark in (0, 1) else 'are'} zero everywhere."
    )
    return figure


@course_style()
def filters(kernels, title=None):
    """The kernels of the first layer as small colour pictures, in rows of eight.

    kernels: array (3, 3, 3, count): height, width, input channel (blue, green, red, as the network wants
    them), kernel. Each is scaled on its own: mid-grey is zero, its largest weight reaches full colour.
    """
    kernels = np.asarray(kernels, "float32")
    if kernels.ndim != 4 or kernels.shape[2] != 3:
        raise ReaderError(f"First-layer kernels are (height, width, 3, count); these are {kernels.shape}.")
    count, columns, cell, gap = kernels.shape[3], 8, 0.56, 0.07
    rows = math.ceil(count / columns)
    side, tall = columns * (cell + gap) - gap, rows * (cell + gap) - gap
    top = top_of(title)
    figure = CourseFigure(side + 2 * MARGIN, top + tall + 2 * MARGIN)
    heading(figure, title, block=1)
    axes = place(figure, MARGIN, top + MARGIN, side, tall)
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
    figure.alt = sentence(
        f"{titled(title)}{count} kernels of 3 × 3 as small colour pictures, in rows of {columns}"
    )
    return figure


def _strongest(heat):
    """Where a map is largest, in words."""
    if np.ptp(heat) == 0:
        return "the same everywhere"
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    down = ["upper", "middle", "lower"][int(3 * (row + 0.5) / heat.shape[0])]
    across = ["left", "centre", "right"][int(3 * (column + 0.5) / heat.shape[1])]
    return f"strongest in the {'centre' if (down, across) == ('middle', 'centre') else f'{down} {across}'}"
