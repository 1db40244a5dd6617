"""Writes the course's address, and the links that open it elsewhere, into every file that has them.

    python tools/badges.py owner/name

Without an address (OWNER, as in a fresh copy) there are no such links: they would lead nowhere.
Running it twice changes nothing; another owner/name replaces the first.
"""

import re
import subprocess
import sys
import tomllib

import nbformat

import notebooks

ROOT = notebooks.NOTEBOOKS.parent
TEXT = {".md", ".toml", ".cff", ".yml", ".txt", ".json", ".jinja", ".py", ".js", ".html", ".ipynb", ""}
NOTEBOOK_LINE = re.compile(r"\n\n\*Run this page in your browser: .*\*")
README_LINE = re.compile(r"(?<=<!-- elsewhere -->\n).*?(?=<!-- /elsewhere -->)", re.DOTALL)


def address():
    """The repository's owner and name, from pyproject.toml."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    return re.fullmatch(r"https://github\.com/([^/]+)/([^/]+)", urls["Repository"]).groups()


def colab(owner, name, path):
    """The address that opens a notebook on Google Colab; `path` as it stands in the repository."""
    return f"https://colab.research.google.com/github/{owner}/{name}/blob/main/{path}"


def binder(owner, name, path):
    """The address that opens a notebook in JupyterLab on Binder."""
    return f"https://mybinder.org/v2/gh/{owner}/{name}/main?urlpath=lab/tree/{path}"


def homepage(owner, name):
    """The address of the site on GitHub Pages."""
    return f"https://{owner}.github.io/{name}/"


def badge_notebook(notebook, file_name, owner, name):
    """Puts the links to Colab and Binder at the end of a notebook's first cell, or brings them up to date."""
    first = notebook.cells[0]
    first.source = NOTEBOOK_LINE.sub("", first.source)
    if owner != "OWNER":
        path = f"notebooks/{file_name}"
        links = f"[on Colab]({colab(owner, name, path)}) · [on Binder]({binder(owner, name, path)})"
        title, *rest = first.source.split("\n\n")
        place = next(i for i, part in enumerate(rest) if re.match(r"\*\d+ minutes", part)) + 1
        rest.insert(place, f"*Run this page in your browser: {links}*")
        first.source = "\n\n".join([title, *rest])


def badge_readme(text, owner, name):
    """README.md with its links between the two marks brought up to date."""
    path = "notebooks/00_start_here.ipynb"
    site = homepage(owner, name)
    line = (
        f"[Read it as a site]({site}) · [try it with your own photo]({site}try/) · "
        f"[run it on Colab]({colab(owner, name, path)}) · [run it on Binder]({binder(owner, name, path)})\n"
    )
    return README_LINE.sub(lambda _: "" if owner == "OWNER" else line, text)


def rename(text, old, new):
    """A text with one repository's address in place of another's; both are (owner, name)."""
    text = text.replace(homepage(*old).rstrip("/"), homepage(*new).rstrip("/"))
    before = r"((?:github\.com|/github|/gh)/)"  # GitHub's own, Colab's and Binder's
    return re.sub(
        rf"{before}{re.escape('/'.join(old))}(?![\w-])", lambda found: found[1] + "/".join(new), text
    )


def write_notebook(path, old, new):
    """Renames and badges one notebook; what belonged to its saved outputs still does."""
    notebook = notebooks.read(path)
    belonged = notebook.metadata.get("course", {}).get("sources") == notebooks.fingerprint(notebook)
    for cell in notebook.cells:
        cell.source = rename(cell.source, old, new)
    badge_notebook(notebook, path.name, *new)
    if belonged:
        notebook.metadata["course"]["sources"] = notebooks.fingerprint(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def write_everywhere(new):
    """Writes a new address, (owner, name), into all files that git knows."""
    old = address()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for path in map(ROOT.joinpath, filter(None, listed.stdout.split("\0"))):
        if path.suffix == ".ipynb":
            write_notebook(path, old, new)
        elif path.suffix in TEXT:
            before = path.read_text(encoding="utf-8")
            after = rename(before, old, new)
            if path == ROOT / "README.md":
                after = badge_readme(after, *new)
            if after != before:
                path.write_text(after, encoding="utf-8")


def main(arguments):
    if len(arguments) != 1 or not (new := re.fullmatch(r"([\w-]+)/([\w.-]+)", arguments[0])):
        sys.exit("Say whose repository it is: make badges REPO=owner/name")
    write_everywhere(new.groups())


if __name__ == "__main__":
    main(sys.argv[1:])
