"""python -m helpers PICTURE... [--weights W]"""

import re
import subprocess
import sys

import pytest
from networks import pocket

from helpers import __main__ as command_line
from helpers.pictures import example

LINE = re.compile(r"[\w' -]+  \d{1,3}\.\d %")


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
    assert [float(line.split()[-2]) for line in lines] == [
        round(guess.probability * 100, 1) for guess in best
    ]
    assert errors == [pocket().introduction]


def test_a_bad_picture_gets_one_sentence_and_the_others_are_answered(tmp_path):
    """In a process of its own: no traceback, and none of TensorFlow's log lines."""
    (tmp_path / "notes.jpg").write_text("an elephant never forgets")
    pictures = [str(tmp_path / "notes.jpg"), str(example("elephant.gif")), str(tmp_path / "nowhere.png")]
    done = subprocess.run(
        [sys.executable, "-m", "helpers", *pictures, "--weights", "pocket"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines, errors = done.stdout.splitlines(), done.stderr.splitlines()
    assert done.returncode == 1
    assert [line for line in lines if not LINE.fullmatch(line)] == [f"{picture}:" for picture in pictures]
    assert lines[2].startswith("African elephant  ") and len(lines) == 3 + 5
    assert errors == [
        pocket().introduction,
        "notes.jpg is not a picture that we can open: save it as JPEG or PNG first.",
        "There is no file nowhere.png: check its name and folder.",
    ]


def test_weights_that_do_not_exist_get_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["helpers", str(example("elephant.gif")), "--weights", "Oxford"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    # Given a text, sys.exit prints it on stderr and ends with code 1.
    assert ended.value.code.startswith("There is no weights file Oxford in ")
    assert capsys.readouterr().out == ""


def test_without_a_picture_it_says_how_it_is_used(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["helpers"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m helpers")
