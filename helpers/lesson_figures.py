"""Figures made for a single lesson, in the visual language of all others."""

import itertools

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator
from PIL import Image

from helpers.architecture import INPUT_SIZE
from helpers.errors import ReaderError
from helpers.layer_plots import laid_over, scale_under, strongest, strongest_of_two
from helpers.pictures import fit
from helpers.style import (
    BACKGROUND,
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
    clean,
    course_style,
    described,
    draw_picture,
    heading,
    in_rows,
    layer_colour,
    lines_in,
    mix,
    number_text,
    percent,
    percent_axis,
    pixels_of,
    place,
    sentence,
    shortened,
    text_width,
    titled,
    top_of,
    wrapped,
    write,
)

# 01: what a convolution sees


@course_style()
def map_row(maps, columns=None, title=None):
    """Feature maps side by side, large, each on a scale of its own.

    maps: dict from the text above each to what is drawn: a map, array (height, width) of any numbers, or a
        PIL image. A map is orange above zero, purple below, and palest at zero; only one whose numbers are
        all above zero is grey, as a picture is: 0 is black. The strongest colour is what only one number in
        200 exceeds.
    columns: how many in a row; None puts up to four in one row, and more into rows of three.
    """
    columns = columns or (len(maps) if len(maps) <= 4 else 3)
    cell = min((MAX_WIDTH - MARGIN) / columns - MARGIN, 3.3)
    rows = in_rows([(wrapped(text, cell), shown) for text, shown in maps.items()], columns)
    heads = [LINE * max(lines_in(text) for text, _ in row) + 0.07 for row in rows]
    talls = [cell * max(_height_to_width(shown) for _, shown in row) for row in rows]
    across = MARGIN + columns * (cell + MARGIN)
    arrays = [(n, shown) for n, shown in enumerate(maps.values()) if isinstance(shown, np.ndarray)]
    coloured = [number % columns for number, shown in arrays if shown.min() <= 0]
    key, key_left = "", MARGIN + (cell + MARGIN) * min(coloured, default=0)
    if coloured:
        below = any(shown.min() < 0 for _, shown in arrays)
        key = "orange > 0, purple < 0, pale about 0" if below else "orange > 0, pale 0"
        key += "; grey: black is 0" if len(coloured) < len(arrays) else ""
        key = wrapped(key, across - MARGIN - key_left)
    top = top_of(title) + MARGIN
    down = top + sum(heads) + sum(talls) + MARGIN * len(rows) + LINE * lines_in(key) + (0.05 if key else 0)
    figure = CourseFigure(across, down)
    heading(figure, title)
    told = []
    for row, head, tall in zip(rows, heads, talls, strict=True):
        for number, (text, shown) in enumerate(row):
            left = MARGIN + number * (cell + MARGIN)
            write(figure, left, top, text, va="top")
            axes = place(figure, left, top + head, cell, tall)
            told.append(f"{clean(text)}, {_draw_map(axes, shown)}")
        top += head + tall + MARGIN
    if key:  # it starts under the first map in two colours
        write(figure, key_left, top, key, va="top", color=QUIET, linespacing=1.15)
    figure.alt = sentence(f"{titled(title)}{amount(len(maps), 'picture')} side by side. {'; '.join(told)}")
    return figure


def _height_to_width(shown):
    width, height = shown.size if isinstance(shown, Image.Image) else shown.shape[::-1]
    return height / width


def _strongest(shown):
    """The number of a map that gets the strongest colour: only one in 200 exceeds it."""
    return float(np.percentile(np.abs(shown), 99.5)) or float(np.abs(shown).max()) or 1.0


def _draw_map(axes, shown, largest=None):
    """A picture, or a map in its colours, the strongest for largest; returns it in words."""
    if isinstance(shown, Image.Image):
        draw_picture(axes, shown, anchor="NW")
        return described(shown)
    largest = largest or _strongest(shown)
    low, colours = (-largest, "PuOr_r") if shown.min() <= 0 else (0, "gray")
    axes.imshow(shown, cmap=colours, vmin=low, vmax=largest)
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.spines[:].set(visible=True, color=RULE)
    height, width = shown.shape
    return (
        f"{height} × {width} numbers from {number_text(round(shown.min()))} to "
        f"{number_text(round(shown.max()))}, {np.mean(shown > 0):.0%} of them above zero"
    )


@course_style()
def kernels_and_maps(kernels, maps, chosen, picture=None, title=None, scales=None):
    """Kernels of the first layer as colours, under each the feature map that it makes.

    kernels: array (3, 3, 3, count), input channels blue, green, red, drawn as `plots.filters` draws them;
    maps: array (height, width, count), after ReLU; chosen: the numbers of those to draw, from 0;
    picture: the PIL image that the maps are of, drawn beside them, cut to its middle as the maps are;
    scales: the maps of an earlier figure, whose scales are kept; None: each map has a scale of its own.
    """
    beside, top = picture is not None, top_of(title) + MARGIN
    across = min(len(chosen), 2 if beside else 4)  # kernels in a row
    cell = (MAX_WIDTH - MARGIN) / (across + beside) - MARGIN
    side, tall = 0.5, cell * maps.shape[0] / maps.shape[1]
    step = side + 0.1 + tall + MARGIN
    down = top + step * -(-len(chosen) // across)
    key = "orange > 0, pale 0; " + (
        "scales as in the earlier figure" if scales is not None else "each map on its own scale"
    )
    aside = beside and len(chosen) > across  # there is room for the key under the picture
    figure = CourseFigure(MAX_WIDTH, down + (0 if aside else LINE + 0.05))
    heading(figure, title, block=1)
    told = []
    if picture is not None:
        whole = maps.shape[0] * picture.width == maps.shape[1] * picture.height
        words = "the picture" if whole else "the picture's middle"
        write(figure, MARGIN, top + side, words, va="bottom", weight="bold")
        axes = place(figure, MARGIN, top + side + 0.1, cell, tall)
        draw_picture(axes, picture)
        _cut_to_middle(axes, picture.size, maps.shape[1] / maps.shape[0])
        told.append(described(picture))
    for place_of, number in enumerate(chosen):
        row, column = divmod(place_of, across)
        left, level = MARGIN + (column + beside) * (cell + MARGIN), top + row * step
        rgb, largest = kernels[:, :, ::-1, number], maps[:, :, number].max()
        write(figure, left + side + 0.12, level + 0.05, f"kernel {number}", va="top", weight="bold")
        words = f"largest number {number_text(round(float(largest)))}"
        write(figure, left + side + 0.12, level + side - 0.05, words, va="bottom", color=QUIET)
        axes = place(figure, left, level, side, side)
        axes.imshow(0.5 + 0.5 * rgb / max(np.abs(rgb).max(), 1e-12), interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=RULE)
        largest = None if scales is None else _strongest(scales[:, :, number])
        axes = place(figure, left, level + side + 0.1, cell, tall)
        seen = _draw_map(axes, maps[:, :, number], largest)
        told.append(f"kernel {number}, {seen}")
    if aside:
        write(figure, MARGIN, top + step + side, wrapped(key, cell), va="top", color=QUIET, linespacing=1.3)
    else:
        write(figure, MARGIN + beside * (cell + MARGIN), down, key, va="top", color=QUIET)
    figure.alt = sentence(
        f"{titled(title)}{amount(len(chosen), 'kernel')} of 3 × 3 as colours, under each its feature map. "
        f"{'; '.join(told)}"
    )
    return figure


def _cut_to_middle(axes, size, width_to_height):
    """Show only the largest middle part of a picture that has these proportions."""
    across = min(size[0], size[1] * width_to_height)
    down, (x, y) = across / width_to_height, (size[0] / 2, size[1] / 2)
    axes.set(xlim=(x - across / 2, x + across / 2), ylim=(y + down / 2, y - down / 2))


@course_style()
def stacked_kernels(count=3, title=None):
    """How far kernels of 3 × 3 reach, one layer after the other: from the pixels to one number.

    count: how many layers. Of each, all that the one number of the last layer comes from is drawn; shaded is
    the patch that the dark number in the corner of the next layer comes from.
    """
    sides, top = [2 * (count - layer) + 1 for layer in range(count + 1)], top_of(title) + MARGIN
    last = 0.75  # inches for the words above the last layer, which is narrower than they are
    cell = min(0.25, 0.62 * (MAX_WIDTH - 2 * MARGIN) / sum(sides))
    gap = (MAX_WIDTH - 2 * MARGIN - last - cell * sum(sides[:-1])) / count
    figure = CourseFigure(MAX_WIDTH, top + 2 * LINE + 0.15 + cell * sides[0] + MARGIN)
    heading(figure, title)
    down = figure.get_size_inches()[1]
    axes = place(figure, 0, 0, MAX_WIDTH, down)
    axes.set(xlim=(0, MAX_WIDTH), ylim=(down, 0))
    axes.axis("off")
    middle, left = top + 2 * LINE + 0.15 + cell * sides[0] / 2, MARGIN
    red, patch = BLOCK_COLOURS[6], None  # patch: the right edge of the one in the layer before, and its top
    for layer, side in enumerate(sides):
        write(figure, left, top, f"layer {layer}" if layer else "pixels", va="top", weight="bold")
        size = f"{side} × {side}" if side > 1 else "1 number"
        write(figure, left, top + LINE, size, va="top", color=QUIET)
        for row, column in np.ndindex(side, side):
            corner = left + cell * column, middle + cell * (row - side / 2)
            shaded = max(row, column) < 3 and layer < count
            colour = red if layer and not row + column else mix(red, "white", 0.6) if shaded else "white"
            axes.add_patch(Rectangle(corner, cell, cell, facecolor=colour, edgecolor=QUIET, linewidth=0.7))
        upper = middle - cell * side / 2
        if patch:
            for tall in (0, 1):  # from the patch to the number that comes from it
                ends = [patch[1] + 3 * cell * tall, upper + cell * tall]
                axes.plot([patch[0], left], ends, color=red, linewidth=1.3, zorder=4)
        axes.add_patch(
            Rectangle(
                (left, upper), *[cell * min(side, 3)] * 2, fill=False, edgecolor=red, linewidth=2, zorder=3
            )
        )
        patch, left = (left + 3 * cell, upper), left + cell * side + gap
    figure.alt = sentence(
        f"{titled(title)}{sides[0]} × {sides[0]} pixels, then layers of "
        f"{', '.join(f'{side} × {side}' for side in sides[1:])}: "
        "each number comes from a patch of 3 × 3 in the layer before"
    )
    return figure


# 04: prepare a picture


@course_style()
def mean_subtraction(picture, spot, average, title=None):
    """What the mean subtraction does to one pixel: its three numbers before and after, on number lines.

    picture: array (height, width, 3), 0 to 255; spot: row and column of the pixel, ringed in the picture;
    average: the red, green and blue that are taken away.
    """
    top, side, step, left = top_of(title) + MARGIN, 2.3, 0.94, 4.0
    figure = CourseFigure(MAX_WIDTH, top + 3 * step + 0.35)
    heading(figure, title)
    axes = place(figure, MARGIN, top + (3 * step - side) / 2, side, side)
    draw_picture(axes, picture)
    for colour, width in (("white", 5), (INK, 2)):
        axes.plot(*spot[::-1], "o", markersize=15, fillstyle="none", color=colour, markeredgewidth=width)
    lines = place(figure, left, top, MAX_WIDTH - left - MARGIN, 3 * step)
    lines.axvline(0, color=QUIET, linewidth=1, zorder=0)
    told = []
    names = {"red": "#C23B3B", "green": "#3F8F4F", "blue": "#3C64B1"}
    for row, ((name, colour), away) in enumerate(zip(names.items(), np.round(average).astype(int))):
        before = round(float(picture[(*spot, row)]))
        after, level = before - away, row * step
        write(figure, left - 0.2, top + level + step / 2 - 0.1, name, ha="right", va="center", weight="bold")
        write(figure, left - 0.2, top + level + step / 2 + 0.1, f"−{away}", ha="right", va="center")
        for number, shift, height, fill in (
            (before, 0, 0.32, mix(GREY, "white", 0.5)),
            (after, away, 0.6, colour),
        ):
            lines.plot(
                [-shift, 255 - shift], [level + height] * 2, color=fill, linewidth=7, solid_capstyle="butt"
            )
            lines.plot(number, level + height, "o", color=INK, markersize=7, zorder=3)
        look = {"arrowstyle": "->", "color": INK, "lw": 1.5, "shrinkA": 2, "shrinkB": 3}
        lines.annotate("", (after, level + 0.6), (before, level + 0.32), arrowprops=look)
        lines.text(before, level + 0.23, f"{before}", ha="center", va="bottom")
        lines.text(after, level + 0.68, number_text(after), ha="center", va="top")
        told.append(f"{name} {before} minus {away} leaves {number_text(after)}")
    lines.set(xlim=(-140, 270), ylim=(3 * step, 0), yticks=[], xticks=[-100, 0, 100, 200])
    lines.xaxis.set_major_formatter(lambda value, _: number_text(value))
    lines.spines["left"].set_visible(False)
    figure.alt = sentence(
        f"{titled(title)}a picture with a ring around one pixel, and a number line for each of its colours, "
        f"from 0 to 255 before. {'; '.join(told)}"
    )
    return figure


# 05: an elephant


@course_style()
def map_and_difference(picture, heat, difference, labels, title=None):
    """One label's map and the difference of two, each over the same picture in grey, side by side.

    picture: PIL image, square; heat: the map of the first label, array (rows, columns); difference: the
    same less the map of the second; labels: the two labels.
    """
    cell, top = (MAX_WIDTH - 3 * MARGIN) / 2, top_of(title) + MARGIN
    start = top + LINE + 0.1
    figure = CourseFigure(MAX_WIDTH, start + cell + 0.4 + MARGIN)
    heading(figure, title)
    heads = [f"for {labels[0]}", f"for {labels[0]}, less {labels[1]}"]
    pixels, level = pixels_of(fit(picture, size=2 * INPUT_SIZE)), start + cell + 0.23
    for number, (head, shown) in enumerate(zip(heads, (heat, difference), strict=True)):
        left = MARGIN + number * (cell + MARGIN)
        write(figure, left, top, shortened(head, cell, "bold"), va="top", weight="bold")
        colours = laid_over(place(figure, left, start, cell, cell), pixels, shown, signed=number == 1)
        ends = [f"for {label}" for label in labels] if number else ["much", "0 or less"]
        scale_under(figure, left, level, ends, colours, long=0.8)
    figure.alt = sentence(
        f"{titled(title)}{described(picture)}, twice in grey: under the map for {clean(labels[0])}, "
        f"{strongest(heat)}, and under the difference of two maps: {strongest_of_two(difference, labels)}"
    )
    return figure


@course_style()
def forecast_chart(groups, xlabel, ylabel, title=None):
    """What was forecast against what came true: a dot for every trial, and the line where both are equal.

    groups: at most three; dict from a name to two lists of the same length: forecasts, and what came true.
    The alt text gives their averages and, from three trials on, their correlation r.
    xlabel, ylabel: what the forecasts and the truth are. Raises ReaderError if two lists differ in length.
    """
    for name, (forecasts, truths) in groups.items():
        if len(forecasts) != len(truths) or not len(truths):
            raise ReaderError(f"Every forecast of {name!r} needs its own truth: the two lists differ.")
    level = top_of(title) + MARGIN + 0.1
    top, left, tall = level + 0.25, 0.85, 3.6
    figure = CourseFigure(MAX_WIDTH, top + tall + 0.75)
    heading(figure, title)
    axes = place(figure, left, top, MAX_WIDTH - left - MARGIN, tall)
    ends = [np.concatenate([pair[side] for pair in groups.values()]) for side in (0, 1)]
    ends = [(min(0, each.min()), each.max()) for each in ends]
    ends = [(low - 0.05 * (high - low), high + 0.05 * (high - low)) for low, high in ends]
    line = min(low for low, _ in ends), max(high for _, high in ends)
    axes.plot(line, line, "--", color=QUIET, linewidth=1.2, zorder=1)
    axes.axhline(0, color=QUIET, linewidth=0.6, zorder=0)
    axes.text(0.98, 0.04, "broken line: forecast exact", transform=axes.transAxes, ha="right", color=QUIET)
    looks = [(BLOCK_COLOURS[6], "o"), (GREY, "^"), (BLOCK_COLOURS[4], "s")]
    across, told = left, []
    for (name, pair), (colour, marker) in zip(groups.items(), looks):
        look = {"s": 42, "color": colour, "marker": marker, "linewidths": 0}
        axes.scatter(*pair, alpha=0.75, zorder=2, **look)
        key = place(figure, across, level - 0.1, 0.2, 0.2)
        key.scatter([0], [0], **look)
        key.axis("off")
        write(figure, across + 0.25, level, name, va="center")
        across += text_width(name) + 0.45
        told.append(
            f"{clean(name)}, {amount(len(pair[0]), 'trial')}: forecast {np.mean(pair[0]):.1f} on average, "
            f"came true {np.mean(pair[1]):.1f}"
            + (f", r = {np.corrcoef(pair)[0, 1]:.2f}" if len(pair[0]) > 2 else "")
        )
    axes.set(xlim=ends[0], ylim=ends[1], xlabel=xlabel, ylabel=ylabel)
    axes.grid()
    figure.alt = sentence(f"{titled(title)}dots, {xlabel} across, {ylabel} upwards. {'; '.join(told)}")
    return figure


# 02: build VGG16


@course_style()
def two_sided_bars(left, right, titles, title=None, shares=False):
    """Two numbers for each name: one as a bar to the left, one as a bar to the right, the name between them.

    left, right: dict name -> number of zero or more, with the same names, each side on a scale of its own;
    layers of VGG16 get the colour of their block. titles: what the two sides count. shares: whether the sum
    of each side is written, and at its edge the share of every block in it.
    Raises ReaderError if the names differ.
    """
    if not left or list(left) != list(right):
        raise ReaderError("Both sides of the bars need the same names in the same order.")
    names = max(text_width(name) for name in left) + 0.3
    side, tall = (MAX_WIDTH - names) / 2 - MARGIN, 0.27 * len(left)
    ends = MARGIN + side, MARGIN + side + names  # where the bars begin
    top = top_of(title) + MARGIN
    start = top + LINE * (1 + shares) + 0.12
    figure = CourseFigure(MAX_WIDTH, start + tall + MARGIN)
    heading(figure, title)
    told, edge = [], 0.65 * shares  # edge: inches for the shares
    for words, values, end, align in zip(titles, (left, right), ends, ("right", "left"), strict=True):
        write(figure, end, top, words, va="top", ha=align, weight="bold")
        axes = place(figure, end - side if align == "right" else end, start, side, tall)
        axes.axis("off")
        axes.barh(range(len(values)), values.values(), color=list(map(layer_colour, values)), height=0.74)
        longest = side - edge - 0.12 - max(text_width(_rounded(value)) for value in values.values())
        limits = 0, side / longest * (max(values.values()) or 1)
        axes.set(xlim=limits[::-1] if align == "right" else limits, ylim=(len(values) - 0.5, -0.5))
        shift = (-5, 0) if align == "right" else (5, 0)
        for row, value in enumerate(values.values()):
            look = {"xytext": shift, "textcoords": "offset points", "ha": align, "va": "center_baseline"}
            axes.annotate(_rounded(value), (value, row), **look)
        parts = {name: value / (sum(values.values()) or 1) for name, value in values.items()}
        most = sorted(parts, key=parts.get, reverse=True)[:2]
        told.append(f"{words}, most in " + " and ".join(f"{name}, {percent(parts[name])}" for name in most))
        if shares:
            total = f"{_rounded(sum(values.values()))} in all"
            write(figure, end, top + LINE, total, va="top", ha=align, color=QUIET)
            out = MARGIN if align == "right" else MAX_WIDTH - MARGIN
            told.append(f"{total}: {_draw_shares(figure, out, start, parts, 1 if align == 'right' else -1)}")
    for row, name in enumerate(left):
        level = start + 0.27 * (row + 0.5)
        write(figure, MARGIN + side + names / 2, level, name, ha="center", va="center_baseline")
    figure.alt = sentence(
        f"{titled(title)}bars to both sides of {amount(len(left), 'name')}, "
        f"{next(iter(left))} to {list(left)[-1]}: {'; '.join(told)}"
    )
    return figure


def _draw_shares(figure, out, start, parts, inward):
    """The share of every block at the edge of bars, a line along its bars; returns them in words.

    out: inches to that edge; inward: 1 where the bars lie to the right of it, -1 where to the left.
    """
    told, row = [], 0
    across, down = figure.get_size_inches()
    for colour, layers in itertools.groupby(parts, key=layer_colour):
        names = list(layers)
        upper, lower = start + 0.27 * row + 0.05, start + 0.27 * (row + len(names)) - 0.05
        part = sum(parts[name] for name in names)
        share = "<1 %" if 0 < part < 0.005 else f"{100 * part:.0f} %"
        x = (out + 0.52 * inward) / across
        figure.add_artist(Line2D([x, x], [1 - upper / down, 1 - lower / down], color=colour, linewidth=2.5))
        style = {"ha": "left" if inward > 0 else "right", "va": "center"}
        write(figure, out, (upper + lower) / 2, share, weight="bold", **style)
        told.append(f"{names[0]} to {names[-1]} {share}")
        row += len(names)
    return ", ".join(told)


def _rounded(value):
    """103, 16.8, 2.36, 0.04, 0.002: as many digits as a comparison needs."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.01 else 3}f}"


@course_style()
def dense_figure(numbers, weights, bias, title=None):
    """What a dense layer does: one of its neurons with all its numbers, and two more beside it.

    numbers: what comes in, a few; weights: one for each of them; bias: the neuron's own number.
    """
    products = [number * weight for number, weight in zip(numbers, weights, strict=True)]
    total = sum(products) + bias
    result, step, cell = max(total, 0), 0.75, 0.36
    top = top_of(title) + MARGIN
    start = top + 2 * LINE + 0.15
    figure = CourseFigure(MAX_WIDTH, start + step * max(len(numbers), 3) + 0.05)
    heading(figure, title)
    down = figure.get_size_inches()[1]
    axes = place(figure, 0, 0, MAX_WIDTH, down)
    axes.set(xlim=(0, MAX_WIDTH), ylim=(down, 0))
    axes.axis("off")
    row, neuron, out, red = 0.7, 3.15, 6.1, BLOCK_COLOURS[6]
    for x, head, note in (
        (row, "the row", amount(len(numbers), "number")),
        (neuron, "neurons", "a weight for every number"),
        (out, "what comes out", "one per neuron"),
    ):
        write(figure, x, top, head, va="top", ha="center", weight="bold")
        write(figure, x, top + LINE + 0.03, note, va="top", ha="center", color=QUIET)
    comes = [start + step * (number + 0.5) for number in range(len(numbers))]
    neurons = [start + step * (number + 0.5) for number in range(3)]
    for level in reversed(neurons):  # the first one, in red, lies over the others
        full = level == neurons[0]
        fill, ink, thick = (red, INK, 1.8) if full else (mix(red, "white", 0.8), GREY, 0.8)
        for y in comes:
            axes.plot([row, neuron], [y, level], color=red if full else GREY, linewidth=thick, zorder=1)
        axes.add_patch(Circle((neuron, level), cell / 2, facecolor=fill, edgecolor=ink, zorder=3))
        arrow = {"arrowstyle": "->", "color": ink, "lw": 1.3}
        axes.annotate("", (out - cell / 2 - 0.05, level), (neuron + cell / 2, level), arrowprops=arrow)
        square = (out - cell / 2, level - cell / 2)
        axes.add_patch(Rectangle(square, cell, cell, facecolor="white", edgecolor=ink))
    pale = mix(BLOCK_COLOURS[5], "white", 0.6)
    paper = {"facecolor": BACKGROUND, "edgecolor": "none", "pad": 1.5}
    for y, number, weight in zip(comes, numbers, weights, strict=True):
        square = (row - cell / 2, y - cell / 2)
        axes.add_patch(Rectangle(square, cell, cell, facecolor=pale, edgecolor=INK, zorder=2))
        axes.text(row, y, number_text(number), ha="center", va="center", zorder=3)
        x = row + 0.34 * (neuron - row)
        style = {"ha": "center", "va": "center", "bbox": paper, "zorder": 4, "color": red, "weight": "bold"}
        axes.text(x, y + 0.34 * (neurons[0] - y), f"× {number_text(weight)}", **style)
    added = " + ".join(map(number_text, [*products, bias])).replace("+ −", "− ")
    added = f"{added} = {number_text(total)}"
    style = {"ha": "center", "zorder": 4}
    axes.text((neuron + out) / 2, neurons[0] - 0.06, added, va="bottom", **style)
    axes.text((neuron + out) / 2, neurons[0] + 0.06, "sum + bias, then ReLU", va="top", color=QUIET, **style)
    axes.text(out, neurons[0], number_text(result), ha="center", va="center", weight="bold")
    figure.alt = sentence(
        f"{titled(title)}a dense layer: the numbers {', '.join(map(number_text, numbers))} come in; "
        f"lines lead from every one of them to every neuron, a weight each; one neuron has the weights "
        f"{', '.join(map(number_text, weights))} and the bias {number_text(bias)}: {added}, and after ReLU "
        f"{number_text(result)} comes out"
    )
    return figure


# 03: load the weights


@course_style()
def valley(height, walks, xlabel="distance moved", title=None):
    """The loss as a valley, once for each walk through it: where the steps lead, and how high each ends.

    height: function from a place, a number, to the loss there; walks: dict from a name to the places stepped
    on, at least two, the first one the start; the others are numbered where there is room. xlabel: what a
    place is. Every walk has scales of its own; a dashed frame, named "close-up", shows where the part of the
    valley before it lies.
    """
    top, gap, left = top_of(title) + MARGIN, 0.75, MARGIN + 0.6
    wide, tall = (MAX_WIDTH - left - MARGIN - gap * (len(walks) - 1)) / len(walks), 2.1
    figure = CourseFigure(MAX_WIDTH, top + 2 * LINE + 0.15 + tall + 0.75)
    heading(figure, title)
    told, seen = [], None  # seen: the part of the valley that the panel before shows
    for number, (name, places) in enumerate(walks.items()):
        x = left + number * (wide + gap)
        losses = [float(height(place)) for place in places]
        write(figure, x, top, name, va="top", weight="bold")
        write(figure, x - 0.5, top + LINE + 0.05, "loss", va="top", color=QUIET)
        axes = place(figure, x, top + 2 * LINE + 0.15, wide, tall)
        ends = np.array([min(places), max(places)]) + 0.35 * np.ptp(places) * np.array([-1, 1])
        line = np.linspace(*ends, 200)
        shown = [float(height(place)) for place in line]
        axes.plot(line, shown, color=GREY)
        for here, there in itertools.pairwise(zip(places, losses, strict=True)):
            room = abs(there[0] - here[0]) * wide / np.ptp(ends)  # inches; a short step needs no head
            look = {"arrowstyle": "->" if room > 0.25 else "-", "color": BLOCK_COLOURS[6], "lw": 1.8}
            axes.annotate("", there, here, arrowprops=look)
        axes.plot(places, losses, "o", color=INK, markersize=6, zorder=3)
        axes.annotate("start", (places[0], losses[0]), (8, -14), textcoords="offset points")
        room = 0.2 * np.ptp(ends) / wide  # what the number of a step needs beside the one before
        for step, there in enumerate(zip(places, losses, strict=True)):
            if step and abs(places[step] - places[step - 1]) > room:
                axes.annotate(str(step), there, (-5, 8), textcoords="offset points", ha="center")
        box = (*ends, min(shown) - 0.2 * np.ptp(shown), max(shown))
        axes.set(xlim=box[:2], ylim=box[2:], xlabel=xlabel)
        if seen and box[0] < seen[0] and seen[1] < box[1]:
            across, down = seen[1] - seen[0], max(seen[3] - seen[2], 0.04 * (box[3] - box[2]))
            axes.add_patch(
                Rectangle(
                    (seen[0], seen[2]), across, down, fill=False, edgecolor=INK, linestyle="--", zorder=4
                )
            )
            look = {"textcoords": "offset points", "ha": "right", "va": "top", "color": QUIET}
            axes.annotate("close-up", (seen[0], seen[2]), (6, -3), **look)
        seen = box
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        told.append(f"{name}: the loss goes {', '.join(map(number_text, losses))}")
    figure.alt = sentence(f"{titled(title)}the loss as a valley, and steps through it. {'; '.join(told)}")
    return figure


# 07: a face


@course_style()
def lines_and_answers(lines, known, unknown, title=None):
    """Which answers do many thresholds silence? Columns for where these lie, and under them a bar for each.

    lines: thresholds, 0 to 1, counted in steps of 5 %; a dashed line is their median. known, unknown: lists
    of `Guess`, the best ones for things on the list, in blue, and for others, in red. Every line to the right
    of a bar's end silences it. Raises ReaderError if there is no line or no answer.
    """
    blue, red = BLOCK_COLOURS[4], BLOCK_COLOURS[6]
    answers = [(guess, blue) for guess in known] + [(guess, red) for guess in unknown]
    if not len(lines) or not answers:
        raise ReaderError("This figure needs a line and an answer at least.")
    left, tall, step, top = MARGIN + 0.2, 0.9, LINE + 0.38, top_of(title) + MARGIN
    first = top + LINE + 0.1 + tall + 0.15  # where the first answer begins
    figure = CourseFigure(MAX_WIDTH, first + step * len(answers) + 0.7)
    heading(figure, title)
    low, middle, high = np.percentile(lines, [5, 50, 95])
    words = f"median {percent(middle)}, nine of ten from {percent(low)} to {percent(high)}"
    _named(figure, top, f"where the {amount(len(lines), 'line')} lie{'s' * (len(lines) == 1)}", words)
    axes = place(figure, left, top + LINE + 0.1, MAX_WIDTH - 2 * left, tall)
    counts, edges = np.histogram(lines, bins=20, range=(0, 1))
    axes.bar(edges[:-1] + 0.025, counts, width=0.044, color=GREY)
    axes.set(xlim=(0, 1), ylim=(0, 1.05 * counts.max()), xticks=[], yticks=[])
    axes.axvline(middle, linestyle="--", color=INK, linewidth=1.1)
    under, told = place(figure, left, first, MAX_WIDTH - 2 * left, step * len(answers)), []
    for row, (guess, colour) in enumerate(answers):
        share = percent(np.mean(np.greater(lines, guess.probability)))
        name, silenced = f"{guess.label}, {percent(guess.probability)}", f"silenced by {share} of the lines"
        _named(figure, first + row * step, name, silenced)
        floor = row * step + LINE + 0.1
        under.plot([0, 1], [floor] * 2, color=RULE, linewidth=2)
        under.barh(floor, guess.probability, 0.1, color=colour, zorder=3)
        under.plot([middle] * 2, [floor - 0.1, floor + 0.1], "--", color=INK, linewidth=1.1, zorder=4)
        told.append(f"{clean(name)}: {silenced}")
    under.set(xlim=(0, 1), ylim=(step * len(answers), 0), yticks=[], xticks=[0, 0.25, 0.5, 0.75, 1])
    under.set_xlabel("highest probability")
    percent_axis(under.xaxis)
    for spine in (axes.spines["left"], under.spines["left"], under.spines["bottom"]):
        spine.set_visible(False)
    figure.alt = sentence(
        f"{titled(title)}columns for where {amount(len(lines), 'line')} lie: {words}. {'; '.join(told)}"
    )
    return figure


def _named(figure, top, name, words):
    """The line of text over a row: its name at the left, what is said of it at the right."""
    write(figure, MARGIN, top, name, va="top", weight="bold")
    write(figure, MAX_WIDTH - MARGIN, top, words, va="top", ha="right", color=QUIET)


# 10: your own photos


@course_style()
def middle_square(picture):
    """A picture with a frame around its middle square, which the network gets, and all else pale.

    picture: PIL image, or array (height, width[, 3]) with values 0 to 255.
    """
    shape = _height_to_width(picture)
    wide = min(4.2, 3.2 / shape)
    figure = CourseFigure(wide + 2 * MARGIN, wide * shape + 2 * MARGIN)
    axes = place(figure, MARGIN, MARGIN, wide, wide * shape)
    height, width = draw_picture(axes, picture).shape[:2]
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    end = (left, height) if left else (width, top)
    for corner in ((0, 0), (width - end[0], height - end[1])):
        axes.add_patch(Rectangle(corner, *end, color="white", alpha=0.65, lw=0))
    frame = {"edgecolor": INK, "lw": 2.5, "joinstyle": "miter", "clip_on": False}
    axes.add_patch(Rectangle((left, top), side, side, fill=False, **frame))
    figure.alt = sentence(
        f"{described(picture)} with a frame around its middle square; "
        f"{end[0] * end[1] / height / width:.0%} of it lies outside, pale, at either end"
    )
    return figure
