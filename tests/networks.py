"""Networks that several tests share: the pocket, loaded once, and a narrow VGG16 of a few kilobytes."""

import functools

import keras

from helpers import load_recogniser
from helpers.architecture import INPUT_SIZE, VGG16_LAYERS, make_layer

# All 23 layers with their names, but 4 kernels where VGG16 has 64 to 512, and 4 neurons where it has 4096.
NARROW_LAYERS = tuple(
    row._replace(units=4) if row.kind == "conv" or row.name in ("fc1", "fc2") else row for row in VGG16_LAYERS
)


@functools.cache
def pocket():
    """The pocket recogniser."""
    return load_recogniser("pocket")


def build_narrow():
    """A VGG16 of the usual input size, all kernels zero, built from NARROW_LAYERS."""
    inputs = outputs = keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="input")
    for row in NARROW_LAYERS:
        outputs = make_layer(row)(outputs)
    return keras.Model(inputs, outputs, name="vgg16")
