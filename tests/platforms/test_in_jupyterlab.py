"""What a reader does in JupyterLab, by a real browser: run whole notebooks, move explorers, upload photos.

Takes some minutes: `make test-platforms` runs it, `make test` only the shorter test_browser.py.
"""

import base64
import os
import re

import nbformat
import numpy as np
import pytest
from PIL import Image

import live_page
import notebooks
import screenshots
from helpers.pictures import example

RED = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]'
VIEWPORT = {"width": screenshots.WIDTH, "height": screenshots.HEIGHT}

# Each explorer in a cell of its own, as the notebooks make them.
EXPLORERS = {
    "convolution": """
import numpy as np
from helpers import load_recogniser, widgets
from helpers.pictures import example
recogniser = load_recogniser("pocket")
upright = np.array([[-1, 0, 1]] * 3)
widgets.convolution_explorer(example("coffee.jpg"), upright, size=20)""",
    "filter": 'widgets.filter_explorer(example("coffee.jpg"), {"upright": upright, "level": upright.T})',
    "preparation": 'widgets.preparation_explorer(recogniser, example("tuxpaint/king_penguin.png"))',
    "layer": 'widgets.layer_explorer(recogniser, example("elephant.gif"))',
    "bend": """
turned = lambda picture, degrees: picture.rotate(degrees, fillcolor="white")
bends = {"turned": (turned, -180, 180, 0)}
widgets.bend_explorer(recogniser, example("tuxpaint/banana.png"), "banana", bends)""",
    "threshold": "widgets.threshold_explorer([0.9, 0.8, 0.3], [0.2, 0.6, 0.1])",
    "quiz": 'widgets.first_words_quiz(recogniser, [(example("tuxpaint/dog.png"), "dog")], seed=1)',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with all notebooks, without their outputs, and one with an explorer in each cell."""
    if not screenshots.chromium():
        reason = "no Chromium on this machine (Debian: apt-get install chromium)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    folder = tmp_path_factory.mktemp("notebooks")
    for path in notebooks.find([]):
        screenshots.without_outputs(path, folder / path.name)
    cells = [nbformat.v4.new_code_cell(code.strip()) for code in EXPLORERS.values()]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "explorers.ipynb")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with screenshots.jupyterlab(folder) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    with screenshots.browser_page() as page:
        yield page.context.browser


@pytest.fixture
def page(browser):
    """A new page; at its end nothing may have been complained of in the browser's console."""
    page, complaints = browser.new_page(viewport=VIEWPORT), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    yield page
    page.close()
    assert complaints == []


def run(page, server, name):
    screenshots.open_notebook(page, server, name)
    screenshots.run_all(page)
    idle(page)
    assert page.locator(RED).all_inner_texts() == []
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0


def idle(page):
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=screenshots.RUN_SECONDS * 1000)


def run_cell(page, words):
    """Run the first code cell that holds these words, and wait until it has run."""
    cell = page.locator(".jp-CodeCell").filter(has_text=words).first
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(300)
    idle(page)
    return cell


def alts(page, folder, name, words):
    """The alt texts of the figures under the first code cell with these words, from the saved notebook."""
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)
    cell = next(cell for cell in notebooks.read(folder / name).cells if words in cell.source)
    return [
        output.metadata["image/png"]["alt"]
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


@pytest.mark.parametrize("number", ["00", "05", "09", "10"])
def test_a_notebook_runs_to_its_last_cell(page, server, number):
    name = notebooks.find([number])[0].name
    run(page, server, name)
    widths = page.locator(".jp-OutputArea-output > img, .jp-RenderedImage img").evaluate_all(
        "images => images.map(image => image.naturalWidth)"
    )
    assert widths and min(widths) > 0


@pytest.fixture(scope="module")
def explorers(server, browser):
    page = browser.new_page(viewport=VIEWPORT)
    run(page, server, "explorers.ipynb")
    yield page
    page.close()


def explorer(page, name):
    return page.locator(".jp-CodeCell").nth(list(EXPLORERS).index(name)).locator(".jp-OutputArea-output").last


def changes(page, box, action):
    """Whether what an explorer shows, its figure and its sentence, changes by an action within 20 seconds."""
    look = "box => [...box.querySelectorAll('img')].map(i => i.src).join() + box.innerText"
    before = box.evaluate(look)
    action()
    for _ in range(100):
        page.wait_for_timeout(200)
        if box.evaluate(look) != before:
            idle(page)
            return True
    return False


@pytest.mark.parametrize("name", ["convolution", "layer", "bend", "threshold"])
def test_a_slider_moves_by_keyboard_and_by_mouse(explorers, name):
    box = explorer(explorers, name)
    handle = box.locator(".noUi-handle").first
    handle.scroll_into_view_if_needed()
    handle.focus()
    assert changes(explorers, box, lambda: explorers.keyboard.press("ArrowRight"))

    def drag():
        at, track = handle.bounding_box(), box.locator(".noUi-target").first.bounding_box()
        explorers.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
        explorers.mouse.down()
        explorers.mouse.move(track["x"] + 0.8 * track["width"], at["y"] + at["height"] / 2, steps=5)
        explorers.mouse.up()

    assert changes(explorers, box, drag)
    back = box.get_by_role("button", name="back to the start")
    assert changes(explorers, box, lambda: back.press("Enter"))


@pytest.mark.parametrize("name", ["filter", "preparation", "layer"])
def test_a_choice_is_made_by_keyboard(explorers, name):
    box = explorer(explorers, name)
    choice = box.locator("select").last
    choice.focus()

    def choose():
        for key in ("Space", "ArrowDown", "Enter"):  # JupyterLab keeps an arrow alone for its cells
            explorers.keyboard.press(key)

    assert changes(explorers, box, choose)


def test_a_box_is_ticked_by_mouse(explorers):
    box = explorer(explorers, "preparation")
    assert changes(explorers, box, lambda: box.locator("input[type=checkbox]").first.click())


def test_the_quiz_is_played_by_keyboard(explorers):
    box = explorer(explorers, "quiz")
    box.locator("input[type=text]").focus()
    explorers.keyboard.type("a dog")
    assert changes(explorers, box, lambda: explorers.keyboard.press("Enter"))
    assert "You say “a dog”: right" in box.inner_text().replace('"a dog"', "“a dog”")
    assert changes(explorers, box, lambda: explorers.keyboard.press("Enter"))  # "play again" has the focus
    assert "Picture 1 of 1" in box.inner_text()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A good photo, one that a phone held on its side, one of 12 MB, and a text that is called a photo."""
    folder = tmp_path_factory.mktemp("photos")
    good = Image.open(example("golden_retriever.jpg")).convert("RGB")
    good.save(folder / "good.jpg")
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    good.rotate(90, expand=True).save(folder / "phone.jpg", exif=on_its_side, quality=95)
    large = np.asarray(good.resize((3300, 3300)), "int16")
    noise = np.random.default_rng(0).integers(-60, 60, large.shape)
    large = Image.fromarray((large + noise).clip(0, 255).astype("uint8"))
    large.save(folder / "large.jpg", quality=98)
    assert (folder / "large.jpg").stat().st_size > 12_000_000
    (folder / "text.jpg").write_text("No photo at all.")
    return folder


def upload(page, files):
    """Choose files with the first upload button, and wait until the kernel has taken them out of it."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("Choose photos")).first.click()
    chooser.value.set_files(files)
    page.wait_for_timeout(3000)
    idle(page)


def test_photos_are_uploaded_in_10(page, server, folder, photos):
    name, answers = notebooks.find(["10"])[0].name, "guess_uploads(recogniser, photos)"
    run(page, server, name)
    for file in ("good.jpg", "phone.jpg", "large.jpg"):
        run_cell(page, "upload_button(photos.extend)")
        upload(page, photos / file)
        run_cell(page, answers)
        (alt,) = alts(page, folder, name, answers)
        assert "1 picture with" in alt and "answered golden retriever" in alt, (file, alt)
    upload(page, photos / "text.jpg")
    assert "text.jpg: This picture is not a picture" in run_cell(page, answers).inner_text()
    saved = (folder / name).read_text()  # with what its button shows, and no photo
    assert base64.b64encode(b"No photo at all.").decode() not in saved and len(saved) < notebooks.FILE_LIMIT


def test_a_word_is_taught_in_11(page, server, folder):
    """Three photos are uploaded, and named by the word that they stand for from then on."""
    name = notebooks.find(["11"])[0].name
    notebook = notebooks.read(folder / name)
    code = 'if photos:\n    taught_too = teach(classes | {"cat": photos}, "mine.h5")\n'
    code += "    print(taught_too.guess(photos[0][1])[0].label, len(taught_too.labels))"
    notebook.cells.append(nbformat.v4.new_code_cell(code))
    nbformat.write(notebook, folder / name)
    run(page, server, name)
    upload(page, [example(f"{cat}.jpg") for cat in ("chelsea_cat", "tabby_cat", "kitten")])
    said = run_cell(page, "taught_too = teach").locator(".jp-OutputArea").inner_text()
    assert "cat 5" in said.splitlines()


def test_in_the_dark_nothing_is_unreadable(browser, folder):
    """Words of explorers and tables stand out against what is behind them, as WCAG asks."""
    live_page.install()
    with screenshots.jupyterlab(folder, dark=True) as server:
        page = browser.new_page(viewport=VIEWPORT)
        for name in ("explorers.ipynb", notebooks.find(["09"])[0].name):
            run(page, server, name)
            assert page.evaluate("document.body.dataset.jpThemeLight") == "false"
            page.evaluate((live_page.NPM / "node_modules/axe-core/axe.min.js").read_text() + "; undefined")
            faint = page.evaluate("axe.run('.jp-OutputArea-output', {runOnly: 'color-contrast'})")[
                "violations"
            ]
            assert [node["html"] for rule in faint for node in rule["nodes"]] == []
        page.close()
