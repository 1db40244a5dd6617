"""The 1000 labels of ImageNet, and fair matching of an answer to a word.

A label has an id, such as n02504458, and a name, such as African_elephant. The id is the number of the
meaning in WordNet, a dictionary in which meanings hang in a tree: a beagle is a hound is a dog is an
animal. So WordNet can tell us which labels are kinds of "dog", and that is what `matches` goes by.

Sources: Miller, "WordNet: A Lexical Database for English", 1995 (wordnet.princeton.edu); Russakovsky and
others, "ImageNet Large Scale Visual Recognition Challenge", 2015. The files in helpers/data are made by
tools/import_labels.py.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from helpers.errors import ReaderError

DATA = Path(__file__).resolve().parent / "data"

# The rules of fair scoring, as the notebooks show them; `matches` is the same rules in code.
RULES = (
    "Only the network's first answer is scored.",
    "Kinds count: a beagle is a dog, and a sports car is a car. WordNet decides what is a kind of what.",
    "It does not work the other way round: something more general, or merely similar, is wrong.",
    "A part, or what lies inside, is not the thing: a car wheel is not a car, and soup is not a bowl.",
    'A toy is not the animal: a teddy bear counts as "teddy bear", never as "bear".',
    "A word with several meanings is taken as in a child's first book: a mouse squeaks, a kite has a string.",
    "Where WordNet would be unfair, we rule by hand, label by label, and say why.",
    "A word that WordNet lacks must be the answer itself; capitals, spaces and hyphens do not matter.",
)


class Label(NamedTuple):
    """One thing that the network can answer: its WordNet id and ImageNet's name for it.

    wnid: "n" and eight digits, different for every label.
    name: words joined by underscores; two labels are called crane, and two maillot.
    """

    wnid: str
    name: str

    @property
    def text(self):
        """The name as people write it: "African elephant"."""
        return self.name.replace("_", " ")


class Ruling(NamedTuple):
    """One decision made by hand: does this label count as this word, and why not leave it to WordNet?"""

    word: str
    label: Label
    counts: bool
    reason: str


def _read(file):
    return json.loads((DATA / file).read_text(encoding="utf-8"))


@cache
def imagenet_labels():
    """ImageNet's 1000 labels, in the order of the network's outputs: a tuple of `Label`."""
    rows = _read("imagenet_labels.json")
    return tuple(Label(*rows[str(number)]) for number in range(len(rows)))


@cache
def _labels_by_id():
    return {label.wnid: label for label in imagenet_labels()}


def label_of(wnid):
    """The `Label` with this WordNet id, such as "n02504458"; ReaderError if it is none of ImageNet's 1000."""
    try:
        return _labels_by_id()[wnid]
    except (KeyError, TypeError):
        raise ReaderError(
            f"{wnid!r} is not the id of one of ImageNet's 1000 labels: "
            "an id looks like 'n02504458' (African elephant)."
        ) from None


def _plain(word):
    """The word with only its letters and digits, in small letters: "T-shirt" becomes "tshirt"."""
    return "".join(character for character in word.casefold() if character.isalnum())


@cache
def _kinds_by_word():
    """From plain word to the labels that count as it: every label's own name, overruled by our table."""
    kinds = {}
    for label in imagenet_labels():
        kinds[_plain(label.name)] = (*kinds.get(_plain(label.name), ()), label)
    for word, wnids in _read("kinds.json")["kinds"].items():
        kinds[_plain(word)] = tuple(label_of(wnid) for wnid in wnids)
    return kinds


def kinds(word):
    """The labels that count as a word, by the `RULES`: a tuple of `Label` in the network's order.

    word: an English noun in the singular, such as "dog" or "teddy bear". A word that no label counts as,
    such as "pear", gives the empty tuple.
    """
    return _kinds_by_word().get(_plain(word), ())


def matches(wnid, word):
    """Does an answer count as the word, by the `RULES`? `matches("n02088364", "dog")`: a beagle does.

    wnid: the id of the answer; an unknown one raises ReaderError. word: as for `kinds`.
    """
    return label_of(wnid) in kinds(word)


def means(typed, word):
    """Does what a reader typed mean the word: is it the word itself, or a kind of it? "A beagle" means "dog".

    typed: any text; capitals, blanks, hyphens and an article at its beginning do not matter.
    word: as for `kinds`.
    """
    typed = typed.casefold().strip()
    for article in ("a ", "an ", "the "):
        typed = typed.removeprefix(article)
    same = bool(_plain(typed)) and _plain(typed) == _plain(word)
    return same or (bool(kinds(typed)) and set(kinds(typed)) <= set(kinds(word)))


def has_label(word, labels):
    """Could the network be right about the word at all: is any of these labels a kind of it?

    word: as for `kinds`. labels: the `Label`s that the network can answer, such as `recogniser.labels`.
    """
    counting = {label.wnid for label in kinds(word)}
    return any(label.wnid in counting for label in labels)


@cache
def rulings():
    """The decisions made by hand: a tuple of `Ruling`, to be shown beside the `RULES`."""
    return tuple(
        Ruling(row["word"], label_of(row["wnid"]), row["counts"], row["reason"])
        for row in _read("kinds.json")["rulings"]
    )
