"""The tools that make the pictures, the weights file and the timings, and what CI runs."""

import csv
import io
import platform
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import benchmark
import draw_pictures
import gather_pictures
import import_conv_base
from helpers.architecture import CONV_LAYERS
from helpers.weights import CONV_BASE

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = ["file", "title", "author", "source", "licence", "sha256", "sets", "word"]


# Drawing

DRAWN = [
    row for row in gather_pictures.rows_of(gather_pictures.CATALOGUE) if "draw_pictures" in row["source"]
]


@pytest.mark.parametrize("row", DRAWN, ids=lambda row: row["file"])
def test_a_drawing_is_the_committed_picture(row):
    drawn = draw_pictures.draw(row["source"].split(": ")[1])
    with Image.open(gather_pictures.IMAGES / row["file"]) as committed:
        assert (drawn.mode, drawn.size) == (committed.mode, committed.size)
        difference = np.abs(np.asarray(drawn, float) - np.asarray(committed, float))
    assert difference.mean() < 0.5  # of 255: what versions of Pillow round differently


# Gathering


def table_with(folder, **columns):
    """A catalogue of one row in a folder of its own."""
    row = dict.fromkeys(COLUMNS, "") | {"file": "heart.png", "source": "tools/draw_pictures.py: symbol heart"}
    table = folder / "catalogue.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerow(row | columns)
    return table


def test_a_missing_picture_is_made_and_its_sha256_filled_in_then_kept(tmp_path):
    table = table_with(tmp_path)
    (row,) = gather_pictures.gather(table)
    assert len(row["sha256"]) == 64
    first, written = (tmp_path / "heart.png").read_bytes(), table.read_bytes()
    (tmp_path / "heart.png").unlink()
    gather_pictures.gather(table)
    assert (tmp_path / "heart.png").read_bytes() == first
    assert table.read_bytes() == written


def test_a_picture_that_comes_out_otherwise_is_not_written(tmp_path):
    table = table_with(tmp_path, sha256="0" * 64)
    before = table.read_bytes()
    with pytest.raises(SystemExit, match=r"heart\.png is not the picture of catalogue\.csv"):
        gather_pictures.gather(table)
    assert not (tmp_path / "heart.png").exists()
    assert table.read_bytes() == before


def test_a_strange_file_in_a_pictures_place_stays_as_it_is(tmp_path):
    table = table_with(tmp_path, sha256="0" * 64)
    (tmp_path / "heart.png").write_bytes(b"mine")
    with pytest.raises(SystemExit, match="stays as it is"):
        gather_pictures.gather(table)
    assert (tmp_path / "heart.png").read_bytes() == b"mine"


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """An empty folder of packages, and apt-get, dpkg and npm that only pretend; returns both folders."""
    commands = tmp_path / "bin"
    commands.mkdir()
    scripts = {
        "apt-get": 'case "$2" in *=2.0-1) : > package.deb;; *) echo "E: no version $2" >&2; exit 100;; esac',
        "dpkg": 'mkdir "$3" && echo "made from $2" > "$3/photo.txt"',
    }
    for name, script in scripts.items():
        (commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=":")
    monkeypatch.setattr(gather_pictures, "PACKAGES", tmp_path / "packages")
    return tmp_path / "packages"


def test_the_pinned_version_of_a_package_is_fetched(packages, monkeypatch):
    monkeypatch.setitem(gather_pictures.REGISTRY, "some-data", ("Debian", "2.0-1"))
    assert gather_pictures.read_source("some-data", "photo.txt") == b"made from package.deb\n"
    assert [path.name for path in packages.iterdir()] == ["some-data_2.0-1"]


def test_a_version_that_is_gone_is_one_sentence_and_leaves_nothing(packages, monkeypatch):
    monkeypatch.setitem(gather_pictures.REGISTRY, "some-data", ("Debian", "1.0-1"))
    with pytest.raises(SystemExit, match=r"some-data 1\.0-1 could not be fetched from Debian: E: no version"):
        gather_pictures.fetch("some-data")
    assert not list(packages.iterdir())


def test_a_large_picture_is_cut_and_shrunk():
    squares = Image.new("RGB", (2000, 1000), "red")
    squares.paste("blue", (1000, 0, 2000, 1000))
    data = gather_pictures.encoded(squares, "PNG")
    with Image.open(io.BytesIO(gather_pictures.convert(data, (1000, 0, 1000, 500), ".jpg"))) as cut:
        assert (cut.format, cut.size) == ("JPEG", (400, 200))
        assert np.asarray(cut)[100, 200, 2] > 240


def test_a_small_file_of_the_right_kind_is_copied_and_its_margin_kept():
    data = gather_pictures.encoded(Image.new("RGBA", (80, 80)), "PNG")
    assert gather_pictures.convert(data, None, ".png") == data


def test_every_source_can_be_read_and_names_a_pinned_package():
    for row in gather_pictures.rows_of(gather_pictures.CATALOGUE):
        package, path, _ = gather_pictures.SOURCE.fullmatch(row["source"]).groups()
        assert path
        assert package == "tools/draw_pictures.py" or all(gather_pictures.REGISTRY[package])


def test_the_credits_are_those_of_the_table():
    rows = gather_pictures.rows_of(gather_pictures.CATALOGUE)
    written = (gather_pictures.IMAGES / "CREDITS.md").read_text(encoding="utf-8")
    assert written == gather_pictures.credits_page(rows)


# The convolutional layers


def published_layers():
    """Layers of zeros but for the values that the check compares."""
    layers, inputs = {}, 3
    for row in CONV_LAYERS:
        kernel = np.zeros((3, 3, inputs, row.units), "float32")
        kernel[0, 0, 0, 0] = import_conv_base.LARGEST[row.name]
        layers[row.name] = kernel, np.zeros(row.units, "float32")
        inputs = row.units
    return layers


def test_layers_with_the_published_values_pass_the_check():
    import_conv_base.check(published_layers())


def test_other_values_or_shapes_are_one_sentence():
    layers = published_layers()
    layers["block5_conv3"][0][0, 0, 0, 0] *= 1.001
    with pytest.raises(
        SystemExit, match="block5_conv3: its largest kernel value is .* published is 0.28699666"
    ):
        import_conv_base.check(layers)
    layers["block1_conv1"] = layers["block1_conv2"]
    with pytest.raises(SystemExit, match="this is not VGG16"):
        import_conv_base.check(layers)


def test_what_is_written_is_read_again_as_16_bit_numbers(tmp_path):
    committed = import_conv_base.read(CONV_BASE)
    import_conv_base.write(committed, tmp_path / "again.h5")
    again = import_conv_base.read(tmp_path / "again.h5")
    assert list(again) == [row.name for row in CONV_LAYERS]
    for name, arrays in again.items():
        for array, expected in zip(arrays, committed[name], strict=True):
            assert array.dtype == "float16"
            assert np.array_equal(array, expected)


def test_a_wrong_source_writes_no_file(tmp_path, monkeypatch):
    small = {f"{row.name}/{part}": np.zeros(1) for row in CONV_LAYERS for part in ("kernel", "bias")}
    np.savez(tmp_path / "wrong.npz", **small)
    monkeypatch.setattr(
        sys, "argv", ["import_conv_base.py", str(tmp_path / "wrong.npz"), "--to", str(tmp_path / "new.h5")]
    )
    with pytest.raises(SystemExit, match="this is not VGG16"):
        runpy.run_path(str(ROOT / "tools" / "import_conv_base.py"), run_name="__main__")
    assert not (tmp_path / "new.h5").exists()


# Timing


def test_a_row_says_whether_its_goal_is_met_and_else_why_not():
    row = benchmark.Row("One picture", "0.2 s to 0.1 s", 2.0, 1.05, reason="it was late")
    assert str(row) == "| One picture | 0.2 s to 0.1 s | 2 | 1.05 or less | **missed**: it was late |"
    assert row._replace(value=1.05).met and row._replace(value=2, at_least=True).met
    assert str(row._replace(value=1.0, unit=" MB")).endswith("| 1 MB | 1.05 MB or less | met |")
    assert str(row._replace(value=float("nan"))).count("–") == 1 and not row._replace(value=float("nan")).met


def test_the_page_holds_what_was_measured_now_and_on_this_machine_before(monkeypatch, tmp_path):
    def first(options):
        """First."""
        return [benchmark.Row("first", options.weights, 1, 2)]

    def second(options):
        """Second."""
        return [benchmark.Row("second", "nothing", 3, 2)]

    def measure(*words):
        monkeypatch.setattr(sys, "argv", ["benchmark.py", *words])
        benchmark.main()
        return benchmark.PAGE.read_text()

    monkeypatch.setattr(benchmark, "ROWS", (first, second))
    monkeypatch.setattr(benchmark, "ROOT", tmp_path)
    monkeypatch.setattr(benchmark, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(benchmark, "KEPT", tmp_path / "build" / "kept.json")
    text = measure("--weights", "mine.h5")
    assert (
        "1 of 2 measured goals are met." in text
        and "yet: nothing." in text
        and "| first | mine.h5 | 1 |" in text
        and "**missed**" in text
    )
    assert f"Python {platform.python_version()}" in text and platform.node() not in text
    assert str(tmp_path) not in text and str(ROOT) not in text
    text = measure("first", "--weights", "other.h5")
    assert "| first | other.h5 | 1 |" in text and "| second |" in text
    monkeypatch.setattr(benchmark, "machine", lambda: "another machine")
    text = measure("second", "--weights", "mine.h5")
    assert (
        "| first |" not in text
        and "0 of 1 measured goals are met." in text
        and "yet: First." in text
        and "another machine" in text
    )
    with pytest.raises(SystemExit):
        measure("third")


# CI


def test_what_ci_runs_is_sound_bash_and_calls_targets_that_exist():
    script = ROOT / ".ci" / "run"
    subprocess.run(["bash", "-n", script], check=True)
    targets = re.findall(r"^make (\S+)$", script.read_text(), re.MULTILINE)
    assert {"lint", "test"} <= set(targets)
    for target in targets:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)
