"""Silence for libraries that write past Python, straight to the terminal."""

import os
from contextlib import contextmanager


@contextmanager
def without_stderr():
    """Put stderr aside for a while; an error that is raised comes through."""
    try:
        stderr = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
