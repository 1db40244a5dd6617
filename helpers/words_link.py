"""The link in which the live page keeps a taught layer, opened in Python."""

import base64
import binascii
import functools
import hashlib
import re
import struct

import numpy as np

from helpers.weights import CONV_BASE, Head, WeightsError

VERSION = 1
FEATURES = 512
MOST_WORDS = 20
MOST_CHARACTERS = 40  # of a word
HASH_BYTES = 8  # of the SHA-256 of the convolutional layers' file

DAMAGED = "This link is damaged: copy it once more, all of it."


def head_from_link(link):
    """The layer that a link of the live page holds, to be saved by `weights.save_head`.

    link: the whole address, or what stands in it behind "words=".
    Returns a Head. Raises WeightsError if it is no such link, or belongs to other layers than ours.
    """
    text = re.split(r"[#&]words=", str(link).strip())[-1].split("&")[0]
    if not re.fullmatch(r"[A-Za-z0-9_-]{20,20000}", text):
        raise WeightsError(DAMAGED)
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise WeightsError(DAMAGED) from error
    version, words = data[:2]
    if version != VERSION:
        raise WeightsError(f"This link is of version {version}, and we read {VERSION}: make it again.")
    if not 2 <= words <= MOST_WORDS:
        raise WeightsError(
            f"This link is damaged: it claims {words} words, and 2 to {MOST_WORDS} are possible."
        )
    if data[2 : 2 + HASH_BYTES] != _hash_of_layers():
        raise WeightsError(
            "This link belongs to other layers than this network has: its words mean nothing to them."
        )
    names, rest = _names(data[2 + HASH_BYTES :], words)
    if len(rest) != 4 * words + (words - 1) * (4 + FEATURES):
        raise WeightsError(
            "This link is not whole, or has too much at its end: copy it once more, all of it."
        )
    _check_names(names)
    return Head(*_numbers(rest, words), ("",) * words, names)


@functools.cache
def _hash_of_layers():
    with open(CONV_BASE, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()[:HASH_BYTES]


def _names(data, words):
    """The names, each behind its length, and what comes after them."""
    names = []
    for _ in range(words):
        if not data or len(data) < 1 + data[0]:
            raise WeightsError(DAMAGED)
        try:
            names.append(data[1 : 1 + data[0]].decode())
        except UnicodeDecodeError as error:
            raise WeightsError(DAMAGED) from error
        data = data[1 + data[0] :]
    return tuple(names), data


def _check_names(names):
    for name in names:
        if not name.strip() or len(name) > MOST_CHARACTERS or not name.isprintable() or set("<>") & set(name):
            raise WeightsError(
                f"A word in this link is no name of 1 to {MOST_CHARACTERS} plain characters: make it again."
            )
    if len(set(names)) < len(names):
        raise WeightsError("Two words in this link have the same name: make it again.")


def _numbers(data, words):
    """Kernel and bias from what comes after the names: a 32-bit bias for each word, and for each word but the
    last a 32-bit scale and 512 whole numbers of 8 bits. A feature's weights for all words add up to zero.
    """
    bias = np.array(struct.unpack_from(f"<{words}f", data), "float32")
    columns = np.frombuffer(data, np.dtype([("scale", "<f4"), ("weights", "i1", FEATURES)]), offset=4 * words)
    with np.errstate(over="ignore", invalid="ignore"):  # said below
        kernel = (columns["weights"] * columns["scale"][:, None]).T
        kernel = np.column_stack([kernel, -kernel.sum(axis=1)])
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise WeightsError("This link is damaged: it holds values that are not finite numbers.")
    return kernel, bias
