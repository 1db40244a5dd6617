"""images/ and the outside set: files, tables, credits and licences agree with each other."""

import csv
import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import h5py
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "images"
OUTSIDE = ROOT / "tests" / "data" / "outside"
HEAD = ROOT / "helpers" / "data" / "pocket_head.h5"
LABELS = ROOT / "helpers" / "data" / "imagenet_labels.json"

ALLOWED = {
    "public domain",
    "CC0",
    "CC BY 2.0",
    "CC BY 4.0",
    "CC BY-SA 2.5",
    "CC BY-SA 3.0",
    "CC BY-SA 4.0",
    "MIT",
    "Apache-2.0",
    "BSD-3-Clause",
    "GPL-2.0-or-later",
    "GPL-2.0-only",
}
NOT_PICTURES = {"catalogue.csv", "CREDITS.md", "GPL-2.txt"}
LICENCES = IMAGES / "licences"
NEEDED = {
    "elephants": 3,
    "bananas": 3,
    "portraits": 2,
    "known": 30,
    "unknown": 30,
    "symbols": 4,
    "textures": 3,
    "ladder_elephant": 6,
    "ladder_banana": 6,
    "ladder_teddy_bear": 6,
    "apples_drawn": 10,
    "pears_drawn": 10,
    "strawberries_drawn": 10,
    "something_else_drawn": 12,
    "illustrations": 1,
}
PAGES = ["first_words_photos", "first_words_renders", "first_words_clipart"]
LEFT_OUT_OF_THE_POCKET = {"n02481823", "n02480495", "n02486410", "n02837789", "n03770439"}


def read(table):
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


CATALOGUE = read(IMAGES / "catalogue.csv")
OUTSIDE_SET = read(OUTSIDE / "labels.csv")
ROWS = [pytest.param(row, id=row["file"]) for row in CATALOGUE]


def test_every_file_has_a_row_and_every_row_a_file():
    files = {
        path.relative_to(IMAGES).as_posix()
        for path in IMAGES.rglob("*")
        if path.is_file() and path.name not in NOT_PICTURES and path.parent != LICENCES
    }
    listed = Counter(row["file"] for row in CATALOGUE)
    assert files == set(listed)
    assert set(listed.values()) == {1}


@pytest.mark.parametrize("row", ROWS)
def test_row(row):
    path = IMAGES / row["file"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
    with Image.open(path) as picture:
        picture.convert("RGBA")
        assert 60 <= max(picture.size) <= 512
    assert path.stat().st_size < 130_000
    assert row["licence"] in ALLOWED
    for column in ["title", "author", "source", "word"]:
        assert row[column].strip() == row[column] != ""
    assert re.match(r"\S+: \S", row["source"])


def test_no_picture_is_there_twice():
    assert max(Counter(row["sha256"] for row in CATALOGUE).values()) == 1


def test_gpl_pictures_lie_in_folders_of_their_own_with_the_licence():
    gpl = {(IMAGES / row["file"]).parent for row in CATALOGUE if row["licence"].startswith("GPL")}
    free = {(IMAGES / row["file"]).parent for row in CATALOGUE if not row["licence"].startswith("GPL")}
    assert IMAGES not in gpl
    assert not gpl & free
    for folder in gpl:
        assert "GNU GENERAL PUBLIC LICENSE" in (folder / "GPL-2.txt").read_text(encoding="utf-8")


def test_credits_name_every_picture_with_title_author_and_licence():
    lines = (IMAGES / "CREDITS.md").read_text(encoding="utf-8").splitlines()
    credited = [line for line in lines if line.startswith("| `")]
    expected = [f"| `{r['file']}` | {r['title']} | {r['author']} | {r['licence']} |" for r in CATALOGUE]
    assert sorted(credited) == sorted(expected)
    for package in {row["source"].split(": ")[0] for row in CATALOGUE}:
        assert any(line.startswith(f"## {package}") for line in lines)


def licence_texts():
    """Each licence in images/licences/README.md with where its text is: an address or a file."""
    lines = (LICENCES / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {name: re.sub(r"\[.*\]\((.*)\)", r"\1", text) for name, text, _ in cells[2:]}


@pytest.mark.parametrize("licence", sorted({row["licence"] for row in CATALOGUE}))
def test_every_licence_has_its_text_or_its_canonical_address(licence):
    where = licence_texts()[licence]
    if where.startswith("https://creativecommons.org/"):
        name = licence.lower().removeprefix("cc ").replace(" ", "/")
        assert {"public domain": "publicdomain/mark", "CC0": "publicdomain/zero"}.get(licence, name) in where
    else:
        text = (LICENCES / where).read_text(encoding="utf-8")
        first = {"MIT": "MIT License", "BSD-3-Clause": "BSD License", "Apache-2.0": "Apache License"}
        assert first.get(licence, "GNU GENERAL PUBLIC LICENSE") in text[:200]
        assert len(text) > 1000


def test_the_texts_name_the_copyright_holders():
    assert "Copyright (c) Microsoft Corporation" in (LICENCES / "MIT.txt").read_text(encoding="utf-8")
    assert "Copyright (c) 2005-2018, The JS Foundation" in (LICENCES / "BSD-3-Clause.txt").read_text("utf-8")


@pytest.mark.parametrize("name, least", NEEDED.items())
def test_every_set_has_enough_pictures(name, least):
    assert sum(name in row["sets"].split(";") for row in CATALOGUE) >= least


def test_the_pages_of_the_first_words_book_show_the_same_nine_words():
    pages = [[row["word"] for row in CATALOGUE if page in row["sets"].split(";")] for page in PAGES]
    assert pages[0] == pages[1] == pages[2]
    assert len(set(pages[0])) == 9
    assert {"teddy bear", "ball", "banana", "car", "cup"} <= set(pages[0])


def test_a_thing_is_not_both_known_and_unknown():
    assert not [row["file"] for row in CATALOGUE if {"known", "unknown"} <= set(row["sets"].split(";"))]


def test_the_outside_set_is_large_varied_and_labelled_in_the_pocket():
    assert len(OUTSIDE_SET) >= 88
    per_label = Counter(row["wnid"] for row in OUTSIDE_SET)
    assert len(per_label) >= 58
    assert max(per_label.values()) <= 3
    assert not LEFT_OUT_OF_THE_POCKET & set(per_label)
    with h5py.File(HEAD) as head:
        assert set(per_label) <= {wnid.decode() for wnid in head["wnids"][...]}


def test_the_labels_of_the_outside_set_are_readable():
    names = dict(json.loads(LABELS.read_text(encoding="utf-8")).values())
    assert [row["label"] for row in OUTSIDE_SET] == [names[row["wnid"]] for row in OUTSIDE_SET]


def test_the_outside_set_is_the_set_of_the_catalogue_and_says_what_was_added():
    listed = sorted(row["file"] for row in OUTSIDE_SET)
    assert listed == sorted(f"images/{r['file']}" for r in CATALOGUE if "outside" in r["sets"].split(";"))
    wnids = {f"images/{row['file']}": row["wnid"] for row in CATALOGUE if row["wnid"]}
    assert wnids == {row["file"]: row["wnid"] for row in OUTSIDE_SET}
    assert sum(row["added"] == "" for row in OUTSIDE_SET) == 63
    added = {row["file"] for row in OUTSIDE_SET if row["added"]}
    alone = {f"images/{row['file']}" for row in CATALOGUE if row["file"].startswith("outside/")}
    assert added == alone  # nothing that a notebook shows


def test_everything_together_stays_small():
    assert sum(path.stat().st_size for path in IMAGES.rglob("*") if path.is_file()) < 10_000_000
