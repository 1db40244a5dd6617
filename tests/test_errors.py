"""How errors and figures reach the reader of a notebook, and what does not reach it; in programs."""

import base64
import importlib.util
import io
import json
import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from networks import pocket
from PIL import Image
from test_command_line import LINE

from helpers.pictures import example

# A first notebook, and a reader who changes Keras' settings in between.
COURSE = """
from helpers import load_recogniser
import keras
from helpers.pictures import example, open_picture
from helpers.plots import guess_bars, png

print(keras.config.backend(), keras.config.image_data_format(), keras.config.floatx())
keras.config.set_image_data_format("channels_first")
keras.config.set_floatx("float16")
keras.config.set_dtype_policy("mixed_float16")
guesses = load_recogniser("pocket").guess(example("elephant.gif"))
png(guess_bars(open_picture(example("elephant.gif")), guesses))
print(guesses[0].label)
"""

# A full TensorFlow without a graphics card complains of it, once, when it is first asked for the devices.
NO_GRAPHICS_CARD = """
import tensorflow

complaints = ["failed call to cuInit"]

def list_devices():
    if complaints:
        os.write(2, complaints.pop().encode())
    return []

tensorflow.config.list_physical_devices = list_devices
import helpers
tensorflow.config.list_physical_devices()
"""


def test_jupyter_shows_the_sentence_alone():
    code = "from helpers.pictures import open_picture\nopen_picture('nowhere.jpg')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, kernel_name="python3", allow_errors=True).execute()
    shown = notebook.cells[0].outputs[-1].traceback
    assert shown == ["There is no file nowhere.jpg: check its name and folder."]


def run(code, **settings):
    """Run a program with other settings of the environment: its output and what it wrote to stderr."""
    environment = {**os.environ, **settings}
    environment.pop("MPLCONFIGDIR", None)
    done = subprocess.run(
        [sys.executable, "-c", "import os" + "\n" + code],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout, done.stderr


def test_neither_settings_of_keras_nor_a_home_that_cannot_be_written_are_noticed(tmp_path):
    settings = {"backend": "torch", "image_data_format": "channels_first", "floatx": "float16"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    out, err = run(
        COURSE,
        KERAS_HOME=str(tmp_path),
        KERAS_BACKEND="jax",
        HOME=os.devnull,
        XDG_CONFIG_HOME="",
        XDG_CACHE_HOME="",
    )
    assert out == "tensorflow channels_last float32\nAfrican elephant\n"
    assert err == ""


def test_no_graphics_card_is_no_reason_to_complain():
    assert "cuInit" not in run(NO_GRAPHICS_CARD)[1]


@pytest.mark.parametrize(
    "first",
    ["import keras; keras.config.backend = lambda: 'jax'", "try: import keras\nexcept Exception: pass"],
    ids=["installed", "not installed"],
)
def test_where_keras_came_first_with_another_backend_one_sentence_says_so(first):
    if "try" in first and importlib.util.find_spec("jax"):
        pytest.skip("JAX is installed")
    backend = "jax" if "try" in first else "tensorflow"
    out, _ = run(
        f"{first}\ntry: import helpers\nexcept ValueError as error: print(error)", KERAS_BACKEND=backend
    )
    assert out == (
        "Keras was imported before our helpers, and not with TensorFlow, which this course needs: "
        "restart the kernel and import helpers first.\n"
    )


@pytest.mark.parametrize("settings", ['{"floatx": "float12"}', "[1]"])
def test_a_setting_that_keras_refuses_gets_one_sentence(tmp_path, settings):
    (tmp_path / "keras.json").write_text(settings)
    out, _ = run("try: import helpers\nexcept ValueError as error: print(error)", KERAS_HOME=str(tmp_path))
    sentence = "Keras stumbles over the settings in its file keras.json: mend or delete it. "
    assert out.startswith(sentence)
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "helpers", "x.png"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(sentence) and done.stderr.count("\n") == 1


def test_real_errors_come_through_the_quiet_import(tmp_path):
    (tmp_path / "keras.py").write_text("raise ImportError('a library is missing')")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    _, err = run("import helpers", PYTHONPATH=path)
    assert err.endswith("ImportError: a library is missing\n")
    (tmp_path / "keras.py").write_text("import sys; raise SystemExit('stopped')")
    assert run("import helpers", PYTHONPATH=path)[1] == "stopped\n"
    _, err = run("import helpers, os; os.write(2, b'a real error')", PYTHONPATH=os.pathsep.join(sys.path))
    assert err == "a real error"


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
        *pocket().introduction.splitlines(),
        "notes.jpg is not a picture that we can open: save it as JPEG or PNG first.",
        "There is no file nowhere.png: check its name and folder.",
    ]


def run_in_a_notebook(*cells):
    """The outputs of each cell, streams left out, as they are stored in the file."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    notebook = nbformat.reads(nbformat.writes(notebook), as_version=4)
    return [[out for out in cell.outputs if out.output_type != "stream"] for cell in notebook.cells]


def test_a_notebook_stores_each_figure_once_with_its_alt_text():
    outputs = run_in_a_notebook(
        "from matplotlib import pyplot  # the inline backend is awake\n"
        "from helpers.plots import draw_network, new_figure, table\n"
        "draw_network('pocket', highlight=2)",
        "display(draw_network(highlight='fc1'))",
        "own = new_figure(5, 3)\nown.add_subplot().plot([1, 2])\nown.alt = 'A line  that rises.'\nown",
        "table([['a|b', 1]], ['<i>', 'n'])",
    )
    (last_line,), (displayed,), (own,), (rows,) = outputs
    assert 'Marked "you are here": block 2.' in last_line.metadata["image/png"]["alt"]
    assert last_line.data["text/plain"] == last_line.metadata["image/png"]["alt"]
    assert 'Marked "you are here": fc1.' in displayed.metadata["image/png"]["alt"]
    assert own.metadata["image/png"]["alt"] == "A line that rises."
    for output in (last_line, displayed, own):
        assert set(output.data) == {"image/png", "text/plain"}
        picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
        assert picture.format == "PNG" and picture.width <= 7 * 120
    assert "&lt;i&gt;" in rows.data["text/html"] and "a|b" in rows.data["text/plain"]
