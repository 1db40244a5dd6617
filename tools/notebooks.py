"""Executes the course's notebooks, each from a clean kernel.

    python tools/notebooks.py run  [NN ...]   execute, change no file, end with the table of answers
    python tools/notebooks.py save [NN ...]   execute and save with outputs, as the repository keeps them

NN is the number of a notebook (05) or the path of a file; without any, all of them.
The pocket network answers unless the variable VGG16_WEIGHTS names another.
"""

import hashlib
import json
import os
import re
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CELL_SECONDS = 600  # a cell that takes longer hangs
AT_ONCE = 2  # notebooks: while one computes, another starts or draws
FILE_LIMIT = 3_000_000  # bytes: GitHub shows larger notebooks badly or not at all
ANSWERS = "application/x-course-answers"  # as in helpers/record.py
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# What is kept of a cell; times and the state of editors are dropped.
KEPT_METADATA = ("tags", "jupyter", "cellView", "jp-MarkdownHeadingCollapsed")
SOLUTION = r"<details[^>]*>\s*<summary>Solution.*?</details>"
PROGRESS_BAR = re.compile(r"\d+%\||\d+it \[")


class NotebookError(Exception):
    """A notebook that does not run or may not be saved; the message is for its author."""


class Execution(NamedTuple):
    """An executed notebook, the cells made from its solutions, and what the execution cost."""

    notebook: nbformat.NotebookNode
    solutions: list
    seconds: float
    peak_mb: float | None  # resident memory of the kernel, 1 MB = 1,000,000 bytes; None on Windows


def peak_budget_mb(path):
    """The most memory a notebook's kernel may use, in MB; Binder gives a whole session 2 GB.

    Processors without AVX-512 need up to 10 % more than others.
    """
    return {"02": 1550, "12": 1600}.get(path.name[:2], 1450)


def find(names):
    """Paths of the notebooks called `names` (numbers, beginnings of names, or paths); all if empty."""
    if not names:
        return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    found = []
    for name in names:
        matching = [Path(name)] if Path(name).is_file() else sorted(NOTEBOOKS.glob(f"{name}*.ipynb"))
        if not matching:
            raise NotebookError(f"There is no notebook {name} in {NOTEBOOKS.name}/.")
        found += matching
    return found


def read(path):
    return nbformat.read(path, as_version=4)


def tags(cell):
    return cell.metadata.get("tags", [])


def fingerprint(notebook):
    """Hash of the cells' kinds, sources and tags: ties saved outputs to the code they came from."""
    cells = [[cell.cell_type, cell.source, tags(cell)] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def solutions(notebook):
    """The Python code of each folded solution in a Markdown cell, in order."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for details in re.findall(SOLUTION, cell.source, re.DOTALL):
                blocks = re.findall(r"^ *```python\n(.*?)^ *```", details, re.DOTALL | re.MULTILINE)
                found.append("\n".join(textwrap.dedent(block) for block in blocks))
    return found


def execute(path, with_solutions=False, folder=None):
    """Executes a notebook from a clean kernel; the file is not changed.

    Args:
        path: the notebook's file.
        with_solutions: run the solutions too, in the same kernel, after the last cell.
        folder: where it runs; in its own folder if None.
    Returns: an Execution with cleaned outputs.
    Raises: NotebookError where a cell fails or writes to stderr.
    """
    notebook = read(path)
    given = len(notebook.cells)
    if with_solutions:
        notebook.cells += [nbformat.v4.new_code_cell(code) for code in solutions(notebook)]
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # else what is printed may come in two pieces, or in one
        extra_arguments=["--log-level=ERROR"],  # the kernel's own, at its start
        resources={"metadata": {"path": str(folder or path.parent)}},
    )
    environment = {"VGG16_WEIGHTS": "pocket"} | os.environ
    # pytest sets this variable, and a kernel that sees it no longer catches TensorFlow's log lines.
    environment.pop("PYTEST_CURRENT_TEST", None)
    start = time.perf_counter()
    with client.setup_kernel(env=environment):
        for index, cell in enumerate(notebook.cells):
            if index == given:
                seconds, peak_mb = time.perf_counter() - start, _peak_mb(client)
            where = f"cell {index + 1}" if index < given else f"solution {index - given + 1}"
            _execute_cell(client, cell, index, f"{path.name}, {where}")
        if len(notebook.cells) == given:
            seconds, peak_mb = time.perf_counter() - start, _peak_mb(client)
    solved, notebook.cells = notebook.cells[given:], notebook.cells[:given]
    return Execution(notebook, solved, seconds, peak_mb)


def _execute_cell(client, cell, index, where):
    try:
        client.execute_cell(cell, index)
    except CellExecutionError as error:
        raise NotebookError(
            f"{where} failed.\n{_indent(cell.source)}\n{_indent(_frames(error), '  ')}\n"
            f"  {error.ename}: {error.evalue}"
        ) from None
    except CellTimeoutError:
        raise NotebookError(f"{where} took longer than {CELL_SECONDS} s and was stopped.") from None
    except DeadKernelError:
        raise NotebookError(f"{where}: the kernel died, often for lack of memory.") from None
    if cell.cell_type == "code":
        cell.outputs = list(filter(None, (_clean(output, tags(cell)) for output in cell.outputs)))
        for output in cell.outputs:
            if output.get("name") == "stderr":
                raise NotebookError(f"{where} wrote a warning or log line:\n{_indent(output.text)}")


def _peak_mb(client):
    """Peak resident memory of the client's kernel so far, in MB."""
    status = Path(f"/proc/{client.km.provisioner.pid}/status")
    if status.exists():  # Linux; its getrusage would count what the parent used before the fork
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024 / 1e6
    if sys.platform == "darwin":
        client.nb.cells.append(
            nbformat.v4.new_code_cell(
                "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
            )
        )
        cell = client.execute_cell(client.nb.cells[-1], len(client.nb.cells) - 1)
        client.nb.cells.pop()
        return int(cell.outputs[0].text) / 1e6
    return None


def _frames(error):
    """Where a CellExecutionError arose: the files and lines of its traceback, without colours."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", error.traceback)
    return "\n".join(re.findall(r"^(?:File |Cell In).*", plain, re.MULTILINE))


def _indent(text, prefix="  | "):
    return textwrap.indent(text.strip(), prefix)


def _clean(output, cell_tags):
    """The output as it may be saved: without widgets and progress bars; None if nothing is left."""
    if output.output_type == "stream":
        lines = re.split(r"(?<=[\r\n])", output.text)
        output.text = "".join(line for line in lines if not PROGRESS_BAR.search(line))
        if not output.text.strip():
            return None
    data = output.get("data", {})
    if WIDGET_VIEW in data:
        if "text/markdown" not in data:
            return None
        del data[WIDGET_VIEW]  # a form keeps the text that stands in for it where no kernel runs
    if "widget" in cell_tags and not {"image/png", "text/markdown"} & data.keys():
        return None if output.get("name") != "stderr" else output
    return output


def save(path, execution):
    """Writes the executed notebook to `path` as the repository keeps it, in one step or not at all.

    Raises: NotebookError where the file would be larger than FILE_LIMIT.
    """
    notebook = execution.notebook
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number:02}"
        cell.metadata = {key: cell.metadata[key] for key in KEPT_METADATA if key in cell.metadata}
        if "answers" in tags(cell):  # what only `make run` reads
            cell.metadata["jupyter"] = {"source_hidden": True}
    notebook.metadata = {
        "course": {"sources": fingerprint(notebook)},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    text = nbformat.writes(nbformat.from_dict(notebook)) + "\n"
    if len(text.encode()) > FILE_LIMIT:
        raise NotebookError(
            f"{path.name} would be {len(text.encode()) / 1e6:.1f} MB with its pictures; the "
            f"limit is {FILE_LIMIT / 1e6:.0f} MB: show fewer or smaller figures."
        )
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)


def answers(notebook):
    """What a notebook recorded in its cells tagged `answers`: a list of (experiment, answer, weights).

    Such a cell's output is one JSON line: {"weights": "pocket", "answers": {"elephant": "tusker, 40 %"}}.
    """
    rows = []
    for cell in notebook.cells:
        if "answers" in tags(cell):
            (output,) = cell.outputs
            record = json.loads(output.data[ANSWERS])
            rows += [(name, answer, record["weights"]) for name, answer in record["answers"].items()]
    return rows


def table(rows):
    """Rows of texts as lines, their columns aligned."""
    rows = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def main(arguments):
    if not arguments or arguments[0] not in ("run", "save"):
        sys.exit(__doc__)
    command, *names = arguments
    paths, failed, rows = find(names), False, []
    # What is saved has times in it, for which a notebook needs the machine for itself.
    with ThreadPoolExecutor(AT_ONCE if command == "run" else 1) as pool:
        for path, future in [(path, pool.submit(execute, path)) for path in paths]:
            try:
                execution = future.result()
                if command == "save":
                    save(path, execution)
            except NotebookError as error:
                failed = True
                print(error, file=sys.stderr, flush=True)
                continue
            memory = f"{execution.peak_mb:6.0f} MB" if execution.peak_mb else "memory not measured"
            print(f"{path.stem:32} {execution.seconds:6.1f} s  {memory}", flush=True)
            rows += answers(execution.notebook)
    if command == "run" and rows:
        print("\n" + table([("experiment", "answer", "weights"), *rows]))
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except NotebookError as error:
        sys.exit(str(error))
