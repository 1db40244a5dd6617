"""The averages on which the pocket network's last layer is fitted: 512 numbers a picture.

Used by tools/train_pocket.py. Shows pictures to Oxford's 13 convolutional layers and keeps the average of
each map of block5_conv3. All 107,250 pictures of Tiny-ImageNet take about an hour on two cores that have
bfloat16 instructions. Interrupt it at any time: the next run goes on.
"""

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps
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
THUMBNAIL = 64  # height and width of Tiny-ImageNet's pictures
SQUARES = 11  # cut from each sharp photo for the pairs


def class_ids(archive):
    """The WordNet ids of the 195 classes of the pocket network, in the order of Tiny-ImageNet's own list."""
    lines = archive.read("tiny-imagenet-200/wnids.txt").decode().split()
    return [wnid for wnid in lines if wnid not in LEFT_OUT]


def list_pictures(archive):
    """All pictures of the zip that the pocket network may see: (train, validation).

    Each is a list of (name in the zip, WordNet id). The train pictures come in rounds, one of each class: so
    those of a class are `train[i::classes]`, and an interrupted run has seen all classes alike.
    """
    root, ids = "tiny-imagenet-200", class_ids(archive)
    lines = archive.read(f"{root}/val/val_annotations.txt").decode().splitlines()
    pairs = [line.split()[:2] for line in lines]
    validation = [(f"{root}/val/images/{name}", wnid) for name, wnid in pairs if wnid in ids]
    inside = set(archive.namelist())
    rounds = [(f"{root}/train/{wnid}/images/{wnid}_{i}.JPEG", wnid) for i in range(500) for wnid in ids]
    return [row for row in rounds if row[0] in inside], validation


def thumbnail(square):
    """A photo's square as Tiny-ImageNet would hold it: 64 x 64 pixels, sharp details lost.

    Each of the 64 x 64 samples is taken between the four pixels around it (bilinear), at i * side / 64 - 0.5
    pixels from the first, and nothing is averaged before: most pixels of a large photo are skipped. Then
    comes a JPEG of quality 75 with halved colours. Found by comparing six of Tiny-ImageNet's pictures with
    their originals: 2.4 to 3.8 of 255 grey levels apart, where averaging filters are 12 to 27.

    square: a Pillow image in mode RGB, as high as wide. Returns one of 64 x 64 pixels.
    """
    side, pixels = square.width, np.asarray(square, "float32")
    places = np.clip(np.arange(THUMBNAIL) * side / THUMBNAIL - 0.5, 0, side - 1)
    first = places.astype(int)
    second, share = np.minimum(first + 1, side - 1), (places - first).astype("float32")
    rows = pixels[first] + share[:, None, None] * (pixels[second] - pixels[first])
    small = rows[:, first] + share[None, :, None] * (rows[:, second] - rows[:, first])
    file = io.BytesIO()
    Image.fromarray(np.rint(small).astype("uint8")).save(file, "JPEG", quality=75, subsampling="4:2:0")
    return open_picture(file)


def sharp_squares(photo, random):
    """Squares of a photo for the pairs: SQUARES places and sizes at random, every second one mirrored.

    photo: a Pillow image in mode RGB. random: a numpy Generator. Returns a list of square Pillow images.
    """
    squares = []
    for number in range(SQUARES):
        side = round(min(photo.size) * random.uniform(0.6, 1))
        left, top = (int(random.integers(0, length - side + 1)) for length in photo.size)
        square = photo.crop((left, top, left + side, top + side))
        squares.append(ImageOps.mirror(square) if number % 2 else square)
    return squares


def load_conv_base(path):
    """The convolutional layers, from a `.npz` (keys block1_conv1/kernel ...) or Keras' `..._notop.h5`."""
    model = build_conv_base()
    if str(path).endswith(".npz"):
        with np.load(path) as arrays:
            for layer in model.layers:
                if layer.weights:
                    layer.set_weights([arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"]])
    else:
        load_layers(model, path, CONV_LAYERS)
    return model


def averages_of(layers_path):
    """A function from prepared pictures (n, 224, 224, 3) to the averages of the maps, float32 (n, 512).

    It computes in bfloat16: half the time where the processor knows it.
    """
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = load_conv_base(layers_path)
    finally:
        keras.mixed_precision.set_global_policy("float32")

    @tf.function(input_signature=[tf.TensorSpec((None, 224, 224, 3), tf.float32)])
    def run(batch):
        return tf.reduce_mean(tf.cast(model(batch, training=False), "float32"), axis=(1, 2))

    return lambda batch: run(tf.constant(batch)).numpy()


def extract(zip_path, names, run, cache):
    """The averages of pictures of Tiny-ImageNet's zip, going on where the last run stopped.

    names: of the pictures in the zip, in an order that does not change. run: see `averages_of`.
    cache: a file for what is done, float16 (pictures done, 512). Returns float16 (len(names), 512).
    """
    cache = Path(cache)
    cache.parent.mkdir(parents=True, exist_ok=True)
    row_bytes = 512 * 2
    with zipfile.ZipFile(zip_path) as archive, open(cache, "ab") as file, ThreadPoolExecutor(1) as ahead:
        start = file.tell() // row_bytes
        file.truncate(start * row_bytes)  # half a row of an interrupted run

        def load(place):
            pictures = [open_picture(archive.read(name)) for name in names[place : place + BATCH]]
            return np.stack([preprocess(fit(picture)) for picture in pictures])

        places = range(start, len(names), BATCH)
        waiting = ahead.submit(load, start) if places else None
        for place in tqdm(places, desc=cache.stem, mininterval=5):
            batch = waiting.result()
            if place + BATCH < len(names):
                waiting = ahead.submit(load, place + BATCH)
            file.write(run(batch).astype("float16").tobytes())
            file.flush()
    return np.fromfile(cache, "float16").reshape(-1, 512)[: len(names)]


def extract_pairs(folder, run):
    """Sharp minus thumbnail: how the averages of the same square differ, for all photos of a folder.

    folder: photos of any labels that are not among those of the pocket network. run: see `averages_of`.
    Returns float16 (photos * SQUARES, 512).
    """
    random, differences = np.random.default_rng(0), []
    for path in tqdm(sorted(Path(folder).iterdir()), desc="pairs"):
        squares = sharp_squares(open_picture(path), random)
        sharp = run(np.stack([preprocess(fit(square)) for square in squares]))
        small = run(np.stack([preprocess(fit(thumbnail(square))) for square in squares]))
        differences.append(sharp - small)
    return np.concatenate(differences).astype("float16")


def ready(folder, archive):
    """Averages that lie ready: a dictionary from names in the zip to float16 (512,).

    folder: holds tiny_features.npz and tiny_features_200_to_499.npz, made in this way before; they say in
    `about` what they are.
    """
    folder, found = Path(folder), {}
    every = archive.read("tiny-imagenet-200/wnids.txt").decode().split()
    name = "tiny-imagenet-200/train/{0}/images/{0}_{1}.JPEG".format
    with np.load(folder / "tiny_features.npz") as arrays:
        rows, labels = arrays["train_x"], arrays["train_y"]
        found |= {name(every[k], i // len(every)): rows[i] for i, k in enumerate(labels)}
    with np.load(folder / "tiny_features_200_to_499.npz") as arrays:
        rows, labels, wnids = arrays["x"], arrays["label"], arrays["wnids"]
        found |= {name(wnids[k], 200 + i // len(wnids)): rows[i] for i, k in enumerate(labels)}
    return found
