"""Writes binder/requirements.txt: every package that Binder installs, to the last, in one version.

    python tools/binder_requirements.py

A resolver (uv) picks them from the ranges in requirements.txt. tests/test_repository.py holds both together.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RANGES, PINNED = ROOT / "requirements.txt", ROOT / "binder" / "requirements.txt"
HEAD = """\
# Made from ../requirements.txt by tools/binder_requirements.py; change that list, and run the tool again.
# Pinned to the last package, so that a page that worked on Binder still does. postBuild adds our own helpers.
# Ranges: {ranges}
"""
COMMAND = [
    *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate"),
    *("--python-platform", "x86_64-manylinux_2_28", "--no-python-downloads", "-"),
]


def ranges():
    """The lines of requirements.txt that Binder is to fulfil, without their reasons: a list of texts."""
    lines = [line.partition("#")[0].strip() for line in RANGES.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("-e")]


def fingerprint():
    """What ties the pinned list to the ranges it was made from."""
    return hashlib.sha256("\n".join(ranges()).encode()).hexdigest()[:16]


def python_version():
    return (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")


def main():
    command = [*COMMAND, "--python-version", python_version()]
    pinned = subprocess.run(command, input="\n".join(ranges()), text=True, stdout=subprocess.PIPE, check=True)
    PINNED.write_text(HEAD.format(ranges=fingerprint()) + pinned.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()
