"""What the live page takes in headless Chromium while it is taught: python tools/benchmark_page.py"""

import contextlib
import functools
import tempfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

import live_page
import screenshots
from helpers.pictures import catalogue

PATIENCE = 600_000  # milliseconds
FEW, MANY = 60, 200  # photos


class Handler(SimpleHTTPRequestHandler):
    """Serves the page, and counts what goes over the line."""

    sent = 0

    def do_GET(self):
        with contextlib.suppress(OSError):
            Handler.sent += Path(self.translate_path(self.path)).stat().st_size
        super().do_GET()

    def log_message(self, *_):
        """Say nothing."""


class Memory:
    """Watches the process in which the page runs: its peak of memory that it shares with no other, in MB.

    What it shares is Chromium itself, some 150 MB, which is there with or without our page.
    """

    def __init__(self):
        self.peak, self._done = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        while not self._done.wait(0.2):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if "--type=renderer" in process.cmdline():
                        self.peak = max(self.peak, process.memory_full_info().uss / 1e6)

    def stop(self):
        self._done.set()
        self._thread.join()
        return self.peak


def measure():
    """Open the page, fetch the network, teach it three words with 60 photos, then two with 200.

    Returns a dict: "opened" (seconds until the stored pictures answer), "bytes" (for that), "feature"
    (seconds a photo), "fit" (seconds for 60 photos of three words: fitted, and judged), "memory" (MB, with
    200 photos), "asked" (bytes fetched once the network was there).
    """
    photos = [
        str(entry.path) for entry in catalogue() if entry.path.suffix.lower() in (".jpg", ".png", ".gif")
    ]
    photos = (photos * (1 + MANY // len(photos)))[:MANY]
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        live_page.build(Path(place, "try"))
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=place))
        stack.callback(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=screenshots.chromium(), args=screenshots.CHROMIUM_ARGUMENTS
        )
        stack.callback(browser.close)
        address = f"http://127.0.0.1:{server.server_port}/try/"
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto("about:blank")
        Handler.sent, start = 0, time.perf_counter()
        page.goto(address)
        page.locator("html[data-ready]").wait_for()
        found = {"opened": time.perf_counter() - start, "bytes": Handler.sent}
        _fetch(page)
        before = Handler.sent
        took = _teach(page, [photos[start:FEW:3] for start in range(3)])
        found["feature"] = took / FEW
        found["fit"] = float(page.locator(".time").inner_text().split()[-2])
        page.context.close()
        found["asked"] = Handler.sent - before

        page = browser.new_page(viewport={"width": 1200, "height": 900})
        memory = Memory()
        page.goto(address)
        _fetch(page)
        _teach(page, [photos[::2], photos[1::2]])
        found["memory"] = memory.stop()
    return found


def _fetch(page):
    page.locator("html[data-whole]").wait_for(timeout=PATIENCE)
    page.get_by_role("button", name="Fetch the network").last.click()
    page.locator("#fetch.done").wait_for(timeout=PATIENCE)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")  # fetched once, too
    page.wait_for_load_state("networkidle")


def _teach(page, words):
    """Teach words, lists of files. Returns how many seconds it took from Train on."""
    while page.locator(".word").count() < len(words):
        page.get_by_role("button", name="Add a word").click()
    for number, files in enumerate(words):
        word = page.locator(".word").nth(number)
        word.locator("input[type=text]").fill(f"word {number + 1}")
        word.locator("input[type=file]").set_input_files(files)
        word.locator(".count", has_text=f"{len(files)} photos").wait_for(timeout=PATIENCE)
    start = time.perf_counter()
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator(".result").wait_for(timeout=PATIENCE)
    return time.perf_counter() - start


if __name__ == "__main__":
    for what, value in measure().items():
        print(f"{what}: {value:,.3f}")
