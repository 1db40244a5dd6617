"""Answers on disk: a journal that grows line by line, and the table that is made from it.

The journal, `photos.csv.journal` beside the table `photos.csv`, gets a line for every answer as soon as it is
there, and only ever grows: nothing is lost when we stop, whatever stops us, and the next run goes on from
there. The table is the report, made from the journal at the end of each run and put into its place in one
piece. Whoever wants to begin anew deletes both.

The table is a CSV file: commas between the columns, points in the numbers, as all programs read it. Where
decimals are written with a comma, Excel shows such a file as one column: open it there by Data, From
Text/CSV, and choose the comma, and English for the numbers. (A first line `sep=,` would spare that; but then
Excel garbles an é, and every other program takes that line for the names of the columns.)
"""

import csv
import io
import json
import os
import re
import threading
from contextlib import contextmanager
from typing import NamedTuple

from helpers.errors import ReaderError
from helpers.recogniser import Guess

# A spreadsheet takes text that begins with one of these for a formula, and runs it; an apostrophe before it
# says "only text".
FORMULA = set("=+-@＝＋－＠")
START = b'\n{"file": '  # of every line in a journal


class AlbumError(ReaderError):
    """A folder or a table that we cannot use; the message is one plain sentence for the reader."""


class Row(NamedTuple):
    """What came of one file: a line of the journal, and of the table.

    file: the path from the folder, with "/" in it. guesses: a list of Guess, best first; empty if the file
    could not be read. problem: why it could not, or "". weights: whose answers these are. top: how many
    guesses were asked for. bytes, changed (in nanoseconds), sha256: by these the file is known again.
    """

    file: str
    guesses: list = ()
    problem: str = ""
    weights: str = ""
    top: int = 0
    bytes: int = -1
    changed: int = 0
    sha256: str = ""


def printable(text):
    """The text on one line: control characters, and bytes of a name that are no letters, become escapes."""
    odd = "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
    return re.sub(odd, lambda letter: letter[0].encode("unicode_escape").decode(), text)


# The journal


def order(name):
    """Names in the order of the alphabet, whatever their case."""
    return name.casefold(), name


def journal_of(table):
    """The path of a table's journal."""
    return table.with_name(table.name + ".journal")


def read_journal(table):
    """All rows in a table's journal, the oldest first; a line that a crash has cut off is left out."""
    journal, rows = journal_of(table), []
    with _disk(table, "read"):
        content = journal.read_bytes() if journal.is_file() else b""
    for line in content.splitlines():
        try:
            row = Row(**json.loads(line))
            rows.append(row._replace(guesses=[Guess(*guess) for guess in row.guesses]))
        except (ValueError, TypeError):
            continue
    begun = content[: len(START)] == START[: len(content)]
    if not begun and not (
        rows and content.startswith(b"\n")
    ):  # its very first line may have been cut off too
        raise AlbumError(_not_ours(journal))
    return rows


def _line(row):
    return json.dumps(row._asdict())


def append(table, rows):
    """Write rows at the end of the journal at once.

    Each line begins with its line end: one that is cut off does not spoil the next, nor do two runs at the
    same time spoil each other's.
    """
    with _disk(table, "written"), open(journal_of(table), "ab") as file:
        file.write("".join(f"\n{_line(row)}" for row in rows).encode())


def latest(rows):
    """The last row for each file, name -> row."""
    return {row.file: row for row in rows}


def take_up(table, names, weights):
    """What the runs before have found: all rows of the journal.

    Raises AlbumError if the table is not ours, is of another folder or of other weights, or may not be
    written.
    """
    _check_writable(journal_of(table))
    _check_table(table)
    rows = read_journal(table)
    answered = {row.file: row.weights for row in rows if row.guesses}
    others = set(answered.values()) - {weights}
    if others:
        raise AlbumError(
            f"{table.name} holds answers of other weights ({', '.join(sorted(others))}): "
            "choose another name for this table."
        )
    if answered and not any(name in answered for name in names):
        raise AlbumError(
            f"{table.name} holds none of these pictures: is it the table of another folder? "
            "Choose another name."
        )
    # What could not be read is tried again; if it is gone, nothing is to be said of it.
    forgotten = [Row(row.file) for row in latest(rows).values() if row.problem]
    append(table, forgotten)  # and where we may not write, the reader hears of it before the work
    return rows + forgotten


# The table


def report(table, rows, top):
    """Make the table from the journal. Returns the last row for each file.

    rows: those that this run found and made; if the journal was deleted meanwhile, it gets them again.
    """
    now, written = [], None
    while now != written:  # until no other run has added to the journal while we wrote
        if not set(map(_line, rows)) <= set(map(_line, read_journal(table))):
            append(table, rows)
        _check_table(table)
        written = read_journal(table)
        # Two runs at once, in two programs or in two threads of one, are not to share it.
        part = table.with_name(f"{table.name}.{os.getpid()}.{threading.get_ident()}.unfinished")
        with _disk(table, "written"):
            try:
                # utf-8-sig: with a mark in front, without which Excel garbles an é.
                part.write_text(_csv(in_order(written), top), encoding="utf-8-sig", newline="")
                os.replace(part, table)
            finally:
                part.unlink(missing_ok=True)
        now = read_journal(table)
    return latest(now)


@contextmanager
def _disk(table, done):
    """Whatever the disk complains of becomes one sentence."""
    try:
        yield
    except OSError as error:
        raise AlbumError(
            f"{table.name} cannot be {done} ({error.strerror}): close it in other programs, or make room, "
            "and run the same line again; or choose another place for it."
        ) from error


def _check_writable(path):
    """Raise AlbumError unless a path is free, or that of a file which we may write."""
    if path.exists() and not path.is_file():
        raise AlbumError(f"{path.name} is not a file, so no table can be there: choose another name.")
    if path.exists() and not (path.stat().st_mode & 0o222 and os.access(path, os.W_OK)):
        raise AlbumError(f"{path.name} may only be read: allow writing, or choose another name.")


def _check_table(table):
    """Raise AlbumError unless every line of the table is one that we wrote: all come from the journal.

    The journal is read after the table: another run may be adding to both.
    """
    _check_writable(table)
    try:
        with _disk(table, "read"):
            text = table.read_text(encoding="utf-8-sig") if table.exists() else ""
    except UnicodeDecodeError:
        raise AlbumError(_not_ours(table)) from None
    top = text.partition("\n")[0].count("guess ")
    if not set(text.splitlines()) <= {"", *_csv(read_journal(table), top).splitlines()}:
        raise AlbumError(_not_ours(table))


def _not_ours(path):
    return f"{path.name} is not a table that we made, or was changed since: choose another name."


def in_order(rows):
    """The last row for each file as they stand in the table: in the order of names, the unreadable last."""
    rows = [row for row in latest(rows).values() if row.guesses or row.problem]
    return sorted(rows, key=lambda row: (bool(row.problem), order(row.file)))


def _csv(rows, top):
    """Rows as a text with commas, in the first line the names of the columns."""
    text = io.StringIO(newline="")
    columns = [f"{column} {number}" for number in range(1, top + 1) for column in ("guess", "probability")]
    lines = [["file", *columns, "problem", "weights"]]
    for row in rows:
        pairs = [cell for guess in row.guesses[:top] for cell in (guess.label, _digits(guess.probability))]
        lines.append([row.file, *pairs, *[""] * (2 * top - len(pairs)), row.problem, row.weights])
    csv.writer(text).writerows([_cell(text) for text in line] for line in lines)
    return text.getvalue()


def _digits(probability):
    """Four digits after the point, and more where these would say 0 or 1: nothing is certain."""
    return f"{probability:.4f}" if 0.001 <= probability <= 0.999 else f"{probability:.7g}"


def _cell(text):
    """Text as it stands in the table: on one line, and no formula to a spreadsheet."""
    text = printable(text)
    return "'" + text if text[:1] in FORMULA else text
