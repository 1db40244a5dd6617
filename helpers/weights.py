"""Finding, downloading, checking and loading weights.

A choice is one of four kinds: "pocket" (in this repository), "imagenet" (Oxford's, as Keras publishes them),
"file" (a file of the same layout that the reader names) and "head" (the pocket network with another last
layer).
"""

import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pooch

from helpers.architecture import CONV_LAYERS, VGG16_LAYERS, build_pocket, build_vgg16
from helpers.errors import ReaderError

# The file that Keras publishes: name, address (the constant in Keras' applications/vgg16.py), size and md5.
OFFICIAL_NAME = "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
OFFICIAL_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{OFFICIAL_NAME}"
OFFICIAL_BYTES = 553_467_096
OFFICIAL_MD5 = "64373286793e3c8b2b4e3219cbf3544b"

DATA = Path(__file__).resolve().parent / "data"
CONV_BASE = DATA / "conv_base.h5"
POCKET_HEAD = DATA / "pocket_head.h5"


class WeightsError(ReaderError):
    """Weights cannot be had or used; the message is one plain sentence for the reader."""


class Choice(NamedTuple):
    """Which weights are to be loaded: kind is "pocket", "imagenet", "file" or "head"; path is the file."""

    kind: str
    path: Path


class Head(NamedTuple):
    """The last layer of the pocket network, float32 (512, classes) and (classes,), and each class's label."""

    kernel: np.ndarray
    bias: np.ndarray
    wnids: tuple
    names: tuple


def cache_folder():
    """Where Keras keeps what it downloads: there the official file is, if the reader has ever used it."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def choose(weights=None):
    """Decide which weights speak.

    weights: "pocket", "imagenet" or a path; None asks the environment variable VGG16_WEIGHTS, and where
        that says nothing takes "imagenet" if its file is already in Keras' cache, else "pocket".
    Returns a Choice. Nothing is downloaded here. Raises WeightsError if a path leads nowhere.
    """
    cached = cache_folder() / OFFICIAL_NAME
    weights = weights or os.environ.get("VGG16_WEIGHTS") or ("imagenet" if cached.is_file() else "pocket")
    if weights == "pocket":
        return Choice("pocket", POCKET_HEAD)
    if weights == "imagenet":
        return Choice("imagenet", cached)
    path = Path(weights).expanduser()
    if not path.is_file():
        raise WeightsError(
            f'There is no weights file {path}: say "pocket", "imagenet" or the path of a file.'
        )
    if _is_head(path):
        return Choice("head", path)
    return Choice("imagenet" if is_official(path) else "file", path)


def download(url=OFFICIAL_URL, md5=OFFICIAL_MD5, folder=None):
    """Download the official file, once, with a progress bar; keep it only if it is complete and genuine.

    url, md5: where it is and what its MD5 must be.
    folder: where it goes; Keras' own cache if None.
    Returns its path. Raises WeightsError, and leaves no partial file, if it cannot be had or is another file.
    """
    folder = Path(folder or cache_folder())
    pooch.get_logger().setLevel("ERROR")
    try:
        return Path(
            pooch.retrieve(
                url,
                f"md5:{md5}",
                fname=url.rsplit("/", 1)[-1],
                path=folder,
                downloader=pooch.HTTPDownloader(progressbar=True, timeout=30),
            )
        )
    except ValueError as error:
        raise WeightsError(
            f"What came from {url} is not the published file (its MD5 differs): try again later."
        ) from error
    except OSError as error:
        raise WeightsError(
            f"{url} could not be downloaded to {folder}: "
            "check the connection and the free space, and try again."
        ) from error


def is_official(path):
    """Whether a file is the published one, by its MD5; a yes is remembered by size and time of change."""
    path = Path(path)
    if path.stat().st_size != OFFICIAL_BYTES:
        return False
    seen = {"bytes": path.stat().st_size, "changed": path.stat().st_mtime_ns, "md5": OFFICIAL_MD5}
    note = path.with_name(path.name + ".checked")
    if note.is_file() and note.read_text() == json.dumps(seen):
        return True
    with open(path, "rb") as file:
        genuine = hashlib.file_digest(file, "md5").hexdigest() == OFFICIAL_MD5
    if genuine and os.access(path.parent, os.W_OK):
        note.write_text(json.dumps(seen))
    return genuine


def load(choice):
    """Build the network of a choice and put its weights in; a missing official file is downloaded first.

    Returns (model, head): a keras.Model whose layers carry VGG16's names, and the Head or None.
    Raises WeightsError if the file is damaged, incomplete, or of another network.
    """
    if choice.kind in ("pocket", "head"):
        head = load_head(choice.path)
        model = build_pocket(len(head.names))
        load_layers(model, CONV_BASE, CONV_LAYERS)
        model.get_layer("predictions").set_weights([head.kernel, head.bias])
        return model, head
    if choice.kind == "imagenet":
        if not choice.path.is_file():
            download()
        if not is_official(choice.path):
            raise WeightsError(
                f"{choice.path} is not the published file (its size or MD5 differs): "
                "delete it, and the next try downloads it again."
            )
    model = build_vgg16()
    load_layers(model, choice.path, [row for row in VGG16_LAYERS if row.units])
    return model, None


def load_layers(model, path, rows):
    """Put the kernels and biases of a Keras weights file in the legacy HDF5 layout into a model.

    model: has a layer of the same name for each row.
    path: the file; a group for each layer, whose attribute `weight_names` says what its arrays are called.
    rows: the rows of the table of layers to load.
    Raises WeightsError if a layer is missing, has another shape, or holds anything but finite numbers.
    """
    name = Path(path).name
    with _open(path) as file:
        for row in rows:
            values = _arrays(file, row.name, name)
            wanted = [tuple(variable.shape) for variable in model.get_layer(row.name).variables]
            found = [array.shape for array in values]
            if found != wanted:
                raise WeightsError(
                    f"{name} is of another network: its layer {row.name} has shapes {found}, "
                    f"VGG16's has {wanted}."
                )
            if not all(np.isfinite(array).all() for array in values):
                raise WeightsError(
                    f"{name} is damaged: its layer {row.name} holds values that are not numbers."
                )
            model.get_layer(row.name).set_weights(values)


def _arrays(file, layer, name):
    try:
        group = file[layer]
        names = [text.decode() if isinstance(text, bytes) else text for text in group.attrs["weight_names"]]
        return [np.asarray(group[text][()], "float32") for text in names]
    except KeyError as error:
        raise WeightsError(
            f"{name} is not a VGG16 weights file: it has no layer {layer} in Keras' layout."
        ) from error
    except Exception as error:
        # h5py reports a damaged file with whatever error it stumbled over.
        raise WeightsError(f"{name} is damaged or incomplete at layer {layer}: get it again.") from error


def _open(path):
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise WeightsError(f"{Path(path).name} is not a complete HDF5 weights file: get it again.") from error


def _is_head(path):
    with _open(path) as file:
        try:
            return "predictions" in file and "names" in file
        except RuntimeError as error:  # so h5py says that the table of contents is damaged
            raise WeightsError(f"{path.name} is damaged: get it again.") from error


def save_head(path, head):
    """Save a last layer with its labels in one small HDF5 file, which `load_head` reads again.

    path: where; written beside and then moved into place, so that an interruption never leaves half a file.
    head: a Head.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    text = h5py.string_dtype()
    try:
        with h5py.File(part, "w") as file:
            file["predictions/kernel"] = np.asarray(head.kernel, "float32")
            file["predictions/bias"] = np.asarray(head.bias, "float32")
            file.create_dataset("wnids", data=list(head.wnids), dtype=text)
            file.create_dataset("names", data=list(head.names), dtype=text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_head(path):
    """Read a last layer that `save_head` wrote: a Head. Raises WeightsError if it is not one."""
    name = Path(path).name
    with _open(path) as file:
        try:
            head = Head(
                file["predictions/kernel"][...],
                file["predictions/bias"][...],
                tuple(file["wnids"].asstr()[...]),
                tuple(file["names"].asstr()[...]),
            )
        except Exception as error:
            # h5py reports a damaged file with whatever error it stumbled over.
            raise WeightsError(
                f"{name} is not a last layer of the pocket network, or it is damaged: make it again."
            ) from error
    classes = len(head.names)
    if head.kernel.shape != (512, classes) or head.bias.shape != (classes,) or len(head.wnids) != classes:
        raise WeightsError(
            f"{name} is not a last layer of the pocket network: "
            f"its kernel is {head.kernel.shape}, with {classes} names."
        )
    if not (np.isfinite(head.kernel).all() and np.isfinite(head.bias).all()):
        raise WeightsError(f"{name} is damaged: it holds values that are not numbers.")
    return head
