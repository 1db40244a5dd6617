"""What Binder makes of binder/, without Docker; every notebook with what it installs, on one processor."""

import json
import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

import notebooks
import platforms

POD_MB = 2 * 1024**3 / 1e6  # Binder gives server and kernel together 2 GB


@pytest.fixture(scope="session")
def dockerfile(course, environment):
    """What repo2docker, which Binder runs, would build."""
    python, _ = environment("repo2docker")
    command = [python, "-m", "repo2docker", "--no-build", "--debug", course]
    done = subprocess.run(command, cwd=course, check=True, capture_output=True, text=True)
    return done.stderr + done.stdout


def test_binder_finds_and_uses_all_of_it(course, dockerfile):
    version = (course / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    assert f"Building conda environment for python={version}\n" in dockerfile
    copied = dockerfile.replace("-2e", ".").replace("-2d", "-")  # as it writes the names of its own files
    assert f"environment.py-{version}-linux-64.lock" in copied
    assert re.search(r'^RUN .*pip install --no-cache-dir -r "binder/requirements.txt"$', dockerfile, re.M)
    assert re.search(r"^RUN \./binder/postBuild$", dockerfile, re.M)
    assert re.search(r'^ENV R2D_ENTRYPOINT="\$\{REPO_DIR\}/binder/start"$', dockerfile, re.M)
    assert "apt.txt" not in dockerfile and "environment.yml" not in dockerfile


@pytest.fixture(scope="session")
def built(course, environment):
    """The environment that Binder would build: its Python. binder/postBuild has run there."""
    python, _ = environment("binder")
    settings = os.environ | {"PATH": f"{python.parent}:{os.environ['PATH']}"}
    subprocess.run([course / "binder" / "postBuild"], cwd=course, env=settings, check=True)
    return python


def peak_mb(process):
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e6


@pytest.fixture(scope="session")
def server_mb(course, built, tmp_path_factory):
    """The peak memory of the server, started as Binder does, once it has shown JupyterLab and a notebook."""
    folder = tmp_path_factory.mktemp("server")
    command = [course / "binder" / "start", built, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.port=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={course}"]
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        address = _address(folder, server)
        for page in ("lab/tree/notebooks/00_start_here.ipynb", "api/contents/notebooks/00_start_here.ipynb"):
            with urllib.request.urlopen(address + page) as answer:
                assert answer.status == 200 and len(answer.read()) > 1000
        yield peak_mb(server.pid)
    finally:
        server.terminate()
        server.wait()


def _address(folder, server):
    for _ in range(600):
        for file in folder.glob("jpserver-*.json"):
            if text := file.read_text():
                return json.loads(text)["url"]
        assert server.poll() is None, (folder / "log").read_text()
        time.sleep(0.1)
    raise AssertionError((folder / "log").read_text())


@pytest.mark.parametrize("name", [path.name for path in notebooks.find([])])
def test_notebook(name, course, built, server_mb, tmp_path, run_notebook, record_property):
    command = [course / "binder" / "start", built, "-m", "ipykernel_launcher"]
    jupyter_path = platforms.kernel("binder", command, HOME=str(tmp_path))
    execution = run_notebook(course / "notebooks" / name, jupyter_path)
    together = execution.peak_mb + server_mb
    record_property("MB with the server", together)
    assert together < POD_MB, f"{execution.peak_mb:.0f} MB, and the server {server_mb:.0f} MB"
