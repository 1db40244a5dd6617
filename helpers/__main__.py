"""Recognise pictures from the command line.

python -m helpers PICTURE... [--weights W]
python -m helpers FOLDER --table TABLE.csv [--weights W] [--cluster ADDRESS]
"""

import argparse
import contextlib
import os
import signal
import sys

from tqdm import tqdm

from helpers import cluster
from helpers.albums import recognise_folder
from helpers.errors import ReaderError
from helpers.journal import printable
from helpers.plots import percent
from helpers.recogniser import load_recogniser


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        super().error(printable(message))  # it quotes what was typed


def main():
    """Print the five best guesses for each picture; bad ones get one sentence, and the rest go on.

    Ends with code 0; 1 where something could not be answered or printed; 2 for a wrong command line; 130, as
    shells expect, after Ctrl-C.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see helpers/__init__.py
        signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = _Parser(prog="python -m helpers", description="Say what is in a picture.")
    parser.add_argument("pictures", nargs="+", metavar="PICTURE")
    parser.add_argument("--weights", help='"pocket", "imagenet" or the path of a weights file')
    parser.add_argument(
        "--table", help="recognise a whole folder, into this CSV file; goes on where it stopped"
    )
    parser.add_argument("--cluster", help='spread the folder over a Dask scheduler: its address, or "local"')
    args = parser.parse_args()
    if args.table and len(args.pictures) != 1:
        parser.error("with --table, name one folder")
    if args.cluster and not args.table:
        parser.error("--cluster is for a folder: name its --table too")
    if sys.stdout:
        sys.stdout.reconfigure(errors="backslashreplace")  # letters that it cannot take are spelt out
    try:
        if args.table:
            sys.exit(_answer_folder(args.pictures[0], args.table, args.weights, args.cluster))
        sys.exit(not _answer(args.pictures, args.weights))
    except KeyboardInterrupt:
        sys.exit(130)


def _answer(pictures, weights):
    """Print the guesses for each picture. Returns whether all of them could be answered."""
    try:
        recogniser = load_recogniser(weights)
    except ReaderError as error:
        _complain(error)
        return False
    for line in recogniser.introduction.splitlines():
        _complain(line)
    complete = True
    for picture in pictures:
        if len(pictures) > 1:
            _print(f"{picture}:")
        try:
            guesses = recogniser.guess(picture)
        except ReaderError as error:
            complete = False
            _complain(error)
            continue
        for guess in guesses:
            _print(f"{guess.label}  {percent(guess.probability)}")
    return complete


def _answer_folder(folder, table, weights, address):
    """Recognise a folder into a table, and print what was done. Returns the exit code."""
    try:
        if address:
            summary = cluster.recognise_folder(address, folder, table, weights, progress=_bar)
        else:
            recogniser = load_recogniser(weights)
            for line in recogniser.introduction.splitlines():
                _complain(line)
            summary = recognise_folder(recogniser, folder, table, progress=_bar)
    except ReaderError as error:
        _complain(error)
        return 1
    for line in str(summary).splitlines():
        _print(line)
    return 130 if summary.left else int(bool(summary.unreadable))


def _bar(names):
    return tqdm(names, unit="photo", disable=sys.stderr is None)


def _print(line):
    """Print an answer. Where it does not come through, as with `| head -1` or on a full disk, we end."""
    try:
        print(printable(line), flush=True)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            _complain(f"The answers cannot be written: {error.strerror}.")
        with contextlib.suppress(OSError):  # so that the end, which tries once more, does not fail as well
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _complain(sentence):
    """Print on stderr, if it is there and takes it: answers are not to fail for want of it."""
    with contextlib.suppress(OSError):
        if sys.stderr:
            print(printable(str(sentence)), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
