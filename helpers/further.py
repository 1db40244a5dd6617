"""Two other models for the same picture: one finds faces, one reads text. Both are optional.

They come with the packages of requirements-further.txt, which bring their trained models along. Where a
package is missing, one sentence says so, and nothing is found.
"""

import functools
from typing import NamedTuple

import numpy as np

from helpers.pictures import on_white, open_picture


class Found(NamedTuple):
    """Something that was found in a picture.

    text: what was read there, "" for a face. box: left, top, right and bottom of the place, in pixels.
    """

    text: str
    box: tuple


def find_faces(picture):
    """The faces in a picture that look into the camera: a list of Found.

    picture: anything `pictures.open_picture` takes. A cascade of simple tests runs over it in many sizes;
    most places fail the first tests, so it is fast (Viola and Jones, "Rapid Object Detection using a Boosted
    Cascade of Simple Features", 2001; here with local binary patterns, from scikit-image).
    """
    cascade = _face_cascade()
    if cascade is None:
        return []
    pixels = _pixels(picture)
    longest = min(pixels.shape[:2])
    boxes = cascade.detect_multi_scale(
        pixels, scale_factor=1.2, step_ratio=1, min_size=(60, 60), max_size=(longest, longest)
    )
    return [
        Found("", (box["c"], box["r"], box["c"] + box["width"], box["r"] + box["height"])) for box in boxes
    ]


def read_text(picture, surest=0.9):
    """The words in a picture: a list of Found.

    picture: anything `pictures.open_picture` takes. surest: what is read with a lower score, from 0 to 1, is
    left out. Two networks do it (from RapidOCR): one finds where text is, the other reads it there.
    """
    reader = _text_reader()
    if reader is None:
        return []
    lines = reader(_pixels(picture)[..., ::-1].copy())[0] or []  # it wants blue first, as VGG16 does
    return [
        Found(text, (*np.min(corners, axis=0), *np.max(corners, axis=0)))
        for corners, text, score in lines
        if float(score) >= surest
    ]


def _pixels(picture):
    return np.asarray(on_white(open_picture(picture)).convert("RGB"))


@functools.cache
def _face_cascade():
    try:
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade
    except ImportError:
        return _missing("To find faces", "scikit-image")
    return Cascade(lbp_frontal_face_cascade_filename())


@functools.cache
def _text_reader():
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError:  # also where a library of the system that it needs is not there
        return _missing("To read text", "rapidocr-onnxruntime")
    return RapidOCR()


def _missing(purpose, package):
    print(f"{purpose}, install the package {package}: pip install -r requirements-further.txt")
