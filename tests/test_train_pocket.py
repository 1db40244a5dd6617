"""The tools that make the pocket's last layer, on a Tiny-ImageNet of three classes drawn here."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

import pocket_features
import train_pocket
from helpers.weights import CONV_BASE

WNIDS = ["n02504458", "n07753592", "n02481823"]  # the third is one of those left out
PER_CLASS = pocket_features.HELD_OUT + 2


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
            for i in range(PER_CLASS + 1):
                archive.writestr(f"tiny-imagenet-200/train/{wnid}/images/{wnid}_{i}.JPEG", jpeg(random))
        archive.writestr(
            "tiny-imagenet-200/val/val_annotations.txt",
            "\n".join(f"val_{i}.JPEG\t{wnid}\t0\t0\t9\t9" for i, wnid in enumerate(WNIDS)),
        )
        for i in range(len(WNIDS)):
            archive.writestr(f"tiny-imagenet-200/val/images/val_{i}.JPEG", jpeg(random))
    return path


def test_pictures_are_parted_as_the_card_says(tiny_zip):
    with zipfile.ZipFile(tiny_zip) as archive:
        pictures = np.array(pocket_features.list_pictures(archive, PER_CLASS))
    assert len(set(pictures[:, 0])) == len(pictures)
    for number in "01":
        parts = pictures[pictures[:, 1] == number, 2].tolist()
        assert (parts.count("held"), parts.count("train"), parts.count("val")) == (20, 2, 1)
    assert not any("n02481823" in name for name in pictures[:, 0])


def test_features_go_on_where_they_stopped(tiny_zip, tmp_path):
    """What is kept of an interrupted run equals what one run makes; the average is that of the real layers."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    pictures = pocket_features.extract(tiny_zip, CONV_BASE, whole, PER_CLASS)
    maps = (whole / "maps.bin").read_bytes()
    broken.mkdir()
    (broken / "done.txt").write_text("32")
    (broken / "maps.bin").write_bytes(maps[: 32 * np.prod(pocket_features.MAP_SHAPE)])
    pocket_features.extract(tiny_zip, CONV_BASE, broken, PER_CLASS)
    assert (broken / "maps.bin").read_bytes() == maps

    with zipfile.ZipFile(tiny_zip) as archive:
        picture = pocket_features.prepare_tiny(archive.read(pictures[0, 0]), mirrored=False)
    exact = (
        pocket_features.load_conv_base(CONV_BASE)(picture[None], training=False).numpy().mean(axis=(1, 2))[0]
    )
    kept = np.frombuffer(maps, "uint8").reshape(len(pictures), *pocket_features.MAP_SHAPE)
    np.testing.assert_allclose(train_pocket.averages(kept[:1])[0], exact, atol=0.02 * exact.max())


def test_the_temperature_makes_probabilities_honest():
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 5))
    classes = np.array([random.choice(5, p=row) for row in np.exp(train_pocket.log_softmax(logits))])
    assert train_pocket.best_temperature(3 * logits, classes) == pytest.approx(3, rel=0.1)
    assert train_pocket.judge(logits, classes)["calibration_error"] < 0.03
    assert train_pocket.judge(3 * logits, classes)["calibration_error"] > 0.1


def test_judges_top_1_and_top_5():
    judged = train_pocket.judge(np.tile(np.arange(10.0), (4, 1)), np.array([9, 8, 5, 4]))
    assert (judged["n"], judged["top1"], judged["top5"]) == (4, 0.25, 0.75)


def test_interval_is_wilsons():
    assert train_pocket.interval(8, 10) == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert train_pocket.interval(10, 10)[1] == pytest.approx(1)
