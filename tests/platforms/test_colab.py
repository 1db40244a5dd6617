"""Every notebook as on Google Colab: alone in an empty folder, with Colab's packages.

The repository from which the set-up cell fetches is a bare one on this machine.
"""

import os
import subprocess
from pathlib import Path

import pytest

import notebooks
import platforms
import screenshots
import stamp
from helpers.colab import upload_button

STAND_IN = Path(__file__).parent / "colab"


def git(*arguments, folder):
    names = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(scope="session")
def address(course, tmp_path_factory):
    """The address of a repository with this course, its notebooks stamped."""
    for path in course.glob("notebooks/*.ipynb"):
        stamp.stamp(path)
    git("init", folder=course)
    git("add", ".", folder=course)
    git("commit", "-m", "the course", folder=course)
    bare = tmp_path_factory.mktemp("server") / "course.git"
    git("clone", "--bare", str(course), str(bare), folder=course)
    return f"file://{bare}"


@pytest.fixture(scope="session")
def python(environment):
    return environment("colab")[0]


@pytest.mark.parametrize("name", [path.name for path in notebooks.find([])])
def test_notebook(name, course, address, python, tmp_path, run_notebook):
    path, content, home = (tmp_path / part for part in (name, "content", "home"))
    content.mkdir()
    home.mkdir()
    committed = course / "notebooks" / name
    text = committed.read_text(encoding="utf-8")
    assert stamp.repository_address() in text
    path.write_text(text.replace(f'\\"{stamp.repository_address()}\\"', f'\\"{address}\\"'), encoding="utf-8")
    jupyter_path = platforms.kernel(
        "colab", [python, "-m", "colab_kernel_launcher"], PYTHONPATH=str(STAND_IN), HOME=str(home)
    )
    execution = run_notebook(path, jupyter_path, compare_with=committed, folder=content)
    assert execution.notebook.cells[1].outputs == []
    assert git("status", "--porcelain", folder=content / "course-main") == ""  # nothing is written there


def test_nothing_is_missing_on_colab_today(course, address, python):
    """Else the first cell of every notebook would have to install it."""
    code = (
        f"import sys; sys.path.insert(0, {str(course / 'helpers')!r}); import colab; print(colab.missing())"
    )
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_what_is_missing_is_installed_beside_what_is_there(course, python, tmp_path):
    """What was there keeps its version, although a newer numpy is to be had."""
    lacking = tmp_path / "bin" / "python"
    subprocess.run([*platforms.UV, "venv", "--seed", "--python", python, tmp_path], check=True)
    there = ["packaging", "numpy==2.1.3"]
    subprocess.run([*platforms.UV, "pip", "install", "--python", lacking, *there], check=True)
    code = (
        f"import sys; sys.path.insert(0, {str(course / 'helpers')!r})\n"
        "import colab, importlib.metadata\n"
        "colab.install([each for each in colab.missing() if each.startswith(('h5py', 'tqdm'))])\n"
        "print([importlib.metadata.version(name) for name in ('numpy', 'h5py', 'tqdm')], colab.missing())"
    )
    said = subprocess.run([lacking, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("['2.1.3', '3.") and "requests" in said and "h5py>" not in said


def test_photos_of_any_size_arrive_whole(tmp_path, monkeypatch):
    """The upload button in a real browser, with what Colab offers to JavaScript: 12 MB, and nothing."""
    if not screenshots.chromium():
        pytest.fail("no Chromium on this machine (Debian: apt-get install chromium)")
    monkeypatch.syspath_prepend(STAND_IN)
    from google.colab import output

    photos, longest = [], []
    button = upload_button(photos.append, "image/*,.heic")
    sent = {"large.jpg": os.urandom(12_345_678), "empty.png": b"", "small.heic": os.urandom(3)}
    for name, content in sent.items():
        (tmp_path / name).write_bytes(content)

    def python(name, arguments):
        longest.append(len(str(arguments)))
        output.FUNCTIONS[name](*arguments)

    with screenshots.browser_page() as page:
        page.expose_function("python", python)
        page.evaluate("() => { google = {colab: {kernel: {invokeFunction: (n, a) => python(n, a)}}} }")
        page.set_content(button.data)
        for _ in range(2):  # it can be used again
            page.get_by_label("Choose photos").set_input_files([tmp_path / name for name in sent])
            page.get_by_text("Arrived: large.jpg, empty.png, small.heic").wait_for()
            page.evaluate("() => { document.querySelector('output').textContent = '' }")
        assert [dict(arrived) for arrived in photos] == [sent, sent]
        assert max(longest) < 1_000_000
        page.evaluate("() => { google.colab.kernel.invokeFunction = async () => { throw Error('gone') } }")
        page.get_by_label("Choose photos").set_input_files(tmp_path / "small.heic")
        page.get_by_text("The photos did not arrive: run this cell once more").wait_for()


def test_widgets(python):
    """The tests of the widgets with ipywidgets 7; the fast tests have them with 8."""
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_widgets.py"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=platforms.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
