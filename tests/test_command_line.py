"""python -m helpers PICTURE... [--weights W]"""

import io
import os
import re
import sys

import pytest
from networks import pocket

from helpers import Guess
from helpers import __main__ as command_line
from helpers.errors import ReaderError
from helpers.pictures import example
from helpers.plots import percent

LINE = re.compile(r"[\w' -]+  (\d{1,2}\.\d %|< 0\.1 %|> 99\.9 %)")


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command here, with the pocket network loaded already: (exit code, lines, errors)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["helpers", *map(str, words)])
        monkeypatch.setattr(command_line, "load_recogniser", lambda weights: pocket())
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        out, err = capsys.readouterr()
        return int(ended.value.code), out.splitlines(), err.splitlines()

    return run


def test_one_picture_is_five_lines(run):
    code, lines, errors = run(example("elephant.gif"))
    assert code == 0
    assert len(lines) == 5 and all(LINE.fullmatch(line) for line in lines)
    assert lines[0].startswith("African elephant  ")
    best = pocket().guess(example("elephant.gif"))
    assert [line.split("  ")[1] for line in lines] == [percent(guess.probability) for guess in best]
    assert errors == pocket().introduction.splitlines()


def test_weights_that_do_not_exist_get_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["helpers", str(example("elephant.gif")), "--weights", "Oxford"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    out, err = capsys.readouterr()
    assert ended.value.code == 1 and out == ""
    assert err.startswith("There is no weights file Oxford in ") and len(err.splitlines()) == 1


def test_without_a_picture_it_says_how_it_is_used(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["helpers"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m helpers")


# Where the answers go


class Sure:
    """In place of the network: sure of everything, with odd labels, such as a stranger may give it."""

    introduction = "A stranger\x1b[2J speaks."

    def guess(self, picture):
        if "bad" in picture:
            raise ReaderError(f"{picture} is bad.")
        if "stop" in picture:
            raise KeyboardInterrupt
        if "card" in picture:
            raise OSError("the graphics card fell out")
        return [Guess("caf\u00e9 \u732b", "", 0.99999), Guess("\x1b[31mred\nalert", "", 0.00001)]


@pytest.fixture
def end(monkeypatch):
    """Run the command with given streams; returns the exit code."""

    def end(*words, stdout, stderr=None):
        monkeypatch.setattr(sys, "argv", ["helpers", *words])
        monkeypatch.setattr(sys, "stdout", stdout)
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setattr(command_line, "load_recogniser", lambda weights: Sure())
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        return int(ended.value.code)

    return end


def stream(encoding="utf-8", errors="strict"):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors, newline="")


def written(stream):
    stream.flush()
    return stream.buffer.getvalue().decode(stream.encoding)


@pytest.mark.parametrize(
    ("encoding", "label"),
    [("utf-8", "caf\u00e9 \u732b"), ("ascii", "caf\\xe9 \\u732b"), ("cp1252", "caf\u00e9 \\u732b")],
)
def test_letters_that_the_output_cannot_take_are_spelt_out(end, encoding, label):
    out, err = stream(encoding), stream(encoding, "backslashreplace")
    names = ["\u732b.png", os.fsdecode(b"\xff.png"), "\x1b]0;gotcha\x07.png", "\x1b[2J bad.png"]
    assert end(*names, stdout=out, stderr=err) == 1
    lines = written(out).splitlines()
    assert lines[1:3] == [f"{label}  > 99.9 %", "\\x1b[31mred\\nalert  < 0.1 %"] and len(lines) == 3 * 3 + 1
    assert lines[0] == ("\u732b.png:" if encoding == "utf-8" else "\\u732b.png:")
    assert lines[3] == "\\udcff.png:" and lines[6] == "\\x1b]0;gotcha\\x07.png:"
    assert written(err).splitlines() == ["A stranger\\x1b[2J speaks.", "\\x1b[2J bad.png is bad."]


def test_nothing_that_was_typed_is_a_command_for_the_terminal(end):
    err = stream()
    assert end("--\x1b[2J", "x.png", stdout=stream(), stderr=err) == 2
    assert "\x1b" not in written(err) and "--\\x1b[2J" in written(err)


def test_a_reader_who_has_seen_enough_ends_it_quietly(end):
    """As `| head -1` does: nobody reads the pipe any more."""
    reading, writing = os.pipe()
    os.close(reading)
    err = stream()
    with open(writing, "w", encoding="utf-8") as out:
        assert end("a.png", "b.png", stdout=out, stderr=err) == 1
        out.flush()  # as Python does once more at its end
    assert written(err).splitlines() == ["A stranger\\x1b[2J speaks."]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a computer without /dev/full")
def test_a_full_disk_gets_one_sentence(end):
    err = stream()
    with open("/dev/full", "w", encoding="utf-8") as out:
        assert end("a.png", stdout=out, stderr=err) == 1
    assert written(err).splitlines()[1:] == ["The answers cannot be written: No space left on device."]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a computer without /dev/full")
def test_answers_come_though_there_is_no_stderr_or_a_full_one(end):
    with io.FileIO("/dev/full", "w") as device:
        for err in (None, io.TextIOWrapper(device, write_through=True)):
            out = stream()
            assert end("a.png", "bad.png", "c.png", stdout=out, stderr=err) == 1
            assert len(written(out).splitlines()) == 3 + 1 + 3
    assert end("a.png", stdout=None, stderr=None) == 0  # and no stdout: nobody wants to know


def test_ctrl_c_ends_it_quietly(end):
    out, err = stream(), stream()
    assert end("a.png", "stop.png", "c.png", stdout=out, stderr=err) == 130
    assert len(written(out).splitlines()) == 3 + 1 and len(written(err).splitlines()) == 1


def test_an_error_of_the_network_is_not_blamed_on_the_output(monkeypatch, end):
    with pytest.raises(OSError, match="fell out"):
        end("card.png", stdout=stream(), stderr=stream())
