"""A stand-in of the official weights file: its layout and size, with answers that mean nothing.

    python tools/stand_in.py FILE

Oxford's convolutional layers, from the repository, and random dense ones. For tests and measurements of the
code for the full network, where the 553 MB of the real file cannot be had.
"""

import sys

import h5py
import numpy as np

from helpers.architecture import VGG16_LAYERS
from helpers.weights import CONV_BASE

DENSE_SHAPES = {"fc1": (25088, 4096), "fc2": (4096, 4096), "predictions": (4096, 1000)}


def write_stand_in(path):
    """Write a file in the official layout: all 23 layers named, old names of arrays, float32, contiguous."""
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file, h5py.File(CONV_BASE) as base:
        names = ["input_1"] + [row.name for row in VGG16_LAYERS]
        file.attrs["layer_names"] = [name.encode() for name in names]
        file.create_group("input_1").attrs["weight_names"] = []
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


if __name__ == "__main__":
    write_stand_in(sys.argv[1])
