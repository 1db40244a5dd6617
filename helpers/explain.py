"""Looking inside the network: what its layers put out, and which part of a picture an answer comes from."""

from numbers import Integral
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from helpers.architecture import INPUT_SIZE
from helpers.errors import ReaderError
from helpers.pictures import fit, open_picture, prepare, preprocess
from helpers.recogniser import BATCH, check_how

LAST_CONV = "block5_conv3"


def activations(recogniser, picture, layers, how=None):
    """What layers put out for a picture.

    picture: anything `pictures.open_picture` takes.
    layers: names of layers, such as ["block1_conv1", "block3_pool"].
    how: how the picture is made square, as in `Recogniser.guess`.
    Returns a dictionary from each name to a float32 array: (height, width, channels), or (neurons,) for a
    dense layer. Raises ReaderError for a name that no layer has.
    """
    model = recogniser.model
    names = [layer.name for layer in model.layers]
    for name in layers:
        if name not in names:
            raise ReaderError(f"There is no layer {name!r} in this network: it has {', '.join(names)}.")
    watched = keras.Model(model.input, {name: model.get_layer(name).output for name in layers})
    outputs = watched(prepare(picture, check_how(how))[None], training=False)
    return {name: recogniser.checked(tf.cast(outputs[name], tf.float32).numpy()[0]) for name in layers}


def class_activation_map(recogniser, picture, label, how=None):
    """Where in a picture the evidence for a label is.

    For the pocket network this is exact: the average of the map plus the label's bias is the label's logit
    (Zhou et al., "Learning Deep Features for Discriminative Localization", 2015). The full VGG16 has dense
    layers in between: there the maps are weighted with the gradient of the logit (Selvaraju et al.,
    "Grad-CAM", 2017).

    picture: anything `pictures.open_picture` takes. label: a guess or anything else that
        `Recogniser.index` takes. how: as in `activations`.
    Returns float32 (14, 14): what each place adds to the label's logit. Its zero means nothing by itself,
    since only differences between labels count: subtract another label's map to see what speaks for which.
    """
    number = recogniser.index(label)
    model = recogniser.model
    if recogniser.exact_maps:
        kernel = model.get_layer("predictions").get_weights()[0]
        maps = activations(recogniser, picture, [LAST_CONV], how)[LAST_CONV]
        return recogniser.checked(maps @ kernel[:, number])
    maps, gradient = _maps_and_gradient(model, prepare(picture, check_how(how)), number)
    importance = tf.reduce_mean(gradient, axis=(1, 2))
    return recogniser.checked(tf.nn.relu(tf.reduce_sum(maps * importance, axis=-1))[0].numpy())


def _maps_and_gradient(model, pixels, number):
    """The maps of the last convolution, and how far the logit of a label rises with each of their numbers.

    model: the full VGG16. pixels: a prepared picture. number: of the label.
    Returns two tensors, float32 (1, 14, 14, 512).
    """
    last = model.get_layer("predictions")
    to_maps = keras.Model(model.input, model.get_layer(LAST_CONV).output)
    from_maps = keras.Model(to_maps.output, last.input)
    maps = to_maps(pixels[None], training=False)
    # Only the maps are watched: the gradients of fc1's weights would take as much memory as fc1 itself.
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(maps)
        # The logit, before the softmax: with that left in, a sure answer has no gradient, the map is pale.
        features = tf.cast(from_maps(maps, training=False), tf.float32)
        logit = features @ last.kernel[:, number : number + 1] + last.bias[number]
    return tf.cast(maps, tf.float32), tf.cast(tape.gradient(logit, maps), tf.float32)


def occlusion_map(recogniser, picture, label, patch=48, step=16, how=None, progress=None):
    """How much less probable a label becomes when a grey square hides a part of the picture.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013.

    picture: anything `pictures.open_picture` takes. label: a guess or anything else that
        `Recogniser.index` takes. how: as in `activations`.
    patch: side of the square in pixels of the 224. step: how far it moves each time.
    progress: a function that wraps the list of batches, such as `tqdm`; None for silence.
    Returns float32 (rows, columns), one number for each place of the square: the probability without it minus
    the probability with it there. Draw it with `spread`. Raises ReaderError for a square that does not fit.
    """
    whole_numbers = all(isinstance(size, Integral) for size in (patch, step))
    if not (whole_numbers and 1 <= patch <= INPUT_SIZE and step >= 1):
        raise ReaderError(
            f"A square of {patch!r} pixels, moved by {step!r}, cannot slide over a picture of "
            f"{INPUT_SIZE}: choose a side from 1 to {INPUT_SIZE} and a step of 1 or more."
        )
    number = recogniser.index(label)
    pixels = np.asarray(fit(open_picture(picture), check_how(how)), "float32")
    corners = range(0, INPUT_SIZE - patch + 1, step)
    places = [(row, column) for row in corners for column in corners]
    batches = [places[i : i + BATCH] for i in range(0, len(places), BATCH)]
    whole = recogniser.probabilities(preprocess(pixels)[None])[0, number]
    hidden = []
    for batch in progress(batches) if progress else batches:
        covered = np.repeat(pixels[None], len(batch), axis=0)
        for copy, (row, column) in zip(covered, batch):
            copy[row : row + patch, column : column + patch] = 128
        hidden.append(recogniser.probabilities(preprocess(covered))[:, number])
    return whole - np.concatenate(hidden).reshape(len(corners), len(corners))


def spread(falls, patch, step):
    """An occlusion map laid out over the picture: for each pixel the average of all squares that hid it.

    falls: what `occlusion_map` returned. patch, step: as they were given to it.
    Returns float32 (224, 224); 0 for pixels that no square hid: the steps may end before the edge.
    """
    total, count = np.zeros((2, INPUT_SIZE, INPUT_SIZE), "float32")
    for (row, column), fall in np.ndenumerate(falls):
        square = np.s_[row * step : row * step + patch, column * step : column * step + patch]
        total[square] += fall
        count[square] += 1
    return total / np.maximum(count, 1)


def map_weights(recogniser, picture, label):
    """How much each map of the last convolution counts for a label: the weights of its class activation map.

    In the pocket network these are, for every picture, the weights between the maps and the label in its last
    layer. In the full VGG16 it is an estimate that holds for this picture only: how far the label's logit
    rises if a map rises by 1 everywhere (Selvaraju et al., "Grad-CAM", 2017).

    picture: anything `pictures.open_picture` takes. label: a guess or anything else that
        `Recogniser.index` takes.
    Returns float32 (512,).
    """
    number, model = recogniser.index(label), recogniser.model
    if recogniser.exact_maps:
        return model.get_layer("predictions").get_weights()[0][:, number]
    _, gradient = _maps_and_gradient(model, prepare(picture, check_how(None)), number)
    return tf.reduce_sum(gradient, axis=(0, 1, 2)).numpy()


class Patch(NamedTuple):
    """A part of a picture that excites a map.

    picture: the part, a square Pillow image. source: the number of the picture that it is cut from.
    value: what the map put out there.
    """

    picture: Image.Image
    source: int
    value: float


def top_patches(maps, squares, channels, count=6, side=96):
    """The parts of pictures that excite feature maps most: of each picture only its best part.

    What a map responds to can only be shown by examples (Zeiler and Fergus, "Visualizing and Understanding
    Convolutional Networks", 2013).

    maps: what one layer puts out for each picture, arrays (rows, columns, maps), as `activations` gives it.
    squares: the pictures, each a Pillow image of 224 x 224 as `pictures.fit` makes it.
    channels: the numbers of some of the maps, counted from 0.
    count: how many parts for each map. side: of a part, in pixels of the 224; it lies around the place where
        the map is largest, or as near to it as the edge allows.
    Returns for each channel a list of Patch, strongest first.
    """
    tops = []
    for channel in channels:
        of_channel = [each[:, :, channel] for each in maps]
        order = sorted(range(len(squares)), key=lambda number: -of_channel[number].max())[:count]
        tops.append([])
        for number in order:
            found = of_channel[number]
            scale = INPUT_SIZE / found.shape[1]  # pixels from one place of a map to the next
            middles = (scale * (at + 0.5) for at in np.unravel_index(found.argmax(), found.shape))
            upper, left = (round(min(max(at - side / 2, 0), INPUT_SIZE - side)) for at in middles)
            part = squares[number].crop((left, upper, left + side, upper + side))
            tops[-1].append(Patch(part, number, float(found.max())))
    return tops
