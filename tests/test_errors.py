"""How an error reaches the reader of a notebook, and what does not reach it."""

import importlib.util
import json
import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

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
