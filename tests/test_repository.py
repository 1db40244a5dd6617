"""What must hold for the repository as a whole."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

import binder_requirements
import notebooks

ROOT = notebooks.NOTEBOOKS.parent
TEXT = {".py", ".md", ".ipynb", ".toml", ".txt", ".json", ".csv", ".sh", ".yml", ".cfg", ""}
MACHINE_PATH = re.compile(r"(?<![\w.:/~-])/(?:root|work|tmp|home/\w+|Users/\w+)/\w+")
BADGE = re.compile(r"badge|shields\.io|mybinder\.org/v2|colab\.research\.google\.com/github", re.IGNORECASE)
CHECKOUT = (ROOT / ".git").exists()


def committed_files():
    """The files of the repository: those that git knows, and new ones that it does not ignore."""
    if not CHECKOUT:
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        [
            "git",
            "-c",
            f"safe.directory={ROOT}",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def requirements(name):
    lines = (ROOT / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def repository_address():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def test_readme_lists_every_notebook():
    readme = (ROOT / "README.md").read_text()
    missing = [path.name for path in notebooks.find([]) if f"(notebooks/{path.name})" not in readme]
    assert not missing


def test_readme_names_no_notebook_that_is_not_there():
    named = re.findall(r"notebooks/\w+\.ipynb", (ROOT / "README.md").read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_binder_installs_what_the_list_allows():
    """Each package that the list names, in one version; made from the list as it is now."""
    pinned = {line.name.lower(): line for line in map(Requirement, requirements("binder/requirements.txt"))}
    for wanted in map(Requirement, binder_requirements.ranges()):
        if "linux" in str(wanted.marker or "linux") and "!=" not in str(wanted.marker):
            (version,) = pinned[wanted.name.lower()].specifier
            assert version.operator == "==" and version.version in wanted.specifier
    assert all(str(line.specifier).startswith("==") for line in pinned.values())
    made_from = re.search("# Ranges: (.*)", (ROOT / "binder/requirements.txt").read_text())[1]
    assert made_from == binder_requirements.fingerprint(), "run python tools/binder_requirements.py"
    assert "--editable ." in (ROOT / "binder/postBuild").read_text()


def test_binder_starts_what_it_is_asked_to():
    command = ["sh", "-c", 'echo "$OMP_NUM_THREADS $TF_CPP_MIN_LOG_LEVEL $1"', "-", "two  words"]
    said = subprocess.run([ROOT / "binder/start", *command], check=True, capture_output=True, text=True)
    assert said.stdout == "1 2 two  words\n"
    for script in ("postBuild", "start"):
        lines = (ROOT / "binder" / script).read_text().splitlines()
        assert lines[0] == "#!/bin/bash" and os.access(ROOT / "binder" / script, os.X_OK)
    assert lines[-1] == 'exec "$@"' and "set -e" in (ROOT / "binder/postBuild").read_text().splitlines()


@pytest.mark.parametrize(
    "name",
    [path.name for path in sorted(ROOT.glob("requirements*.txt"))],
)
def test_every_dependency_has_its_reason(name):
    assert [line for line in requirements(name) if not re.search(r"  # \w", line)] == []


def test_no_badge_before_there_is_an_address():
    owner_unknown = "/OWNER/" in repository_address()
    for path in [ROOT / "README.md", *notebooks.find([])]:
        text = path.read_text()
        if owner_unknown:
            assert not BADGE.search(re.sub(r'"image/png": "[^"]*"', "", text)), path.name
        else:
            assert "OWNER/" not in text, path.name


def test_no_machine_paths():
    found = []
    for path in committed_files():
        if path.suffix in TEXT:
            hits = MACHINE_PATH.finditer(path.read_text())
            found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in hits]
    assert not found


def test_files_are_small_enough_to_clone():
    sizes = {path.relative_to(ROOT): path.stat().st_size for path in committed_files()}
    assert [str(path) for path, size in sizes.items() if size > 40e6] == []
    assert sum(sizes.values()) < 60e6


def test_make_lists_its_targets():
    listed = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for target in ("lab", "run", "notebooks", "test"):
        assert f"make {target} " in listed
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def fake_python(folder, name, script):
    """A program called `name` in `folder`: a shell script in front of this Python."""
    path = folder / name
    path.write_text(f'#!/bin/sh\n{script}\nexec {sys.executable} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def find_python(*folders):
    environment = {"PATH": os.pathsep.join(map(str, folders))}
    return subprocess.run(
        ["/bin/sh", ROOT / "tools/find_python.sh"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


def test_make_finds_the_python_that_starts(tmp_path):
    fake_python(tmp_path, "python3.13", "exit 127")  # as a shim without a Python behind it does
    good = fake_python(tmp_path, "python3.12", "")
    assert find_python("/nowhere", tmp_path).stdout.strip() == str(good)


FAKE_VENV = """#!/bin/sh
echo "PIP_USER=$PIP_USER $*" >> calls.txt
"""


@pytest.mark.parametrize("left", ["nothing", "a Python without pip", "a whole .venv"])
def test_make_goes_on_where_it_was_interrupted(tmp_path, left):
    """Only a .venv that has a working pip is kept; whatever pip is set to, it installs there."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml", "tools/find_python.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    inside = tmp_path / ".venv" / "bin" / "python"
    (tmp_path / "whole").write_text(FAKE_VENV)
    make_venv = (
        "mkdir -p .venv/bin && cp whole .venv/bin/python && chmod +x .venv/bin/python && touch .venv/new"
    )
    fake_python(tmp_path, "python3.12", f'case "$*" in "-m venv"*) {make_venv}; exit;; esac')
    if left != "nothing":
        inside.parent.mkdir(parents=True)
        inside.write_text("#!/bin/sh\nexit 1\n" if left == "a Python without pip" else FAKE_VENV)
        inside.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin", "PIP_USER": "1"}
    subprocess.run(
        ["make", ".venv/course-installed"], cwd=tmp_path, check=True, capture_output=True, env=environment
    )
    assert (tmp_path / ".venv" / "new").exists() == (left != "a whole .venv")
    calls = (tmp_path / "calls.txt").read_text().splitlines()
    assert calls[-1].startswith("PIP_USER=0 -m pip ") and calls[-1].endswith("--requirement requirements.txt")
    assert all(call.startswith("PIP_USER=0 ") for call in calls)


def test_make_says_what_is_missing(tmp_path):
    none = find_python(tmp_path)
    assert none.returncode == 1
    assert none.stderr.startswith("No Python 3.11, 3.12 or 3.13 was found: install one")
    fake_python(tmp_path, "python3.12", 'case "$*" in *ensurepip*) exit 1;; esac')
    without_venv = find_python(tmp_path)
    assert without_venv.returncode == 1
    assert "has no venv module: install it" in without_venv.stderr
