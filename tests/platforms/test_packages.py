"""The course with the oldest packages that requirements.txt allows, on Python 3.11; the newest, on 3.13."""

import os
import subprocess

import pytest
from packaging.requirements import Requirement

import notebooks
import platforms

SETS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("oldest", "newest")]


@pytest.fixture(scope="module", params=SETS)
def packages(request):
    """The name of a set, the Python that has it, and the file that lists it."""
    return request.param, *platforms.environment(request.param)


def read(path):
    lines = [line.partition("  #")[0] for line in path.read_text().splitlines()]
    return [Requirement(line) for line in lines if line[:1] not in ("", "#", "-")]


@pytest.mark.xdist_group("oldest")
@pytest.mark.parametrize("name", platforms.LISTS)
def test_every_lower_bound_is_run(name):
    _, pinned = platforms.environment("oldest")
    here = {each.name.lower(): str(each.specifier).removeprefix("==") for each in read(pinned)}
    for each in read(platforms.ROOT / name):
        if not each.marker or each.marker.evaluate():
            lowest = Requirement(f"{each.name}=={here[each.name.lower()]}")
            bounds = [part.version for part in each.specifier if part.operator in (">=", "==")]
            assert all(lowest.specifier.contains(bound) for bound in bounds), f"{each}, but {lowest} is run"


def test_fast_tests(packages):
    """All but the files that the variable SLOW_TESTS names, as the Makefile does."""
    _, python, _ = packages
    slow = [f"--ignore={file}" for file in os.environ["SLOW_TESTS"].split()]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *slow]
    done = subprocess.run(
        command, cwd=platforms.ROOT, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]


@pytest.mark.parametrize("path", notebooks.find([]), ids=lambda path: path.stem)
def test_notebook(packages, path, run_notebook):
    name, python, _ = packages
    run_notebook(path, platforms.kernel(name, [python, "-m", "ipykernel_launcher"]))
