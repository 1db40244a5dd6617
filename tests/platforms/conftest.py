"""What the tests of all platforms share: one processor a worker, and a line on what each notebook took."""

import os
import subprocess

import pytest
import test_notebooks

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


def nearly_same(first, second):
    """As `test_notebooks.same_text`, but whole numbers may be off by one: libraries round differently."""
    words = [" ".join(test_notebooks.NUMBER.sub(" # ", text).split()) for text in (first, second)]
    return words[0] == words[1] and all(map(nearly, *map(test_notebooks.NUMBER.findall, (first, second))))


def nearly(first, second):
    if test_notebooks.same_number(first, second):
        return True
    plain = [text.replace(",", "").replace("−", "-") for text in (first, second)]
    whole = not any(sign in text for text in plain for sign in ".e")
    return whole and abs(int(plain[0]) - int(plain[1])) <= 1


@pytest.fixture
def run_notebook(record_property, monkeypatch):
    """A function that executes a notebook with a platform's kernel.

    It fails where an output is another than ours, or no longer what the prose says of it.

    The solutions run in `make test`, and here no more: a reader's Run all does not run them either.
    """

    def run(path, jupyter_path, compare_with=None, folder=None):
        monkeypatch.setenv("JUPYTER_PATH", str(jupyter_path))
        monkeypatch.setenv("VGG16_WEIGHTS", "pocket")
        execution = notebooks.execute(path, folder=folder)
        record_property("MB", execution.peak_mb)
        committed = compare_with or path
        faults = test_notebooks.differences(notebooks.read(committed), execution.notebook, nearly_same)
        assert not faults, "\n".join(faults)
        for cell, kept in zip(execution.notebook.cells, notebooks.read(committed).cells):
            if "measured" in notebooks.tags(kept):  # says other things on other machines
                cell.outputs = kept.outputs
        test_notebooks.test_what_the_prose_claims_is_what_the_outputs_show(committed, execution.notebook)
        return execution

    return run


@pytest.fixture(scope="session")
def environment():
    """`platforms.environment`; where this machine lacks the Python for it, a test is skipped, and says so."""

    def make(name):
        try:
            return platforms.environment(name)
        except platforms.PlatformError as error:
            pytest.skip(str(error))

    return make


@pytest.fixture
def run_fast_tests():
    """A function that runs, with some Python, all but the files that the variable SLOW_TESTS names."""

    def run(python):
        slow = [f"--ignore={file}" for file in os.environ["SLOW_TESTS"].split()]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *slow]
        done = subprocess.run(
            command, cwd=platforms.ROOT, env=environment, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]

    return run


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A copy of the repository, as someone gets it who clones it."""
    folder = tmp_path_factory.mktemp("course")
    platforms.copy_course(folder)
    return folder
