"""What an exam says of a taught word, and what is true: simulated bursts, written to docs/bursts.md.

    python tools/bursts.py

Takes two minutes, and five more the first time, for the features (kept in build/bursts.npz).
"""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from helpers import load_recogniser
from helpers.explain import LAST_CONV, activations
from helpers.pictures import catalogue, open_picture
from helpers.teach import fit_layer, leave_out, softmax

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "bursts.npz"
PAGE = ROOT / "docs" / "bursts.md"

SHOTS = 4  # photos in a burst
SCENES = (1, 2, 3, 5)  # for each word
TRIALS = 60

# Fixed before any of it was computed. The first are photos, the second drawings.
TASKS = {
    "photos of mammals, of other animals, of landscapes": {
        "mammal": "dog, cat, lion, koala, bear, pig, bison, camel, elephant, red panda",
        "other animal": "penguin, goose, bee, fly, grasshopper, mantis, ladybird, dragonfly, lobster, snail, "
        "slug, goldfish, jellyfish, coral reef",
        "landscape": "seashore, lakeside, alp, cliff, dam, mountain, viaduct, bridge, cliff dwelling",
    },
    "drawings of apples, of pears, of strawberries": {
        "apple": "apples_drawn",
        "pear": "pears_drawn",
        "strawberry": "strawberries_drawn",
    },
}


def scenes():
    """The pictures of each task: a dict task -> list of (word's number, Entry). Each is a scene."""
    entries, found = catalogue(), {}
    for task, words in TASKS.items():
        found[task] = []
        for number, chosen in enumerate(words.values()):
            kinds = set(chosen.split(", "))
            for entry in entries:
                is_photo = "outside" in entry.sets and entry.word in kinds
                if is_photo or kinds & set(entry.sets):
                    found[task].append((number, entry))
    return found


def shot(picture, rng):
    """One more photo of the same thing: the camera aside, nearer and tilted, another light, blur, noise.

    picture: a Pillow image in mode RGB. Returns another of the same size.
    """
    width, height = picture.size
    zoom, (right, down) = rng.uniform(0.86, 0.97), rng.uniform(0, 1, 2)
    wide, high = zoom * width, zoom * height
    left, top = right * (width - wide), down * (height - high)
    turned = picture.rotate(rng.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor="white")
    moved = turned.resize(picture.size, Image.Resampling.BICUBIC, box=(left, top, left + wide, top + high))
    moved = ImageEnhance.Brightness(moved).enhance(rng.uniform(0.8, 1.2))
    moved = ImageEnhance.Color(moved).enhance(rng.uniform(0.85, 1.15))
    moved = moved.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.004) * min(width, height)))
    noisy = np.array(moved) + rng.normal(0, 5, (height, width, 1))
    return Image.fromarray(noisy.clip(0, 255).astype("uint8"))


def features():
    """Averages of block5_conv3 of each picture and its SHOTS: a dict file -> float32 (1 + SHOTS, 512).

    Kept from one run to the next, as long as this file and the pictures stay as they are.
    """
    entries = {entry.file: entry for pairs in scenes().values() for _, entry in pairs}
    told = Path(__file__).read_text().split("def features")[0] + "".join(e.sha256 for e in entries.values())
    state = hashlib.sha256(told.encode()).hexdigest()
    if KEPT.is_file():
        with np.load(KEPT) as kept:
            if str(kept["state"]) == state:
                return {file: kept[file] for file in entries}
    recogniser, rng = load_recogniser("pocket"), np.random.default_rng(0)
    found = {}
    for file, entry in entries.items():
        picture = open_picture(entry.path)
        burst = [picture, *(shot(picture, rng) for _ in range(SHOTS))]
        maps = [activations(recogniser, each, [LAST_CONV])[LAST_CONV] for each in burst]
        found[file] = np.stack([each.reshape(-1, 512).mean(axis=0) for each in maps])
    KEPT.parent.mkdir(exist_ok=True)
    np.savez(KEPT, state=state, **found)
    return found


def trial(pairs, kept, count, rng):
    """Teach on bursts of `count` scenes a word, drawn at random: shares that are right, of three exams.

    Returns (one photo left out, one scene left out or None, photos of scenes that were set aside).
    """
    words = np.array([number for number, _ in pairs])
    chosen = np.concatenate(
        [rng.choice(np.flatnonzero(words == word), count, replace=False) for word in np.unique(words)]
    )
    x = np.concatenate([kept[pairs[place][1].file][1:] for place in chosen])
    numbers, groups = words[chosen].repeat(SHOTS), chosen.repeat(SHOTS)
    photo = leave_out(x, numbers, np.arange(len(x)))
    scene = leave_out(x, numbers, groups) if count > 1 else None
    weights, bias = fit_layer(x, numbers)
    aside = np.setdiff1d(np.arange(len(pairs)), chosen)
    new = softmax(np.stack([kept[pairs[place][1].file][0] for place in aside]) @ weights + bias)
    share = lambda answers, right: (answers.argmax(axis=1) == right).mean()  # noqa: E731
    # Words have different numbers of pictures: each counts the same.
    truth = np.mean([share(new[words[aside] == word], word) for word in np.unique(words)])
    return share(photo, numbers), scene if scene is None else share(scene, numbers), truth


def table(pairs, kept):
    """Rows of the table of one task: a list of lines of Markdown."""
    lines = []
    for count in SCENES:
        rng = np.random.default_rng(count)
        results = [trial(pairs, kept, count, rng) for _ in range(TRIALS)]
        photo, scene, truth = zip(*results)
        shown = [_share(photo), "cannot be asked" if count == 1 else _share(scene), _share(truth)]
        lines.append(f"| {count} | {3 * count * SHOTS} | {' | '.join(shown)} |")
    return lines


def _share(values):
    low, high = np.percentile(values, [10, 90])
    return f"**{np.mean(values):.0%}** ({low:.0%} to {high:.0%})"


def page():
    """The text of docs/bursts.md."""
    kept, parts = features(), []
    for task, pairs in scenes().items():
        counts = np.bincount([number for number, _ in pairs])
        having = ", ".join(f"{count} of {word}" for word, count in zip(TASKS[task], counts))
        parts += [
            f"## {task[0].upper()}{task[1:]}",
            "",
            f"Pictures in the course, each a scene: {having}.",
            "",
            "| scenes a word | photos in all | one photo left out | one scene left out | the truth |",
            "| --- | --- | --- | --- | --- |",
            *table(pairs, kept),
            "",
        ]
    return INTRODUCTION.format(shots=SHOTS, trials=TRIALS) + "\n".join(parts)


INTRODUCTION = """# What an exam says, and what is true

You photograph your cup five times in a row, and the layer gets each left-out photo right. No wonder: it has
had four that look the same. Here is how far that exam goes wrong, and what leaving out scenes says instead.

**The bursts are simulated.** Each picture of the course is a scene. From it {shots} "photos" are made by
small moves of the crop, by a tilt, another light, a little blur and noise. The layer of notebook 11 is fitted
on the bursts of some scenes of each word, drawn at random, and judged three times:

- **one photo left out**, and the others of its burst left in: what a random split claims;
- **one scene left out**, the whole burst: what the live page and notebook 11 show;
- **the truth**: the course's other pictures of these words, as they are. None of them was used.

Each figure is the average share of right answers over {trials} draws, each word counting the same, with the
range that eight of ten draws fall in. Guessing gets a third. `tools/bursts.py` computed this page.

"""


if __name__ == "__main__":
    PAGE.write_text(page())
    print(PAGE.read_text())
