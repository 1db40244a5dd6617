"""What the course adds to Sphinx: alt texts, terms that lead to the glossary, links that work anywhere."""

import base64
import hashlib
import json
import re
from pathlib import Path

from docutils import nodes

GLOSSARY = "docs/glossary"
ENTRY = re.compile(r"^- \*\*(.+?)\*\*: (.+?)(?: \(\[.*)?$", re.MULTILINE)
# Where a term is not linked: it is a link, code, or a heading already.
NOT_IN = (nodes.reference, nodes.literal, nodes.literal_block, nodes.title, nodes.raw)


def setup(app):
    """Called by Sphinx; `repository` and `homepage` are addresses."""
    app.add_config_value("repository", "", "html")
    app.add_config_value("homepage", "", "env")
    app.connect("config-inited", add_buttons)
    app.connect("doctree-read", add_alt_texts)
    app.connect("doctree-read", let_sentences_wrap)
    app.connect("doctree-read", name_glossary_entries)
    app.connect("doctree-resolved", link_terms)
    app.connect("doctree-resolved", mend_links)
    app.connect("html-page-context", let_worksheets_be_printed)
    app.connect("html-page-context", name_folds_by_their_words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_buttons(app, config):
    """Buttons that open a page on Colab and Binder, once the repository has an address."""
    if "/OWNER/" not in config.repository:
        config.html_theme_options |= {
            "repository_url": config.repository,
            "repository_branch": "main",
            "use_repository_button": True,
            "launch_buttons": {
                "colab_url": "https://colab.research.google.com",
                "binderhub_url": "https://mybinder.org",
                "notebook_interface": "jupyterlab",
            },
        }


def add_alt_texts(app, doctree):
    """Gives every figure the alt text that stands in the metadata of its output."""
    source = Path(app.env.doc2path(app.env.docname))
    if source.suffix != ".ipynb":
        return
    alts = {}
    for cell in json.loads(source.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                png = base64.b64decode("".join(png))
                alts[hashlib.sha256(png).digest()] = output["metadata"]["image/png"]["alt"]
    for image in doctree.findall(nodes.image):
        file = Path(app.srcdir, image["uri"])
        image["alt"] = alts[hashlib.sha256(file.read_bytes()).digest()]


def let_sentences_wrap(app, doctree):
    """Marks printed text without columns: its lines may be broken, so that nothing must be scrolled."""
    for output in doctree.findall(
        lambda node: "cell_output" in getattr(node, "attributes", {}).get("classes", ())
    ):
        for printed in output.findall(nodes.literal_block):
            if not re.search(r"\S  +\S", printed.astext()):
                printed["classes"].append("sentences")


def terms(glossary):
    """The glossary's terms and their explanations: a dictionary, from the Markdown of the page."""
    return dict(ENTRY.findall(glossary))


def anchor(term):
    """The id of a term on the glossary's page."""
    return "term-" + nodes.make_id(term)


def name_glossary_entries(app, doctree):
    """Makes every entry of the glossary a place that a link can lead to."""
    if app.env.docname == GLOSSARY:
        for entry in doctree.findall(nodes.list_item):
            entry["ids"].append(anchor(next(entry.findall(nodes.strong)).astext()))


def forms(term):
    """A regular expression for a term in singular and plural."""
    if term.endswith("y"):
        return re.escape(term[:-1]) + "(?:y|ies)"
    if term.endswith("s") and not term.endswith(("ss", "as")):
        return re.escape(term) + "?"
    return re.escape(term) + "(?:s|es)?"


def link_terms(app, doctree, docname):
    """Links each term of the glossary where a page first uses it."""
    if not docname.startswith(("notebooks/", "docs/")) or docname == GLOSSARY:
        return
    entries = terms(Path(app.env.doc2path(GLOSSARY)).read_text(encoding="utf-8"))
    by_form = {forms(term): term for term in sorted(entries, key=len, reverse=True)}
    glossary = app.builder.get_relative_uri(docname, GLOSSARY)
    folds = 0
    for node in list(doctree.findall(lambda node: isinstance(node, nodes.Text | nodes.raw))):
        if isinstance(node, nodes.raw):
            folds += node.astext().count("<details") - node.astext().count("</details")
        elif not folds and not _inside(node, NOT_IN) and not _is_output(node):
            node.parent.replace(node, list(_linked(node.astext(), by_form, entries, glossary)))


def _linked(text, by_form, entries, glossary):
    """A text as nodes, in which each term that it is the first to use is a link; takes it off `by_form`."""
    while by_form:
        pattern = r"(?<![\w-])(?:" + "|".join(f"({form})" for form in by_form) + r")(?![\w-])"
        if not (found := re.search(pattern, text, re.IGNORECASE)):
            break
        term = by_form.pop(list(by_form)[found.lastindex - 1])
        yield nodes.Text(text[: found.start()])
        link = nodes.reference("", found[0], refuri=f"{glossary}#{anchor(term)}", internal=True)
        link["reftitle"] = entries[term]
        link["classes"].append("term")
        yield link
        text = text[found.end() :]
    yield nodes.Text(text)


def _inside(node, kinds):
    while node := node.parent:
        if isinstance(node, kinds):
            return True
    return False


def _is_output(node):
    while node := node.parent:
        if "cell_output" in node.get("classes", []):
            return True
    return False


def mend_links(app, doctree, docname):
    """Makes links to the site's own address relative, and those in outputs lead to pages."""
    to_root = app.builder.get_relative_uri(docname, "index").removesuffix("index.html")
    for link in doctree.findall(nodes.reference):
        address = link.get("refuri", "")
        if address.startswith(app.config.homepage):
            link["refuri"] = to_root + address.removeprefix(app.config.homepage)
            link["internal"] = True
        elif found := re.fullmatch(r"(?!\w+:)([^#]+)\.(?:ipynb|md)(#.*)?", address):
            link["refuri"] = f"{found[1]}.html{found[2] or ''}"


def let_worksheets_be_printed(app, pagename, templatename, context, doctree):
    """Gives the worksheets the style with which each fits on one sheet of paper."""
    if pagename.startswith("docs/worksheets/"):
        app.add_css_file("worksheet.css")


def name_folds_by_their_words(app, pagename, templatename, context, doctree):
    """Folded code says "Show code": MyST-NB gives it another name, which a voice control user cannot see."""
    if "body" in context:
        context["body"] = context["body"].replace('<summary aria-label="Toggle hidden content">', "<summary>")
