"""Every notebook with the full VGG16, from a stand-in of the official file: `make test-imagenet`.

The stand-in has the official layout and size, Oxford's convolutional layers and random dense ones, so its
answers mean nothing. No one looks at them: only that the code for the full network runs is tested. Not part
of `make test`: 553 MB, ten minutes.
"""

import numpy as np
import pytest

import benchmark
import notebooks
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
        assert ours["peak_mb"] < 1350 < stock["peak_mb"]


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
