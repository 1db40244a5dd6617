"""What is different on Google Colab, where a notebook arrives alone on a new machine.

`set_up` is called by the second cell of every notebook, by the path of this file: before our helpers can be
imported, so only the standard library and what Jupyter itself needs may be imported up here.
"""

import hashlib
import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

COURSE = Path(__file__).resolve().parent.parent
# Colab brings these in versions that belong together; JupyterLab it does not need.
LEFT_ALONE = {"tensorflow", "tensorflow-cpu", "keras", "numpy", "jupyterlab"}


class SetUpError(Exception):
    """The course cannot be set up; the message is one plain sentence. (ReaderError is not to be had yet.)"""

    def _render_traceback_(self):
        return [str(self)]


def set_up(weights, edition):
    """Make the rest of a notebook run on Colab; a second call changes nothing.

    weights: what VGG16_WEIGHTS is to say, see `weights.choose`. edition: `edition_of` the notebook, beginning
    with its number. Where the course that was fetched has another edition of it, one sentence says so.
    Raises SetUpError where a restart is needed, or a package cannot be had.
    """
    loaded = sys.modules.get("helpers")
    if loaded and Path(loaded.__file__).resolve().parent != COURSE / "helpers":
        raise SetUpError(
            "Another copy of the helpers is in use: choose Runtime, Restart session, and run this cell again."
        )
    if str(COURSE) not in sys.path:
        sys.path.insert(0, str(COURSE))
    os.environ["VGG16_WEIGHTS"] = weights
    install(missing())
    if edition not in map(edition_of, COURSE.glob(f"notebooks/{edition[:2]}_*.ipynb")):
        print(
            "This notebook and the helpers are of different editions, and may not fit together: open the "
            "notebook anew from the course's page, or say as REF which tag or branch yours comes from."
        )


def edition_of(path):
    """A notebook's number, and eight letters and digits that change with its code, the set-up apart."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [
        "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "setup" not in cell["metadata"].get("tags", [])
    ]
    return f"{path.name[:2]}-{hashlib.sha256(json.dumps(code).encode()).hexdigest()[:8]}"


def missing():
    """What requirements.txt names and this machine lacks in any version: a list of requirements as texts."""
    lines = (COURSE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line.partition("#")[0]) for line in lines if line[:1] not in ("", "#", "-")]
    return [
        f"{each.name}{each.specifier}"
        for each in wanted
        if each.name not in LEFT_ALONE and not any(importlib.metadata.distributions(name=each.name))
    ]


def install(requirements):
    """Install requirements, a list of texts; every package that is there stays in its version."""
    if not requirements:
        return
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "kept.txt")
        here = importlib.metadata.distributions()
        kept.write_text("".join(f"{each.metadata['Name']}=={each.version}\n" for each in here))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", kept, *requirements]
        if subprocess.run(command, capture_output=True).returncode:
            raise SetUpError(
                f"These packages are missing and cannot be installed here: {', '.join(requirements)}. "
                "Check the connection to the internet, and run this cell again."
            )
    importlib.invalidate_caches()
