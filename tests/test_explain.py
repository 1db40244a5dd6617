"""Looking inside: activations, where the evidence is, and what hiding a part does."""

from functools import partial

import keras
import numpy as np
import pytest
from networks import build_narrow, pocket
from PIL import Image

from helpers import Recogniser, explain
from helpers.errors import ReaderError
from helpers.explain import (
    activations,
    class_activation_map,
    map_weights,
    occlusion_map,
    spread,
    top_patches,
)
from helpers.labels import Label
from helpers.pictures import example, fit, open_picture, prepare, preprocess
from helpers.recogniser import BATCH, DEFAULT_HOW, Guess

ELEPHANT = "n02504458"


@pytest.fixture(scope="module")
def recogniser():
    return pocket()


@pytest.fixture(scope="module")
def photo():
    return open_picture(example("elephant.gif"))


@pytest.fixture(scope="module")
def probabilities(recogniser, photo):
    return recogniser.probabilities(prepare(photo)[None])[0]


def test_activations_are_those_of_a_plain_forward_pass(recogniser, photo):
    value, step_by_step = prepare(photo)[None], {}
    for layer in recogniser.model.layers[1:]:
        value = layer(value)
        step_by_step[layer.name] = np.asarray(value)[0]
    found = activations(recogniser, photo, list(step_by_step))
    assert list(found) == list(step_by_step)
    for name, expected in step_by_step.items():
        assert found[name].shape == expected.shape and found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-4, err_msg=name)


def test_activations_of_the_blocks_have_their_shapes(recogniser, photo):
    found = activations(recogniser, photo, ["block1_conv1", "block5_conv3"], how="crop")
    assert {name: array.shape for name, array in found.items()} == {
        "block1_conv1": (224, 224, 64),
        "block5_conv3": (14, 14, 512),
    }
    assert all(array.min() >= 0 for array in found.values())  # after ReLU


def test_the_pockets_map_is_exact_for_every_label(recogniser, photo, probabilities, monkeypatch):
    # The same photo 195 times: look at the last layer once.
    seen = activations(recogniser, photo, [explain.LAST_CONV])
    monkeypatch.setattr(explain, "activations", lambda *_: seen)
    _, bias = recogniser.model.get_layer("predictions").get_weights()
    maps = [class_activation_map(recogniser, photo, label.wnid) for label in recogniser.labels]
    logits = np.array([each.mean(dtype="float64") for each in maps]) + bias
    odds = np.exp(logits - logits.max())
    np.testing.assert_allclose(odds / odds.sum(), probabilities, atol=1e-5)


def test_the_pockets_map_alone(recogniser, photo, probabilities):
    ours = class_activation_map(recogniser, photo, ELEPHANT)
    assert ours.shape == (14, 14) and ours.dtype == np.float32
    assert np.array_equal(ours, class_activation_map(recogniser, photo, "African elephant"))
    other = class_activation_map(recogniser, photo, "goldfish")
    _, bias = recogniser.model.get_layer("predictions").get_weights()
    first, second = recogniser.index(ELEPHANT), recogniser.index("goldfish")
    difference = ours.mean() + bias[first] - other.mean() - bias[second]
    assert difference == pytest.approx(np.log(probabilities[first] / probabilities[second]), abs=1e-2)


def test_the_elephant_is_where_the_map_says(recogniser, photo):
    """The elephant moved to a corner of a white page: most of the evidence moves with it."""
    page = Image.new("RGB", (448, 448), "white")
    page.paste(fit(photo, "squash"), (224, 0))
    evidence = np.maximum(class_activation_map(recogniser, page, ELEPHANT), 0)
    assert evidence[:7, 7:].sum() > 0.5 * evidence.sum()


@pytest.mark.parametrize(
    "look",
    [
        lambda *asked: activations(*asked, [explain.LAST_CONV], how="stretch"),
        lambda *asked: class_activation_map(*asked, ELEPHANT, how="stretch"),
        lambda *asked: occlusion_map(*asked, ELEPHANT, how="stretch"),
    ],
)
def test_an_unknown_way_to_make_a_picture_square_gets_one_sentence(recogniser, photo, look):
    with pytest.raises(ReaderError, match='^how is .* "squash", "crop" or "pad", not \'stretch\'.$'):
        look(recogniser, photo)


def test_an_unknown_layer_gets_one_sentence(recogniser, photo):
    with pytest.raises(
        ReaderError, match="^There is no layer 'block6_conv1' in this network: it has input, block1"
    ):
        activations(recogniser, photo, ["block1_conv1", "block6_conv1"])


@pytest.mark.parametrize("look", [class_activation_map, occlusion_map])
def test_an_unknown_label_gets_one_sentence(recogniser, photo, look):
    with pytest.raises(ReaderError, match='^"apple" is not among the 195 labels of this network.$'):
        look(recogniser, photo, "apple")


# --- the full VGG16, here with 4 kernels a layer -------------------------------------------------


def narrow_recogniser(seed=7):
    """A VGG16 with random weights, mostly positive so that something reaches the end."""
    rng, model = np.random.default_rng(seed), build_narrow()
    for layer in model.layers:
        layer.set_weights([rng.normal(0.1, 0.15, value.shape) for value in layer.get_weights()])
    return Recogniser(model, tuple(Label(f"n{i:08}", f"thing {i}") for i in range(1000)), "imagenet", "")


@pytest.mark.parametrize(
    "label", [Guess("thing 7", "n00000007", 0.9), Label("n00000007", "thing_7"), 7, "THING 7"]
)
def test_a_label_may_be_given_in_any_way(photo, label):
    narrow = narrow_recogniser()
    for look in (class_activation_map, partial(occlusion_map, patch=224)):
        assert np.array_equal(look(narrow, photo, label), look(narrow, photo, "n00000007"))


def test_where_nothing_is_said_all_make_a_picture_square_in_the_same_way():
    narrow = narrow_recogniser()
    last = narrow.model.get_layer("predictions")
    last.set_weights([value / 1e9 for value in last.get_weights()])  # no answer is sure
    wide = Image.fromarray(np.random.default_rng(8).integers(0, 256, (50, 100, 3), "uint8"))
    for look in (
        lambda **how: activations(narrow, wide, [explain.LAST_CONV], **how)[explain.LAST_CONV],
        lambda **how: class_activation_map(narrow, wide, 3, **how),
        lambda **how: occlusion_map(narrow, wide, 3, patch=200, step=24, **how),
    ):
        assert np.array_equal(look(), look(how=DEFAULT_HOW))
        assert not np.array_equal(look(), look(how="pad"))


def test_grad_cam_weighs_each_map_with_what_it_does_to_the_logit(photo):
    narrow = narrow_recogniser()
    kernel, bias = narrow.model.get_layer("predictions").get_weights()
    maps = activations(narrow, photo, ["block5_conv3"])["block5_conv3"]
    rest = keras.Model(narrow.model.get_layer("block5_conv3").output, narrow.model.get_layer("fc2").output)

    def logits(maps):
        return np.asarray(rest(maps[None]), "float64")[0] @ kernel + bias

    # By measuring: brighten one map everywhere by a little, and see what happens to the logits.
    little = 0.01 * maps.max()
    effects = np.array(
        [
            (logits(maps + little * one) - logits(maps - little * one)) / (2 * little)
            for one in np.eye(4, dtype="float32")
        ]
    )
    assert np.abs(effects).max() > 0
    some_positive = False
    for number in range(5):
        expected = np.maximum(maps @ effects[:, number] / maps[..., 0].size, 0)
        found = class_activation_map(narrow, photo, f"thing {number}")
        assert found.shape == (14, 14) and found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=0.02, atol=0.02 * max(expected.max(), 1e-6))
        some_positive |= bool(found.max() > 0)
    assert some_positive


def test_grad_cam_shows_nothing_but_the_map_that_is_listened_to(photo):
    narrow = narrow_recogniser()
    fc1 = narrow.model.get_layer("fc1")
    kernel, bias = fc1.get_weights()
    deaf = kernel.reshape(7, 7, 4, 4).copy()  # (row, column, channel, neuron)
    deaf[:, :, [0, 1, 3]] = 0
    fc1.set_weights([np.abs(deaf).reshape(kernel.shape), bias])
    narrow.model.get_layer("fc2").set_weights([np.ones((4, 4)), np.zeros(4)])
    kernel, bias = narrow.model.get_layer("predictions").get_weights()
    kernel[:, 0], kernel[:, 1] = 1, -1
    narrow.model.get_layer("predictions").set_weights([kernel, bias])
    third = activations(narrow, photo, ["block5_conv3"])["block5_conv3"][..., 2]
    found = class_activation_map(narrow, photo, "thing 0")
    assert third.max() > 0
    np.testing.assert_allclose(found / found.max(), third / third.max(), rtol=1e-3, atol=1e-4)
    assert not class_activation_map(narrow, photo, "thing 1").any()  # evidence against is not shown


def test_grad_cam_of_a_sure_answer_is_not_pale(photo):
    narrow = narrow_recogniser()
    last = narrow.model.get_layer("predictions")
    winner = int(narrow.probabilities(prepare(photo)[None])[0].argmax())
    before = class_activation_map(narrow, photo, f"thing {winner}")
    last.set_weights([1e6 * value for value in last.get_weights()])
    assert narrow.probabilities(prepare(photo)[None])[0, winner] == 1
    np.testing.assert_allclose(
        class_activation_map(narrow, photo, f"thing {winner}"), 1e6 * before, rtol=1e-3
    )
    assert before.max() > 0


# --- hiding a part -------------------------------------------------------------------------------


def test_hiding_grey_behind_grey_changes_nothing(recogniser):
    grey = Image.new("RGB", (50, 80), (128, 128, 128))
    found = occlusion_map(recogniser, grey, ELEPHANT, patch=112, step=112)
    assert found.shape == (2, 2)
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_hiding_all_leaves_what_grey_is_answered_with(recogniser, photo, probabilities):
    number = recogniser.index(ELEPHANT)
    grey = recogniser.probabilities(prepare(Image.new("RGB", (224, 224), (128, 128, 128)))[None])[0, number]
    found = occlusion_map(recogniser, photo, ELEPHANT, patch=224)
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(probabilities[number] - grey, abs=1e-5)


def test_each_place_is_the_answer_with_that_square_hidden(recogniser, photo, probabilities):
    batches = []
    found = occlusion_map(
        recogniser, photo, ELEPHANT, patch=128, step=96, progress=lambda b: batches.extend(b) or b
    )
    assert found.shape == (2, 2) and sum(map(len, batches)) == 4
    by_hand = fit(photo)
    by_hand.paste((128, 128, 128), (96, 0, 224, 128))  # row 0, column 1
    hidden = recogniser.probabilities(prepare(by_hand)[None])[0, recogniser.index(ELEPHANT)]
    assert found[0, 1] == pytest.approx(probabilities[recogniser.index(ELEPHANT)] - hidden, abs=1e-5)


def test_the_squares_are_shown_a_few_at_a_time(recogniser, photo):
    """All 625 at once would take 5 GB."""
    shown = []

    class Grey(Recogniser):
        """It answers with the share of a picture that is not grey."""

        def probabilities(self, batch):
            shown.append(len(batch))
            grey = np.isclose(batch, preprocess(np.full(3, 128))).all(axis=-1).mean(axis=(1, 2))
            return np.repeat(1 - grey[:, None], len(self.labels), axis=1)

    grey = Grey(recogniser.model, recogniser.labels, "pocket", "")
    found = occlusion_map(grey, photo, ELEPHANT, patch=56, step=42)
    assert found.shape == (5, 5) and max(shown) <= BATCH
    np.testing.assert_allclose(found, (56 / 224) ** 2, rtol=0.05)


@pytest.mark.parametrize(
    "patch, step", [(225, 16), (0, 16), (-5, 16), (48, 0), (48.5, 16), ("48", 16), (48, None)]
)
def test_a_square_that_does_not_fit_gets_one_sentence(recogniser, photo, patch, step):
    with pytest.raises(ReaderError, match="^A square of .* cannot slide over a picture of 224: .*[.]$"):
        occlusion_map(recogniser, photo, ELEPHANT, patch=patch, step=step)


def test_each_pixel_has_the_average_of_the_squares_that_hid_it():
    falls = np.random.default_rng(3).normal(size=(7, 7)).astype("float32")
    found = spread(falls, patch=56, step=28)
    assert found.shape == (224, 224) and found.dtype == np.float32
    assert found[0, 0] == falls[0, 0] and found[223, 223] == falls[6, 6]
    assert found[0, 28] == found[27, 55] == pytest.approx(falls[0, :2].mean())
    assert found[100, 200] == pytest.approx(falls[2:4, 6:].mean())  # the squares from 56 and 84, and from 168
    assert found[100, 150] == pytest.approx(falls[2:4, 4:6].mean())


def test_what_is_spread_lies_where_the_picture_was_hidden():
    """Only one square hurts: the glow is over it, not squeezed towards the middle or the corner."""
    falls = np.zeros((12, 12))
    falls[0, 11] = 1
    found = spread(falls, patch=48, step=16)
    rows, columns = np.nonzero(found)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 47, 176, 223)
    assert found[0, 223] == found.max() == 1


def test_pixels_that_no_square_hid_are_zero():
    assert not spread(np.ones((2, 2)), patch=50, step=100)[50:100].any()  # gaps between the squares
    assert not spread(np.ones((3, 3)), patch=100, step=50)[200:].any()  # the last step ends before the edge
    assert np.isfinite(spread(np.ones((1, 1)), patch=224, step=16)).all()


# --- what a map responds to ----------------------------------------------------------------------


def test_the_weights_of_the_maps_make_the_pockets_map(recogniser, photo):
    """What notebook 05 computes in one line is what `class_activation_map` returns."""
    maps = activations(recogniser, photo, [explain.LAST_CONV])[explain.LAST_CONV]
    weights = map_weights(recogniser, photo, ELEPHANT)
    assert weights.shape == (512,)
    np.testing.assert_allclose(
        maps @ weights, class_activation_map(recogniser, photo, ELEPHANT), rtol=1e-5, atol=1e-5
    )


def test_the_weights_of_the_full_networks_maps_are_those_of_grad_cam(photo):
    narrow = narrow_recogniser()
    maps = activations(narrow, photo, [explain.LAST_CONV])[explain.LAST_CONV]
    for number in range(3):
        places = maps.shape[0] * maps.shape[1]
        by_hand = np.maximum(maps @ map_weights(narrow, photo, number) / places, 0)
        found = class_activation_map(narrow, photo, number)
        np.testing.assert_allclose(by_hand, found, rtol=1e-3, atol=1e-5 * max(found.max(), 1))


def colour_finder():
    """A network of one layer: map 0 finds red and map 1 green, in squares of 16 x 16 pixels."""
    inputs = keras.Input((224, 224, 3))
    layer = keras.layers.Conv2D(2, 16, strides=16, activation="relu", name="colours")
    model = keras.Model(inputs, layer(inputs))
    kernel = np.zeros((16, 16, 3, 2), "float32")
    kernel[:, :, 2, 0] = kernel[:, :, 1, 1] = 1 / 256  # blue, green, red: the network's order
    layer.set_weights([kernel, np.full(2, 110, "float32")])
    return Recogniser(model, (), "pocket", "")


def with_square(colour, left, upper):
    picture = Image.new("RGB", (224, 224))
    picture.paste(colour, (left, upper, left + 16, upper + 16))
    return picture


def colours_in(pictures):
    finder = colour_finder()
    return [activations(finder, picture, ["colours"])["colours"] for picture in pictures]


def test_top_patches_are_where_the_map_is_largest_strongest_first():
    pictures = [
        with_square((150, 0, 0), 96, 160),
        with_square((0, 200, 0), 0, 208),
        with_square((250, 0, 0), 96, 64),
    ]
    red, green = top_patches(colours_in(pictures), pictures, [0, 1], count=2, side=48)
    assert [patch.source for patch in red] == [2, 0]
    assert green[0].source == 1
    assert red[0].value > red[1].value > 0
    for patch in red:
        assert patch.picture.size == (48, 48)
        assert patch.picture.getpixel((24, 24))[0] > 100  # in the middle
    assert green[0].picture.getpixel((5, 42)) == (0, 200, 0)  # at the edge: as near as it goes


def test_a_picture_gives_only_its_best_patch():
    picture = with_square((250, 0, 0), 96, 64)
    picture.paste((200, 0, 0), (0, 0, 16, 16))
    ((patch,),) = top_patches(colours_in([picture]), [picture], [0], count=6, side=16)
    assert patch.picture.getpixel((8, 8)) == (250, 0, 0)
