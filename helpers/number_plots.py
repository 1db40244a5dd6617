"""Numbers drawn: bars and curves."""

import itertools
import math

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import EngFormatter, MaxNLocator

from helpers.errors import ReaderError
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
    TRACK,
    CourseFigure,
    amount,
    arranged_figure,
    clean,
    course_style,
    draw_picture,
    heading,
    layer_colour,
    lines_in,
    mix,
    number_text,
    percent,
    percent_axis,
    place,
    same_length,
    sentence,
    shortened,
    suptitle,
    text_width,
    titled,
    top_of,
    wrapped,
    write,
    write_lines,
)


@course_style()
def bars(values, title=None, xlabel=None, log=False, of=None):
    """Horizontal bars with their values written at them.

    values: dict name -> number, or list of (name, number, colour). In a dict, the layers of VGG16 get the
    colour of their block and all else a quiet grey. Numbers are zero or more; log: a logarithmic scale, on
    which each line is ten times the one before. of: what all bars are a part of, such as the number of
    questions, drawn pale behind each; or None.
    """
    if not values:
        raise ReaderError("There is no bar to draw: `values` is empty.")
    if isinstance(values, dict):
        values = [(name, number, layer_colour(name)) for name, number in values.items()]
    names, numbers, colours = zip(*values, strict=True)
    if min(numbers) < 0:
        raise ReaderError(f"A bar starts at zero; the value {min(numbers)} lies below it.")
    height = 0.27 * len(names) + 0.25 + top_of(title) + (0.25 if xlabel else 0) + (0.25 if log else 0)
    figure = arranged_figure(MAX_WIDTH, height)
    suptitle(figure, title)
    axes = figure.add_subplot()
    if of:
        axes.barh(range(len(names)), of, color=TRACK, height=0.74)
    axes.barh(range(len(names)), numbers, color=colours, height=0.74)
    axes.set(
        ylim=(len(names) - 0.4, -0.6),
        yticks=range(len(names)),
        yticklabels=[shortened(name, 2.6) for name in names],
        xlabel=xlabel,
    )
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
        axes.set(xlim=(0, of or max(numbers) or 1), xticks=[])
    written = [
        f"{number_text(number)} of {number_text(of)}" if of else number_text(number) for number in numbers
    ]
    for row, number in enumerate(numbers):
        end = of or max(number, axes.get_xlim()[0])
        axes.annotate(written[row], (end, row), (5, 0), textcoords="offset points", va="center_baseline")
    shown = [f"{clean(name)} {value}" for name, value in zip(names, written, strict=True)]
    figure.alt = sentence(f"{titled(title)}{titled(xlabel)}bars. {', '.join(shown)}")
    return figure


@course_style()
def confidence_curves(x, curves, xlabel, title=None):
    """How sure the network is, as something about the picture changes: one line for each label.

    x: numbers along the horizontal axis (degrees, pixels, ...); curves: dict name -> probabilities, 0 to 1,
    one for each x; the first is drawn strongest. The vertical axis is always 0 to 100 %.
    """
    figure = arranged_figure(MAX_WIDTH, 3.4 + 0.25 * math.ceil(len(curves) / 2))
    suptitle(figure, title)
    axes = figure.add_subplot()
    for number, (name, probabilities) in enumerate(curves.items()):
        colour, dash, mark = LOOKS[number % len(LOOKS)]
        axes.plot(
            x,
            probabilities,
            dash,
            marker=mark,
            color=colour,
            markersize=5,
            label=shortened(name, 2.5),
            linewidth=2.6 if number == 0 else 1.5,
            zorder=3 - 0.1 * number,
            clip_on=False,
        )
    axes.set(ylim=(0, 1), yticks=[0, 0.25, 0.5, 0.75, 1], xlabel=xlabel)
    axes.margins(x=0.02)
    percent_axis(axes.yaxis)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower left", ncols=2)
    figure.alt = sentence(f"{titled(title)}curves over {xlabel}. {'; '.join(_courses(x, curves))}")
    return figure


@course_style()
def bend_curves(rows):
    """How sure the network is while a picture is bent more and more: curves, each above its pictures.

    rows: a tuple for each curve: title; a note under it, or ""; amounts, written under the pictures, at equal
    distances; probabilities, 0 to 1; is_first, whether that was the first guess: a full dot, else a ring;
    pictures, PIL images or arrays: up to nine are shown, of more every second or so. Raises ValueError if
    these differ in number.
    """
    columns, left, gap, curve = min(2, len(rows)), 0.7, 0.2, 1.1
    panel = (MAX_WIDTH - left - MARGIN - gap * (columns - 1)) / columns
    shown = [range(0, len(row[2]), math.ceil(len(row[2]) / 9)) for row in rows]
    thumb = panel / max(map(len, shown)) - 0.02
    tall = 2 * LINE + 0.15 + curve + 0.06 + thumb + LINE + 0.2
    top = MARGIN + 1.6 * LINE
    figure = CourseFigure(MAX_WIDTH, top + tall * math.ceil(len(rows) / columns))
    write(figure, left, MARGIN, f"probability of the word    {FIRST_OR_NOT}", va="top")
    for spot, (title, note, amounts, probabilities, is_first, pictures) in enumerate(rows):
        same_length(
            amounts=list(amounts),
            probabilities=list(probabilities),
            is_first=list(is_first),
            pictures=pictures,
        )
        row, column = divmod(spot, columns)
        start, across = top + row * tall, left + column * (panel + gap)
        write(figure, across, start, shortened(title, panel, "bold"), va="top", weight="bold")
        write(figure, across, start + LINE, shortened(note, panel), va="top", color=QUIET)
        start += 2 * LINE + 0.15
        axes = place(figure, across, start, panel, curve)
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
        # Each of the pictures stands right under its dot, those at the ends within the panel.
        beside = last * thumb / 2 / (panel - thumb)
        axes.set(xlim=(-beside, last + beside), ylim=(0, 1), xticks=[], yticks=[0, 0.5, 1])
        percent_axis(axes.yaxis)
        axes.tick_params(axis="y", length=0, labelleft=column == 0)
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        for number in shown[spot]:
            middle = across + thumb / 2 + (panel - thumb) * number / last
            under = start + curve + 0.06
            draw_picture(place(figure, middle - thumb / 2, under, thumb, thumb), pictures[number])
            write(figure, middle, under + thumb + 0.05, f"{amounts[number]:g}", va="top", ha="center")
    told = []
    for title, note, amounts, probabilities, *_ in rows:
        told += _courses(amounts, {f"{title} ({note})" if note else title: probabilities})
    figure.alt = f"Curves above the changed pictures. {'; '.join(told)}."
    return figure


@course_style()
def curves(x, series, xlabel, ylabel, probabilities=None, title=None, log=False, mark=None):
    """What changes during training: lines on one panel, and on a second one a probability, if there is any.

    x: numbers along the horizontal axis, such as steps; series: dict name -> numbers of zero or more, one for
    each x, such as the loss on training pictures and on others; probabilities: dict name -> 0 to 1, one for
    each x, drawn beside, from 0 to 100 %; or None. Lines whose names begin alike, up to a comma, share their
    colour; a dot marks where a line of `series` turns and climbs, and a smaller one each of few points.
    log: x, all above zero, on a logarithmic axis with a tick at each; mark: the number of a point, from 0, at
    which the probabilities have a dot and say their value; or None. Raises ReaderError if a line has more or
    fewer points.
    """
    panels = [series] + ([probabilities] if probabilities else [])
    for lines in panels:
        for name, values in lines.items():
            _same_points(x, name, values)
    start, tall, left, gap = top_of(title) + MARGIN + 1.4 * LINE, 2.4, MARGIN + 0.75, 0.95
    told, figure = [], CourseFigure(MAX_WIDTH, start + tall + 0.65)
    heading(figure, title)
    names = [[wrapped(name, 1.9 if len(panels) == 1 else 2.6, most=2) for name in lines] for lines in panels]
    # A single line has its name above it; where there are more, each has its own at its right end.
    rooms = [0.25 + max(_widest(name) for name in each) if len(each) > 1 else 0.1 for each in names]
    wide = (MAX_WIDTH - left - gap * (len(panels) - 1) - sum(rooms) - MARGIN) / len(panels)
    for number, lines in enumerate(panels):
        across = left + number * (wide + gap) + sum(rooms[:number])
        axes = place(figure, across, start, wide, tall)
        colours = _colours(lines)
        for values, colour, (_, dash, _) in zip(lines.values(), colours, itertools.cycle(LOOKS)):
            dots = {"marker": ".", "markersize": 8} if len(x) <= 12 else {}
            axes.plot(x, values, dash, color=colour, linewidth=2.2, clip_on=False, **dots)
            turn = _turn(values)
            if lines is series and turn:
                axes.plot(x[turn], values[turn], "o", color=colour, markersize=7, zorder=4)
        axes.set(xlabel=xlabel)
        axes.margins(x=0.02)
        axes.grid(axis="y")
        if log:
            axes.set_xscale("log")
            axes.set_xticks(x, map(str, x))
            axes.minorticks_off()
        else:
            axes.xaxis.set_major_locator(MaxNLocator(4, **ROUND, integer=True))
        if lines is probabilities:
            axes.set(ylim=(0, 1), yticks=[0, 0.25, 0.5, 0.75, 1])
            percent_axis(axes.yaxis)
            told = _marks(axes, x, lines, xlabel, colours, mark)
        else:
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_locator(MaxNLocator(5, **ROUND))
        above = names[number][0] if len(lines) == 1 else ylabel
        write(figure, across, start - 0.45 * LINE, above, va="bottom", weight="bold")
        if len(lines) > 1:
            box = (across, start, wide, tall)
            _name_ends(figure, axes, box, lines.values(), names[number], colours)
    runs = _runs(x, series, number_text, _turn) + (_runs(x, probabilities, percent) if probabilities else [])
    figure.alt = sentence(f"{titled(title)}curves of {ylabel} over {xlabel}. {'; '.join(runs + told)}")
    return figure


@course_style()
def loss_curve(losses, kernels, title=None, xlabel="step", goal=None, as_map=None):
    """Training, seen: the falling loss, and under it a kernel as it changes.

    losses: numbers of zero or more, one for each step, the first before any training; kernels: dict from the
    number of a step to the kernel at that step, array (3, 3); all share one scale of two colours, with zero
    white between them, and carry their numbers where there is room, else a line tells the scale; goal: the
    kernel that would have no loss at all, drawn at the end, or None; as_map: function from a kernel to its
    feature map, drawn under it, orange above zero and purple below, all on one scale; or None. Raises
    ReaderError for a step that is not there, or for other shapes.
    """
    losses = np.asarray(losses, "float64")
    steps = sorted(kernels)
    shown = [np.asarray(kernels[step], "float64") for step in steps]
    shown += [] if goal is None else [np.asarray(goal, "float64")]
    names = [f"{step:,}" for step in steps] + ["the goal"][: len(shown) - len(steps)]
    if not steps or any(kernel.ndim != 2 for kernel in shown):
        raise ReaderError("Kernels are tables of numbers, (3, 3), at least one; these are not.")
    if steps[0] < 0 or steps[-1] >= len(losses):
        raise ReaderError(f"There are {len(losses)} losses, steps 0 to {len(losses) - 1}; not {steps}.")
    top, curve, gap = top_of(title) + MARGIN, 1.75, 0.2
    left = MARGIN + 0.75
    cell = min((MAX_WIDTH - 2 * MARGIN + gap) / len(shown) - gap, 1.45)
    numbered = all(cell >= kernel.shape[1] * text_width("−0.0") for kernel in shown)
    lines = top + LINE + 0.1
    start = lines + curve + 0.75
    under = start + 2 * LINE + 0.15 + cell + (MARGIN if numbered else 0.4)
    maps = [] if as_map is None else [as_map(kernel) for kernel in shown]
    map_tall = cell * maps[0].shape[0] / maps[0].shape[1] if maps else 0
    figure = CourseFigure(MAX_WIDTH, under + (map_tall + MARGIN if maps else 0))
    heading(figure, title)
    write(figure, MARGIN, top, "loss", va="top", weight="bold")
    axes = place(figure, left, lines, MAX_WIDTH - left - MARGIN - 0.1, curve)
    axes.plot(losses, color=BLOCK_COLOURS[6], clip_on=False)
    axes.plot(steps, losses[steps], "o", color=INK, markersize=7, clip_on=False, zorder=3)
    axes.set(xlim=(0, max(1, len(losses) - 1)), ylim=(0, 1.08 * losses.max() or 1), xlabel=xlabel)
    axes.xaxis.set_major_locator(MaxNLocator(6, **ROUND, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4, **ROUND))
    axes.grid(axis="y")
    largest = max(np.abs(shown).max(), 1e-12)
    losses_there = [*losses[steps], *[0][: len(shown) - len(steps)]]
    for number, (name, kernel) in enumerate(zip(names, shown, strict=True)):
        x = MARGIN + number * (cell + gap)
        step = f"{xlabel} {name}" if number < len(steps) else name
        write(figure, x, start, step, va="top", weight="bold")
        if cell >= text_width("loss 0.0000"):
            there = number_text(round(float(losses_there[number]), 4))
            write(figure, x, start + LINE, f"loss {there}", va="top", color=QUIET)
        tile = place(figure, x, start + 2 * LINE + 0.1, cell, cell)
        tile.imshow(kernel, cmap="PuOr_r", vmin=-largest, vmax=largest)
        tile.set(xticks=[], yticks=[])
        tile.spines[:].set(visible=True, color=RULE)
        if numbered:
            for (row, column), weight in np.ndenumerate(kernel):
                ink = "white" if abs(weight) > 0.6 * largest else INK
                tile.text(column, row, _tenths(weight), ha="center", va="center", color=ink)
    strongest = np.percentile(np.abs(maps), 99.5) if maps else 0
    for number, values in enumerate(maps):
        tile = place(figure, MARGIN + number * (cell + gap), under, cell, map_tall)
        tile.imshow(values, cmap="PuOr_r", vmin=-strongest, vmax=strongest)
        tile.set(xticks=[], yticks=[])
        tile.spines[:].set(visible=True, color=RULE)
    if not numbered:
        ends = f"purple −{number_text(largest)}  …  white 0  …  orange {number_text(largest)}"
        write(figure, MARGIN, start + 2 * LINE + 0.1 + cell + 0.12, ends, va="top", color=QUIET)
    figure.alt = sentence(
        f"{titled(title)}the loss over the steps, from {number_text(losses[0])} at {xlabel} 0 to "
        f"{number_text(losses[-1])} at {xlabel} {len(losses) - 1}; and the kernel at "
        f"{xlabel} {', '.join(map(str, steps))}, at last "
        + " / ".join(" ".join(f"{weight:.2g}" for weight in row) for row in shown[len(steps) - 1])
        + ("" if goal is None else ", beside the goal")
        + ("; under each kernel its feature map" if maps else "")
    )
    return figure


@course_style()
def many_curves(x, bold, thin, xlabel, title=None, is_first=None):
    """How sure the network is of one thing as something changes, among the same curves of other things.

    x: numbers along the horizontal axis; bold: (name, probabilities); thin: dict name -> probabilities, 0 to
    1, one for each x. Each name stands at the right end of its curve. is_first: dict name -> for each x
    whether the thing was the first guess, a full dot, or not, a ring; or None, no dots. Things that were
    never the first guess are grey, and named together under the title.
    Raises ReaderError if a curve has more or fewer points.
    """
    everything = {**thin, bold[0]: bold[1]}
    for name, values in everything.items():
        _same_points(x, name, values)
    never = [name for name in thin if is_first and not any(is_first[name])]
    named = [name for name in everything if name not in never]
    names = {name: shortened(name, 1.7, "bold" if name == bold[0] else "normal") for name in named}
    room = max(text_width(text, "bold") for text in names.values()) + 0.25
    left, floor, top = MARGIN + 0.6, 0.6, top_of(title) + MARGIN
    keys = [f"probability    {FIRST_OR_NOT}" if is_first else "probability"]
    keys += [wrapped(f"grey, never first: {', '.join(never)}", MAX_WIDTH - 2 * MARGIN)] if never else []
    start = top + LINE * (sum(map(lines_in, keys)) + 0.6)
    tall = max(2.6, LINE * len(named))
    figure = CourseFigure(MAX_WIDTH, start + tall + floor)
    heading(figure, title)
    write_lines(figure, MARGIN, top, "\n".join(keys))
    wide = MAX_WIDTH - left - room
    axes = place(figure, left, start, wide, tall)
    # A colour for each, so that a curve can be followed to its name; after the last colour, dashes.
    palette = [*OTHERS, INK, BROWN]
    looks = zip(named, itertools.cycle(palette))
    colours = dict.fromkeys(never, GREY) | dict(looks) | {bold[0]: BLOCK_COLOURS[6]}
    dashed = named[len(palette) :]
    for name, values in everything.items():
        strong = name == bold[0]
        level = 4 if strong else 2
        dash = "--" if name in dashed and not strong else "-"
        line = {"color": colours[name], "linewidth": 3.2 if strong else 1.4, "clip_on": False}
        axes.plot(x, values, dash, zorder=level, **line)
        if is_first:
            fills = [colours[name] if first else BACKGROUND for first in is_first[name]]
            dots = {"edgecolors": colours[name], "linewidths": 1.3, "clip_on": False, "zorder": level + 1}
            axes.scatter(x, values, s=46 if strong else 22, c=fills, **dots)
    axes.set(xlim=(min(x), max(x)), ylim=(0, 1), yticks=[0, 0.25, 0.5, 0.75, 1], xlabel=xlabel)
    if len(x) < 10:
        axes.set_xticks(list(x))
    percent_axis(axes.yaxis)
    axes.grid(axis="y")
    # The names in the order of their ends, moved apart where the ends are too near to each other.
    order = sorted(named, key=lambda name: -everything[name][-1])
    ends = [tall * (1 - float(everything[name][-1])) for name in order]
    for name, wanted, level in zip(order, ends, _apart(ends, LINE, tall), strict=True):
        strong = name == bold[0]
        colour = colours[name]
        ends_at, written_at = 1 - wanted / tall, 1 - level / tall
        line = {"color": colour, "linewidth": 0.8, "transform": axes.transAxes, "clip_on": False}
        axes.plot([1, 1 + 0.16 / wide], [ends_at, written_at], **line)
        write(
            figure,
            left + wide + 0.2,
            start + level,
            names[name],
            va="center",
            color=mix(colour, INK, 0.4),
            weight="bold" if strong else "normal",
        )
    told = _runs(x, {bold[0]: bold[1], **thin}, percent)
    if is_first:
        told = [
            f"{run}, first at {sum(map(bool, is_first[name]))} of {len(x)}"
            for name, run in zip([bold[0], *thin], told, strict=True)
        ]
    figure.alt = sentence(f"{titled(title)}one bold curve over {xlabel} among thin ones. {'; '.join(told)}")
    return figure


@course_style()
def dots_with_threshold(groups, threshold, title=None, xlabel="highest probability", wrong=None):
    """Rows of dots from 0 to 100 %, one for each picture, with a threshold through all of them.

    groups: dict name -> probabilities, 0 to 1, such as the highest one for known and for unknown pictures;
    threshold: 0 to 1. At each row stands how many reach the threshold and how many stay below. wrong: dict
    name -> for each whether its answer is wrong: a ring, not a full dot; a group that is not named has dots.
    Raises ReaderError for an empty group.
    """
    swarms = {name: _swarm(values) for name, values in groups.items()}
    if not groups or not all(len(values) for values in groups.values()):
        raise ReaderError("Every group needs at least one probability.")
    step = 0.1  # inches between dots that lie over each other
    talls = [max(0.55, step * (max(levels) + 1) + 0.2) for levels in swarms.values()]
    start, left = top_of(title) + MARGIN + LINE, MARGIN + 0.2
    rows = sum(talls) + 0.36 * len(talls)
    figure = CourseFigure(MAX_WIDTH, start + rows + 0.7)
    heading(figure, title)
    axes = place(figure, left, start, MAX_WIDTH - 2 * left, rows)
    floor, told = 0.0, []
    for (name, levels), colour, tall in zip(swarms.items(), itertools.cycle(GROUPS), talls):
        values = np.asarray(groups[name], "float64")
        above = int((values >= threshold).sum())
        counts = [f"{above} of {len(values)} reach it", f"{len(values) - above} stay below"]
        missed = np.asarray((wrong or {}).get(name, np.zeros(len(values))), bool)
        if missed.any():
            low = (missed & (values < threshold)).sum()
            counts = [f"{counts[0]} ({missed.sum() - low} wrong)", f"{counts[1]} ({low} wrong)"]
        counts = ", ".join(counts)
        floor += 0.36 + tall
        level, right = start + floor - tall - 0.1, MAX_WIDTH - MARGIN
        write(figure, MARGIN, level, shortened(name, 2.6, "bold"), weight="bold", va="bottom")
        write(figure, right, level, counts, ha="right", va="bottom", color=QUIET)
        if missed.any():
            key = "● right name   ○ wrong name"
            axes.text(0, floor - tall + 0.12, key, va="center", color=mix(colour, INK, 0.25))
        axes.plot([threshold] * 2, [floor - tall, floor], "--", color=INK, linewidth=1.1, zorder=4)
        heights = floor - 0.12 - step * np.array(levels)
        fills = [BACKGROUND if miss else colour for miss in missed]
        dots = {"edgecolors": colour, "linewidths": 1.4, "clip_on": False, "zorder": 3}
        axes.scatter(values, heights, s=26, c=fills, **dots)
        axes.axhline(floor, color=RULE, linewidth=1)
        told.append(f"{clean(name)}: {counts}")
    side = "left" if threshold < 0.15 else "right" if threshold > 0.85 else "center"
    axes.text(threshold, -0.05, f"threshold {percent(threshold)}", ha=side, va="bottom", weight="bold")
    axes.set(xlim=(0, 1), ylim=(rows, 0), yticks=[], xticks=[0, 0.25, 0.5, 0.75, 1], xlabel=xlabel)
    percent_axis(axes.xaxis)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)
    figure.alt = sentence(
        f"{titled(title)}dots from 0 to 100 % with a threshold at {percent(threshold)}. {'; '.join(told)}"
    )
    return figure


@course_style()
def change_chart(
    names,
    changes,
    title=None,
    xlabel="change of the right label's probability, percentage points",
    loss=None,
):
    """What each of several things does to the right answer, a dot for every picture, the median marked.

    names: a line for each; changes: for each an array of changes of probability, one number a picture, −1
    to 1: below zero where the right answer became less probable. loss: what counts as a loss, 0.2 for one of
    over 20 points: what lies beyond is shaded, and the pictures there are counted in a column of their own.
    Raises ReaderError if the lists differ in length.
    """
    same_length(names=names, changes=changes)
    lines = [wrapped(name, 2.1) for name in names]
    left = MARGIN + max(text_width(line) for text in lines for line in text.split("\n")) + 0.2
    talls = [max(0.66, LINE * lines_in(text) + 0.14) for text in lines]
    start, right = top_of(title) + MARGIN + LINE * (2 if loss else 1), MAX_WIDTH - MARGIN
    medians = right - (1 if loss else 0)  # where the column of medians ends
    wide = medians - left - 0.75
    every = 100 * np.concatenate([np.ravel(values) for values in changes])
    low, high = min(every.min(), -2), max(every.max(), 2)
    dot = (high - low) * 0.07 / wide  # what a dot covers of the axis
    most = max(
        np.unique(np.round(100 * np.ravel(each) / dot), return_counts=True)[1].max() for each in changes
    )
    figure = CourseFigure(MAX_WIDTH, start + sum(talls) + 0.7)
    heading(figure, title)
    style = {"ha": "right", "va": "bottom", "weight": "bold"}
    write(figure, medians, start, "▼ median", color=BLOCK_COLOURS[6], **style)
    axes = place(figure, left, start, wide, sum(talls))
    if loss:
        write(figure, right, start, f"lose over\n{100 * loss:.0f} points", **style)
        axes.axvspan(2 * low, -100 * loss, color=TRACK, alpha=0.6, linewidth=0, zorder=0)
    axes.axvline(0, color=QUIET, linewidth=1, zorder=1)
    told = []
    for row, (text, values) in enumerate(zip(lines, changes, strict=True)):
        values = np.sort(100 * np.asarray(values, "float64"))
        middle, median = sum(talls[:row]) + talls[row] / 2, float(np.median(values))
        # Dots of nearly the same value are piled up: many make a high pile.
        _, first, pile = np.unique(np.round(values / dot), return_index=True, return_inverse=True)
        order = np.arange(len(values)) - first[pile]
        shifts = min(0.05, 0.46 / most) * ((order + 1) // 2) * np.where(order % 2, 1, -1)
        look = {"s": 26, "color": GREY, "edgecolors": BACKGROUND, "linewidths": 0.6}
        axes.scatter(values, middle + 0.05 + shifts, clip_on=False, zorder=2, **look)
        axes.plot(median, middle - 0.25, "v", color=BLOCK_COLOURS[6], markersize=8, zorder=3)
        write(figure, MARGIN, start + middle, text, va="center")
        write(figure, medians, start + middle, _signed(median), ha="right", va="center")
        told.append(
            f"{clean(names[row])}: median {_signed(median)}, "
            f"from {_signed(values.min())} to {_signed(values.max())}"
        )
        if loss:
            lost = (values < -100 * loss).sum()
            write(figure, right, start + middle, str(lost), ha="right", va="center")
            told[-1] += f", {lost} lose over {100 * loss:.0f}"
    room = 0.04 * (high - low)
    axes.set(xlim=(low - room, high + room), ylim=(sum(talls), 0), yticks=[], xlabel=xlabel)
    axes.xaxis.set_major_locator(MaxNLocator(5, **ROUND, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: _signed(value))
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    figure.alt = sentence(
        f"{titled(title)}dots for {amount(len(np.ravel(changes[0])), 'picture')}, {xlabel}. {'; '.join(told)}"
    )
    return figure


@course_style()
def claimed_and_right(results, edges=(0, 0.5, 0.8, 0.95, 1), title=None):
    """How often answers are right beside how sure they were, for one test or more, next to each other.

    results: dict name -> (probabilities of the first answers, 0 to 1; for each whether it was right). edges:
    where one group of answers ends and the next begins. A bar is what the answers of a group claimed, the
    average of their probabilities, and the mark the share that was right. A group without an answer has no
    bar.
    Raises ReaderError if two lists differ in length.
    """
    for name, (probabilities, right) in results.items():
        if len(probabilities) != len(right):
            raise ReaderError(f"{clean(name)}: every answer needs its own verdict; the two lists differ.")
    names = [f"{100 * low:g} to {100 * high:g} %" for low, high in itertools.pairwise(edges)]
    top, step, left, gap, beside = top_of(title) + MARGIN, 0.5, 1.3, 0.2, 0.78
    start = top + 2 * LINE + 0.1
    wide = (MAX_WIDTH - left - len(results) * (beside + gap)) / len(results)
    figure = CourseFigure(MAX_WIDTH, start + step * len(names) + 0.5 + LINE)
    heading(figure, title)
    write(figure, MARGIN, start - 0.05, "claimed", va="bottom", weight="bold")
    key = "red bar: the average claim    black mark: the share that was right"
    write(figure, left, start + step * len(names) + 0.45, key, va="top", color=QUIET)
    for row, name in enumerate(names):
        write(figure, MARGIN, start + step * (row + 0.5), name, va="center")
    told = []
    for number, (title_of, (probabilities, right)) in enumerate(results.items()):
        probabilities, right = np.asarray(probabilities, "float64"), np.asarray(right, bool)
        groups = np.clip(np.searchsorted(edges, probabilities, side="right") - 1, 0, len(names) - 1)
        across = left + number * (wide + beside + gap)
        write(figure, across, top, shortened(title_of, wide + beside, "bold"), va="top", weight="bold")
        write(figure, across + wide + 0.12, start - 0.05, "right", va="bottom", weight="bold")
        axes = place(figure, across, start, wide, step * len(names))
        axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), yticks=[], xticks=[0, 0.5, 1])
        percent_axis(axes.xaxis)
        axes.grid(axis="x")
        shown = []
        for row in np.unique(groups):
            hits, sure = right[groups == row], probabilities[groups == row].mean()
            axes.barh(row, sure, color=BLOCK_COLOURS[6], height=0.5, zorder=2)
            mark = {"color": INK, "linewidth": 3, "zorder": 3, "clip_on": False}
            axes.plot([hits.mean()] * 2, [row - 0.4, row + 0.4], **mark)
            kept = f"{hits.sum()} of {len(hits)}"
            write(figure, across + wide + 0.12, start + step * (row + 0.5), kept, va="center")
            shown.append(f"{names[row]}: claimed {percent(sure)}, {kept} right, {percent(hits.mean())}")
        told.append(f"{clean(title_of)}, answers of {', of '.join(shown)}")
    figure.alt = sentence(f"{titled(title)}how sure answers were and how many were right. {'; '.join(told)}")
    return figure


@course_style()
def confusion(counts, words, title=None, answers=None):
    """How often each word was answered with each: a table of numbers, the darker the more.

    counts: whole numbers (words, answers), a row for each true word; words: the name of each row; answers:
    the name of each column, None for the same words. Right answers, where both names are the same, are
    framed. Raises ReaderError if the names do not fit.
    """
    counts, answers = np.asarray(counts), list(words if answers is None else answers)
    if counts.shape != (len(words), len(answers)):
        raise ReaderError(
            f"{len(words)} words and {len(answers)} answers need as many rows and columns; "
            f"these counts are {counts.shape}."
        )
    side = [shortened(word, 1.6) for word in words]
    left = MARGIN + max(max(map(text_width, side)), text_width("shown")) + 0.15
    cell = min((MAX_WIDTH - left - MARGIN) / len(answers), 1.3)
    heads = [wrapped(word, cell - 0.08, most=3) for word in answers]
    start = top_of(title) + MARGIN + LINE + 0.06
    grid, tall = start + LINE * max(map(lines_in, heads)) + 0.08, 0.44
    across = max(left + cell * len(answers) + MARGIN, 3)
    figure = CourseFigure(across, grid + tall * len(words) + MARGIN)
    heading(figure, title)
    write(figure, left, start - LINE - 0.06, "answered", va="top", color=QUIET)
    write(figure, MARGIN, grid - 0.05, "shown", va="bottom", color=QUIET)
    axes = place(figure, left, grid, cell * len(answers), tall * len(words))
    shades = LinearSegmentedColormap.from_list("counts", ["white", BLOCK_COLOURS[6]])
    most = max(int(counts.max()), 1)
    for row, word in enumerate(side):
        write(figure, MARGIN, grid + tall * (row + 0.5), word, va="center")
        for column in range(len(answers)):
            value, right = counts[row, column], words[row] == answers[column]
            box = Rectangle((column, row), 1, 1, facecolor=shades(0.85 * value / most), edgecolor=RULE)
            axes.add_patch(box)
            if right:
                inner = (column + 0.03, row + 0.06), 0.94, 0.88
                axes.add_patch(Rectangle(*inner, fill=False, edgecolor=INK, linewidth=1.6))
            style = {"weight": "bold" if right else "normal", "color": INK if value else QUIET}
            axes.text(column + 0.5, row + 0.5, f"{value:,}", ha="center", va="center", **style)
    for column, text in enumerate(heads):
        write(figure, left + cell * (column + 0.5), grid - 0.06, text, ha="center", va="bottom")
    axes.set(xlim=(0, len(answers)), ylim=(len(words), 0))
    axes.axis("off")
    told = [
        f"{clean(word)} answered with "
        + ", ".join(f"{clean(answer)} {value}" for answer, value in zip(answers, row) if value)
        for word, row in zip(words, counts, strict=True)
        if row.any()
    ]
    figure.alt = sentence(f"{titled(title)}a table of counts. {'; '.join(told)}")
    return figure


# Small tools

FIRST_OR_NOT = "\u25cf it comes first    \u25cb something else does"  # a full dot, a ring

ROUND = {"steps": [1, 2, 2.5, 5, 10]}  # ticks at round numbers
OTHERS = [mix(colour, INK, 0.25) for colour in BLOCK_COLOURS.values() if colour != BLOCK_COLOURS[6]]
BROWN = "#8C5A2B"
GROUPS = [BLOCK_COLOURS[4], BLOCK_COLOURS[6], BLOCK_COLOURS[5], BLOCK_COLOURS[3]]
# One colour for what comes out of the dense layers; the others differ by their dashes and marks as well.
LOOKS = [
    (BLOCK_COLOURS[6], "-", "o"),
    (INK, "--", "s"),
    (QUIET, "-.", "^"),
    (GREY, "-", "D"),
    (INK, ":", "v"),
]


def _signed(value):
    """A whole number with its sign: "+7", "−38", "0"."""
    return f"{value:+.0f}".replace("-", "−") if round(value) else "0"


def _tenths(value):
    """0.94 as "0.9", −0.02 as "0"."""
    return f"{round(float(value), 1) + 0:g}".replace("-", "−")


def _same_points(x, name, values):
    if len(values) != len(x):
        raise ReaderError(f'The curve "{clean(name)}" has {len(values)} points for {len(x)} places.')


def _widest(text):
    """Inches that the widest line of a text takes."""
    return max(text_width(line, "bold") for line in text.split("\n"))


def _colours(names):
    """A colour for each name, the same one for names that begin alike, up to a comma."""
    kinds = [name.partition(",")[0] for name in names]
    order = list(dict.fromkeys(kinds))
    return [LOOKS[order.index(kind) % len(LOOKS)][0] for kind in kinds]


def _turn(values):
    """The place of the lowest value of a line that climbs again behind it by 2 % or more; else 0."""
    least = int(np.argmin(values))
    return least if values[-1] > 1.02 * values[least] else 0


def _marks(axes, x, lines, xlabel, colours, mark):
    """A dot on each rising line at the point `mark`, with its value at the lower right; and that in words."""
    told = []
    for values, colour in zip([] if mark is None else lines.values(), colours, strict=False):
        text = f"{xlabel} {x[mark]:g}: {percent(values[mark])}"
        axes.plot([x[mark]], [values[mark]], "o", color=colour, markersize=7, zorder=4)
        axes.annotate(text, (x[mark], values[mark]), (9, -8), textcoords="offset points", va="top", color=INK)
        told.append(f"marked: {text}")
    return told


def _name_ends(figure, axes, box, series, names, colours):
    """Write each line's name at its right end, in its colour, moved up or down where names would meet."""
    across, start, wide, tall = box
    low, high = axes.get_ylim()
    ends = [tall * (high - values[-1]) / (high - low) for values in series]
    order = sorted(range(len(ends)), key=ends.__getitem__)
    gap = LINE * max(map(lines_in, names))
    for number, level in zip(order, _apart([ends[number] for number in order], gap, tall), strict=True):
        colour = colours[number]
        leader = {"color": colour, "linewidth": 0.8, "transform": axes.transAxes, "clip_on": False}
        axes.plot([1, 1 + 0.12 / wide], [1 - ends[number] / tall, 1 - level / tall], **leader)
        write(figure, across + wide + 0.16, start + level, names[number], va="center", color=colour)


def _runs(x, series, written, turn=lambda values: 0):
    """Each line in words: where it begins and ends, and where it turns and climbs."""
    return [
        f"{clean(name)} from {written(values[0])} at {x[0]:g}"
        + (f" by {written(values[turn(values)])} at {x[turn(values)]:g}" if turn(values) else "")
        + f" to {written(values[-1])} at {x[-1]:g}"
        for name, values in series.items()
    ]


def _swarm(values, width=0.018):
    """For each dot on a line the level, 0, 1, 2 ..., at which it lies on no other dot."""
    levels, taken = [0] * len(values), []
    for number in sorted(range(len(values)), key=lambda number: values[number]):
        level = 0
        while any(abs(values[number] - other) < width and level == at for other, at in taken[-60:]):
            level += 1
        levels[number] = level
        taken.append((values[number], level))
    return levels


def _apart(levels, gap, lowest):
    """Levels from top to bottom, moved as little as possible so that they lie `gap` apart, above `lowest`."""
    moved = []
    for level in levels:
        moved.append(max(level, moved[-1] + gap) if moved else level)
    for place_of in reversed(range(len(moved))):
        most = moved[place_of + 1] - gap if place_of + 1 < len(moved) else lowest
        moved[place_of] = min(moved[place_of], most)
    return moved


def _courses(x, curves):
    """Each curve in words: where it begins, where it ends, and its highest place."""
    x = list(x)
    for name, probabilities in curves.items():
        values = [float(value) for value in probabilities]
        most = max(range(len(values)), key=values.__getitem__)
        yield (
            f"{clean(name)}: {percent(values[0])} at {x[0]:g}, {percent(values[-1])} at {x[-1]:g}, "
            f"highest {percent(values[most])} at {x[most]:g}"
        )
