"""Builds the course as a site: static pages that need no kernel, from the notebooks' saved outputs.

    python tools/course_site.py [--without-live-page]

Writes build/site/, which any static server can show: python -m http.server --directory build/site
Nothing is executed. --without-live-page leaves out `try/`, which needs npm.
"""

import io
import json
import re
import shutil
import sys

import jinja2
import nbformat
from sphinx.application import Sphinx

import badges
import notebooks

ROOT = notebooks.NOTEBOOKS.parent
SITE = ROOT / "build" / "site"
QUESTIONS = ROOT / "helpers" / "data" / "six_questions.json"
NO_LESSON = {"setup", "answers"}  # tags of cells for Colab and for our own records
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")

# What the site adds to a notebook: after which cell, and what.
BOXES = {
    "00_start_here": (
        0,
        "Here you read what was saved when the notebooks were run. To *do* something at once: the\n"
        "[live page]({homepage}try/) recognises your own photo, in this browser. Before you begin, answer\n"
        "[six questions](../six_questions.md); after notebook 11, answer them again.",
    ),
    "11_teach_it_a_new_word": (
        -1,
        "Before notebook 0 there were [six questions](../six_questions.md). What do you answer now?",
    ),
}


class SiteError(Exception):
    """What stands in the way, as one sentence."""


def six_questions():
    """The questions on what was learned: a list of dictionaries."""
    return json.loads(QUESTIONS.read_text(encoding="utf-8"))


def rendered(template, **values):
    """A page of site/ with the values in their places."""
    folder = jinja2.FileSystemLoader(ROOT / "site")
    environment = jinja2.Environment(loader=folder, undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters["slug"] = slug
    return environment.get_template(template).render(values)


def slug(heading):
    """The id that a heading gets on a page, as GitHub gives it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def links_for_the_site(text, folder, repository):
    """Markdown whose links to files that are no page of the site lead to the repository."""

    def lead(link):
        target = (folder / link[1]).resolve().relative_to(ROOT)
        on_site = target.parts[0] in ("notebooks", "docs", "images") and target.suffix in PAGE_KINDS
        return link[1] if on_site else f"{repository}/blob/main/{target.as_posix()}"

    return LINK.sub(lead, text)


PAGE_KINDS = {".ipynb", ".md", ".png"}


def page_of_notebook(path, repository, homepage):
    """A notebook as the site shows it: without what is no lesson, with the site's own links."""
    notebook = notebooks.read(path)
    badges.badge_notebook(notebook, path.name, *repository.split("/")[-2:])
    notebook.cells = [cell for cell in notebook.cells if not NO_LESSON & set(notebooks.tags(cell))]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = links_for_the_site(cell.source, path.parent, repository)
    if path.stem in BOXES:
        place, text = BOXES[path.stem]
        text = f"```{{admonition}} On this site\n:class: tip\n\n{text.format(homepage=homepage)}\n```"
        box = nbformat.v4.new_markdown_cell(text, id="box")
        notebook.cells.insert(place % len(notebook.cells) + 1, box)
    return notebook


def overview(path):
    """A notebook's line in the contents: its name, title, question and minutes, from its first cell."""
    first = notebooks.read(path).cells[0].source
    title, question = re.match(r"# (.+)\n+\*(.+)\*\n", first).groups()
    return {
        "name": path.stem,
        "title": title,
        "question": question,
        "minutes": re.search(r"(\d+) minutes", first)[1],
    }


def lay_out(folder, repository, homepage):
    """Writes the sources of all pages into an empty folder."""
    (folder / "notebooks").mkdir(parents=True)
    for path in notebooks.find([]):
        page = page_of_notebook(path, repository, homepage)
        (folder / "notebooks" / path.name).write_text(nbformat.writes(page), encoding="utf-8")
    shutil.copytree(ROOT / "docs", folder / "docs")
    with open(folder / "docs" / "worksheets" / "README.md", "a", encoding="utf-8") as contents:
        contents.write("\n```{toctree}\n:hidden:\n:glob:\n\n[0-9]*\n```\n")
    (folder / "images").mkdir()
    shutil.copy(ROOT / "images" / "CREDITS.md", folder / "images")
    for page in folder.rglob("*.md"):
        source = ROOT / page.relative_to(folder)
        page.write_text(
            links_for_the_site(page.read_text(encoding="utf-8"), source.parent, repository), encoding="utf-8"
        )
    contents = [overview(path) for path in notebooks.find([])]
    titles = {line["name"]: line["title"] for line in contents}
    for name in ("index", "six_questions"):
        text = rendered(
            f"{name}.md.jinja",
            notebooks=contents,
            titles=titles,
            questions=six_questions(),
            homepage=homepage,
        )
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def build(folder=SITE, live_page=True, repository=None):
    """Builds the site into a folder, which is made anew.

    Args:
        folder: where the pages go; their sources go to a folder of the same name and "-sources".
        live_page: build `try/` too.
        repository: (owner, name), where buttons and links to files lead; None: as pyproject.toml says.
    Raises: SiteError where a page cannot be built.
    """
    owner, name = repository or badges.address()
    settings = {
        "repository": f"https://github.com/{owner}/{name}",
        "homepage": badges.homepage(*badges.address()),
    }
    sources = folder.with_name(f"{folder.name}-sources")
    for old in (folder, sources):
        shutil.rmtree(old, ignore_errors=True)
    lay_out(sources, **settings)
    warnings = io.StringIO()
    Sphinx(
        sources,
        confdir=ROOT / "site",
        outdir=folder,
        doctreedir=sources / ".doctrees",
        buildername="html",
        confoverrides=settings,
        status=None,
        warning=warnings,
        freshenv=True,
    ).build()
    if warnings.getvalue():
        raise SiteError(f"The site has faults:\n{warnings.getvalue()}")
    if live_page:
        _build_live_page(folder / "try")


def _build_live_page(folder):
    try:
        import live_page
    except ImportError:
        raise SiteError(
            "tools/live_page.py is not there. For a site without `try/`: --without-live-page."
        ) from None
    live_page.build(folder)


def main(arguments):
    if unknown := set(arguments) - {"--without-live-page"}:
        sys.exit(f"Unknown: {' '.join(sorted(unknown))}.\n{__doc__}")
    build(live_page="--without-live-page" not in arguments)
    size = sum(file.stat().st_size for file in SITE.rglob("*") if file.is_file())
    print(f"{SITE.relative_to(ROOT)}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SiteError as error:
        sys.exit(str(error))
