"""Every notebook with the full VGG16, from a stand-in of the official file: `make test-imagenet`.

The stand-in has the official layout and size, Oxford's convolutional layers and random dense ones, so its
answers mean nothing. No one looks at them: only that the code for the full network runs is tested. Not part
of `make test`: 553 MB, ten minutes.
"""

import hashlib
import time

import numpy as np
import pytest
from servers import serving

import benchmark
import notebooks
from helpers import load_recogniser, weights
from helpers.pictures import example
from helpers.weights import OFFICIAL_BYTES
from stand_in import write_stand_in

pytestmark = pytest.mark.stand_in


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "stand_in.h5"
    write_stand_in(path)
    yield path
    path.unlink()


def test_is_of_the_official_size(stand_in):
    """The arrays decide the size; the names and addresses around them take less than a tenth of a percent."""
    assert stand_in.stat().st_size == pytest.approx(OFFICIAL_BYTES, rel=1e-3)


def test_it_loads_in_little_memory_and_answers_as_keras_own(stand_in):
    """What docs/benchmarks.md promises of memory; the seconds there are not tested."""
    ours, stock = (benchmark.loaded(way, str(stand_in)) for way in ("ours", "stock"))
    assert ours["parameters"] == stock["parameters"] == 138_357_544
    assert np.abs(np.subtract(ours["answers"], stock["answers"])).max() <= 1e-5
    if ours["peak_mb"]:
        # 1,221 MB on a processor with AVX-512, 1,367 on one without.
        assert ours["peak_mb"] < 1450 < stock["peak_mb"]


def test_a_file_of_this_size_arrives_whole_over_a_line_that_breaks(stand_in, tmp_path, monkeypatch, capsys):
    """The download as readers have it: it begins, the line breaks, it goes on, is checked, and answers."""
    content = stand_in.read_bytes()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "OFFICIAL_MD5", hashlib.md5(content).hexdigest())
    monkeypatch.setattr(weights, "OFFICIAL_BYTES", len(content))
    with serving() as server:
        server.content, server.faults = content, [{"drops_after": 200_000_000}, {"drops_after": 300_000_000}]
        monkeypatch.setattr(weights, "OFFICIAL_URL", server.url)
        start = time.perf_counter()
        weights.load(weights.choose("imagenet"))
        seconds = time.perf_counter() - start
        recogniser = load_recogniser("imagenet")  # from what is kept
    assert [bool(first) for first in server.asked] == [False, True, True]
    assert [path.name for path in weights.cache_folder().iterdir()] == [weights.OFFICIAL_NAME]
    assert len(recogniser.guess(example("elephant.gif"))) == 5
    with capsys.disabled():
        print(f"{len(content):,} bytes with two breaks, fetched, checked and loaded in {seconds:.1f} s")


@pytest.mark.parametrize("path", notebooks.find([]), ids=lambda path: path.stem)
def test_runs_with_the_full_network(path, stand_in, monkeypatch):
    monkeypatch.setenv("VGG16_WEIGHTS", str(stand_in))
    execution = notebooks.execute(path, with_solutions=True)
    said = "".join(
        output.get("text", "") for cell in execution.notebook.cells for output in cell.get("outputs", [])
    )
    if "load_recogniser" in "".join(cell.source for cell in execution.notebook.cells):
        assert "The network from your file stand_in.h5 answers" in said
    print(f"{path.stem}: {execution.seconds:.1f} s, {execution.peak_mb or 0:.0f} MB")
