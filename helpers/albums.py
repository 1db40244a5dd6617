"""A whole folder of photos: recognised one by one into a table, and shown as a contact sheet."""

import hashlib
import os
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.journal import (
    AlbumError,
    Row,
    append,
    in_order,
    journal_of,
    latest,
    order,
    printable,
    read_journal,
    report,
    take_up,
)
from helpers.pictures import ENDINGS, PictureError, fit, open_picture, prepare
from helpers.plots import guess_grid
from helpers.recogniser import BATCH, ahead

LISTED = 20  # more unreadable files than this are counted, not printed; the table names them all
THUMBNAIL = 200  # pixels


class Summary(NamedTuple):
    """What a run over a folder has done; print it.

    done: pictures answered in this run. skipped: pictures that were answered already.
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


def recognise_folder(recogniser, folder, table, top=5, progress=None, work=None):
    """Recognise all pictures of a folder, and of the folders in it, into a table.

    Pictures that are answered already are skipped: same name, same size, and same time of change or same
    content. Files that cannot be read are listed at the end of the table with the reason, and tried again by
    the next run. Ctrl-C, or the notebook's stop button, ends the run early, with everything kept but the few
    pictures in hand.

    recogniser: from `load_recogniser`. folder: a path; hidden files are left alone, links to folders entered.
    table: the path of a CSV file, made if it is not there; one table for one folder.
    top: how many guesses for each picture. progress: a function that wraps the list of names, such as `tqdm`;
        None for silence.
    work: who does it, a function like `in_turn`; None for that. `cluster.recognise_folder` has another.
    Returns a Summary. Raises AlbumError.
    """
    if not isinstance(top, Integral) or top < 1:
        raise AlbumError(f"top is {top!r}, but must be a number of guesses: 1 or more.")
    folder, table = Path(folder).expanduser(), Path(os.path.realpath(Path(table).expanduser()))
    pictures, unreadable, others = _look_through(folder, table)
    rows = take_up(table, pictures, recogniser.weights)
    before = latest(rows)
    try:
        to_do = [name for name, path in pictures.items() if not _is_answered(before.get(name), path, top)]
    except KeyboardInterrupt:
        raise AlbumError("Stopped while looking for what is new: run the same line again.") from None

    def keep(answers):
        append(table, [row for row in answers if row.guesses])  # at once: whatever happens next
        rows.extend(row for row in answers if row.guesses)
        unreadable.update((row.file, row.problem) for row in answers if row.problem)

    try:
        (work or in_turn)(recogniser, {name: pictures[name] for name in to_do}, top, progress, keep)
    except KeyboardInterrupt:
        pass  # how many are left is counted below
    finally:  # what is answered comes into the table, whatever else may have stopped us
        problems = [Row(name, problem=text, weights=recogniser.weights) for name, text in unreadable.items()]
        append(table, problems)
        now = report(table, rows + problems, top)
    done = [name for name in to_do if name in now and now[name] != before.get(name) and now[name].guesses]
    left = len(to_do) - len(done) - sum(name in unreadable for name in to_do)
    return Summary(len(done), len(pictures) - len(to_do), list(unreadable.items()), others, left)


def in_turn(recogniser, pictures, top, progress, keep):
    """Recognise pictures one after the other, here.

    pictures: name -> path. top, progress: see `recognise_folder`. keep: a function for the rows that are
    ready, a list of Row at a time, each with guesses or with a problem.
    """
    names, batch = list(pictures), []
    opening = ahead(lambda name: _open(name, pictures[name]), names)
    for name, opened in zip(progress(names) if progress else names, opening):
        try:
            batch.append(opened.result())
        except PictureError as problem:
            keep([Row(name, problem=printable(str(problem).replace(pictures[name].name, name, 1)))])
        if len(batch) == BATCH or (batch and name == names[-1]):
            keep(_recognise(recogniser, batch, top))
            batch.clear()


def read_table(table):
    """What `recognise_folder` found: a list of Row, those that could not be read last. Raises AlbumError."""
    table = Path(os.path.realpath(Path(table).expanduser()))
    if not journal_of(table).is_file():
        what = (
            f"{table.name} is not a table that we made"
            if table.exists()
            else f"There is no table {table.name}"
        )
        raise AlbumError(f"{what}: recognise a folder first.")
    return in_order(read_journal(table))


def contact_sheet(folder, table, count=20, columns=4, rows=None):
    """Pictures of a table as small prints, cut as the network gets them, each with its best guess.

    folder, table: as for `recognise_folder`. count: how many pictures; those that are gone, or cannot be
    opened any more, are left out. columns: pictures in a row. rows: which lines of the table, and in what
    order, as `read_table` gives them; None: the first. Raises AlbumError if there is none to show.
    """
    folder, table = Path(folder).expanduser(), Path(table).expanduser()
    pictures = _look_through(folder, table)[0]
    shown, prints = [], []
    for row in read_table(table) if rows is None else rows:
        if row.guesses and row.file in pictures and len(prints) < count:
            try:
                prints.append(fit(open_picture(pictures[row.file]), size=THUMBNAIL))
                shown.append(row)
            except PictureError:
                continue  # damaged since it was answered: the next run over the folder will say so
    if not prints:
        raise AlbumError(f"{table.name} has no picture of {folder.name}: recognise this folder first.")
    titles = [Path(row.file).stem.replace("_", " ") for row in shown]  # may take two lines
    return guess_grid(prints, [row.guesses for row in shown], titles, columns, top=1, beside=False)


# The folder


def _look_through(folder, table):
    """The pictures of a folder, name -> path, in order; what may not be read, name -> reason; other files."""
    if not folder.is_dir():
        hint = "it is a file, not a folder" if folder.is_file() else "check its name and place"
        raise AlbumError(f"There is no folder {folder.name or folder}: {hint}.")
    ours = [os.path.realpath(path) for path in (table, journal_of(table))]
    pictures, others, errors = {}, 0, []
    for path in _files(folder, errors.append):
        if path.suffix.lower() in ENDINGS:
            pictures[_name(path, folder)] = path
        else:
            others += os.path.realpath(path) not in ours
    reason = "is a folder that may not be read: check its permissions."
    closed = sorted(Path(error.filename) for error in errors)
    unreadable = {_name(place, folder): f"{printable(place.name)} {reason}" for place in closed}
    if not pictures and not unreadable:
        raise AlbumError(
            f"There is no picture in {folder.name or folder}: name a folder with JPEG or PNG files in it."
        )
    return {name: pictures[name] for name in sorted(pictures, key=order)}, unreadable, others


def _files(folder, onerror):
    """All files in a folder and in the folders in it, without the hidden ones.

    Links to folders are entered last, and no folder is entered twice: a circle of links ends.
    """
    starts, seen = [folder], {str(parent) for parent in Path(os.path.realpath(folder)).parents}
    for start in starts:  # which grows by the links that we meet
        for place, folders, files in os.walk(start, onerror=onerror):
            if os.path.realpath(place) in seen:
                folders.clear()
                continue
            seen.add(os.path.realpath(place))
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            starts += [link for name in folders if (link := Path(place, name)).is_symlink()]
            yield from (Path(place, name) for name in files if not name.startswith("."))


def _name(path, folder):
    """The path from the folder, printable; no two files get the same."""
    return printable(path.relative_to(folder).as_posix().replace("\\", "\\\\"))


def _open(name, path):
    """A Row by which to know a file again, and the picture in it, prepared. Raises PictureError."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise PictureError(f"{path.name} is a pipe or a device, not a file: take it out of the folder.")
    try:
        status = path.stat()
        row = Row(name, bytes=status.st_size, changed=status.st_mtime_ns, sha256=_sha256(path))
    except OSError:  # gone, or not ours to read: opening it will say so
        row = Row(name)
    return row, prepare(path)


def _is_answered(row, path, top):
    """Whether there is a row for what is in the file now, with guesses enough."""
    if row is None or row.top < top:
        return False
    try:
        status = path.stat()
        return row.bytes == status.st_size and (
            row.changed == status.st_mtime_ns or row.sha256 == _sha256(path)
        )
    except OSError:
        return False


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recognise(recogniser, batch, top):
    """The rows of the pictures in hand, with their guesses."""
    probabilities = recogniser.probabilities(np.stack([picture for _, picture in batch]))
    return [
        row._replace(guesses=recogniser.best(answer, top), weights=recogniser.weights, top=int(top))
        for (row, _), answer in zip(batch, probabilities)
    ]
