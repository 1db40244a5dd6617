"""The environments in which readers meet the course elsewhere: made here, run by tests/platforms.

oldest, newest: what requirements.txt allows, the oldest on Python 3.11 and the newest on Python 3.13, as a
    resolver (uv) picks it.
colab: Google Colab's versions, in tests/platforms/colab.txt.
binder: what binder/requirements.txt pins, and nothing else.

They are kept in build/platforms/, and made anew when the resolver's answer changes.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "platforms"
UV = (sys.executable, "-m", "uv", "--quiet", "--no-python-downloads")
LISTS = ("requirements.txt", "requirements-test.txt")


class PlatformError(Exception):
    """Something that this machine lacks; the message is for whoever runs the tests."""


class Platform(NamedTuple):
    """A set of packages: the Python it needs, the lists that the resolver gets, and how it chooses."""

    python: str
    lists: tuple
    options: tuple = ()


PLATFORMS = {
    "oldest": Platform("3.11", LISTS, ("--resolution", "lowest-direct")),
    "newest": Platform("3.13", LISTS),
    "colab": Platform("3.13", ("tests/platforms/colab.txt",)),
    "binder": Platform("3.12", ("binder/requirements.txt",)),
    # Not for readers: it tells what Binder makes of binder/.
    "repo2docker": Platform("3.12", ("tests/platforms/repo2docker.txt",)),
}


def find_python(version):
    """The path of a Python of this version, such as "3.13": in the PATH, or where pyenv keeps them."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for folder in [*os.environ["PATH"].split(os.pathsep), *pyenv.glob(f"{version}.*/bin")]:
        python = Path(folder, f"python{version}")
        # Each is tried: it may be a shim with nothing behind it.
        if python.exists() and not subprocess.run([python, "-c", ""], capture_output=True).returncode:
            return python
    raise PlatformError(f"There is no Python {version} here: install one and start again.")


def environment(name):
    """Make the environment of a platform, unless it is there: the path of its Python, and of its list."""
    platform, folder = PLATFORMS[name], BUILD / name
    packages, made, venv = folder / "packages.txt", folder / "made.txt", folder / "venv"
    folder.mkdir(parents=True, exist_ok=True)
    found = find_python(platform.python)
    resolve = [*UV, "pip", "compile", "--upgrade", "--no-header", "--no-annotate", *platform.options]
    resolve += ["--python", found, "--output-file", packages, *platform.lists]
    subprocess.run(resolve, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    if not made.exists() or made.read_text() != packages.read_text():
        made.unlink(missing_ok=True)
        subprocess.run([*UV, "venv", "--clear", "--seed", "--python", found, venv], check=True)
        install = [*UV, "pip", "install", "--python", venv / "bin" / "python", "--requirement", packages]
        subprocess.run(install, cwd=ROOT, check=True)
        shutil.copy(packages, made)
    return venv / "bin" / "python", packages


def kernel(name, command, **variables):
    """Make `notebooks.execute` use a platform's kernel: the folder that the variable JUPYTER_PATH is to name.

    command: what starts the kernel. variables: of its environment, beside ours.
    """
    folder = BUILD / name / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "argv": [*map(str, command), "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "env": variables,
    }
    (folder / "kernel.json").write_text(json.dumps(about))
    return folder.parent.parent


def copy_course(folder):
    """Copy the repository as it stands in the working tree, without what git ignores, into a new folder."""
    git = [
        "git",
        "-c",
        f"safe.directory={ROOT}",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listed = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for file in filter(None, listed.split("\0")):
        if (ROOT / file).is_file():  # else it is deleted, and that not yet committed
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, folder / file)
