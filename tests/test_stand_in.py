"""Every notebook with the full VGG16, from a stand-in of the official file: `make test-imagenet`.

The stand-in has the official layout and size, Oxford's convolutional layers and random dense ones, so its
answers mean nothing. No one looks at them: only that the code for the full network runs is tested. Not part
of `make test`: 553 MB, ten minutes.
"""

import h5py
import numpy as np
import pytest

import notebooks
from helpers.architecture import VGG16_LAYERS
from helpers.weights import CONV_BASE, OFFICIAL_BYTES

pytestmark = pytest.mark.stand_in
DENSE_SHAPES = {"fc1": (25088, 4096), "fc2": (4096, 4096), "predictions": (4096, 1000)}


def write_stand_in(path):
    """Write a file in the official layout: all 23 layers named, old names of arrays, float32, contiguous."""
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file, h5py.File(CONV_BASE) as base:
        file.attrs["layer_names"] = [
            name.encode() for name in ["input_1"] + [row.name for row in VGG16_LAYERS]
        ]
        for row in VGG16_LAYERS:
            group = file.create_group(row.name)
            group.attrs["weight_names"] = (
                [f"{row.name}_{part}_1:0".encode() for part in "Wb"] if row.units else []
            )
            if row.kind == "conv":
                kernel, bias = (base[f"{row.name}/{row.name}/{part}"][...] for part in ("kernel", "bias"))
            elif row.kind == "dense":
                shape = DENSE_SHAPES[row.name]
                kernel = random.standard_normal(shape, "float32") * np.sqrt(2 / shape[0]) / 4
                bias = np.zeros(shape[1])
            if row.units:
                group[f"{row.name}_W_1:0"] = kernel.astype("float32")
                group[f"{row.name}_b_1:0"] = bias.astype("float32")


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "stand_in.h5"
    write_stand_in(path)
    yield path
    path.unlink()


def test_is_of_the_official_size(stand_in):
    """The arrays decide the size; the names and addresses around them take less than a tenth of a percent."""
    assert stand_in.stat().st_size == pytest.approx(OFFICIAL_BYTES, rel=1e-3)


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
