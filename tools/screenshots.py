"""Opens notebooks in a real JupyterLab with a headless Chromium and photographs them for people to look at.

    python tools/screenshots.py [--run] [--width=390] [--dark] NN ...

Saves build/screenshots/NN_name-01.png, -02.png ... from the top of the page to its end: the saved outputs,
or with --run what all cells show when they are run in JupyterLab. The notebooks themselves are not changed.
With --width=PIXELS in another width than 1000, as NN_name-390-01.png: 390 is a phone's. With --dark in
JupyterLab's dark theme, as NN_name-dark-01.png.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

import notebooks

SCREENSHOTS = notebooks.NOTEBOOKS.parent / "build" / "screenshots"
START_SECONDS = 120
RUN_SECONDS = 300
WIDTH, HEIGHT = 1000, 1400  # pixels of one screenshot
SETTINGS = {
    # Otherwise JupyterLab draws only the cells in sight, and nothing can be counted or photographed.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "scrollPastLastCell": False},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
# As in the Makefile: otherwise Jupyter loses what is larger than 10 MB without a word.
LARGE_UPLOADS = "--ServerApp.tornado_settings={'websocket_max_message_size': 200000000}"
CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A folded cell has a placeholder with an empty prompt in front.
ALL_RAN = """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt:not(.jp-Placeholder-prompt)')]
    .every(prompt => /\\[\\d+\\]/.test(prompt.textContent))"""


def chromium():
    """Path of the Chromium on this machine, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def jupyterlab(folder, dark=False):
    """A JupyterLab server for `folder`, apart from the reader's own settings; gives its address and token."""
    theme = {"@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Dark"}} if dark else {}
    with socket.socket() as free, tempfile.TemporaryDirectory() as own:
        free.bind(("127.0.0.1", 0))
        port, token, own = free.getsockname()[1], secrets.token_hex(), Path(own)
        free.close()
        for name, settings in (SETTINGS | theme).items():
            file = own / "settings" / f"{name.replace(':', '/')}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(settings))
        environment = (
            {"VGG16_WEIGHTS": "pocket"}
            | os.environ
            | {
                "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
                "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
                "JUPYTER_CONFIG_DIR": str(own / "config"),
                "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
            }
        )
        environment.pop("PYTEST_CURRENT_TEST", None)  # see notebooks.execute
        with open(own / "log", "w") as log:
            server = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "jupyterlab",
                    "--no-browser",
                    "--allow-root",
                    f"--port={port}",
                    "--ServerApp.port_retries=0",
                    f"--IdentityProvider.token={token}",
                    f"--ServerApp.root_dir={folder}",
                    LARGE_UPLOADS,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        try:
            _wait_for(server, f"http://127.0.0.1:{port}/api?token={token}", own / "log")
            yield f"http://127.0.0.1:{port}", token
        finally:
            server.terminate()  # the server ends its kernels with itself
            server.wait(timeout=60)


def _wait_for(server, address, log):
    until = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError("JupyterLab did not start:\n" + log.read_text())


@contextmanager
def browser_page(width=WIDTH):
    """A page of a headless Chromium, `width` pixels wide."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        try:
            yield browser.new_page(viewport={"width": width, "height": HEIGHT})
        finally:
            browser.close()


def open_notebook(page, server, name):
    """Opens a notebook in JupyterLab and waits until its cells are there and its kernel is ready."""
    address, token = server
    page.goto(f"{address}/lab/tree/{name}?reset&token={token}")
    # The notebook's own indicator says idle before there is a kernel; the status bar names the kernel.
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=START_SECONDS * 1000)
    page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=START_SECONDS * 1000)


def run_all(page):
    """Chooses Run All Cells and waits until every code cell has run."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(ALL_RAN, timeout=RUN_SECONDS * 1000)


def without_outputs(path, target):
    """Writes a copy of a notebook without its outputs, so that whatever is seen later was run."""
    notebook = notebooks.read(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    target.write_text(notebooks.nbformat.writes(notebook), encoding="utf-8")


def photograph(page, stem):
    """Saves the opened notebook from top to end as SCREENSHOTS/stem-01.png ...; returns the paths."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for old in SCREENSHOTS.glob(f"{stem}-[0-9][0-9].png"):
        old.unlink()
    panel = page.locator(".jp-NotebookPanel-notebook .jp-WindowedPanel-outer").first
    step = panel.evaluate("panel => panel.clientHeight")
    paths = []
    # The height is asked for each time: Markdown and figures still grow while we are on our way.
    while len(paths) * step < panel.evaluate("panel => panel.scrollHeight"):
        panel.evaluate("(panel, top) => { panel.scrollTop = top }", len(paths) * step)
        page.wait_for_timeout(300)
        paths.append(SCREENSHOTS / f"{stem}-{len(paths) + 1:02}.png")
        panel.screenshot(path=paths[-1])
    return paths


def main(arguments):
    run, dark = "--run" in arguments, "--dark" in arguments
    widths = [int(option.partition("=")[2]) for option in arguments if option.startswith("--width=")]
    width = widths[-1] if widths else WIDTH
    paths = notebooks.find([name for name in arguments if not name.startswith("--")])
    if not chromium():
        sys.exit("No Chromium was found: install it (Debian: apt-get install chromium) and start again.")
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            (without_outputs if run else shutil.copy)(path, Path(folder) / path.name)
        with jupyterlab(folder, dark) as server, browser_page(width) as page:
            for path in paths:
                open_notebook(page, server, path.name)
                page.keyboard.press("Control+b")  # hides the file browser
                if run:
                    run_all(page)
                stem = path.stem + (f"-{width}" if width != WIDTH else "") + ("-dark" if dark else "")
                print(*photograph(page, stem), sep="\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
