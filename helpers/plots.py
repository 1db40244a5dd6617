"""Every figure of the course, drawn from pictures, arrays and guesses, in one visual language.

Each function returns a figure that shows itself as the last line of a cell and carries its own alt text and
the credits of its pictures (see `style.CourseFigure`). Here are the pictures with their guesses. What the
layers hold is drawn in layer_plots.py, a convolution in convolution_plots.py, numbers in number_plots.py, and
the network in network_drawing.py; all of them can be imported from here.
"""

import numpy as np
from matplotlib.patches import Rectangle
from PIL import Image

from helpers.convolution_plots import convolution_step, convolution_steps, convolved, slice_figure
from helpers.errors import ReaderError
from helpers.layer_plots import before_after, filters, heat_map, journey, mosaic, patches
from helpers.network_drawing import draw_network
from helpers.number_plots import (
    bars,
    bend_curves,
    change_chart,
    claimed_and_right,
    confidence_curves,
    confusion,
    curves,
    dots_with_threshold,
    loss_curve,
    many_curves,
)
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
    clean,
    course_style,
    described,
    draw_picture,
    heading,
    in_rows,
    lines_in,
    new_figure,
    percent,
    percent_axis,
    pixels_of,
    place,
    png,
    said,
    same_length,
    sentence,
    shortened,
    text_width,
    titled,
    top_of,
    wrapped,
    write,
    write_lines,
)
from helpers.tables import table

__all__ = [
    "BACKGROUND",
    "BLOCK_COLOURS",
    "GREY",
    "INK",
    "annotated",
    "bars",
    "before_after",
    "bend_curves",
    "book_page",
    "change_chart",
    "claimed_and_right",
    "confidence_curves",
    "confusion",
    "convolution_step",
    "convolution_steps",
    "convolved",
    "curves",
    "dots_with_threshold",
    "draw_network",
    "filters",
    "guess_bars",
    "guess_grid",
    "heat_map",
    "journey",
    "loss_curve",
    "many_curves",
    "mosaic",
    "new_figure",
    "patches",
    "percent",
    "picture_row",
    "picture_table",
    "png",
    "slice_figure",
    "table",
]


APART = 0.08  # inches: the least between two titles beside each other, besides the margin


@course_style()
def guess_bars(picture, guesses, title=None):
    """The picture, and beside it a bar for each guess on a scale from 0 to 100 %.

    picture: PIL image, or array (height, width[, 3]) with values 0 to 255;
    guesses: what `Recogniser.guess` gives, best first: objects with `label` and `probability` (0 to 1).
    """
    if not guesses:
        raise ReaderError("There is no guess to draw: `guesses` is empty.")
    height, top = 0.6 + 0.5 * max(len(guesses), 5), top_of(title)
    figure = CourseFigure(MAX_WIDTH, top + height)
    heading(figure, title)
    draw_picture(place(figure, MARGIN, top + MARGIN, 2.7, height - 2 * MARGIN), picture, anchor="W")

    tall = 0.5 * len(guesses)
    axes = place(figure, 3.1, top + (height - 0.3 - tall) / 2, 2.9, tall)
    for row, guess in enumerate(guesses):
        weight = "bold" if row == 0 else "normal"
        axes.barh(row, 1, height=0.05, color=TRACK)
        axes.barh(row, guess.probability, height=0.36, color=BLOCK_COLOURS[6])
        axes.text(0, row - 0.24, shortened(guess.label, 3.7, weight), va="bottom", weight=weight)
        axes.text(1.03, row, percent(guess.probability), va="center", weight=weight)
    axes.set(xlim=(0, 1), ylim=(len(guesses) - 0.75, -0.75), yticks=[], xticks=[0, 0.5, 1])
    percent_axis(axes.xaxis)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=2)
    figure.alt = sentence(f"{titled(title)}{described(picture)} beside bars for {said(guesses)}")
    return figure


@course_style()
def guess_grid(pictures, guesses_list, titles=None, columns=3, top=3, beside=None, widest=3.3):
    """Several pictures, each with its best guesses and their bars under it.

    pictures: PIL images or arrays (height, width[, 3]), 0 to 255; guesses_list: a list of guesses for each,
    empty for a picture without bars; titles: one line above each picture, or None; columns: pictures in a
    row; top: how many guesses are written; beside: whether each percentage stands beside its label, or under
    it; None: beside, if all labels leave room; widest: inches that no picture exceeds. Raises ValueError if
    the lists differ in length.
    """
    titles = titles or [""] * len(pictures)
    same_length(pictures=pictures, guesses_list=guesses_list, titles=titles)
    columns = min(columns, len(pictures))
    cell = min((MAX_WIDTH - MARGIN) / columns - MARGIN, widest)
    heads, bodies = _row_heights(pictures, titles, cell, columns, "bold")
    written = [guess for guesses in guesses_list for guess in guesses[:top]]
    room = max((text_width(percent(guess.probability)) for guess in written), default=0) + 0.1
    if (fits := beside) is None:
        fits = all(text_width(clean(guess.label)) + room <= cell for guess in written)
    step = 0.44 if fits else 0.62  # inches: a guess's text and its bar
    bars = [step * max(len(guesses[:top]) for guesses in row) for row in in_rows(guesses_list, columns)]
    figure = CourseFigure(
        MARGIN + columns * (cell + MARGIN), MARGIN + sum(heads) + sum(bodies) + sum(bars) + 0.25 * len(bars)
    )

    for number, (picture, guesses, title) in enumerate(zip(pictures, guesses_list, titles, strict=True)):
        row, column = divmod(number, columns)
        left = MARGIN + column * (cell + MARGIN)
        upper = MARGIN + sum(heads[:row]) + sum(bodies[:row]) + sum(bars[:row]) + 0.25 * row
        write_lines(figure, left, upper, wrapped(title, cell - APART, "bold"), weight="bold")
        upper += heads[row]
        draw_picture(place(figure, left, upper, cell, bodies[row]), picture, anchor="W")
        axes = place(figure, left, upper + bodies[row], cell, bars[row])
        axes.set(xlim=(0, cell), ylim=(bars[row], 0))
        axes.axis("off")
        for line, guess in enumerate(guesses[:top]):
            level, bar = step * line + 0.23, step * (line + 1) - 0.15
            axes.text(0, level, shortened(guess.label, cell - (room if fits else 0)), va="baseline")
            if fits:
                axes.text(cell, level, percent(guess.probability), va="baseline", ha="right")
            else:
                axes.text(0, level + 0.19, percent(guess.probability), va="baseline")
            axes.add_patch(Rectangle((0, bar + 0.04), cell, 0.02, color=TRACK, lw=0))
            axes.add_patch(Rectangle((0, bar), guess.probability * cell, 0.1, color=BLOCK_COLOURS[6], lw=0))
    shown = [
        f"{titled(text)}{described(picture)}{', answered ' if guesses else ''}{said(guesses[:top])}"
        for picture, guesses, text in zip(pictures, guesses_list, titles, strict=True)
    ]
    figure.alt = f"{amount(len(pictures), 'picture')} with bars for their best guesses. {'; '.join(shown)}."
    return figure


@course_style()
def picture_row(pictures, titles, columns=None, title=None):
    """Pictures side by side, each with a line of text above it.

    pictures: PIL images or arrays (height, width[, 3]), 0 to 255; titles: one for each ("" for none);
    columns: pictures in a row; None puts up to four in one row and more into rows of four.
    Raises ValueError if the lists differ in length.
    """
    same_length(pictures=pictures, titles=titles)
    columns = columns or min(len(pictures), 4)
    cell = min((MAX_WIDTH - MARGIN) / columns - MARGIN, 3.3)
    heads, bodies = _row_heights(pictures, titles, cell, columns)
    top = top_of(title) + MARGIN
    figure = CourseFigure(
        MARGIN + columns * (cell + MARGIN), top + sum(heads) + sum(bodies) + MARGIN * len(bodies)
    )
    heading(figure, title)
    for number, (picture, text) in enumerate(zip(pictures, titles, strict=True)):
        row, column = divmod(number, columns)
        left = MARGIN + column * (cell + MARGIN)
        upper = top + sum(heads[:row]) + sum(bodies[:row]) + MARGIN * row
        write_lines(figure, left, upper, wrapped(text, cell - APART))
        draw_picture(place(figure, left, upper + heads[row], cell, bodies[row]), picture, anchor="W")
    shown = [f"{titled(text)}{described(picture)}" for picture, text in zip(pictures, titles, strict=True)]
    figure.alt = sentence(f"{titled(title)}{amount(len(pictures), 'picture')}. {'; '.join(shown)}")
    return figure


@course_style()
def picture_table(rows, columns, title=None):
    """Pictures in rows and columns, each with an answer and its bar under it.

    rows: lists of the same length: in each a tuple (picture, answer, right, probability) for every column:
        a PIL image or array (height, width[, 3]), 0 to 255; the first guess as text; whether that counts as
        right: then it is written bold; and how probable the answer is, 0 to 1.
    columns: a heading for each column. Raises ValueError if a row is longer or shorter.
    """
    for row in rows:
        same_length(columns=columns, row=row)
    gap = MARGIN / 2
    cell = (MAX_WIDTH - 2 * MARGIN + gap) / len(columns) - gap
    heads = [wrapped(text, cell, "bold") for text in columns]
    answers = [
        [wrapped(answer, cell, "bold" if right else "normal") for _, answer, right, _ in row] for row in rows
    ]
    top = top_of(title) + MARGIN + LINE * (1 + max(text.count("\n") for text in heads))
    lines = [1 + max(text.count("\n") for text in row) for row in answers]
    bodies = [
        _row_heights([picture for picture, *_ in row], [""] * len(row), cell, len(row))[1][0] for row in rows
    ]
    talls = [body + 0.1 + LINE * count + 0.5 for body, count in zip(bodies, lines, strict=True)]
    figure = CourseFigure(MAX_WIDTH, top + sum(talls))
    heading(figure, title)
    lefts = [MARGIN + number * (cell + gap) for number in range(len(columns))]
    for left, text in zip(lefts, heads, strict=True):
        write(figure, left, top - 0.07, text, va="bottom", weight="bold")
    for number, row in enumerate(rows):
        start = top + sum(talls[:number])
        for left, text, (picture, _, right, probability) in zip(lefts, answers[number], row, strict=True):
            draw_picture(place(figure, left, start, cell, bodies[number]), picture, anchor="W")
            under = start + bodies[number] + 0.05
            write_lines(figure, left, under, text, weight="bold" if right else "normal")
            bar = place(figure, left, under + LINE * lines[number] + 0.05, cell, 0.1)
            bar.barh(0, 1, height=0.16, color=TRACK)
            bar.barh(0, probability, color=BLOCK_COLOURS[6])
            bar.set(xlim=(0, 1), ylim=(-0.4, 0.4))
            bar.axis("off")
            below = under + LINE * lines[number] + 0.18
            write(figure, left, below, percent(probability), va="top", color=QUIET)
    said_of = [
        ", ".join(
            f"{clean(column)} {clean(answer)} {percent(probability)}{' (right)' if right else ''}"
            for column, (_, answer, right, probability) in zip(columns, row, strict=True)
        )
        for row in rows
    ]
    figure.alt = sentence(
        f"{titled(title)}pictures in a table, a first answer under each. {'; '.join(said_of)}"
    )
    return figure


# What a page is marked with: the mark, its colour, and what it means.
MARKS = {
    True: ("✓", "#2E7D32", "right"),
    False: ("✗", BLOCK_COLOURS[6], "wrong"),
    "no label": ("–", QUIET, "no label for it"),
}


@course_style()
def book_page(pictures, words, answers=None, right=None, title="My first words", number=None, columns=3):
    """Pictures drawn as a page of a first-words book, a word in large letters under each.

    pictures: PIL images or arrays (height, width[, 3]), 0 to 255; words: one for each;
    answers: for each what the network said, in one or more lines, or None for the page as a child gets it;
    right: for each True, a tick, False, a cross, "no label", a dash where the network has no label for the
    word, or None, no mark, and a key says what they mean; number: of the page, or None; columns: pictures in
    a row, 3 to 5.
    Raises ValueError if the lists differ in length.
    """
    answers = answers or [""] * len(pictures)
    right = right or [None] * len(pictures)
    same_length(pictures=pictures, words=words, answers=answers, right=right)
    gap = 1.2 / columns
    cell, size = (MAX_WIDTH - 1.25 - (columns - 1) * gap) / columns, {3: 18, 4: 15, 5: 12}[columns]
    spoken = [
        "\n".join(wrapped(line, cell + 0.6 * gap) for line in answer.splitlines()) for answer in answers
    ]
    lines = [max(text.count("\n") + 1 if text else 0 for text in row) for row in in_rows(spoken, columns)]
    talls = [cell + 0.55 + LINE * count + 0.15 for count in lines]
    figure = CourseFigure(MAX_WIDTH, 0.95 + sum(talls) + 0.35)
    across, down = figure.get_size_inches()

    paper = place(figure, 0, 0, across, down)
    paper.axis("off")
    # A sheet of white paper; the grey at its left is the fold between this page and the one before.
    paper.add_patch(Rectangle((0.2, 0.1), across - 0.4, down - 0.2, facecolor="white", edgecolor=RULE))
    fold = np.linspace(0.72, 1, 64)[None, :, None].repeat(3, axis=2)
    paper.imshow(fold, extent=(0.21, 0.5, down - 0.11, 0.11), aspect="auto", zorder=2)
    paper.set(xlim=(0, across), ylim=(down, 0))
    heading = shortened(title, across - 1, "bold", 22)
    write(figure, across / 2 + 0.1, 0.52, heading, size=22, weight="bold", ha="center", va="center")
    if number is not None:
        write(figure, across - 0.4, down - 0.3, str(number), color=QUIET, ha="right", va="center")

    left = (across - columns * cell - (columns - 1) * gap) / 2 + 0.1
    for spot, (picture, word, text, good) in enumerate(zip(pictures, words, spoken, right, strict=True)):
        row, column = divmod(spot, columns)
        x, start = left + column * (cell + gap), 0.95 + sum(talls[:row])
        axes = place(figure, x, start, cell, cell)
        draw_picture(axes, picture, frame=False)
        if good == "no label":
            axes.images[-1].set_alpha(0.5)  # so that a glance takes in those that could be right
            axes.set_facecolor("white")
        word = shortened(word, cell + gap - 0.1, "bold", size)
        write(
            figure,
            x + cell / 2,
            start + cell + 0.22,
            word,
            size=size,
            weight="bold",
            ha="center",
            va="center",
        )
        write(figure, x + cell / 2, start + cell + 0.42, text, ha="center", va="top")
        if good is not None:
            mark, colour, _ = MARKS[good]
            # Just outside the picture's own corner, however narrow the picture is.
            shape = _height_to_width(picture)
            x += cell * (1 + min(1, 1 / shape)) / 2 + 0.03
            y = start + cell * (1 - min(1, shape)) / 2 - 0.05
            disc = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": RULE}
            style = {"size": 15, "weight": "bold", "color": colour, "bbox": disc}
            write(figure, x, y, mark, ha="center", va="center", **style)
    given = [mark for mark in MARKS if mark in right]
    key = [f"{MARKS[mark][0]} {MARKS[mark][2]}" for mark in given]
    if len(pictures) % columns:  # the key stands where the next picture would
        x = left + len(pictures) % columns * (cell + gap) - 0.1
        lines = "\n".join(wrapped(line, cell + 0.25) for line in key)
        write(figure, x, down - 0.35 - talls[-1] + cell / 2, lines, color=QUIET, va="center")
    else:
        write(figure, 0.65, down - 0.3, " · ".join(key), color=QUIET, va="center")
    shown = [
        clean(word)
        + (f" (answer: {clean(answer)}{f', {MARKS[good][2]}' if good in given else ''})" if answer else "")
        for word, answer, good in zip(words, answers, right, strict=True)
    ]
    figure.alt = (
        f'A page of a first-words book, "{clean(title)}", a word under each picture: {", ".join(shown)}.'
    )
    return figure


@course_style()
def annotated(picture, guesses, faces=(), texts=(), title=None):
    """What several models say of one picture: frames in it, and the words beside it.

    picture: PIL image. guesses: of the whole picture, best first. faces, texts: lists of `further.Found`.
    """
    groups = {
        "Objects": (6, [f"{g.label} {percent(g.probability)}" for g in guesses[:3]]),
        "Faces": (3, [str(len(faces))] if faces else ["none"]),
        "Text": (1, [found.text for found in texts] or ["none"]),
    }
    lines = [
        line
        for words, (colour, found) in groups.items()
        for line in (
            (words, "bold", colour),
            *((each, "normal", None) for each in found),
            ("", "normal", None),
        )
    ]
    top, wide = top_of(title), 4.1
    height = max(wide * _height_to_width(picture), LINE * len(lines)) + 2 * MARGIN
    figure = CourseFigure(MAX_WIDTH, top + height)
    heading(figure, title)
    axes = place(figure, MARGIN, top + MARGIN, wide, height - 2 * MARGIN)
    draw_picture(axes, picture, anchor="NW")
    axes.spines[:].set(edgecolor=BLOCK_COLOURS[6], linewidth=3)  # the guesses are for the whole picture
    for colour, found in ((3, faces), (1, texts)):
        for _, (left, upper, right, lower) in found:
            size = right - left, lower - upper
            axes.add_patch(Rectangle((left, upper), *size, fill=False, lw=3, ec=BLOCK_COLOURS[colour]))
    for row, (line, weight, colour) in enumerate(lines):
        start = wide + 2 * MARGIN
        if colour:
            chip = place(figure, start, top + MARGIN + LINE * row + 0.03, 0.14, 0.14)
            chip.set(xticks=[], yticks=[], facecolor=BLOCK_COLOURS[colour])
            chip.spines[:].set_visible(False)
        room = MAX_WIDTH - start - 0.2 - MARGIN
        written = shortened(line, room, weight)
        write(figure, start + 0.2, top + MARGIN + LINE * row + 0.15, written, weight=weight, va="baseline")
    figure.alt = sentence(
        f"{titled(title)}{described(picture)}, with frames. "
        + "; ".join(f"{words}: {', '.join(found)}" for words, (_, found) in groups.items())
    )
    return figure


def _row_heights(pictures, titles, cell, columns, weight="normal"):
    """For each row of pictures, in cells of this width: the height of its titles and of its pictures.

    All pictures of a row are equally high, unless one of them is much wider than the others.
    """
    heads = [lines_in(wrapped(title, cell - APART, weight)) * LINE for title in titles]
    talls = [cell * min(_height_to_width(picture), 1.3) for picture in pictures]
    return (
        [max(row) + 0.07 if max(row) else 0 for row in in_rows(heads, columns)],
        [max(min(row), 0.45 * max(row)) for row in in_rows(talls, columns)],
    )


def _height_to_width(picture):
    if isinstance(picture, Image.Image):
        return picture.height / picture.width
    height, width = pixels_of(picture).shape[:2]
    return height / width
