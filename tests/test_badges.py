"""The course's address, and the links that open its notebooks elsewhere."""

import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

import badges
import notebooks

ROOT = notebooks.NOTEBOOKS.parent
SOMEONE, ANYONE = ("Some-One", "recogniser"), ("anyone", "my.course")
ELSEWHERE = re.compile(r"https://(?:colab\.research\.google\.com/github|mybinder\.org/v2/gh)/[^)\s\"]+")


def first_cell(path, repository):
    notebook = notebooks.read(path)
    badges.badge_notebook(notebook, path.name, *repository)
    return notebook.cells[0].source


@pytest.mark.parametrize("path", notebooks.find([]), ids=lambda path: path.stem)
def test_badges_open_their_own_notebook(path):
    links = ELSEWHERE.findall(first_cell(path, SOMEONE))
    assert links == [
        f"https://colab.research.google.com/github/Some-One/recogniser/blob/main/notebooks/{path.name}",
        f"https://mybinder.org/v2/gh/Some-One/recogniser/main?urlpath=lab/tree/notebooks/{path.name}",
    ]


def test_committed_badges_are_those_of_the_address():
    """None at all before there is one."""
    for path in notebooks.find([]):
        assert notebooks.read(path).cells[0].source == first_cell(path, badges.address())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == badges.badge_readme(readme, *badges.address())


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A small copy of the repository, as git has it."""
    files = ["pyproject.toml", "README.md", "CITATION.cff", "notebooks/00_start_here.ipynb"]
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    monkeypatch.setattr(badges, "ROOT", tmp_path)
    return {name: tmp_path / name for name in files}


def texts(course):
    return {name: path.read_text(encoding="utf-8") for name, path in course.items()}


def test_an_address_is_written_everywhere_and_can_be_changed(course):
    committed, fresh = badges.address(), texts(course)
    badges.main(["/".join(SOMEONE)])
    once = texts(course)
    assert badges.address() == SOMEONE
    for name, text in once.items():
        assert "/".join(committed) not in text and "Some-One" in text, name
    assert "https://Some-One.github.io/recogniser/try/" in once["README.md"]
    badges.main(["/".join(SOMEONE)])
    assert texts(course) == once
    badges.main(["/".join(ANYONE)])
    assert not any("Some-One" in text for text in texts(course).values())
    badges.main(["/".join(committed)])
    assert texts(course) == fresh


def test_outputs_still_belong_to_a_notebook_with_new_badges(course):
    badges.main(["/".join(SOMEONE)])
    notebook = notebooks.read(course["notebooks/00_start_here.ipynb"])
    assert notebook.metadata.course.sources == notebooks.fingerprint(notebook)


@pytest.mark.parametrize("arguments", [[], ["owner"], ["https://github.com/owner/name"], ["a/b", "c/d"]])
def test_what_is_no_address_is_said(arguments):
    with pytest.raises(SystemExit, match="make badges REPO=owner/name"):
        badges.main(arguments)


def test_only_addresses_are_renamed():
    text = "tools/name and github.com/tools/named and https://github.com/tools/name/issues"
    assert badges.rename(text, ("tools", "name"), ("a", "b")) == (
        "tools/name and github.com/tools/named and https://github.com/a/b/issues"
    )


def test_what_is_cited_is_this_edition():
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (said["title"].lower().replace(" ", "-"), said["version"]) == (project["name"], project["version"])
    assert f"Copyright (c) 2026 {said['authors'][0]['name']}" in (ROOT / "LICENSE").read_text(
        encoding="utf-8"
    )
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.stem)
def test_workflows_and_forms_can_be_read_and_call_what_exists(path):
    text = path.read_text(encoding="utf-8")
    assert isinstance(yaml.safe_load(text), dict)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"run: make ([\w-]+)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
