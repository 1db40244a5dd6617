"""Make helpers/data/conv_base.h5: Oxford's 13 convolutional layers in float16, checked against published
figures.

    python tools/import_conv_base.py SOURCE

SOURCE is a `.npz` with arrays block1_conv1/kernel, block1_conv1/bias ... or Keras' own VGG16 weights file,
with or without its dense layers. Nothing is written unless every figure below agrees.
"""

import argparse
from pathlib import Path

import h5py
import numpy as np

from helpers.architecture import CONV_LAYERS, VGG16_LAYERS
from helpers.weights import CONV_BASE

# Largest absolute value of each layer's kernel, from published listings of Oxford's weights.
LARGEST = {
    "block1_conv1": 0.67140007,
    "block1_conv2": 0.28917095,
    "block2_conv1": 0.41661108,
    "block2_conv2": 0.27737573,
    "block3_conv1": 0.54441082,
    "block3_conv2": 0.45931634,
    "block3_conv3": 0.39153737,
    "block4_conv1": 0.31388226,
    "block4_conv2": 0.33766001,
    "block4_conv3": 0.25623572,
    "block5_conv1": 0.19044439,
    "block5_conv2": 0.20515127,
    "block5_conv3": 0.28699666,
    "fc1": 0.027062105,
    "fc2": 0.032620791,
    "predictions": 0.057255637,
}
FIRST_BIAS = {"fc1": -0.18869764, "fc2": 0.647107, "predictions": -0.2123236}
CONV_PARAMETERS = 14_714_688


def read(source):
    """The layers in a file: a dictionary from a layer's name to (kernel, bias), float32."""
    arrays = {}
    if source.suffix == ".npz":
        with np.load(source) as file:
            for row in CONV_LAYERS:
                arrays[row.name] = file[f"{row.name}/kernel"], file[f"{row.name}/bias"]
        return arrays
    with h5py.File(source) as file:
        for row in VGG16_LAYERS:
            if row.units and row.name in file:
                group = file[row.name]
                arrays[row.name] = tuple(group[name][...] for name in group.attrs["weight_names"])
    return arrays


def check(arrays):
    """Stop with one sentence unless the layers are the published ones."""
    inputs = 3
    for row in CONV_LAYERS:
        kernel, bias = arrays[row.name]
        if kernel.shape != (3, 3, inputs, row.units) or bias.shape != (row.units,):
            raise SystemExit(f"{row.name} has shapes {kernel.shape} and {bias.shape}: this is not VGG16.")
        inputs = row.units
    for name, (kernel, bias) in arrays.items():
        largest = float(np.abs(kernel).max())
        if not np.isclose(largest, LARGEST[name], rtol=1e-6):
            raise SystemExit(
                f"{name}: its largest kernel value is {largest:.8f}, published is {LARGEST[name]:.8f}."
            )
        if name in FIRST_BIAS and not np.isclose(bias[0], FIRST_BIAS[name], rtol=1e-5):
            raise SystemExit(f"{name}: its first bias is {bias[0]:.8f}, published is {FIRST_BIAS[name]:.8f}.")
        print(f"{name:14} {kernel.shape!s:20} largest |kernel| {largest:.8f} as published")
    parameters = sum(kernel.size + bias.size for kernel, bias in (arrays[row.name] for row in CONV_LAYERS))
    if parameters != CONV_PARAMETERS:
        raise SystemExit(f"The convolutional layers have {parameters:,} parameters, not {CONV_PARAMETERS:,}.")


def write(arrays, target):
    """Write the convolutional layers as float16, in the layout that Keras' load_weights reads."""
    with h5py.File(target, "w") as file:
        file.attrs["layer_names"] = [row.name for row in CONV_LAYERS]
        file.attrs["author"] = "Visual Geometry Group, University of Oxford; CC BY 4.0; float16"
        for row in CONV_LAYERS:
            group = file.create_group(row.name)
            group.attrs["weight_names"] = [f"{row.name}/kernel", f"{row.name}/bias"]
            group[f"{row.name}/kernel"], group[f"{row.name}/bias"] = (
                a.astype("float16") for a in arrays[row.name]
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--to", type=Path, default=CONV_BASE)
    args = parser.parse_args()
    layers = read(args.source)
    check(layers)
    write(layers, args.to)
    print(f"{args.to.name}: {args.to.stat().st_size / 1e6:.1f} MB")
