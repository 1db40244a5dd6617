"""The live page with all test photos, and in the engines of Firefox and Safari."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from networks import pocket
from test_live_page import address, assert_same_answer, browser, folder, loaded  # noqa: F401, fixtures

import live_page
from helpers import load_recogniser, pictures
from helpers.style import percent

PHOTO = pictures.IMAGES / "sushi.jpg"
WORDS = {
    "cat": ["chelsea_cat.jpg", "tabby_cat.jpg", "kitten.jpg"],
    "something else": ["orange.jpg", "sunflower.jpg", "bison.jpg"],
}
FILES = {word: [str(pictures.IMAGES / name) for name in names] for word, names in WORDS.items()}
SECONDS = 240


@pytest.mark.parametrize("file", [photo.file for photo in pictures.test_photos()])
def test_every_test_photo_gets_the_same_answer(loaded, file):  # noqa: F811
    assert_same_answer(loaded, file)


def program(name, package):
    """The path of a program; without it the test fails on a machine that must have it, elsewhere it waits."""
    found = shutil.which(name) or next(Path("/usr/lib").glob(f"*/webkit2gtk-4.1/{name}"), None)
    if not found:
        reason = f"no {name} on this machine (Debian: apt-get install {package})"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return str(found)


def assert_as_read(seen, target):
    """What a visitor of the page reads is what the notebooks say to the same file; they open its words."""
    assert seen["stored"].startswith("African elephant")
    # The files are JPEGs, which two decoders may read one level apart.
    for row, guess in zip(seen["rows"][:1], pocket().guess(PHOTO)):
        assert row.startswith(guess.label)
        assert float(row.split()[-2]) == pytest.approx(100 * guess.probability, abs=1), percent(
            guess.probability
        )
    assert "Computed on this device" in seen["time"]
    assert seen["rights"][0] == "6 of 6" and len(seen["rights"]) == 3 and seen["maps"] == 6
    assert seen["opened"].startswith(f"Opened from the file {target.name}: cat, something else.")
    taught = load_recogniser(target)
    assert [taught.guess(files[0])[0].label for files in FILES.values()] == list(WORDS)
    first = pocket().guess(PHOTO)[0].label
    assert seen["map"].startswith(f"The brighter, the more speaks for {first}: strongest")


def test_firefox(address, tmp_path):  # noqa: F811
    firefox = program("firefox-esr", "firefox-esr")
    puppeteer = live_page.NPM / "node_modules/puppeteer-core/lib/puppeteer/puppeteer-core.js"
    script = Path(__file__).with_name("firefox.mjs")
    target = tmp_path / "words.h5"
    command = ["node", script, puppeteer, firefox, address, PHOTO, json.dumps(FILES), target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert_as_read(json.loads(done.stdout), target)


def test_webkit(address, tmp_path):  # noqa: F811
    """In WebKitGTK, which has Safari's engine; on a screen that nobody sees."""
    target = tmp_path / "words.h5"
    script = [sys.executable, __file__, program("MiniBrowser", "webkit2gtk-driver"), address, str(target)]
    wrapped = [program("xvfb-run", "xvfb"), "-a", program("dbus-run-session", "dbus"), "--", *script]
    program("WebKitWebDriver", "webkit2gtk-driver")
    # Its sandbox does not work for root, and we open only our own page.
    settings = os.environ | {
        "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(wrapped, capture_output=True, text=True, timeout=SECONDS, env=settings)
    assert done.returncode == 0, done.stderr
    assert_as_read(json.loads(done.stdout.splitlines()[-1]), target)


def drive_webkit(browser_path, page_address, target):
    """Opens the page, fetches the network, hands a photo in, teaches words, saves them into the file `target`
    and opens that; prints what a visitor would read."""
    from selenium import webdriver
    from selenium.webdriver.common.by import By

    options = webdriver.WebKitGTKOptions()
    options.binary_location = browser_path
    options.add_argument("--automation")
    service = webdriver.WebKitGTKService(shutil.which("WebKitWebDriver"))
    driver = webdriver.WebKitGTK(options=options, service=service)

    def read(selector):
        return [element.text for element in driver.find_elements(By.CSS_SELECTOR, selector)]

    def wait_for(selector, text=""):
        until = time.monotonic() + SECONDS / 3
        while not any(text in found for found in read(selector)):
            if time.monotonic() > until:
                raise TimeoutError(f"{selector} {text}: {read('#message')}")
            time.sleep(0.1)

    try:
        driver.get(page_address)
        wait_for("html[data-whole]")
        # What Chromium's accessible table says in two cells is one text here.
        stored = read("#answers tr")[0]
        driver.execute_script("document.getElementById('load').click()")
        wait_for("#fetch.done")
        driver.execute_script("document.getElementById('file').hidden = false")
        driver.find_element(By.ID, "file").send_keys(str(PHOTO))
        wait_for("#time", "Computed")
        names, numbers = read("#answers th"), read("#answers .number")
        rows = [f"{name} {number}" for name, number in zip(names, numbers)]
        seen = {"stored": stored, "rows": rows, "time": read("#time")[0], "map": read("#map .words")[0]}
        for number, (word, files) in enumerate(FILES.items()):
            card = driver.find_elements(By.CSS_SELECTOR, ".word")[number]
            name, chooser = (
                card.find_element(By.CSS_SELECTOR, f"input[type={kind}]") for kind in ("text", "file")
            )
            typed = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
            driver.execute_script(typed, name, word)
            driver.execute_script("arguments[0].hidden = false", chooser)
            chooser.send_keys("\n".join(files))
            wait_for(f".word:nth-child({number + 1}) .count", f"{len(files)} photos")
        driver.execute_script("document.querySelector('.train').click()")
        wait_for(".time", "Fitted")
        seen["rights"] = read(".exam-rows .number")
        seen["maps"] = len(read(".maps canvas"))
        # What it would write to the visitor's disk.
        driver.execute_script(
            "const given = URL.createObjectURL;"
            "URL.createObjectURL = (blob) => given.call(URL, (window.kept = blob));"
            "document.querySelector('.save').click()"
        )
        kept = driver.execute_async_script(
            """const [done] = arguments;
            const look = async () => window.kept
                ? done([...new Uint8Array(await window.kept.arrayBuffer())])
                : setTimeout(look, 100);
            look();"""
        )
        Path(target).write_bytes(bytes(kept))
        chooser = driver.find_element(By.CSS_SELECTOR, ".pick-words")
        driver.execute_script("arguments[0].hidden = false", chooser)
        chooser.send_keys(target)
        wait_for("#message", "Opened from the file")
        seen["opened"] = read("#message")[0]
        print(json.dumps(seen))
    finally:
        driver.quit()


if __name__ == "__main__":
    drive_webkit(*sys.argv[1:])
