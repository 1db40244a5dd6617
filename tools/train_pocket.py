"""Train the pocket network's last layer, judge it, and write its model card.

    python tools/train_pocket.py tiny-imagenet-200.zip --layers vgg16_notop.h5 --sharp PHOTOS

1. Shows Tiny-ImageNet's pictures to Oxford's 13 convolutional layers (tools/pocket_features.py; resumable).
2. Does the same with sharp photos: how do the averages of a photo differ from those of its thumbnail?
3. Fits one dense layer on the thumbnails' averages, each moved towards what a sharp photo would give.
4. Sets its temperature on sharp photos of its labels.
5. Judges it once on the validation pictures, and on the photos from elsewhere in tests/data/outside.
6. Writes helpers/data/pocket_head.h5, helpers/data/pocket_card.json, docs/pocket_model_card.md and its
   drawing.

The choices (see `choices` in the card) were made on 20 train pictures a class and on the sharp photos of
step 4.
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
import pocket_card
import pocket_features
from helpers import load_recogniser
from helpers.labels import label_of
from helpers.pictures import fit as make_square
from helpers.pictures import open_picture, preprocess
from helpers.weights import DATA, POCKET_HEAD, Head, save_head

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = ROOT / "tests" / "data" / "outside" / "labels.csv"
SEEDS = 5
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY, DROPOUT = 25, 1024, 4e-3, 0.5, 0.2
SHARPER, SPREAD = 1.25, 0.3  # how far a thumbnail is moved at most, and the share of chance in it
HELD_OUT = 20  # train pictures a class that the fits for the choices did not see
BINS = 15


def fit(features, classes, count, differences, seed):
    """Fit one dense layer with softmax on thumbnails' averages, so that it works on sharp photos too.

    Sharp photos have larger and more varied averages than thumbnails. So every epoch moves each picture's
    averages by a random share of that difference: the mean one, and a little of a random pair's own. And it
    sees mixtures of two pictures, to be answered with both labels in proportion (Zhang et al., "mixup: Beyond
    Empirical Risk Minimization", 2018).

    features: float32 (n, 512). classes: int (n,). count: number of classes.
    differences: float32 (pairs, 512), sharp minus thumbnail. seed: of everything random.
    Returns kernel (512, count) and bias (count,), for averages as they come: the standardisation is folded
    in.
    """
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    step, rest = differences.mean(axis=0), differences - differences.mean(axis=0)
    mean, deviation = features.mean(axis=0) + step / 2, features.std(axis=0) + 1e-6
    targets = np.eye(count, dtype="float32")[classes]
    model = keras.Sequential([keras.Input((512,)), keras.layers.Dropout(DROPOUT), keras.layers.Dense(count)])
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * -(-len(features) // BATCH))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY), loss)
    for _ in tqdm(range(EPOCHS), desc=f"fit {seed}"):
        amount = random.uniform(0, SHARPER, (len(features), 1)).astype("float32")
        chance = rest[random.integers(len(rest), size=len(features))]
        inputs = (features + amount * (step + SPREAD * chance) - mean) / deviation
        other = random.permutation(len(inputs))
        share = random.uniform(size=(len(inputs), 1)).astype("float32")
        mixed = share * inputs + (1 - share) * inputs[other]
        model.fit(mixed, share * targets + (1 - share) * targets[other], batch_size=BATCH, verbose=0)
    kernel, bias = model.layers[-1].get_weights()
    kernel = kernel / deviation[:, None]
    return kernel, bias - mean @ kernel


def fit_average(features, classes, count, differences):
    """The average of SEEDS fits: one linear layer again, and less of chance in it."""
    fits = [fit(features, classes, count, differences, seed) for seed in range(SEEDS)]
    return tuple(np.mean(arrays, axis=0) for arrays in zip(*fits))


def log_softmax(logits):
    """The logarithm of the softmax of each row."""
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def answer(averages, kernel, bias):
    """The probabilities that a last layer gives: float (n, 512) becomes (n, count)."""
    return np.exp(log_softmax(averages @ kernel + bias))


def best_temperature(logits, classes):
    """What to divide logits by so that the probabilities fit best (Guo et al., "On Calibration", 2017)."""
    candidates = np.geomspace(0.2, 5, 321)
    losses = [-log_softmax(logits / t)[np.arange(len(classes)), classes].mean() for t in candidates]
    return float(candidates[np.argmin(losses)])


def judge(probabilities, classes):
    """How good answers are.

    probabilities: float (n, count). classes: int (n,).
    Returns n; top1 and top5 with Wilson's 95 % intervals; the expected calibration error over BINS equal bins
    of the highest probability; and of each bin that is not empty [n, mean probability, share right].
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :5]
    right, sure = order[:, 0] == classes, probabilities.max(axis=1)
    five, n = (order == classes[:, None]).any(axis=1), len(classes)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    rows = [
        [int((bins == b).sum()), float(sure[bins == b].mean()), float(right[bins == b].mean())]
        for b in np.unique(bins)
    ]
    return {
        "n": n,
        "labels": len(np.unique(classes)),
        "top1": float(right.mean()),
        "top1_interval": interval(right.sum(), n),
        "top5": float(five.mean()),
        "top5_interval": interval(five.sum(), n),
        "mean_probability": float(sure.mean()),
        "calibration_error": sum(count * abs(share - mean) for count, mean, share in rows) / n,
        "bins": rows,
    }


def interval(hits, n, z=1.96):
    """Wilson's 95 % interval for a share of hits in n tries."""
    share = hits / n
    middle, half = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return [float((middle - half) / (1 + z * z / n)), float((middle + half) / (1 + z * z / n))]


def judge_outside(recogniser, how):
    """The finished network, judged on the photos from elsewhere: all, the first ones, those added later."""
    with open(OUTSIDE, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    batch = np.stack([preprocess(make_square(open_picture(ROOT / row["file"]), how)) for row in rows])
    probabilities = recogniser.probabilities(batch)
    classes = np.array([recogniser.index(row["wnid"]) for row in rows])
    later = np.array([bool(row["added"]) for row in rows])
    parts = {"all": later | True, "first": ~later, "added": later}
    return {name: judge(probabilities[part], classes[part]) for name, part in parts.items() if part.any()}


def load_sharp(source, run, ids, cache):
    """Sharp photos: (differences, samples by way of making square, classes of the samples).

    source: sharp_pairs.npz; or a folder of photos whose names begin with their WordNet id: those of the
        pocket's labels are the samples, all others give the pairs. run: see `pocket_features.averages_of`.
    ids: the WordNet ids of the pocket's labels. cache: where a folder's averages are kept, a .npz.
    """
    if Path(source).is_dir():
        if not cache.exists():
            paths = sorted(Path(source).iterdir())
            known = [path for path in paths if path.name[:9] in ids]
            arrays = {f"samples_{how}": run_all(run, known, how) for how in ("squash", "crop")}
            arrays["difference"] = pocket_features.extract_pairs([p for p in paths if p not in known], run)
            np.savez(cache, samples_wnid=[path.name[:9] for path in known], **arrays)
        source = cache
    with np.load(source) as arrays:
        samples = {how: arrays[f"samples_{how}"].astype("float32") for how in ("squash", "crop")}
        classes = np.array([ids.index(wnid) for wnid in arrays["samples_wnid"]])
        return arrays["difference"].astype("float32"), samples, classes


def run_all(run, paths, how):
    """The averages of photos, one by one: float32 (len(paths), 512)."""
    return np.concatenate([run(preprocess(make_square(open_picture(path), how))[None]) for path in paths])


def load_features(args, run):
    """The averages of Tiny-ImageNet: (train, classes, validation, classes, WordNet ids)."""
    with zipfile.ZipFile(args.zip) as archive:
        ids = pocket_features.class_ids(archive)
        train, validation = pocket_features.list_pictures(archive)
        known = pocket_features.ready(args.ready, archive) if args.ready else {}
    names = [name for name, _ in train if name not in known]
    known |= dict(zip(names, pocket_features.extract(args.zip, names, run, args.cache / "train.bin")))
    unseen = pocket_features.extract(args.zip, [n for n, _ in validation], run, args.cache / "validation.bin")
    order = {name: number for number, name in enumerate(dict(train))}
    every = sorted(known, key=lambda name: order.get(name, len(order)))
    wnids = {wnid: number for number, wnid in enumerate(ids)}
    every = [name for name in every if name.split("/")[2] in wnids]
    return (
        np.stack([known[name] for name in every]).astype("float32"),
        np.array([wnids[name.split("/")[2]] for name in every]),
        unseen.astype("float32"),
        np.array([wnids[wnid] for _, wnid in validation]),
        ids,
    )


def held_out(classes):
    """Which train pictures are set aside for the choices: the first HELD_OUT of each class."""
    seen, aside = np.zeros(classes.max() + 1, int), np.zeros(len(classes), bool)
    for place, number in enumerate(classes):
        aside[place] = seen[number] < HELD_OUT
        seen[number] += 1
    return aside


def main():
    """Features, fit, temperature, judgement, card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("zip", help="Tiny-ImageNet's zip, or one with the same folders and fewer pictures")
    parser.add_argument("--layers", required=True, help="the convolutional layers: .npz, or ..._notop.h5")
    parser.add_argument("--sharp", required=True, help="sharp photos: a folder, or sharp_pairs.npz")
    parser.add_argument("--ready", help="a folder with averages made before, see pocket_features.ready")
    parser.add_argument("--cache", default=ROOT / "build" / "pocket", type=Path, help="for the averages")
    args = parser.parse_args()

    run = pocket_features.averages_of(args.layers)
    features, classes, unseen, unseen_classes, ids = load_features(args, run)
    differences, samples, sample_classes = load_sharp(args.sharp, run, ids, args.cache / "sharp.npz")

    aside = held_out(classes)
    kernel, bias = fit_average(features[~aside], classes[~aside], len(ids), differences)
    sharp, twice = np.concatenate(list(samples.values())), np.tile(sample_classes, len(samples))
    temperature = best_temperature(sharp @ kernel + bias, twice)
    trial = kernel / temperature, bias / temperature
    choices = {
        "held_out": judge(answer(features[aside], *trial), classes[aside]),
        **{how: judge(answer(averages, *trial), sample_classes) for how, averages in samples.items()},
        "temperature": temperature,
    }

    kernel, bias = fit_average(features, classes, len(ids), differences)
    temperature = best_temperature(sharp @ kernel + bias, twice)
    kernel, bias = kernel / temperature, bias / temperature
    save_head(POCKET_HEAD, Head(kernel, bias, ids, [label_of(wnid).name for wnid in ids]))
    recogniser = load_recogniser("pocket")
    card = {
        "labels": len(ids),
        "train": {"pictures": len(classes), "per_class": int(np.bincount(classes).max())},
        "choices": choices,
        "temperature": temperature,
        "sharp": judge(answer(sharp, kernel, bias), twice),
        "validation": judge(answer(unseen, kernel, bias), unseen_classes),
        "outside": {how: judge_outside(recogniser, how) for how in ("squash", "crop", "pad")},
    }
    (DATA / "pocket_card.json").write_text(json.dumps(card, indent=1) + "\n")
    pocket_card.write_card(card)
    print(json.dumps(card, indent=1))


if __name__ == "__main__":
    main()
