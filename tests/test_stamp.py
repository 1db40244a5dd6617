"""What is stamped into every notebook: the set-up cell for Google Colab."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

import notebooks
import stamp
from helpers.colab import edition_of

ROOT = notebooks.NOTEBOOKS.parent


@pytest.mark.parametrize("path", notebooks.find([]), ids=lambda path: path.stem)
def test_every_notebook_is_stamped(path, tmp_path):
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    assert not stamp.stamp(copy), f"{path.name} was changed after it was stamped: python tools/stamp.py"


@pytest.fixture
def page(tmp_path):
    """A notebook with one cell of the lesson, stamped, in a course of its own."""
    path = tmp_path / "course" / "notebooks" / "90_sample.ipynb"
    path.parent.mkdir(parents=True)
    cells = [nbformat.v4.new_markdown_cell("# 90 · Sample"), nbformat.v4.new_code_cell("1 + 1")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["course"] = {"sources": notebooks.fingerprint(notebook)}
    nbformat.write(notebook, path)
    assert stamp.stamp(path)
    return path


def test_the_cell_is_second_folded_and_stamped_once(page):
    assert not stamp.stamp(page)
    notebook = notebooks.read(page)
    cell = notebook.cells[1]
    assert len(notebook.cells) == 3 and notebook.cells[2].source == "1 + 1"
    assert notebooks.tags(cell) == ["setup", "hide-input"]
    assert cell.metadata.cellView == "form" and cell.metadata.jupyter.source_hidden
    assert cell.source.startswith("#@title Set-up for Google Colab") and "#@param" in cell.source
    assert max(map(len, cell.source.splitlines())) <= 88
    assert stamp.repository_address() in cell.source
    nbformat.validate(notebook)


def test_outputs_that_belong_still_do_and_others_still_do_not(page):
    notebook = notebooks.read(page)
    assert notebook.metadata.course.sources == notebooks.fingerprint(notebook)
    notebook.cells[2].source = "1 + 2"
    nbformat.write(notebook, page)
    assert stamp.stamp(page)
    notebook = notebooks.read(page)
    assert notebook.metadata.course.sources != notebooks.fingerprint(notebook)


def git(folder, *arguments):
    names = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def cell(page):
    """The source of the set-up cell, which fetches from a repository here: helpers, a page, the lists."""
    course = page.parent.parent
    (course / "helpers").mkdir()
    (course / "helpers" / "__init__.py").touch()
    shutil.copy(ROOT / "helpers" / "colab.py", course / "helpers")
    (course / "requirements.txt").write_text(
        "numpy<1  # wrong, and to be left alone\nPillow>=1  # is there\n-e .\n"
    )
    git(course, "init")
    git(course, "add", ".")
    git(course, "commit", "-m", "all")
    git(course, "tag", "v1")
    return notebooks.read(page).cells[1].source.replace(stamp.repository_address(), f"file://{course}")


AFTER = """
import os, helpers
print(helpers.__file__, os.environ.get("VGG16_WEIGHTS"), len(sys.path))
"""


def run(code, folder, *options):
    environment = {name: value for name, value in os.environ.items() if name != "VGG16_WEIGHTS"}
    command = [sys.executable, "-I", *options, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)


def sentence(code, folder):
    """What a reader gets where the set-up cell stops."""
    code = (
        f"import sys\ntry:\n  exec({code!r})\nexcept Exception as error: print(*error._render_traceback_())"
    )
    return run(code, folder, "-S").stdout


COLAB = 'import sys\nsys.modules["google.colab"] = sys\n'


def on_colab(cell, folder, after=AFTER):
    return run(f"{COLAB}{cell}\n{after}", folder)


@pytest.fixture
def content(tmp_path):
    """The empty folder in which a notebook finds itself on Colab."""
    folder = tmp_path / "content"
    folder.mkdir()
    return folder


def test_the_cell_fetches_the_course_on_colab_and_a_second_run_changes_nothing(cell, content):
    once, twice = on_colab(cell, content), on_colab(cell, content, after=cell + AFTER)
    clone = content / "course-main"
    for done in (once, twice):
        assert done.stderr == ""
        assert done.stdout.split()[:2] == [str(clone / "helpers" / "__init__.py"), "pocket"]
    assert once.stdout == twice.stdout
    assert [path.name for path in content.iterdir()] == ["course-main"]


def test_another_ref_and_other_weights(cell, content):
    cell = cell.replace('REF = "main"', 'REF = "v1"').replace('WEIGHTS = "pocket"', 'WEIGHTS = "imagenet"')
    done = on_colab(cell, content)
    assert done.stdout.split()[:2] == [str(content / "course-v1/helpers/__init__.py"), "imagenet"]
    assert done.stderr == ""


def test_the_cell_says_what_to_do_where_the_ref_is_unknown(cell, content):
    said = sentence(COLAB + cell.replace('"main"', '"nosuch"'), content)
    assert said.startswith("The course's helpers are not here. On Colab: check REF and the connection.")
    assert list(content.iterdir()) == []


def test_a_kernel_without_the_helpers_gets_one_sentence(cell, content):
    said = sentence(cell, content)
    assert said.count("\n") == 1 and "Elsewhere: start Jupyter as" in said
    assert list(content.iterdir()) == []


def test_the_cell_does_nothing_elsewhere(cell, content):
    done = run(f"import sys; before = list(sys.path)\n{cell}\nprint(sys.path == before, end='')", content)
    assert (done.stdout, done.stderr, list(content.iterdir())) == ("True", "", [])


def test_a_notebook_of_another_edition_is_told(cell, content, page):
    other = cell.replace(edition_of(page), "90-00000000")
    done = on_colab(other, content)
    assert done.stdout.startswith("This notebook and the helpers are of different editions")
    assert done.stdout.splitlines()[1:] == on_colab(cell, content).stdout.splitlines()
