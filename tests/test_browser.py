"""The first notebook in a real JupyterLab, run by a real browser, as a reader sees it."""

import os
from pathlib import Path

import pytest

import notebooks
import screenshots

FIRST = notebooks.NOTEBOOKS / "00_start_here.ipynb"
# JupyterLab shows errors and warnings on red in outputs of this kind.
RED = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]'


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The first notebook, without its saved outputs, opened in JupyterLab and run from top to bottom."""
    if not screenshots.chromium():
        reason = "no Chromium on this machine (Debian: apt-get install chromium)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    folder: Path = tmp_path_factory.mktemp("notebooks")
    screenshots.without_outputs(FIRST, folder / FIRST.name)
    with screenshots.jupyterlab(folder) as server, screenshots.browser_page() as page:
        screenshots.open_notebook(page, server, FIRST.name)
        screenshots.run_all(page)
        yield page


def test_every_figure_is_shown(page):
    expected = sum(
        "image/png" in output.get("data", {})
        for cell in notebooks.read(FIRST).cells
        for output in cell.get("outputs", [])
    )
    images = page.locator(".jp-OutputArea-output img")
    widths = images.evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(widths) == expected > 0
    assert all(width > 0 for width in widths)


def test_nothing_is_red(page):
    assert page.locator(RED).all_inner_texts() == []


def test_screenshots_are_not_blank(page):
    paths = screenshots.photograph(page, f"browser-{FIRST.stem}")
    assert paths
    assert min(path.stat().st_size for path in paths[:-1] or paths) > 20_000  # an empty page has 6 kB
