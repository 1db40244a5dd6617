"""The table of VGG16's layers, and the two networks that we build from it.

Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", 2014, table 1, configuration D (arxiv.org/abs/1409.1556).
"""

import math
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

INPUT_SIZE = 224

# We say this, and the type of numbers, to every layer: then no setting of the reader's Keras changes them.
ORDER = "channels_last"  # height, width, channels


class Layer(NamedTuple):
    """One row of the table: a layer's name, kind, block and number of outputs.

    `kind` is "conv", "pool", "flatten" or "dense"; `block` is 1 to 5 for the convolutional blocks
    and 6 for the dense layers; `units` is the number of kernels (conv) or neurons (dense), else 0.
    """

    name: str
    kind: str
    block: int
    units: int = 0
    activation: str | None = None


def _table():
    blocks = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]
    for block, (convolutions, kernels) in enumerate(blocks, start=1):
        for number in range(1, convolutions + 1):
            yield Layer(f"block{block}_conv{number}", "conv", block, kernels, "relu")
        yield Layer(f"block{block}_pool", "pool", block)
    yield Layer("flatten", "flatten", 6)
    yield Layer("fc1", "dense", 6, 4096, "relu")
    yield Layer("fc2", "dense", 6, 4096, "relu")
    yield Layer("predictions", "dense", 6, 1000, "softmax")


VGG16_LAYERS = tuple(_table())
CONV_LAYERS = tuple(row for row in VGG16_LAYERS if row.kind == "conv")


def empty_array(shape):
    """A new float32 array that TensorFlow can use where it lies: it starts at a multiple of 64 bytes.

    Its numbers are zeros. The operating system hands out pages full of them only when they are first
    touched: until then even fc1's 411 MB take no memory, and no time.
    """
    count = math.prod(shape)
    room = np.zeros(count + 16, "float32")
    start = -room.ctypes.data % 64 // room.itemsize
    return room[start : start + count].reshape(shape)


def as_tensor(array):
    """An array made by `empty_array` as a tensor, without a copy (`tf.constant` makes two)."""
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


@keras.saving.register_keras_serializable("helpers")
class Unfilled(keras.initializers.Zeros):
    """Where a kernel starts: zeros that cost nothing, since they are about to be replaced."""

    def __call__(self, shape, dtype=None):
        """A tensor of zeros, float32 unless something else is asked for; see `empty_array`."""
        return tf.cast(as_tensor(empty_array(shape)), dtype or "float32")


def make_layer(row, dtype="float32"):
    """The Keras layer for one row of the table, which computes in a type of numbers.

    The kernels start as zeros: they are about to be replaced by trained ones, and drawing
    138 million random numbers first would cost seconds and a gigabyte for nothing.
    """
    own = {"name": row.name, "dtype": dtype}
    if row.kind == "pool":
        return layers.MaxPooling2D(2, strides=2, data_format=ORDER, **own)
    if row.kind == "flatten":
        return layers.Flatten(data_format=ORDER, **own)
    own |= {"activation": row.activation, "kernel_initializer": Unfilled()}
    if row.kind == "conv":
        return layers.Conv2D(row.units, 3, padding="same", data_format=ORDER, **own)
    return layers.Dense(row.units, **own)


def _stack(rows, size, dtype):
    inputs = keras.Input((size, size, 3), dtype="float32", name="input")
    outputs = inputs
    for row in rows:
        # The last layer always computes in float32: what is small among the probabilities is to count too.
        outputs = make_layer(row, "float32" if row.activation == "softmax" else dtype)(outputs)
    return inputs, outputs


def build_vgg16(size=INPUT_SIZE, dtype="float32"):
    """The full VGG16, all kernels zero: 138,357,544 parameters at the usual size.

    size: height and width of the input in pixels, a multiple of 32.
    dtype: the type of numbers in which all layers but the last compute: "float32" or "bfloat16".
    Returns a `keras.Model` from (n, size, size, 3) float32, BGR minus the mean, to (n, 1000) probabilities.
    """
    inputs, outputs = _stack(VGG16_LAYERS, size, dtype)
    return keras.Model(inputs, outputs, name="vgg16")


def build_conv_base(size=INPUT_SIZE, dtype="float32"):
    """The 13 convolutional layers, and the four poolings between, all kernels zero: 14,714,688 parameters.

    size and dtype: as in `build_vgg16`.
    Returns a `keras.Model` from (n, size, size, 3) to (n, size / 16, size / 16, 512), which is
    what block5_conv3 puts out.
    """
    last_pool = next(i for i, row in enumerate(VGG16_LAYERS) if row.name == "block5_pool")
    inputs, outputs = _stack(VGG16_LAYERS[:last_pool], size, dtype)
    return keras.Model(inputs, outputs, name="conv_base")


def build_pocket(classes, size=INPUT_SIZE, dtype="float32"):
    """The pocket network: VGG16's convolutional layers, the average of each map, one dense layer, softmax.

    classes: number of labels. size and dtype: as in `build_vgg16`.
    Returns a `keras.Model` from (n, size, size, 3) to (n, classes) probabilities.
    """
    base = build_conv_base(size, dtype)
    average = layers.GlobalAveragePooling2D(data_format=ORDER, dtype="float32", name="average")(base.output)
    outputs = make_layer(Layer("predictions", "dense", 6, classes, "softmax"))(average)
    return keras.Model(base.input, outputs, name="pocket")
