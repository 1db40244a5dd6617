"""The course with the oldest packages that requirements.txt allows, on Python 3.11."""

import pytest
from packaging.requirements import Requirement

import notebooks
import platforms


@pytest.fixture(scope="module")
def oldest(environment):
    """The Python that has these packages, and the file that lists them."""
    return environment("oldest")


def read(path):
    lines = [line.partition("  #")[0] for line in path.read_text().splitlines()]
    return [Requirement(line) for line in lines if line[:1] not in ("", "#", "-")]


@pytest.mark.parametrize("name", platforms.LISTS)
def test_every_lower_bound_is_run(oldest, name):
    here = {each.name.lower(): str(each.specifier).removeprefix("==") for each in read(oldest[1])}
    for each in read(platforms.ROOT / name):
        if not each.marker or each.marker.evaluate():
            lowest = Requirement(f"{each.name}=={here[each.name.lower()]}")
            bounds = [part.version for part in each.specifier if part.operator in (">=", "==")]
            assert all(lowest.specifier.contains(bound) for bound in bounds), f"{each}, but {lowest} is run"


def test_fast_tests(oldest, run_fast_tests):
    run_fast_tests(oldest[0])


@pytest.mark.parametrize("path", notebooks.find([]), ids=lambda path: path.stem)
def test_notebook(oldest, path, run_notebook):
    run_notebook(path, platforms.kernel("oldest", [oldest[0], "-m", "ipykernel_launcher"]))
