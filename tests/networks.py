"""Networks that several tests share: the pocket, loaded once, and narrow ones that compute at once."""

import functools

import keras
import numpy as np

from helpers import Recogniser, load_recogniser
from helpers.architecture import INPUT_SIZE, VGG16_LAYERS, Layer, make_layer
from helpers.labels import Label
from helpers.weights import POCKET_HEAD, load_head

# All 23 layers with their names, but 4 kernels where VGG16 has 64 to 512, and 4 neurons where it has 4096.
NARROW_LAYERS = tuple(
    row._replace(units=4) if row.kind == "conv" or row.name in ("fc1", "fc2") else row for row in VGG16_LAYERS
)


@functools.cache
def pocket():
    """The pocket recogniser."""
    return load_recogniser("pocket")


def build_narrow(dtype="float32"):
    """A VGG16 of the usual input size, all kernels zero, built from NARROW_LAYERS."""
    inputs = outputs = keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="input")
    for row in NARROW_LAYERS:
        outputs = make_layer(row, "float32" if row.name == "predictions" else dtype)(outputs)
    return keras.Model(inputs, outputs, name="vgg16")


@functools.cache
def narrow_pocket():
    """A network of the pocket's form, layers and labels, with an eighth of its kernels and random weights.

    For tests that ask what is done with answers, not which answers they are.
    """
    rows = VGG16_LAYERS[: [row.name for row in VGG16_LAYERS].index("block5_pool")]
    head, random = load_head(POCKET_HEAD), np.random.default_rng(0)
    inputs = outputs = keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="input")
    for row in rows:
        outputs = make_layer(row._replace(units=row.units // 8))(outputs)
    outputs = keras.layers.GlobalAveragePooling2D(name="average")(outputs)
    outputs = make_layer(Layer("predictions", "dense", 6, len(head.names), "softmax"))(outputs)
    model = keras.Model(inputs, outputs, name="pocket")
    for layer in model.layers:
        layer.set_weights(
            [random.normal(0, np.sqrt(2 / np.prod(w.shape[:-1])), w.shape) for w in layer.get_weights()]
        )
    last = model.get_layer("predictions")
    last.set_weights([weights / 30 for weights in last.get_weights()])  # no answer is sure
    labels = tuple(Label(wnid, name) for wnid, name in zip(head.wnids, head.names))
    return Recogniser(model, labels, "pocket", "")
