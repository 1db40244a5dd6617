"""Finding, downloading, checking and loading weights.

A choice is one of four kinds: "pocket" (in this repository), "imagenet" (Oxford's, as Keras publishes them),
"file" (a file of the same layout that the reader names) and "head" (the pocket network with another last
layer).
"""

import contextlib
import hashlib
import math
import os
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from helpers.architecture import (
    CONV_LAYERS,
    VGG16_LAYERS,
    as_tensor,
    build_pocket,
    build_vgg16,
    empty_array,
)
from helpers.download import download
from helpers.errors import ReaderError
from helpers.labels import DATA

# The file that Keras publishes: name, address (the constant in Keras' applications/vgg16.py), size and md5.
OFFICIAL_NAME = "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
OFFICIAL_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{OFFICIAL_NAME}"
OFFICIAL_BYTES = 553_467_096
OFFICIAL_MD5 = "64373286793e3c8b2b4e3219cbf3544b"

CONV_BASE = DATA / "conv_base.h5"
POCKET_HEAD = DATA / "pocket_head.h5"

PIECE = 2**20  # how many numbers are read at a time: 4 MB, which the processor's cache can hold
MOST_CLASSES = 10_000  # ten times what VGG16 has: a file that claims more is damaged

# What files that are no HDF5 files begin with, what they are, and what to do.
ANOTHER_FORMAT = "we read Keras' weights in HDF5 files (.h5): for Oxford's own say \"imagenet\""
OTHER_FILES = {
    b"version https://git-lfs": (
        "only the note that Git LFS left in the place of the file",
        "fetch the file itself with the command git lfs pull",
    ),
    b"PK\x03\x04": (
        "a whole model in a .keras file, or another zip archive",
        "open it with keras.saving.load_model, save it under a name that ends in .h5, and name that file",
    ),
    b"\x80": ("a file of PyTorch", ANOTHER_FORMAT),
    b"\x1f\x8b": ("compressed by gzip", "unpack it"),
    b"<": ("a web page", "download the file itself"),
}


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
    """Decide which weights are used.

    weights: "pocket", "imagenet" or a path; None asks the environment variable VGG16_WEIGHTS, and where
        that says nothing takes "imagenet" if its file is already in Keras' cache, else "pocket". Blanks and
        quotes around it do not matter.
    Returns a Choice. Nothing is downloaded here. Raises WeightsError if a path leads nowhere, or to a file
    that holds no weights in Keras' layout.
    """
    cached = cache_folder() / OFFICIAL_NAME
    weights = weights or os.environ.get("VGG16_WEIGHTS") or ("imagenet" if cached.is_file() else "pocket")
    if not isinstance(weights, (str, os.PathLike)):
        raise WeightsError(
            f'{weights!r:.60} is no weights file: say "pocket", "imagenet" or the path of a file.'
        )
    name = str(weights).strip(" \t\n\"'")
    if name in ("pocket", "imagenet"):
        return Choice(name, POCKET_HEAD if name == "pocket" else cached)
    path = Path(os.path.expanduser(name))
    with _open(path) as file:
        if _is_head(file):
            return Choice("head", path)
    return Choice("imagenet" if is_official(path) else "file", path)


def is_official(path):
    """Whether a file is the published one, by its size and MD5."""
    path = Path(path)
    if path.stat().st_size != OFFICIAL_BYTES:
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest() == OFFICIAL_MD5


def load(choice, dtype="float32"):
    """Build the network of a choice and put its weights in; a missing official file is downloaded first.

    dtype: the type of numbers in which it computes, as in `architecture.build_vgg16`.
    Returns (model, head): a keras.Model whose layers carry VGG16's names, and the Head or None.
    Raises WeightsError if the file is damaged, incomplete, or of another network, and DownloadError if the
    official one cannot be had.
    """
    if choice.kind in ("pocket", "head"):
        head = load_head(choice.path)
        model = build_pocket(len(head.names), dtype=dtype)
        load_layers(model, CONV_BASE, CONV_LAYERS)
        model.get_layer("predictions").set_weights([head.kernel, head.bias])
        return model, head
    if choice.kind == "imagenet":
        if not choice.path.is_file():
            download(OFFICIAL_URL, choice.path, OFFICIAL_MD5, OFFICIAL_BYTES)
        elif not is_official(choice.path):
            raise WeightsError(
                f"{choice.path} is not the published file (its size or MD5 differs): "
                "delete it, and the next try downloads it again."
            )
    model = build_vgg16(dtype=dtype)
    load_layers(model, choice.path, [row for row in VGG16_LAYERS if row.units])
    return model, None


def load_layers(model, path, rows):
    """Put the kernels and biases of a Keras weights file in the legacy HDF5 layout into a model.

    model: has a layer of the same name for each row.
    path: the file; a group for each layer, with its kernel and its bias. It may also be a whole model
        that Keras saved as .h5: there the groups are in "model_weights".
    rows: the rows of the table of layers to load.
    Raises WeightsError if a layer is missing, has another shape, or holds anything but finite numbers.
    """
    name = Path(path).name
    with _open(path) as file:
        for row in rows:
            wanted = [tuple(variable.shape) for variable in model.get_layer(row.name).variables]
            with _told_of(f"{name} is damaged at layer {row.name}: get it again."):
                arrays = _arrays(file, row.name, name)
                found = [array.shape for array in arrays]
                if found != wanted:
                    raise WeightsError(
                        f"{name} is of another network: its layer {row.name} has shapes {found}, "
                        f"VGG16's has {wanted}."
                    )
                values = [_numbers(array, name) for array in arrays]
            for variable, value in zip(model.get_layer(row.name).variables, values):
                variable.assign(as_tensor(value))  # it now lies where we read it to: there is no second copy


def _arrays(file, layer, name):
    """The arrays of a layer in a weights file, the kernel first; not yet read.

    What they are called has changed with the years, so their shapes tell them apart. (The group's attribute
    `weight_names` says it, but in text of variable length: if that is damaged, HDF5 may search for ever.)
    """
    try:
        group = _inside(_inside(file, "model_weights") if "model_weights" in set(file) else file, layer)
    except KeyError as error:
        if "layers" in set(file):
            raise WeightsError(
                f"{name} is in Keras' newer layout, which we do not read: save the whole model "
                "under a name that ends in .h5, and name that file."
            ) from error
        raise WeightsError(
            f"{name} is not a VGG16 weights file: it has no layer {layer} in Keras' layout."
        ) from error
    arrays = []
    # Each thing once, and no link to other places or files.
    group.visititems(lambda _, item: arrays.append(item) if isinstance(item, h5py.Dataset) else None)
    return sorted(arrays, key=lambda array: -array.ndim)


def _inside(group, name):
    """What is in a group of an HDF5 file under a name; KeyError if nothing is.

    Links to other places or files are not followed: no file of Keras has any, and some never end.
    """
    for part in name.split("/"):
        link = group.get(part, getlink=True)
        if link is None:
            raise KeyError(part)
        if not isinstance(link, h5py.HardLink):
            raise WeightsError(
                f"{Path(group.file.filename).name} is no weights file of Keras: it has links in it."
            )
        group = group[part]
    return group


def _numbers(array, name):
    """Read an array of a weights file as float32, a few megabytes at a time: then no large copy is needed."""
    if not _is_whole(array) or array.dtype.kind != "f":
        raise WeightsError(
            f"{name} is incomplete, or Keras did not write it: "
            f"its {array.name} is not an array of floating-point numbers that lies in it whole."
        )
    values = empty_array(array.shape)
    rows = max(1, PIECE // math.prod(array.shape[1:]))
    for start in range(0, len(values), rows):
        piece = np.s_[start : start + rows]
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite
            values[piece] = array[piece]
        if not np.isfinite(values[piece]).all():
            raise WeightsError(
                f"{name} is damaged: its {array.name} holds values that are not finite numbers."
            )
    return values


def _is_whole(array):
    """Whether an array lies in its file as it is: not compressed, not put together from other places.

    Then reading it takes as much memory as the file takes space, and not more, whatever it claims.
    """
    pieces = array.chunks or array.is_virtual or array.external
    return not pieces and array.id.get_storage_size() == array.nbytes


@contextlib.contextmanager
def _told_of(sentence):
    """Tell the reader of any failure: h5py reports a damaged file with whatever error it stumbled over."""
    try:
        yield
    except WeightsError:
        raise
    except Exception as error:
        raise WeightsError(sentence) from error


def _open(path):
    """Open an HDF5 file for reading; a WeightsError that says what it is instead, if it is none."""
    path = Path(path)
    start = _start(path)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "unable to lock file" in str(error) or "already open" in str(error):
            sentence = f"{path.name} is in use: close it in the program that writes to it, and try again."
        elif not start:
            sentence = f"{path.name} is empty: get it again."
        elif start.startswith(b"\x89HDF"):
            sentence = f"{path.name} is not a complete HDF5 weights file: get it again."
        else:
            sentence = _what_it_is(path.name, start)
        raise WeightsError(sentence) from error


def _start(path):
    """The first bytes of a file; a WeightsError if there is none or it cannot be read."""
    choose_another = 'say "pocket", "imagenet" or the path of a file.'
    try:
        if path.exists() and not path.is_file():
            raise WeightsError(f"{path} is a folder or a device, not a weights file: {choose_another}")
        with open(path, "rb") as file:
            return file.read(100)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        if isinstance(error, WeightsError):
            raise
        counted = "" if path.is_absolute() else f" in {Path.cwd()}, from where it was counted"
        raise WeightsError(f"There is no weights file {path}{counted}: {choose_another}") from error
    except PermissionError as error:
        raise WeightsError(f"{path} may not be read: check its permissions.") from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): {choose_another}") from error


def _what_it_is(name, start):
    if b"data.pkl" in start:  # the first file in a zip archive of PyTorch
        start = b"\x80"
    if start[4:9] == b"\0\0\0\0{":  # after the length of the header, in 8 bytes
        return f"{name} is a file of safetensors: {ANOTHER_FORMAT}."
    for first, (what, advice) in OTHER_FILES.items():
        if start.lstrip().startswith(first):
            return f"{name} is {what}: {advice}."
    return f"{name} is not an HDF5 file: {ANOTHER_FORMAT}."


def _is_head(file):
    with _told_of(f"{Path(file.filename).name} is damaged: get it again."):
        return {"predictions", "names"} <= set(file)


def save_head(path, head):
    """Save a last layer with its labels in one small HDF5 file, which `load_head` reads again.

    path: where; written beside and then moved into place, so that an interruption never leaves half a file.
    head: a Head. Raises WeightsError if the file cannot be written.
    """
    path = Path(path).expanduser()
    part = path.with_name(path.name + ".part")
    try:
        if path.exists() and not path.is_file():
            raise IsADirectoryError(path)  # or a device, which must not be replaced either
        with h5py.File(part, "w", libver="v110") as file:  # from that version on with checksums in it
            file["predictions/kernel"] = np.asarray(head.kernel, "float32")
            file["predictions/bias"] = np.asarray(head.bias, "float32")
            # Text of fixed length: of the other kind, one damaged byte may keep HDF5 searching for ever.
            file["wnids"] = np.array([wnid.encode() for wnid in head.wnids], "S")
            file["names"] = np.array([name.encode() for name in head.names], "S")
        part.replace(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: choose a file in another folder.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def load_head(path):
    """Read a last layer that `save_head` wrote: a Head. Raises WeightsError if it is not one."""
    path = Path(path).expanduser()
    not_one = f"{path.name} is not a last layer of the pocket network, or it is damaged: make it again."
    with _open(path) as file, _told_of(not_one):
        kernel, bias, wnids, names = parts = [
            _inside(file, part) for part in ("predictions/kernel", "predictions/bias", "wnids", "names")
        ]
        classes = names.shape[0]
        if [part.shape for part in parts] != [(512, classes), (classes,), (classes,), (classes,)]:
            raise WeightsError(
                f"{path.name} is not a last layer of the pocket network: "
                f"its kernel is {kernel.shape}, with {classes} names."
            )
        if not 1 <= classes <= MOST_CLASSES:
            raise WeightsError(
                f"{path.name} is damaged: it claims {classes:,} labels, and {MOST_CLASSES:,} are the most."
            )
        return Head(_numbers(kernel, path.name), _numbers(bias, path.name), _texts(wnids), _texts(names))


def _texts(array):
    if not _is_whole(array) or array.dtype.kind != "S":
        raise TypeError(array.name)
    return tuple(text.decode() for text in array[()])
