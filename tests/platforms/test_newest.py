"""The newest packages that requirements.txt allows, on Python 3.13.

All notebooks run with nearly the same ones for Binder and for Colab: here it is the fast tests that count.
"""

import pytest

import notebooks
import platforms


@pytest.fixture(scope="module")
def newest(environment):
    """The Python that has these packages."""
    return environment("newest")[0]


def test_fast_tests(newest, run_fast_tests):
    run_fast_tests(newest)


@pytest.mark.parametrize("path", notebooks.find(["00", "02", "09", "10"]), ids=lambda path: path.stem)
def test_notebook(newest, path, run_notebook):
    run_notebook(path, platforms.kernel("newest", [newest, "-m", "ipykernel_launcher"]))
