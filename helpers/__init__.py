"""Everything the notebooks need beside their lesson: `from helpers import load_recogniser`."""

import os

# TensorFlow greets with log lines that mean nothing to a reader. The first variable hides those that
# heed it; since TensorFlow 2.20 the first few do not, so the import itself happens with stderr put aside.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _import_tensorflow_quietly():
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import tensorflow  # noqa: F401
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


_import_tensorflow_quietly()

from helpers.recogniser import Guess, Recogniser, load_recogniser  # noqa: E402

__all__ = ["Guess", "Recogniser", "load_recogniser"]
