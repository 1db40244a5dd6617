"""Show Tiny-ImageNet's pictures to the 13 convolutional layers once, and keep what comes out.

Used by tools/train_pocket.py. About an hour on two cores that have bfloat16 instructions, with a progress bar.
Interrupt it at any time: the next run goes on. The pictures come in rounds, one of each class.
"""

import zipfile
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf
from PIL import ImageOps
from tqdm import tqdm

import helpers  # noqa: F401 - first, since it imports TensorFlow without its log lines
from helpers.architecture import CONV_LAYERS, build_conv_base
from helpers.pictures import fit, open_picture, preprocess
from helpers.weights import load_layers

BATCH = 16
# A photo of a person must never be answered with one of these (see the model card).
LEFT_OUT = {
    "n02481823": "chimpanzee",
    "n02480495": "orangutan",
    "n02486410": "baboon",
    "n02837789": "bikini",
    "n03770439": "miniskirt",
}
# The maps are kept as the square root in steps of 1/10: 8 bits for 0 to 650, finest near zero.
STEPS_PER_UNIT = 10
MAP_SHAPE = (14, 14, 512)
HELD_OUT = 20


def class_ids(archive):
    """The WordNet ids of the 195 classes of the pocket network, in the order of Tiny-ImageNet's own list."""
    lines = archive.read("tiny-imagenet-200/wnids.txt").decode().split()
    return [wnid for wnid in lines if wnid not in LEFT_OUT]


def list_pictures(archive, per_class):
    """All pictures to show, in order: rows of (name in the zip, class number, part).

    part: "held" (the first 20 train pictures of a class), "val" (all validation pictures) or "train".
    """
    ids = class_ids(archive)
    number = {wnid: i for i, wnid in enumerate(ids)}
    root = "tiny-imagenet-200"
    lines = [line.split() for line in archive.read(f"{root}/val/val_annotations.txt").decode().splitlines()]
    validation = [
        (f"{root}/val/images/{name}", number[wnid], "val") for name, wnid, *_ in lines if wnid in number
    ]
    train = {wnid: [] for wnid in ids}
    for name in archive.namelist():
        parts = name.split("/")
        if name.endswith(".JPEG") and parts[1] == "train" and parts[2] in number:
            train[parts[2]].append(name)

    def rounds(start, stop, part):
        return [
            (train[wnid][i], number[wnid], part)
            for i in range(start, stop)
            for wnid in ids
            if i < len(train[wnid])
        ]

    return rounds(0, HELD_OUT, "held") + validation + rounds(HELD_OUT, per_class, "train")


def prepare_tiny(data, mirrored):
    """One 64x64 JPEG, enlarged to what the network wants: float32 (224, 224, 3)."""
    picture = open_picture(data)
    return preprocess(fit(ImageOps.mirror(picture) if mirrored else picture))


def load_conv_base(path):
    """The convolutional layers with the kernels of a `.npz` (keys block1_conv1/kernel ...) or of Keras' `..._notop.h5`."""
    model = build_conv_base()
    if str(path).endswith(".npz"):
        with np.load(path) as arrays:
            for layer in model.layers:
                if layer.weights:
                    layer.set_weights([arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"]])
    else:
        load_layers(model, path, CONV_LAYERS)
    return model


def extract(zip_path, layers_path, cache, per_class):
    """Fill `cache`/maps.bin with the output of block5_conv3 for every picture, going on where the last run stopped.

    zip_path: Tiny-ImageNet's zip. layers_path: see `load_conv_base`. per_class: train pictures a class.
    The file holds uint8 (pictures, 14, 14, 512): the square root in steps of 1 / STEPS_PER_UNIT.
    Returns the list of pictures, a text array (pictures, 3), see `list_pictures`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    archive = zipfile.ZipFile(zip_path)
    pictures = np.array(list_pictures(archive, per_class))
    maps_path, done_path = cache / "maps.bin", cache / "done.txt"
    done = int(done_path.read_text()) if done_path.exists() else 0
    if done >= len(pictures):
        return pictures
    maps_path.touch()
    with open(maps_path, "r+b") as file:
        file.truncate(len(pictures) * np.prod(MAP_SHAPE, dtype=int))
    maps = np.memmap(maps_path, "uint8", "r+", shape=(len(pictures), *MAP_SHAPE))
    keras.mixed_precision.set_global_policy("mixed_bfloat16")  # half the time where the processor knows it
    model = load_conv_base(layers_path)
    keras.mixed_precision.set_global_policy("float32")
    run = tf.function(lambda batch: tf.cast(model(batch, training=False), "float32"))

    def load(start):
        # A train picture is mirrored or not by its place in the list, so that a second run does the same.
        return np.stack(
            [
                prepare_tiny(archive.read(name), part == "train" and np.random.default_rng(i).random() < 0.5)
                for i, (name, _, part) in enumerate(pictures[start : start + BATCH], start)
            ]
        )

    with ThreadPoolExecutor(1) as ahead, tqdm(total=len(pictures), initial=done, mininterval=5) as bar:
        waiting = ahead.submit(load, done)
        for start in range(done, len(pictures), BATCH):
            batch, waiting = (
                waiting.result(),
                ahead.submit(load, start + BATCH) if start + BATCH < len(pictures) else None,
            )
            out = run(batch).numpy()
            maps[start : start + len(out)] = np.minimum(np.rint(np.sqrt(out) * STEPS_PER_UNIT), 255)
            maps.flush()
            done_path.write_text(str(start + len(out)))
            bar.update(len(out))
    return pictures
