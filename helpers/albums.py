"""A whole folder of photos: recognised one by one into a table, and shown as a contact sheet.

The table is a CSV file, one line a picture, that any spreadsheet opens. It grows while we work, so nothing is
lost when we stop, and the next run goes on where the last one ended. Photos from a browser come in here too.
"""

import csv
import io
import os
import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.errors import ReaderError
from helpers.pictures import PictureError, fit, open_picture, prepare
from helpers.plots import guess_grid
from helpers.recogniser import BATCH, Guess

# The last three we cannot open, but whoever has such photos should hear of it.
ENDINGS = {
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
    ".avif",
}
# A spreadsheet takes text that begins with one of these for a formula, and runs it; an apostrophe before it
# says "only text". A text that has an apostrophe of its own there gets a second one, so that we can go back.
FORMULA = set("=+-@＝＋－＠'")
BEGINNING = "utf-8-sig"  # UTF-8 with a mark in front, without which Excel garbles an é
LISTED = 20  # more unreadable files than this are counted, not printed; the table names them all
THUMBNAIL = 200  # pixels


class AlbumError(ReaderError):
    """A folder or a table that we cannot use; the message is one plain sentence for the reader."""


class Row(NamedTuple):
    """One line of the table.

    file: the path from the folder, with "/" in it. guesses: a list of Guess, best first (their wnid is "":
    the table holds the labels only); empty if the file could not be read. problem: why it could not, or "".
    """

    file: str
    guesses: list
    problem: str


class Summary(NamedTuple):
    """What a run over a folder has done; print it.

    done: pictures answered in this run. skipped: pictures that were in the table already.
    unreadable: a list of (file, reason). others: how many files are no pictures, by the ending of their name.
    left: pictures still to do, if the run was stopped.
    """

    done: int
    skipped: int
    unreadable: list
    others: int
    left: int

    def __str__(self):
        counts = (
            f"Answered now: {self.done}. In the table already: {self.skipped}. "
            f"Unreadable: {len(self.unreadable)}. Other files, left aside: {self.others}."
        )
        lines = [counts, *[f"  {reason}" for _, reason in self.unreadable[:LISTED]]]
        if len(self.unreadable) > LISTED:
            lines.append(f"  and {len(self.unreadable) - LISTED} more: the table names them all.")
        if self.left:
            lines.append(
                f"Stopped with {self.left} to go. What is done is in the table: "
                "run the same line again, and it goes on from there."
            )
        return "\n".join(lines)


def recognise_folder(recogniser, folder, table, top=5, progress=None):
    """Recognise all pictures of a folder, and of the folders in it, into a table.

    Pictures that the table has already (same name, size and time of change) are skipped. Files that cannot be
    read are listed at the end of the table with the reason, and tried again by the next run. Ctrl-C, or the
    notebook's stop button, ends the run early, with everything kept but the few pictures in hand.

    recogniser: from `load_recogniser`. folder: a path; hidden files are left alone.
    table: the path of a CSV file, made if it is not there; one table for one folder.
    top: how many guesses for each picture. progress: a function that wraps the list of pictures, such as
        `tqdm`; None for silence.
    Returns a Summary. Raises AlbumError.
    """
    folder, table = Path(folder).expanduser(), Path(table).expanduser()
    paths, unreadable, others = _look_through(folder, table)
    stamps = {_name(path, folder): _stamp(path) for path in paths}
    try:
        done = _take_up(table, _columns(top), recogniser.weights, stamps)
        to_do = [path for path in paths if _name(path, folder) not in done]
        added, left, batch = 0, 0, []
        with open(table, "a", newline="", encoding="utf-8") as file:
            try:
                for path in progress(to_do) if progress else to_do:
                    try:
                        batch.append((_name(path, folder), prepare(path)))
                    except PictureError as problem:
                        reason = str(problem).replace(path.name, _name(path, folder), 1)
                        unreadable.append((_name(path, folder), reason))
                    if len(batch) == BATCH:
                        added += _add(file, recogniser, batch, top, stamps)
                        batch.clear()
                added += _add(file, recogniser, batch, top, stamps)
            except KeyboardInterrupt:
                left = len(to_do) - added - sum(name in stamps for name, _ in unreadable)
            _write(
                file,
                [
                    [name] + [""] * 2 * top + [reason, recogniser.weights, "", ""]
                    for name, reason in unreadable
                ],
            )
    except OSError as error:
        raise AlbumError(
            f"{table.name} cannot be written: close it in other programs, or choose another place for it."
        ) from error
    return Summary(added, len(done), unreadable, others, left)


def read_table(table):
    """The lines of a table that `recognise_folder` made: a list of Row. Raises AlbumError if it did not."""
    table = Path(table).expanduser()
    if not table.is_file():
        raise AlbumError(f"There is no table {table.name}: recognise a folder first.")
    columns, *lines = _lines(table) or [[]]
    top = (len(columns) - 5) // 2
    if columns != _columns(top):
        raise AlbumError(_not_ours(table))
    return [_row(line, top) for line in lines]


def contact_sheet(folder, table, count=20, columns=4):
    """The first pictures of a table as small prints, each with its best guess under it: a figure.

    folder, table: as for `recognise_folder`. count: how many pictures; those that are gone are left out.
    columns: pictures in a row. Raises AlbumError if there is none to show.
    """
    folder = Path(folder).expanduser()
    paths = {_name(path, folder): path for path in _look_through(folder, table)[0]}
    rows = [row for row in read_table(table) if row.guesses and row.file in paths][:count]
    if not rows:
        raise AlbumError(f"{Path(table).name} has no picture of {folder.name}: recognise this folder first.")
    prints = [fit(open_picture(paths[row.file]), "pad", THUMBNAIL) for row in rows]
    titles = [Path(row.file).name for row in rows]
    return guess_grid(prints, [row.guesses for row in rows], titles, columns, top=1)


def uploaded(upload):
    """Take the photos out of an upload button: a list of (name, bytes), empty if there is none.

    The button is emptied, because a notebook may be saved with what its buttons hold.

    upload: an `ipywidgets.FileUpload`, whose value is a dictionary in ipywidgets 7 and a tuple in 8.
    """
    value = upload.value
    if isinstance(value, dict):
        photos = [(name, bytes(file["content"])) for name, file in value.items()]
        if photos:
            upload.metadata, upload.data = [], []
            upload._counter = 0  # in ipywidgets 7 the value is made from the two lists when this changes
    else:
        photos = [(file["name"], bytes(file["content"])) for file in value]
        if photos:
            upload.value = ()
    return photos


# The folder


def _look_through(folder, table):
    """The pictures of a folder in the order of their names, what could not be read, the number of others."""
    if not folder.is_dir():
        hint = "it is a file, not a folder" if folder.is_file() else "check its name and place"
        raise AlbumError(f"There is no folder {folder.name or folder}: {hint}.")
    paths, others, errors = [], 0, []
    for place, folders, files in os.walk(folder, onerror=errors.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in [Path(place, name) for name in files if not name.startswith(".")]:
            if path.suffix.lower() in ENDINGS:
                paths.append(path)
            else:
                others += not (table and path.absolute() == Path(table).absolute())
    closed = sorted(Path(error.filename) for error in errors)
    reason = "is a folder that may not be read: check its permissions."
    unreadable = [(_name(place, folder), f"{place.name} {reason}") for place in closed]
    if not paths and not unreadable:
        raise AlbumError(
            f"There is no picture in {folder.name or folder}: name a folder with JPEG or PNG files in it."
        )
    return sorted(paths, key=lambda path: (str(path).casefold(), str(path))), unreadable, others


def _name(path, folder):
    """The path from the folder, on one line whatever is in it."""
    return _printable(path.relative_to(folder).as_posix())


def _printable(text):
    """The text with escapes for control characters, and for bytes of a name that are no letters at all."""
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in ("Cc", "Cs") else letter
        for letter in text
    )


def _stamp(path):
    """Size in bytes and time of change in seconds, as texts: by these a file is known to be the same."""
    try:
        status = path.stat()
    except OSError:  # gone, or not ours to read: opening it will say so
        return ["", ""]
    return [str(status.st_size), str(int(status.st_mtime))]


# The table


def _not_ours(table):
    return f"{table.name} is not a table that we made, or was changed since: choose another name."


def _row(line, top):
    name, *cells = line
    pairs = zip(cells[0 : 2 * top : 2], cells[1 : 2 * top : 2])
    guesses = [Guess(_text(label), "", float(probability)) for label, probability in pairs if label]
    return Row(_text(name), guesses, _text(cells[2 * top]))


def _columns(top):
    guesses = [f"{column} {number}" for number in range(1, top + 1) for column in ("guess", "probability")]
    return ["file", *guesses, "problem", "weights", "bytes", "changed"]


def _lines(table):
    """The lines of a table as lists of cells, the names of the columns first.

    A last line that a crash has cut off is left out. Raises AlbumError for a file that is no table of ours.
    """
    content = table.read_bytes()
    complete = content[: content.rfind(b"\n") + 1]
    try:
        text = io.StringIO(complete.decode("utf-8-sig"), newline="")
        lines = [line for line in csv.reader(text) if line]
        for line in lines[1:]:
            _row(line, (len(lines[0]) - 5) // 2)
    except (csv.Error, ValueError, IndexError):  # a text that cannot be decoded is a ValueError too
        raise AlbumError(_not_ours(table)) from None
    if any(len(line) != len(lines[0]) for line in lines):
        raise AlbumError(_not_ours(table))
    return lines


def _take_up(table, columns, weights, stamps):
    """Make the table ready for more lines: new, or as the last run left it. Returns the names of those done.

    Lines stay unless their file has changed since or could not be read.
    """
    lines, done = [], set()
    if table.exists() and not _only_begun(table, columns):
        found, *lines = _lines(table) or [[]]
        if found != columns:
            raise AlbumError(_not_ours(table))
        lines = [line for line in lines if not line[-4]]
        others = {_text(line[-3]) for line in lines} - {weights}
        if others:
            raise AlbumError(
                f"{table.name} holds answers of other weights ({', '.join(sorted(others))}): "
                "choose another name for this table."
            )
        done = {_text(line[0]) for line in lines if stamps.get(_text(line[0])) == line[-2:]}
        if lines and not done:
            raise AlbumError(
                f"{table.name} holds none of these pictures as they are now: "
                "is it the table of another folder? Choose another name."
            )
        lines = [line for line in lines if _text(line[0]) in done or _text(line[0]) not in stamps]
    unfinished = table.with_name(table.name + ".unfinished")
    with open(unfinished, "w", newline="", encoding=BEGINNING) as file:
        csv.writer(file).writerows([columns, *lines])
    os.replace(unfinished, table)
    return done


def _only_begun(table, columns):
    """Whether a table is empty, or was cut off within its first line."""
    first = io.StringIO(newline="")
    csv.writer(first).writerow(columns)
    with open(table, "rb") as file:
        return first.getvalue().encode(BEGINNING).startswith(file.read(10_000))


def _add(file, recogniser, batch, top, stamps):
    """Recognise a few prepared pictures and write their lines at once; returns how many there were."""
    if not batch:
        return 0
    rows = []
    probabilities = recogniser.probabilities(np.stack([picture for _, picture in batch]))
    for (name, _), row in zip(batch, probabilities):
        guesses = recogniser.best(row, top)
        pairs = [cell for guess in guesses for cell in (guess.label, _digits(guess.probability))]
        empty = [""] * 2 * (top - len(guesses))
        rows.append([name, *pairs, *empty, "", recogniser.weights, *stamps[name]])
    _write(file, rows)
    return len(rows)


def _digits(probability):
    """Four digits after the point, and more where these would say 0 or 1: nothing is certain."""
    return f"{probability:.4f}" if 0.001 <= probability <= 0.999 else f"{probability:.7g}"


def _write(file, rows):
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows([_cell(text) for text in row] for row in rows)
    file.write(lines.getvalue())
    file.flush()


def _cell(text):
    """Text as it stands in the table: on one line, and no formula to a spreadsheet."""
    text = _printable(text)
    return "'" + text if text[:1] in FORMULA else text


def _text(cell):
    """The text of a cell, as `_cell` got it."""
    return cell.removeprefix("'")
