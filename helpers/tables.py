"""Small tables that a notebook shows the same way on GitHub, in JupyterLab and on Colab."""

import re
from html import escape
from numbers import Number

from helpers.errors import ReaderError
from helpers.style import clean, number_text


class Table:
    """Rows under headings, as `table` makes them: HTML in a notebook, aligned text in a script."""

    def __init__(self, rows, columns, title):
        self.title = clean(title) if title else ""
        self.columns = [clean(column) for column in columns]
        self.rows = [[_written(cell) for cell in row] for row in rows]
        # A column is aligned at the right where all that stands in it are numbers.
        self.right = [
            bool(rows) and all(_is_number(row[place]) for row in rows) for place in range(len(columns))
        ]

    def _repr_html_(self):
        def line(kind, cells):
            written = [
                # `align` for GitHub, which takes styles away; `style` for JupyterLab, whose own would win.
                f'<{kind} align="{side}" style="text-align: {side}">{_escaped(cell)}</{kind}>'
                for side, cell in zip(("right" if right else "left" for right in self.right), cells)
            ]
            return f"<tr>{''.join(written)}</tr>"

        caption = f'<caption style="text-align: left">{_escaped(self.title)}</caption>' if self.title else ""
        body = "".join(line("td", row) for row in self.rows)
        return f"<table>{caption}<thead>{line('th', self.columns)}</thead><tbody>{body}</tbody></table>"

    def __str__(self):
        lines = [self.columns, *self.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]
        written = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, self.right, strict=True)
            ).rstrip()
            for line in lines
        ]
        rule = "  ".join("-" * width for width in widths)
        return "\n".join([*([self.title] if self.title else []), written[0], rule, *written[1:]])

    __repr__ = __str__


def table(rows, columns, title=None):
    """A small table: as the last line of a cell it shows itself, in a script it can be printed.

    rows: lists or tuples, a value for each column; whole numbers get commas, others three digits, and text
        that looks like a number ("84.7 %") is also written at the right.
    columns: the headings. title: a line above, or None.
    Raises ReaderError if a row is longer or shorter than the headings.
    """
    rows = [list(row) for row in rows]
    for place, row in enumerate(rows, 1):
        if len(row) != len(columns):
            raise ReaderError(f"Row {place} of the table has {len(row)} values for {len(columns)} columns.")
    return Table(rows, list(columns), title)


def _written(cell):
    if isinstance(cell, Number) and not isinstance(cell, (bool, complex)):
        return number_text(cell)
    return clean("" if cell is None else cell)


def _is_number(cell):
    text = "" if isinstance(cell, bool) else str(cell)
    return bool(re.fullmatch(r"(?:[<>] )?[-+−]?[\d,]*\.?\d+(?:e[-+]?\d+)?(?: %)?", text))


def _escaped(text):
    # A dollar sign of its own element begins no formula in JupyterLab.
    return escape(text).replace("$", "<span>$</span>")
