"""The tools that make the pocket's last layer, on a Tiny-ImageNet of three classes drawn here."""

import io
import json
import zipfile
from collections import Counter

import numpy as np
import pytest
from PIL import Image

import pocket_card
import pocket_features
import train_pocket
from helpers.weights import CONV_BASE, DATA

WNIDS = ["n02504458", "n07753592", "n02481823"]  # the third is one of those left out
PER_CLASS = train_pocket.HELD_OUT + 2


def jpeg(random):
    file = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype="uint8")).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def tiny_zip(tmp_path_factory):
    """A zip with the folders of Tiny-ImageNet."""
    path, random = tmp_path_factory.mktemp("tiny") / "tiny.zip", np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny-imagenet-200/wnids.txt", "\n".join(WNIDS))
        for wnid in WNIDS:
            for i in range(PER_CLASS):
                archive.writestr(f"tiny-imagenet-200/train/{wnid}/images/{wnid}_{i}.JPEG", jpeg(random))
        lines = [f"val_{i}.JPEG\t{wnid}\t0\t0\t9\t9" for i, wnid in enumerate(WNIDS)]
        archive.writestr("tiny-imagenet-200/val/val_annotations.txt", "\n".join(lines))
        for i in range(len(WNIDS)):
            archive.writestr(f"tiny-imagenet-200/val/images/val_{i}.JPEG", jpeg(random))
    return path


def test_pictures_of_the_labels_left_out_are_not_seen(tiny_zip):
    with zipfile.ZipFile(tiny_zip) as archive:
        train, validation = pocket_features.list_pictures(archive)
    assert Counter(wnid for _, wnid in train) == dict.fromkeys(WNIDS[:2], PER_CLASS)
    assert [wnid for _, wnid in validation] == WNIDS[:2]
    assert len(dict(train)) == len(train)
    assert [wnid for _, wnid in train[:2]] == WNIDS[:2]  # in rounds


def test_held_out_are_the_first_of_each_class():
    classes = np.tile([0, 1], PER_CLASS)
    aside = train_pocket.held_out(classes)
    assert aside[: 2 * train_pocket.HELD_OUT].all() and not aside[2 * train_pocket.HELD_OUT :].any()


def test_features_go_on_where_they_stopped(tiny_zip, tmp_path):
    """What is kept of an interrupted run equals what one run makes."""
    names = listed(tiny_zip)[:20]

    def run(batch):
        return np.float32(batch)[..., 0].reshape(len(batch), -1)[:, :512]

    whole = pocket_features.extract(tiny_zip, names, run, tmp_path / "whole.bin")
    kept = (tmp_path / "whole.bin").read_bytes()
    (tmp_path / "broken.bin").write_bytes(kept[: 16 * 1024 + 100])  # 16 pictures, and a torn one
    again = pocket_features.extract(tiny_zip, names, run, tmp_path / "broken.bin")
    np.testing.assert_array_equal(again, whole)


def test_features_are_the_averages_of_the_real_layers(tiny_zip, tmp_path):
    names = listed(tiny_zip)[:1]
    with zipfile.ZipFile(tiny_zip) as archive:
        first = pocket_features.open_picture(archive.read(names[0]))
    found = pocket_features.extract(
        tiny_zip, names, pocket_features.averages_of(CONV_BASE), tmp_path / "one.bin"
    )
    prepared = pocket_features.preprocess(pocket_features.fit(first))[None]
    exact = pocket_features.load_conv_base(CONV_BASE)(prepared, training=False).numpy().mean(axis=(1, 2))[0]
    np.testing.assert_allclose(found[0], exact, atol=0.02 * exact.max())


def listed(tiny_zip):
    with zipfile.ZipFile(tiny_zip) as archive:
        return [name for name, _ in pocket_features.list_pictures(archive)[0]]


def test_a_thumbnail_samples_the_photo_and_averages_nothing():
    ramp = np.repeat(np.arange(256, dtype="uint8")[None, :, None], 256, axis=0).repeat(3, axis=2)
    small = np.asarray(pocket_features.thumbnail(Image.fromarray(ramp)), "int16")
    assert small.shape == (64, 64, 3)
    assert abs(small[32, :, 0] - (4 * np.arange(64) - 0.5)).max() <= 3  # JPEG's own error
    stripes = np.zeros((256, 256, 3), "uint8")
    stripes[:, 1::4] = stripes[:, 2::4] = 255  # half of all pixels, and none of those that are sampled fully
    assert np.asarray(pocket_features.thumbnail(Image.fromarray(stripes))).mean() < 40


def test_squares_of_a_photo_lie_inside_it():
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype="uint8"))
    squares = pocket_features.sharp_squares(photo, np.random.default_rng(0))
    assert len(squares) == pocket_features.SQUARES
    assert all(square.width == square.height <= 90 for square in squares)


def test_the_fit_works_on_pictures_that_differ_like_the_pairs():
    """Two classes that thumbnails tell apart by a number that sharp photos shift: it learns of the shift."""
    random = np.random.default_rng(0)
    classes = np.arange(400) % 2
    thumbnails = random.normal(size=(400, 512)).astype("float32")
    thumbnails[:, 0] += 4 * classes
    shift = np.zeros((50, 512), "float32")
    shift[:, 0] = 3
    kernel, bias = train_pocket.fit(thumbnails, classes, 2, shift, seed=0)
    right = [
        ((each @ kernel + bias).argmax(axis=1) == classes).mean()
        for each in (thumbnails, thumbnails + shift[0])
    ]
    assert min(right) > 0.8


def test_the_temperature_makes_probabilities_honest():
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 5))
    probabilities = np.exp(train_pocket.log_softmax(logits))
    classes = np.array([random.choice(5, p=row) for row in probabilities])
    assert train_pocket.best_temperature(3 * logits, classes) == pytest.approx(3, rel=0.1)
    assert train_pocket.judge(probabilities, classes)["calibration_error"] < 0.03
    too_sure = np.exp(train_pocket.log_softmax(3 * logits))
    assert train_pocket.judge(too_sure, classes)["calibration_error"] > 0.1


def test_judges_top_1_and_top_5():
    judged = train_pocket.judge(np.tile(np.arange(10.0) / 45, (4, 1)), np.array([9, 8, 5, 4]))
    assert (judged["n"], judged["top1"], judged["top5"]) == (4, 0.25, 0.75)


def test_interval_is_wilsons():
    assert train_pocket.interval(8, 10) == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert train_pocket.interval(10, 10)[1] == pytest.approx(1)


def test_the_card_says_what_was_measured():
    card = json.loads((DATA / "pocket_card.json").read_text())
    assert (pocket_card.DOCS / "pocket_model_card.md").read_text(encoding="utf-8") == pocket_card.page(card)
    assert (pocket_card.DOCS / pocket_card.DRAWING).stat().st_size > 10_000
