"""Numbers drawn: bars and curves."""

import math

import numpy as np
from matplotlib.ticker import EngFormatter

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
    CourseFigure,
    arranged_figure,
    clean,
    course_style,
    draw_picture,
    layer_colour,
    number_text,
    percent,
    percent_axis,
    place,
    same_length,
    sentence,
    shortened,
    suptitle,
    titled,
    top_of,
    write,
)


@course_style()
def bars(values, title=None, xlabel=None, log=False):
    """Horizontal bars with their values written at them.

    values: dict name -> number, or list of (name, number, colour). In a dict, the layers of VGG16 get the
    colour of their block and all else a quiet grey. Numbers are zero or more; log: a logarithmic scale, on
    which each line is ten times the one before.
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
        axes.set(xlim=(0, max(numbers) or 1), xticks=[])
    for row, number in enumerate(numbers):
        end = max(number, axes.get_xlim()[0])
        axes.annotate(
            number_text(number), (end, row), (5, 0), textcoords="offset points", va="center_baseline"
        )
    shown = [f"{clean(name)} {number_text(value)}" for name, value in zip(names, numbers, strict=True)]
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
    pictures, PIL images or arrays, of which five are shown. Raises ValueError if these differ in number.
    """
    columns, left, gap, curve = min(2, len(rows)), 0.62, 0.2, 1.1
    panel = (MAX_WIDTH - left - MARGIN - gap * (columns - 1)) / columns
    thumb = min(panel / 5, 0.9) - 0.05
    tall = 2 * LINE + 0.15 + curve + 0.06 + thumb + LINE + 0.2
    figure = CourseFigure(MAX_WIDTH, MARGIN + tall * math.ceil(len(rows) / columns))
    for spot, (title, note, amounts, probabilities, is_first, pictures) in enumerate(rows):
        same_length(
            amounts=list(amounts),
            probabilities=list(probabilities),
            is_first=list(is_first),
            pictures=pictures,
        )
        row, column = divmod(spot, columns)
        start, across = MARGIN + row * tall, left + column * (panel + gap)
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
        # Each of the five pictures stands right under its dot.
        shown = np.linspace(0, last, 5).round().astype(int)
        axes.set(xlim=(-last / 8, last * 9 / 8), ylim=(0, 1), xticks=[], yticks=[0, 0.5, 1])
        percent_axis(axes.yaxis)
        axes.tick_params(axis="y", length=0, labelleft=column == 0)
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        for number in shown:
            middle = across + panel * (number / last + 1 / 8) * 4 / 5
            under = start + curve + 0.06
            draw_picture(place(figure, middle - thumb / 2, under, thumb, thumb), pictures[number])
            write(figure, middle, under + thumb + 0.05, f"{amounts[number]:g}", va="top", ha="center")
    shown = [course for row in rows for course in _courses(row[2], {row[0]: row[3]})]
    figure.alt = f"Curves above the changed pictures. {'; '.join(shown)}."
    return figure


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
