"""The network with its labels: give it a picture, and it answers what is in it."""

import functools
import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from helpers import weights as weights_module
from helpers.architecture import INPUT_SIZE
from helpers.errors import ReaderError
from helpers.labels import Label, imagenet_labels, kinds
from helpers.pictures import DEFAULT_HOW, PictureError, prepare

BATCH = 8  # at 16 the feature maps of the first layers alone need 350 MB more
AHEAD = BATCH  # how many pictures may wait, opened, for the network


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
    introduction: one sentence for the reader: which network answers, and how to switch.
    """

    def __init__(self, model, labels, weights, introduction):
        self.model, self.labels, self.weights, self.introduction = model, labels, weights, introduction

    @functools.cached_property
    def _steps(self):
        """What a batch goes through: the network, compiled once for any number of pictures.

        That is about twice as fast as model.predict(). The dense layers of the full network follow one by
        one: in float32, what TensorFlow compiles of fc1 takes half as long again.
        """
        pictures = tf.TensorSpec((None, INPUT_SIZE, INPUT_SIZE, 3), tf.float32)
        compiled, dense = self.model, []
        if any(layer.name == "fc1" and layer.compute_dtype == "float32" for layer in self.model.layers):
            dense = [layer for layer in self.model.layers if layer.output.ndim == 2]
            compiled = keras.Model(self.model.input, dense[0].input)
        # Each `partial` is its own function to TensorFlow: it warns of one that is compiled again and again.
        return [tf.function(functools.partial(_answer, compiled), input_signature=[pictures]), *dense]

    def _run(self, batch):
        for step in self._steps:
            batch = step(batch)
        return batch

    @property
    def exact_maps(self):
        """Whether the last layer sits directly on the averages of the maps, as the pocket network's does.

        Then `explain.class_activation_map` says exactly how much each place adds to an answer.
        """
        return isinstance(self.model.layers[-2], keras.layers.GlobalAveragePooling2D)

    def probabilities(self, batch):
        """The probability of every label.

        batch: prepared pictures, float32 (n, 224, 224, 3). Shown BATCH at a time, so memory stays flat.
        Returns float32 (n, classes); each row adds up to 1. Raises WeightsError where the weights are such
        that no numbers come out.
        """
        return self.checked(
            np.concatenate(
                [
                    self._run(tf.constant(batch[i : i + BATCH], tf.float32)).numpy()
                    for i in range(0, len(batch), BATCH)
                ]
            )
        )

    def checked(self, values):
        """What the network put out, as it is; WeightsError if it holds anything but finite numbers."""
        if not np.isfinite(values).all():
            raise weights_module.WeightsError(
                f"The weights of this network ({self.weights}) are damaged: what it computes with them "
                'are no numbers. Take others, for example load_recogniser("pocket").'
            )
        return values

    def guess(self, picture, *, top=5, how=None):
        """What is in a picture: the most probable labels, best first.

        picture: anything `pictures.open_picture` takes, or a list of such things.
        top: how many guesses, 1 or more.
        how: how the picture is made square: "squash", "crop" or "pad", see `pictures.fit`; None: DEFAULT_HOW.
        Returns a list of Guess; for a list of pictures a list of such lists. Raises PictureError, which for a
        list says the number of the bad picture, and ReaderError for a mistaken option.
        """
        how = check_how(how)
        if not isinstance(top, Integral) or isinstance(top, bool) or top < 1:
            raise ReaderError(f"top is how many guesses you want: a whole number from 1 on, not {top!r}.")
        if not isinstance(picture, (list, tuple)):
            return self.best(self.probabilities(prepare(picture, how)[None])[0], top)
        guesses, batch = [], []
        for number, opened in enumerate(ahead(functools.partial(prepare, how=how), picture), 1):
            try:
                batch.append(opened.result())
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
        """The number of a class.

        label: a `Guess`, a `Label`, a WordNet id, a name or, counted from 0, already the number. Capitals
            in a name matter only where there are two: a Cardigan is a dog, a cardigan is a garment.
        Raises ReaderError if there is no such class, or more than one.
        """
        if isinstance(label, Integral) and not isinstance(label, bool):
            if 0 <= label < len(self.labels):
                return int(label)
            raise ReaderError(
                f"There is no label {label}: this network's go from 0 to {len(self.labels) - 1}."
            )
        if isinstance(label, Guess):
            label = label.wnid or label.label
        elif isinstance(label, Label):
            label = label.wnid or label.name
        if not isinstance(label, str):
            raise ReaderError(
                f"{label!r:.60} is not a label: give a guess, a name, a WordNet id or a number."
            )
        sought = label.replace("_", " ").strip()
        names = [each.text for each in self.labels]
        for candidates, wanted in (
            ([each.wnid for each in self.labels], sought),
            (names, sought),
            ([name.casefold() for name in names], sought.casefold()),
        ):
            found = [
                number for number, candidate in enumerate(candidates) if candidate and candidate == wanted
            ]
            if len(found) == 1:
                return found[0]
            if found:
                ways = [f"{number} ({names[number]} {self.labels[number].wnid})" for number in found]
                raise ReaderError(
                    f'{len(found)} labels are called "{label}": '
                    f"give the number of the one that you mean, {' or '.join(ways)}."
                )
        raise ReaderError(self._unknown(label))

    def _unknown(self, label):
        unknown = f'"{label}" is not among the {len(self.labels)} labels of this network'
        ours = [kind.text for kind in kinds(label) if kind in self.labels]
        if not ours:
            return f"{unknown}."
        more = f" and {len(ours) - 5} more" if len(ours) > 5 else ""
        return f"{unknown}; these of them are a kind of it: {', '.join(ours[:5])}{more}."


def _answer(model, batch):
    return model(batch, training=False)


def ahead(function, items):
    """Call a function for each item in turn, in a thread that runs ahead of whoever uses the results.

    So the next pictures are opened while the network is busy with the last ones.

    function: takes an item. items: a list.
    Yields for each item, in order, a future: its `result()` is what the function returned, or raises what it
    raised. No more than AHEAD results wait.
    """
    waiting = deque()
    with ThreadPoolExecutor(1) as thread:
        try:
            for item in items:
                waiting.append(thread.submit(function, item))
                if len(waiting) > AHEAD:
                    yield waiting.popleft()
            yield from waiting
        except BaseException:  # the user stops early: what waits is not to be opened any more
            thread.shutdown(cancel_futures=True)
            raise


def check_how(how):
    """The way to make a picture square, DEFAULT_HOW for None; ReaderError if it is none of `pictures.fit`."""
    if how is not None and how not in ("squash", "crop", "pad"):
        raise ReaderError(f'how is the way to make a picture square: "squash", "crop" or "pad", not {how!r}.')
    return how or DEFAULT_HOW


def has_bfloat16():
    """Whether this machine's processor has instructions for bfloat16. Only Linux tells: elsewhere False."""
    try:
        about = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", about) is not None  # the last is what ARM calls it


def check_precision(precision):
    """ReaderError if a type of numbers is none in which our networks compute, or this machine cannot."""
    if precision not in ("float32", "bfloat16"):
        raise ReaderError(
            f'precision is the type of numbers: "float32" or "bfloat16", not {precision!r:.40}.'
        )
    if precision == "bfloat16" and not has_bfloat16():
        raise ReaderError(
            "This machine's processor has no instructions for bfloat16, as far as we can see, so it would be "
            "slower, not faster: leave precision out."
        )


def load_recogniser(weights=None, precision="float32"):
    """Build the network, load its weights, and give it its labels.

    weights: "pocket", "imagenet" (downloaded once, 553 MB, if it is not there), the path of a weights file,
        or None for what the environment variable VGG16_WEIGHTS says (see `weights.choose`).
    precision: "float32", or "bfloat16": numbers of half the length, with three digits in place of seven.
        About twice as fast where the processor has instructions for it; the answers differ a little.
    Returns a Recogniser. Raises `weights.WeightsError`, `download.DownloadError`, and ReaderError for a
    precision that cannot be had.
    """
    check_precision(precision)
    choice = weights_module.choose(weights)
    model, head = weights_module.load(choice, precision)
    if head:
        labels = tuple(Label(wnid, name) for wnid, name in zip(head.wnids, head.names))
    else:
        labels = imagenet_labels()
    source = choice.kind if choice.kind in ("pocket", "imagenet") else f"your file {choice.path.name}"
    introduction = _introduction(choice, len(labels))
    if precision == "bfloat16":
        introduction += "\nIt computes in bfloat16: faster, with answers that differ a little."
    return Recogniser(model, labels, source, introduction)


def _introduction(choice, classes):
    if choice.kind == "pocket":
        return (
            f"The pocket network answers, with one of {classes} labels.\n"
            'The full VGG16, with 1000: load_recogniser("imagenet"), a download of 553 MB, once.'
        )
    if choice.kind == "imagenet":
        return (
            f"VGG16 answers as Oxford published it, with one of {classes} labels.\n"
            'The pocket network: load_recogniser("pocket").'
        )
    layers = "Oxford's layers, one of yours" if choice.kind == "head" else "a full VGG16"
    return (
        f"The network from your file {choice.path.name} answers, with one of {classes} labels ({layers}).\n"
        'The pocket network: load_recogniser("pocket").'
    )
