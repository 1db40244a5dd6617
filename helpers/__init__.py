"""Everything the notebooks need beside their lesson: `from helpers import load_recogniser`."""

import logging
import os
import signal
import sys

from helpers.errors import ReaderError
from helpers.quiet import without_stderr

# `python -m helpers` says -m here while it imports us. Until `main` begins there is nothing to lose, and
# Ctrl-C ends the program as the system does it: at once, and without a traceback.
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# Keras is to run on TensorFlow, whatever the reader's keras.json says; it looks here before it looks there.
os.environ["KERAS_BACKEND"] = "tensorflow"
# TensorFlow greets with log lines that mean nothing to a reader. This hides those that heed it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _settle_keras():
    """Import TensorFlow and Keras; colours come last and numbers are float32, as everywhere in the course."""
    came_first = any(name.split(".")[0] == "keras" for name in sys.modules)
    try:
        with without_stderr():
            import keras
            import tensorflow

            # Where there is no graphics card, the full edition complains of it when first asked: here.
            tensorflow.config.list_physical_devices()
        other_backend = keras.config.backend() != "tensorflow"
    except ImportError:
        if not came_first:
            raise
        other_backend = True  # it was to run on something that is not installed
    except (ValueError, AttributeError) as error:  # the latter where the file holds a list or a number
        raise ReaderError(
            f"Keras stumbles over the settings in its file keras.json: mend or delete it. Keras says: {error}"
        ) from error
    if other_backend:
        raise ReaderError(
            "Keras was imported before our helpers, and not with TensorFlow, which this course needs: "
            "restart the kernel and import helpers first."
        )
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")


def _settle_matplotlib():
    """Where its usual folder cannot be written, Matplotlib takes a temporary one, and says so in red."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        import matplotlib

        matplotlib.get_configdir()
        matplotlib.get_cachedir()
    finally:
        log.setLevel(level)


try:
    _settle_keras()
except ReaderError as problem:
    if sys.argv[:1] != ["-m"]:
        raise
    sys.exit(str(problem))  # the command line, too, says it in one sentence
_settle_matplotlib()

from helpers.recogniser import Guess, Recogniser, load_recogniser  # noqa: E402

__all__ = ["Guess", "Recogniser", "load_recogniser"]
