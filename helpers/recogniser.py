"""The network with its labels: give it a picture, and it says what it sees."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from helpers import weights as weights_module
from helpers.architecture import INPUT_SIZE
from helpers.labels import Label, imagenet_labels
from helpers.pictures import PictureError, prepare

BATCH = 8  # at 16 the feature maps of the first layers alone need 350 MB more


class Guess(NamedTuple):
    """One answer: a label, its WordNet id ("" for a word that the reader taught), its probability, 0 to 1."""

    label: str
    wnid: str
    probability: float


class Recogniser:
    """A network, its labels and where its weights come from. Made by `load_recogniser`.

    model: the keras.Model, from prepared pictures (n, 224, 224, 3) to probabilities (n, classes).
    labels: a tuple of Label, one for each class.
    weights: "pocket", "imagenet" or "your file NAME": whose answers these are.
    introduction: one sentence for the reader: which weights speak, and how to switch.
    """

    def __init__(self, model, labels, weights, introduction):
        self.model, self.labels, self.weights, self.introduction = model, labels, weights, introduction
        # Compiled once for any number of pictures, this is about twice as fast as model.predict().
        pictures = tf.TensorSpec((None, INPUT_SIZE, INPUT_SIZE, 3), tf.float32)
        self._run = tf.function(lambda batch: model(batch, training=False), input_signature=[pictures])

    def probabilities(self, batch):
        """The probability of every label.

        batch: prepared pictures, float32 (n, 224, 224, 3). Shown BATCH at a time, so memory stays flat.
        Returns float32 (n, classes); each row adds up to 1.
        """
        return np.concatenate(
            [
                self._run(tf.constant(batch[i : i + BATCH], tf.float32)).numpy()
                for i in range(0, len(batch), BATCH)
            ]
        )

    def guess(self, picture, top=5, how="squash"):
        """What is in a picture: the most probable labels, best first.

        picture: anything `pictures.open_picture` takes, or a list of such things.
        top: how many guesses. how: "squash", "crop" or "pad", see `pictures.fit`.
        Returns a list of Guess; for a list of pictures a list of such lists. Raises PictureError, which for a
        list says the number of the bad picture.
        """
        if not isinstance(picture, (list, tuple)):
            return self.best(self.probabilities(prepare(picture, how)[None])[0], top)
        guesses, batch = [], []
        for number, each in enumerate(picture, 1):
            try:
                batch.append(prepare(each, how))
            except PictureError as error:
                raise PictureError(f"Picture {number} of {len(picture)}: {error}") from error
            if len(batch) == BATCH or number == len(picture):
                guesses += [self.best(row, top) for row in self.probabilities(np.stack(batch))]
                batch.clear()
        return guesses

    def best(self, probabilities, top=5):
        """The labels of the highest probabilities: a list of Guess, best first.

        probabilities: float (classes,), as in one row of what `probabilities` returns.
        """
        order = np.argsort(-probabilities, kind="stable")[:top]
        return [Guess(self.labels[i].text, self.labels[i].wnid, float(probabilities[i])) for i in order]

    def index(self, label):
        """The number of a class, by its WordNet id or its name. Raises ValueError if there is none.

        A word that the reader taught has no id: of a guess, give `guess.wnid or guess.label`.
        """
        names = [name.replace("_", " ") for _, name in self.labels]
        wanted = label.replace("_", " ")
        # First as it is written: a Cardigan is a dog, a cardigan is a garment.
        for candidates, sought in (
            ([wnid for wnid, _ in self.labels], label),
            (names, wanted),
            ([name.lower() for name in names], wanted.lower()),
        ):
            if sought and sought in candidates:  # the id of every taught word is ""
                return candidates.index(sought)
        raise ValueError(f'"{label}" is not among the {len(self.labels)} labels of this network.')


def load_recogniser(weights=None):
    """Build the network, load its weights, and give it its labels.

    weights: "pocket", "imagenet" (downloaded once, 553 MB, if it is not there), the path of a weights file,
        or None for what the environment variable VGG16_WEIGHTS says (see `weights.choose`).
    Returns a Recogniser. Raises `weights.WeightsError`.
    """
    choice = weights_module.choose(weights)
    model, head = weights_module.load(choice)
    if head:
        labels = tuple(Label(wnid, name) for wnid, name in zip(head.wnids, head.names))
    else:
        labels = imagenet_labels()
    speaker = choice.kind if choice.kind in ("pocket", "imagenet") else f"your file {choice.path.name}"
    return Recogniser(model, labels, speaker, _introduction(choice.kind, speaker, len(labels)))


def _introduction(kind, speaker, classes):
    if kind == "pocket":
        return (
            "The pocket weights speak: Oxford's 13 convolutional layers, a small last layer of our own, "
            f"{classes} labels. "
            'For the full VGG16 with 1000: load_recogniser("imagenet"), a download of 553 MB, once.'
        )
    if kind == "imagenet":
        return (
            f"Oxford's weights speak: the full VGG16 as published, {classes} labels. "
            'For the small network in this repository: load_recogniser("pocket").'
        )
    network = "the last layer in it on Oxford's convolutional layers" if kind == "head" else "the full VGG16"
    return (
        f"{speaker[0].upper()}{speaker[1:]} speaks: {network}, {classes} labels. "
        'For the network in this repository: load_recogniser("pocket").'
    )
