"""The site of the course: built, served from a subfolder, and every page opened in a real browser."""

import contextlib
import functools
import http.server
import os
import re
import threading
from html.parser import HTMLParser
from types import SimpleNamespace
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from playwright.sync_api import sync_playwright

import badges
import course_site
import live_page
import notebooks
import screenshots

ROOT = notebooks.NOTEBOOKS.parent
REPOSITORY = ("someone", "recogniser")
NOTEBOOKS = [path.stem for path in notebooks.find([])]
DOCS = sorted(path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md"))
PAGES = ["index", "six_questions", "search", "images/CREDITS", *(f"notebooks/{n}" for n in NOTEBOOKS), *DOCS]

# The theme and MyST have not followed Sphinx' latest names yet; requirements-site.txt stays below Sphinx 10.
pytestmark = pytest.mark.filterwarnings("ignore:.*Check CHANGES for Sphinx API")

each_page = pytest.mark.parametrize("page", PAGES)
each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site; it lies in another folder, as a project's site does."""
    folder = tmp_path_factory.mktemp("server") / "recogniser"
    course_site.build(folder, repository=REPOSITORY)
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address(site):
    """The address at which the site is served."""
    handler = functools.partial(Quiet, directory=site.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/{site.name}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    if not screenshots.chromium():
        reason = "no Chromium on this machine (Debian: apt-get install chromium)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=screenshots.chromium(), args=screenshots.CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def tab(browser):
    with contextlib.closing(browser.new_page(viewport={"width": 390, "height": 844})) as tab:
        yield tab


@pytest.fixture(scope="module")
def axe():
    """The text of axe-core, which finds what keeps people out of a page."""
    return (live_page.install() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


FAULTS = """async () => (await axe.run({resultTypes: ["violations"]})).violations
    .filter(fault => ["serious", "critical"].includes(fault.impact))
    .map(fault => `${fault.id}: ${fault.nodes.slice(0, 3).map(node => node.html).join(" | ")}`)"""


@pytest.fixture(scope="module")
def visits(address, browser, axe):
    """What happens when a page is opened on a phone, by the page's name; each is opened once."""

    @functools.cache
    def visit(page):
        told, requested, failed = [], [], []
        with contextlib.closing(browser.new_page(viewport={"width": 390, "height": 844})) as tab:
            tab.on("console", lambda message: told.append(message) if message.type != "log" else None)
            tab.on("pageerror", lambda error: told.append(error))
            tab.on("request", lambda request: requested.append(request.url))
            tab.on("requestfailed", lambda request: failed.append(request.url))
            tab.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
            tab.emulate_media(color_scheme="light", reduced_motion="reduce")
            tab.goto(f"{address}/{page}.html", wait_until="networkidle")
            width = tab.evaluate("document.documentElement.scrollWidth")
            missing = tab.evaluate(
                """async () => {
                    const images = [...document.images];
                    images.forEach(image => { image.loading = "eager"; });
                    await Promise.allSettled(images.map(image => image.decode()));
                    return images.filter(image => !image.naturalWidth).map(image => image.src);
                }"""
            )
            tab.evaluate(axe)
            light = tab.evaluate(FAULTS)
            tab.emulate_media(color_scheme="dark")
            tab.wait_for_function("document.documentElement.dataset.theme === 'dark'")
            dark = tab.evaluate(FAULTS)
        return SimpleNamespace(
            told=[getattr(message, "text", message) for message in told],
            elsewhere=[url for url in requested if not url.startswith((address, "data:", "blob:"))],
            failed=failed,
            width=width,
            missing=missing,
            light=light,
            dark=dark,
        )

    return visit


def test_every_page_is_there_and_no_other(site):
    built = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    assert {page for page in built if not page.startswith("_static/")} == {*PAGES, "try/index"}


@each_page
def test_loads_whole_without_errors_and_from_here_only(visits, page):
    visit = visits(page)
    assert (visit.told, visit.failed, visit.missing, visit.elsewhere) == ([], [], [], [])


@each_page
def test_nothing_scrolls_sideways_on_a_phone(visits, page):
    assert visits(page).width <= 390


@each_page
def test_keeps_nobody_out(visits, page):
    assert visits(page).light == []
    assert visits(page).dark == []


@each_notebook
def test_every_figure_is_there_in_words(address, tab, name):
    """As the browser tells it to a screen reader."""
    tab.goto(f"{address}/notebooks/{name}.html")
    told = [figure.get_attribute("alt") for figure in tab.locator(".cell_output").get_by_role("img").all()]
    outputs = [output for cell in notebooks.read(notebooks.NOTEBOOKS / f"{name}.ipynb").cells
               for output in cell.get("outputs", [])]  # fmt: skip
    alts = [
        output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})
    ]
    assert told == alts != []


class Links(HTMLParser):
    """Collects a page's links, and the ids that links can lead to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        self.links += [attributes[name] for name in ("href", "src") if attributes.get(name)]


@each_page
def test_every_link_leads_somewhere(site, page):
    path = site / f"{page}.html"
    for link in Links(path).links:
        parts = urlsplit(link)
        if parts.scheme in ("https", "mailto", "data"):
            continue
        assert not parts.scheme and not parts.netloc, link
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        target = target / "index.html" if target.is_dir() or parts.path.endswith("/") else target
        assert target.is_relative_to(site), f"{link} leads out of the site"
        assert target.exists(), link
        if parts.fragment and not target.is_relative_to(site / "try"):  # there it is the page's state
            assert parts.fragment in Links(target).ids, link


@each_notebook
def test_buttons_open_this_notebook_on_colab_and_binder(site, name):
    links = Links(site / "notebooks" / f"{name}.html").links
    path = f"notebooks/{name}.ipynb"
    assert (ROOT / path).exists()
    assert f"https://colab.research.google.com/github/someone/recogniser/blob/main/{path}" in links
    assert f"https://mybinder.org/v2/gh/someone/recogniser/main?urlpath=lab/tree/{path}" in links


@each_notebook
def test_leads_to_the_page_before_and_after(address, tab, name):
    tab.goto(f"{address}/notebooks/{name}.html")
    place = NOTEBOOKS.index(name)
    before = ["../six_questions.html", *(f"{other}.html" for other in NOTEBOOKS)][place]
    assert tab.locator("a.left-prev").get_attribute("href") == before
    for after in NOTEBOOKS[place + 1 : place + 2]:
        assert tab.locator("a.right-next").get_attribute("href") == f"{after}.html"


def live_links(text):
    """The addresses after `#` of all links to the live page in a text."""
    return re.findall(re.escape(badges.homepage(*badges.address())) + r"try/(?:#([^\s)\"\\]*))?", text)


def prepared(name):
    return live_links((notebooks.NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["00_start_here", "05_elephant", "10_your_own_photos"])
def test_the_live_page_is_linked(address, tab, name):
    tab.goto(f"{address}/notebooks/{name}.html")
    assert tab.locator("article a[href^='../try/']").count() >= 1


TEACHING = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", ["01", "05", "06", "07", "10", "11"])
def test_each_prepared_link_of_a_notebook_is_one_of_the_teachers(number):
    (name,) = (name for name in NOTEBOOKS if name.startswith(number))
    links = prepared(name)
    assert links and set(links) <= set(live_links(TEACHING))


@pytest.mark.parametrize("state", sorted(set(filter(None, live_links(TEACHING)))))
def test_a_prepared_link_opens_in_the_state_it_promises(address, tab, state):
    said = dict(parse_qsl(state, strict_parsing=True))
    tab.goto(f"{address}/try/#{state}", wait_until="networkidle")
    if "ask" in said:
        tab.get_by_text(said["ask"]).first.wait_for()
    shown = set(said["show"].split(","))
    assert shown <= {"guess", "map", "why", "cover", "teach"}
    for part in shown - {"teach"}:
        assert tab.locator(f"#{part}").is_visible() == (part in shown), part
    if "label" in said:
        assert said["label"] in tab.locator("#main").inner_text()


def test_the_first_use_of_a_term_leads_to_the_glossary(address, tab):
    tab.goto(f"{address}/notebooks/05_elephant.html")
    link = tab.locator("article a.term", has_text=re.compile("^class activation map$"))
    assert link.count() == 1
    assert "what every place adds" in link.get_attribute("title")
    link.click()
    assert tab.url.endswith("/docs/glossary.html#term-class-activation-map")
    assert tab.locator(":target").inner_text().startswith("class activation map:")


def test_the_search_finds_a_word(address, tab):
    tab.goto(f"{address}/index.html")
    tab.keyboard.press("Control+k")
    tab.keyboard.type("softmax")
    tab.keyboard.press("Enter")
    found = tab.locator("#search-results a", has_text="2 · Build VGG16")
    found.first.wait_for(timeout=10_000)
    found.first.click()
    assert "softmax" in tab.locator("article").inner_text()


def test_what_is_no_lesson_is_left_out(site):
    page = (site / "notebooks" / "05_elephant.html").read_text(encoding="utf-8")
    assert "Google Colab" not in page
    assert "&quot;weights&quot;" not in page


# The six questions


@pytest.fixture
def questions(address, tab):
    tab.goto(f"{address}/six_questions.html")
    return tab


def test_answers_are_counted_by_keyboard_alone(questions):
    asked = course_site.six_questions()
    assert questions.locator("fieldset").count() == len(asked) == 6
    questions.locator(".six-questions input").first.focus()
    for question in asked:
        questions.keyboard.press("Space")
        for _ in range(question["answer"]):
            questions.keyboard.press("ArrowDown")
        questions.keyboard.press("Tab")  # the folded answer
        questions.keyboard.press("Tab")  # the next question, or the button
    questions.keyboard.press("Enter")
    assert questions.get_by_role("status").inner_text() == "6 of 6 right."


def test_wrong_and_open_questions_do_not_count(questions):
    first, second, *_ = course_site.six_questions()
    questions.locator(f"[name={first['id']}][value='{first['answer']}']").check()
    wrong = (second["answer"] + 1) % len(second["options"])
    questions.locator(f"[name={second['id']}][value='{wrong}']").check()
    questions.get_by_role("button", name="Count my answers").click()
    assert questions.get_by_role("status").inner_text() == "1 of 6 right. 4 not answered."


def test_nothing_is_sent_or_stored(questions):
    sent = []
    before = questions.evaluate("JSON.stringify(localStorage) + document.cookie")
    questions.on("request", lambda request: sent.append(request.url))
    questions.locator(".six-questions input").first.check()
    questions.get_by_role("button", name="Count my answers").click()
    questions.get_by_role("status").wait_for()
    assert sent == []
    assert questions.evaluate("JSON.stringify(localStorage) + document.cookie") == before


def test_explanations_are_folded_and_point_to_the_experiment(questions):
    for question in course_site.six_questions():
        fold = questions.locator("fieldset", has_text=question["question"]).locator("details")
        assert fold.get_attribute("open") is None
        link = fold.locator("a").first
        assert link.get_attribute("href").startswith(f"notebooks/{question['experiment']['notebook']}.html#")
        assert not link.is_visible()
        fold.locator("summary").click()
        assert link.is_visible()


# The worksheets


@each_notebook
def test_every_notebook_has_a_worksheet_of_one_page(address, browser, name):
    with contextlib.closing(browser.new_page()) as tab:
        tab.goto(f"{address}/docs/worksheets/{name}.html")
        pdf = tab.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert re.search(rb"/MediaBox \[0 0 59[45][.\d]* 84[12][.\d]*\]", pdf)  # A4 in points


PARTS = ["## What to find out", "## Words", "## Guess first", "## Experiment", "## What can go wrong"]


@each_notebook
def test_a_worksheet_has_all_its_parts(name):
    text = (ROOT / "docs" / "worksheets" / f"{name}.md").read_text(encoding="utf-8")
    assert re.findall(r"^## .+", text, re.MULTILINE) == PARTS
    assert f"(../../notebooks/{name}.ipynb)" in text
    assert re.search(r"\d+ minutes", text) and "CC BY 4.0" in text
