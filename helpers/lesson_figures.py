"""Figures made for a single lesson, in the visual language of all others."""

import itertools

import numpy as np
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator
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
    place,
    sentence,
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


def _draw_map(axes, shown):
    """A picture, or a map in its colours; returns it in words."""
    if isinstance(shown, Image.Image):
        draw_picture(axes, shown, anchor="NW")
        return described(shown)
    largest = float(np.percentile(np.abs(shown), 99.5)) or float(np.abs(shown).max()) or 1.0
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
def kernels_and_maps(kernels, maps, chosen, picture=None, title=None):
    """Kernels of the first layer as colours, under each the feature map that it makes, on its own scale.

    kernels: array (3, 3, 3, count), input channels blue, green, red, drawn as `plots.filters` draws them;
    maps: array (height, width, count), after ReLU; chosen: the numbers of those to draw, from 0;
    picture: the PIL image that the maps are of, drawn beside them, cut to its middle as the maps are.
    """
    beside, top = picture is not None, top_of(title) + MARGIN
    across = min(len(chosen), 2 if beside else 4)  # kernels in a row
    cell = (MAX_WIDTH - MARGIN) / (across + beside) - MARGIN
    side, tall = 0.5, cell * maps.shape[0] / maps.shape[1]
    step = side + 0.1 + tall + MARGIN
    down = top + step * -(-len(chosen) // across)
    figure = CourseFigure(MAX_WIDTH, down + LINE + 0.05)
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
        seen = _draw_map(place(figure, left, level + side + 0.1, cell, tall), maps[:, :, number])
        told.append(f"kernel {number}, {seen}")
    key = "orange > 0, pale 0; each map on its own scale"
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
    the patch that the number in the middle of the next layer comes from.
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
    red, frame = BLOCK_COLOURS[6], None  # frame: the one of the layer before
    for layer, side in enumerate(sides):
        write(figure, left, top, f"layer {layer}" if layer else "pixels", va="top", weight="bold")
        size = f"{side} × {side}" if side > 1 else "1 number"
        write(figure, left, top + LINE, size, va="top", color=QUIET)
        for row, column in np.ndindex(side, side):
            corner = left + cell * column, middle + cell * (row - side / 2)
            away = max(abs(row - side // 2), abs(column - side // 2))  # from the one in the middle
            colour = red if layer and not away else mix(red, "white", 0.6) if away <= 1 else "white"
            axes.add_patch(Rectangle(corner, cell, cell, facecolor=colour, edgecolor=QUIET, linewidth=0.7))
        half = cell * side / 2
        around = {"fill": False, "edgecolor": red, "linewidth": 2, "zorder": 3}
        axes.add_patch(Rectangle((left, middle - half), 2 * half, 2 * half, **around))
        if frame:
            for up in (-1, 1):  # from frame to frame
                ends = [middle + up * frame[1], middle + up * half]
                axes.plot([frame[0], left], ends, color=red, linewidth=1, zorder=4)
        frame, left = (left + 2 * half, half), left + cell * side + gap
    figure.alt = sentence(
        f"{titled(title)}{sides[0]} × {sides[0]} pixels, then layers of "
        f"{', '.join(f'{side} × {side}' for side in sides[1:])}: "
        "each number comes from a patch of 3 × 3 in the layer before"
    )
    return figure


# 05: an elephant


@course_style()
def forecast_chart(groups, xlabel, ylabel, title=None):
    """What was forecast against what came true: a dot for every trial, and the line where both are equal.

    groups: at most three; dict from a name to two lists of the same length: forecasts, and what came true.
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
    every = np.concatenate([np.concatenate(pair) for pair in groups.values()])
    low, high = min(0, every.min()), every.max()
    edges = low - 0.05 * (high - low), high + 0.05 * (high - low)
    axes.plot(edges, edges, "--", color=QUIET, linewidth=1.2, zorder=1)
    axes.axhline(0, color=QUIET, linewidth=0.6, zorder=0)
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
        )
    note = "broken line: forecast exact"
    write(figure, MAX_WIDTH - MARGIN, level, note, ha="right", va="center", color=QUIET)
    axes.set(xlim=edges, ylim=edges, xlabel=xlabel, ylabel=ylabel)
    axes.grid()
    figure.alt = sentence(f"{titled(title)}dots, {xlabel} across, {ylabel} upwards. {'; '.join(told)}")
    return figure


# 02: build VGG16


@course_style()
def two_sided_bars(left, right, titles, title=None):
    """Two numbers for each name: one as a bar to the left, one as a bar to the right, the name between them.

    left, right: dict name -> number of zero or more, with the same names, each side on a scale of its own;
    layers of VGG16 get the colour of their block. titles: what the two sides count.
    Raises ReaderError if the names differ.
    """
    if not left or list(left) != list(right):
        raise ReaderError("Both sides of the bars need the same names in the same order.")
    names = max(text_width(name) for name in left) + 0.3
    side, tall = (MAX_WIDTH - names) / 2 - MARGIN, 0.27 * len(left)
    ends = MARGIN + side, MARGIN + side + names  # where the bars begin
    top = top_of(title) + MARGIN
    start = top + LINE + 0.12
    figure = CourseFigure(MAX_WIDTH, start + tall + MARGIN)
    heading(figure, title)
    told = []
    for words, values, end, align in zip(titles, (left, right), ends, ("right", "left"), strict=True):
        write(figure, end, top, words, va="top", ha=align, weight="bold")
        axes = place(figure, end - side if align == "right" else end, start, side, tall)
        axes.axis("off")
        axes.barh(range(len(values)), values.values(), color=list(map(layer_colour, values)), height=0.74)
        longest = side - 0.12 - max(text_width(_rounded(value)) for value in values.values())
        limits = 0, side / longest * (max(values.values()) or 1)
        axes.set(xlim=limits[::-1] if align == "right" else limits, ylim=(len(values) - 0.5, -0.5))
        shift = (-5, 0) if align == "right" else (5, 0)
        for row, value in enumerate(values.values()):
            look = {"xytext": shift, "textcoords": "offset points", "ha": align, "va": "center_baseline"}
            axes.annotate(_rounded(value), (value, row), **look)
        shares = {name: value / (sum(values.values()) or 1) for name, value in values.items()}
        most = sorted(shares, key=shares.get, reverse=True)[:2]
        told.append(f"{words}, most in " + " and ".join(f"{name}, {percent(shares[name])}" for name in most))
    for row, name in enumerate(left):
        level = start + 0.27 * (row + 0.5)
        write(figure, MARGIN + side + names / 2, level, name, ha="center", va="center_baseline")
    figure.alt = sentence(
        f"{titled(title)}bars to both sides of {amount(len(left), 'name')}, "
        f"{next(iter(left))} to {list(left)[-1]}: {'; '.join(told)}"
    )
    return figure


def _rounded(value):
    """103, 16.8, 2.36, 0.04, 0.002: as many digits as a comparison needs."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.01 else 3}f}"


@course_style()
def dense_figure(inputs, neurons, title=None):
    """What a dense layer does: every neuron has a weight for every number of the row that comes in.

    inputs: how many numbers come in; neurons: how many neurons there are, so many numbers go out.
    """
    top, cell, rows = top_of(title) + MARGIN, 0.27, 9
    start, step = top + 2 * LINE + 0.2, 0.33
    figure = CourseFigure(MAX_WIDTH, start + rows * step + 0.15)
    heading(figure, title)
    down = figure.get_size_inches()[1]
    axes = place(figure, 0, 0, MAX_WIDTH, down)
    axes.set(xlim=(0, MAX_WIDTH), ylim=(down, 0))
    axes.axis("off")
    row, neuron, out, red = 0.9, 3.35, 5.75, BLOCK_COLOURS[6]

    def few(count):
        return f" ({rows - 1} drawn)" if count > rows - 1 else ""

    captions = [
        (row, f"the row{few(inputs)}", amount(inputs, "number")),
        (neuron, f"{amount(neurons, 'neuron')}{few(neurons)}", "each with a weight per number"),
        (out, "what comes out", "one number per neuron"),
    ]
    for x, head, note in captions:
        write(figure, x, top, head, va="top", ha="center", weight="bold")
        write(figure, x, top + LINE + 0.03, note, va="top", ha="center", color=QUIET)
    levels = [start + step * (number + 0.5) for number in range(rows)]
    gap, chosen = 6, 2  # the row whose place is taken by dots, and the neuron that is drawn in full
    there = [number for number in range(rows) if number != gap]
    for to in sorted(there, key=lambda number: number == chosen):
        for number in there:
            colour, thick = (red, 1.3) if to == chosen else (GREY, 0.5)
            axes.plot([row + cell / 2, neuron], [levels[number], levels[to]], color=colour, linewidth=thick)
    for number in there:
        full = number == chosen
        fill, ink = (red, INK) if full else (mix(red, "white", 0.75), GREY)
        y = levels[number]
        square = (row - cell / 2, y - cell / 2)
        axes.add_patch(
            Rectangle(square, cell, cell, facecolor=mix(BLOCK_COLOURS[5], "white", 0.6), edgecolor=INK)
        )
        axes.annotate(
            "",
            (out - cell / 2 - 0.05, y),
            (neuron + cell / 2, y),
            arrowprops={"arrowstyle": "->", "color": ink, "lw": 1.3},
        )
        axes.add_patch(Circle((neuron, y), cell / 2, facecolor=fill, edgecolor=ink, zorder=3))
        axes.add_patch(Rectangle((out - cell / 2, y - cell / 2), cell, cell, facecolor=fill, edgecolor=ink))
    for x in (row, neuron, out):
        axes.text(x, levels[gap], "⋮", ha="center", va="center", weight="bold")
    write(figure, (neuron + out) / 2, levels[chosen] - 0.05, "sum + bias, ReLU", va="bottom", ha="center")
    figure.alt = sentence(
        f"{titled(title)}a dense layer: {amount(inputs, 'number')} come in; lines lead from every one of "
        f"them to each of {amount(neurons, 'neuron')}, a weight each; a neuron adds up the products and its "
        f"bias, applies ReLU, and puts out one number"
    )
    return figure


# 03: load the weights


@course_style()
def valley(height, walks, title=None):
    """The loss as a valley, once for each walk through it: where the steps lead, and how high each ends.

    height: function from a place, a number, to the loss there; walks: dict from a name to the places stepped
    on, at least two, the first one the start. Every walk has scales of its own; a dashed frame shows where
    the part of the valley before it lies, if that is a close-up.
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
        box = (*ends, min(shown) - 0.15 * np.ptp(shown), max(shown))
        axes.set(xlim=box[:2], ylim=box[2:], xlabel="distance moved")
        if seen and box[0] < seen[0] and seen[1] < box[1]:
            across, down = seen[1] - seen[0], max(seen[3] - seen[2], 0.04 * (box[3] - box[2]))
            axes.add_patch(
                Rectangle(
                    (seen[0], seen[2]), across, down, fill=False, edgecolor=INK, linestyle="--", zorder=4
                )
            )
        seen = box
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(4))
            axis.set_major_formatter(lambda value, _: number_text(round(value, 6)))
        told.append(f"{name}: the loss goes {', '.join(map(number_text, losses))}")
    figure.alt = sentence(f"{titled(title)}the loss as a valley, and steps through it. {'; '.join(told)}")
    return figure


# 07: a face


@course_style()
def spreads(results, title=None):
    """How often each result came out of many repeated trials: a row of columns from 0 to 100 % for each.

    Shares of a small group have a column for each possible value; others are gathered in steps of 5 %.

    results: dict name -> shares, 0 to 1, one for each trial. Above a row stand its median and between which
    values nine of ten trials lie. Raises ReaderError for a result without a trial.
    """
    if not results or not all(len(values) for values in results.values()):
        raise ReaderError("Every result needs at least one trial.")
    top, tall, step = top_of(title) + MARGIN, 0.6, 0.6 + 2 * LINE + 0.35
    left = MARGIN + 0.5
    figure = CourseFigure(MAX_WIDTH, top + step * len(results))
    heading(figure, title)
    told = []
    for row, (name, values) in enumerate(results.items()):
        low, middle, high = np.percentile(values, [5, 50, 95])
        words = f"median {percent(middle)}, nine of ten from {percent(low)} to {percent(high)}"
        start, colour = top + row * step, BLOCK_COLOURS[6]
        write(figure, MARGIN, start, name, va="top", weight="bold")
        write(figure, MAX_WIDTH - MARGIN, start, words, va="top", ha="right", color=QUIET)
        axes = place(figure, left, start + LINE + 0.12, MAX_WIDTH - left - MARGIN - 0.15, tall)
        middles, counts, width = _columns(values)
        axes.bar(middles, counts, width=0.85 * width, color=colour)
        axes.axvline(middle, color=INK, linewidth=2)
        axes.set(xlim=(-0.02, 1), ylim=(0, 1.1 * counts.max()), xticks=[0, 0.25, 0.5, 0.75, 1])
        axes.set_yticks([0, _round_below(counts.max())])
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        percent_axis(axes.xaxis)
        told.append(f"{clean(name)}: {words}")
    count = amount(len(next(iter(results.values()))), "trial")
    figure.alt = sentence(f"{titled(title)}columns for {count}. {'; '.join(told)}")
    return figure


def _round_below(count):
    """The largest of 1, 2, 5, 10, 20, 50 ... that is not above a count."""
    power = 10 ** (len(str(int(count))) - 1)
    return max(step * power for step in (1, 2, 5) if step * power <= count)


def _columns(values):
    """Where columns stand, how high and how far apart they are: at the values themselves if these are few."""
    spots, counts = np.unique(np.round(values, 9), return_counts=True)
    step = min(np.diff(spots), default=0)
    if step >= 0.02 and np.allclose(np.diff(spots) / step, np.round(np.diff(spots) / step), atol=1e-4):
        return spots, counts, step
    counts, edges = np.histogram(values, bins=20, range=(0, 1))
    return (edges[:-1] + edges[1:]) / 2, counts, 0.05
