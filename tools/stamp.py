"""Writes into every notebook what all of them share, and what depends on the course's address.

    python tools/stamp.py [NN ...]   stamp the notebooks called NN, or all; twice is once

The set-up cell for Google Colab is the second cell; it knows the repository's address, and the edition of its
notebook, which changes with the notebook's code. So run this after every change to one.
"""

import sys
import tomllib

import nbformat

import notebooks
from helpers.colab import edition_of

ROOT = notebooks.NOTEBOOKS.parent
# The kernel without our helpers gets one sentence and no traceback, as from helpers.errors.ReaderError.
SET_UP = """\
#@title Set-up for Google Colab (anywhere else it does nothing)
#@markdown **pocket** answers at once, with one of 195 labels. **imagenet** is Oxford's
#@markdown whole network with all 1000, and first of all downloads 553 MB.
WEIGHTS = "pocket"  #@param ["pocket", "imagenet"] {{allow-input: true}}
REF = "main"  #@param {{type: "string"}}
import os
import sys
from importlib.util import find_spec
from runpy import run_path

REPO = "{address}"
fetch = f"[ -d course-{{REF}} ] || git clone --depth 1 -b {{REF}} {{REPO}} course-{{REF}}"
if "google.colab" in sys.modules and os.system(f"({{fetch}}) 2> /dev/null") == 0:
    run_path(f"course-{{REF}}/helpers/colab.py")["set_up"](WEIGHTS, "{edition}")
if not find_spec("helpers"):
    missing = ImportError("The course's helpers are not here. On Colab: check REF and "
        "the connection. Elsewhere: start Jupyter as the course's README.md says.")
    missing._render_traceback_ = lambda: [str(missing)]
    raise missing
"""
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": ["setup", "hide-input"]}


def repository_address():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def set_up(notebook, edition):
    """Put the set-up cell into a notebook, as its second cell. edition: the notebook's, from `edition_of`."""
    if "setup" not in notebooks.tags(notebook.cells[1]):
        notebook.cells.insert(1, nbformat.v4.new_code_cell())
    cell = notebook.cells[1]
    cell.source = SET_UP.format(address=repository_address(), edition=edition).rstrip()
    cell.metadata = nbformat.from_dict(FOLDED)


def stamp(path):
    """Stamp one notebook's file; True if that changes it.

    The outputs still belong to the other cells' sources if they did before, for what is stamped has none.
    """
    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    belonged = notebook.metadata.get("course", {}).get("sources") == notebooks.fingerprint(notebook)
    set_up(notebook, edition_of(path))
    if belonged:
        notebook.metadata["course"]["sources"] = notebooks.fingerprint(notebook)
    after = nbformat.writes(notebook) + "\n"
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before


def main(names):
    for path in notebooks.find(names):
        if stamp(path):
            print(f"{path.name} is stamped anew")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except notebooks.NotebookError as error:
        sys.exit(str(error))
