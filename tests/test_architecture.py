"""The table of layers and the networks built from it: the same as Keras' own VGG16."""

import keras
import numpy as np
import pytest

from helpers.architecture import CONV_LAYERS, VGG16_LAYERS, build_conv_base, build_pocket, build_vgg16


def without_memory(build):
    """A network's shapes without its numbers: the full VGG16 in a few megabytes."""
    with keras.StatelessScope(initialize_variables=False):
        return build()


@pytest.fixture(scope="module")
def full():
    return without_memory(build_vgg16)


@pytest.fixture(scope="module")
def small_pair():
    """Ours and Keras' at 32 x 32 pixels, with the same random weights."""
    keras.utils.set_random_seed(16)
    stock = keras.applications.VGG16(weights=None, input_shape=(32, 32, 3))
    ours = build_vgg16(32)
    ours.set_weights(stock.get_weights())
    return ours, stock


def test_the_table_has_16_layers_with_weights_and_5_pools():
    kinds = [row.kind for row in VGG16_LAYERS]
    assert {kind: kinds.count(kind) for kind in kinds} == {"conv": 13, "pool": 5, "flatten": 1, "dense": 3}
    assert [row.name for row in CONV_LAYERS] == [row.name for row in VGG16_LAYERS if row.kind == "conv"]
    assert len({row.name for row in VGG16_LAYERS}) == len(VGG16_LAYERS)


def test_every_layer_is_keras_own(full):
    stock = without_memory(lambda: keras.applications.VGG16(weights=None))
    assert len(full.layers) == len(stock.layers)
    assert full.layers[0].output.shape == stock.layers[0].output.shape == (None, 224, 224, 3)
    for ours, theirs in zip(full.layers[1:], stock.layers[1:]):
        assert type(ours) is type(theirs)
        assert ours.name == theirs.name
        assert ours.output.shape == theirs.output.shape
        assert [v.shape for v in ours.variables] == [v.shape for v in theirs.variables]
        for setting in ("activation", "padding", "strides", "kernel_size", "pool_size"):
            assert getattr(ours, setting, None) == getattr(theirs, setting, None)


def test_the_number_of_parameters_is_the_published_one(full):
    assert full.count_params() == 138_357_544
    assert without_memory(build_conv_base).count_params() == 14_714_688


def test_the_convolutional_base_ends_with_block5_conv3():
    base = without_memory(build_conv_base)
    assert base.output.shape == (None, 14, 14, 512)
    assert [layer.name for layer in base.layers if layer.variables] == [row.name for row in CONV_LAYERS]


def test_the_pocket_network_is_the_base_and_one_dense_layer():
    pocket = without_memory(lambda: build_pocket(195))
    assert pocket.output.shape == (None, 195)
    assert pocket.count_params() == 14_714_688 + 512 * 195 + 195
    assert [layer.name for layer in pocket.layers[-3:]] == ["block5_conv3", "average", "predictions"]


def test_a_new_network_has_no_random_numbers_in_it():
    assert not any(np.any(values) for values in build_conv_base(32).get_weights())


def test_with_the_same_weights_every_layer_answers_as_keras_own(small_pair):
    picture = np.random.default_rng(2).uniform(-120, 150, (2, 32, 32, 3)).astype("float32")
    ours, stock = (
        keras.Model(model.input, [layer.output for layer in model.layers])(picture, training=False)
        for model in small_pair
    )
    for layer, a, b in zip(small_pair[0].layers, ours, stock, strict=True):
        assert float(np.abs(np.asarray(a) - np.asarray(b)).max()) == 0.0, layer.name
    assert np.asarray(ours[-1]).std() > 0  # ... and it is an answer, not zeros against zeros


def test_the_softmax_gives_probabilities(small_pair):
    answer = np.asarray(small_pair[0](np.ones((3, 32, 32, 3), "float32")))
    assert answer.shape == (3, 1000)
    assert (answer >= 0).all()
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
