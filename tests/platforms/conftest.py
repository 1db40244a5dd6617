"""What the tests of all platforms share: one processor a worker, and a line on what each notebook took."""

import os

import pytest
from test_notebooks import differences

import notebooks
import platforms


def pytest_configure():
    """Of two workers, each gets one processor, as Binder gives one: so they do not wait for each other."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and hasattr(os, "sched_setaffinity"):
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[int(worker.removeprefix("gw")) % len(processors)]})


def pytest_terminal_summary(terminalreporter):
    reports = [report for group in ("passed", "failed") for report in terminalreporter.getreports(group)]
    for report in sorted(reports, key=lambda report: report.nodeid):
        took = "  ".join(f"{name} {value:.0f}" for name, value in report.user_properties)
        terminalreporter.write_line(f"{report.duration:6.1f} s  {report.nodeid.split('::')[-1]}  {took}")


@pytest.fixture
def run_notebook(record_property, monkeypatch):
    """A function that executes a notebook with a platform's kernel, and fails where it differs from ours.

    The solutions run in `make test`, and here no more: a reader's Run all does not run them either.
    """

    def run(path, jupyter_path, compare_with=None, folder=None):
        monkeypatch.setenv("JUPYTER_PATH", str(jupyter_path))
        monkeypatch.setenv("VGG16_WEIGHTS", "pocket")
        execution = notebooks.execute(path, folder=folder)
        record_property("MB", execution.peak_mb)
        faults = differences(notebooks.read(compare_with or path), execution.notebook)
        assert not faults, "\n".join(faults)
        return execution

    return run


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A copy of the repository, as someone gets it who clones it."""
    folder = tmp_path_factory.mktemp("course")
    platforms.copy_course(folder)
    return folder
