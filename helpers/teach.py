"""Pictures for new words become one list, and on their features a layer is fitted and judged: notebook 11."""

import hashlib
import io
from pathlib import Path

import numpy as np

from helpers.errors import ReaderError
from helpers.journal import printable
from helpers.pictures import ENDINGS, PictureError, open_picture


def collect(classes):
    """The pictures of several words as one list, the number of each one's word, and what cannot be used.

    Every picture is opened once, before anything slow is done with any. One that cannot be opened is left
    out, and a sentence says which it is and why.

    classes: dict word -> a folder (hidden files, folders in it and files that are no pictures are left out),
        or a list of pictures: pairs of a file's name and its bytes, as an upload gives them, or anything that
        `pictures.open_picture` takes.
    Returns (pictures, numbers, problems): a list; an int array of the same length, 0 for the first word; and
    a list of sentences. Raises PictureError if there are fewer than two words, or fewer than two pictures for
    a word, or no such folder; if a word is empty; or if the same picture stands under two words.
    """
    if len(classes) < 2:
        raise PictureError(
            f"There are too few words ({len(classes)}): give at least two, each with its pictures."
        )
    pictures, numbers, problems, words = [], [], [], {}
    for number, (word, source) in enumerate(classes.items()):
        if not isinstance(word, str) or not word.strip():
            raise PictureError(f"Word {number + 1} of {len(classes)} is empty: give it a name.")
        found, sound = _in_folder(word, source) if isinstance(source, (str, Path)) else list(source), []
        for place, picture in enumerate(map(_named, found), 1):
            which = f'Picture {place} of {len(found)} for "{word}"'
            try:
                pixels = hashlib.sha256(open_picture(picture).tobytes()).digest()
            except PictureError as error:
                problems.append(printable(f"{which} is left out: {error}"))
                continue
            if words.setdefault(pixels, word) != word:
                raise PictureError(f'{which} is also under "{words[pixels]}": take it out of one of them.')
            sound.append(picture)
        if len(sound) < 2:
            least = f'There are too few pictures for "{word}" ({len(sound)}): two are the least'
            raise PictureError(" ".join([f"{least}, ten are a good start.", *problems]))
        pictures += sound
        numbers += [number] * len(sound)
    return pictures, np.array(numbers), problems


def _in_folder(word, folder):
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise PictureError(
            f'There is no folder {folder.name or folder} for "{word}": check its name and place.'
        )
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix.lower() in ENDINGS and not path.name.startswith(".")
    )


def _named(picture):
    """A picture of an upload, name and bytes, as a file that knows its name."""
    if not isinstance(picture, tuple):
        return picture
    file = io.BytesIO(picture[1])
    file.name = picture[0]
    return file


def softmax(scores):
    """Turn scores (n, words), any float type, into probabilities of the same shape: each row adds up to 1."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fit_layer(x, numbers, decay=0.1, steps=200, rate=0.02):
    """Fit a last layer: softmax regression on standardised features, by gradient descent from zero.

    x: features, float (n, d). numbers: int (n,), each picture's word, from 0 on without a gap.
    decay: how much of each weight every step takes away, 0 or more; steps: 1 or more; rate: above 0.
    Returns (weights, bias) for plain features: float64 (d, words) and (words,).
    """
    mean, spread = x.mean(axis=0), x.std(axis=0) + 0.01
    z, target = (x - mean) / spread, np.eye(numbers.max() + 1)[numbers]
    weights, bias = np.zeros((x.shape[1], target.shape[1])), np.zeros(target.shape[1])
    for _ in range(steps):
        error = softmax(z @ weights + bias) - target
        weights -= rate * (z.T @ error / len(z) + decay * weights)
        bias -= rate * error.mean(axis=0)
    weights = weights / spread[:, None]
    return weights, bias - mean @ weights


def leave_out(x, numbers, groups, **settings):
    """What is answered to each picture by a layer that has not had it, nor any other of its group.

    x, numbers: as in `fit_layer`. settings: its decay, steps and rate.
    groups: (n,) of any kind that can be compared, the same for pictures that are left out together: the
        maker, or the scene, as photos of one burst hardly differ. `np.arange(n)` leaves one out at a time.
    Returns probabilities, float64 (n, words). Raises ReaderError if all pictures of a word are in one group.
    """
    numbers, groups = np.asarray(numbers), np.asarray(groups)
    answers = np.empty((len(x), numbers.max() + 1))
    for group in np.unique(groups):
        out = groups == group
        if len(np.unique(numbers[~out])) < answers.shape[1]:
            raise ReaderError(
                f"All pictures of a word are in one group ({group}), and without it no layer could know the "
                "word: give each word pictures of two groups or more."
            )
        weights, bias = fit_layer(x[~out], numbers[~out], **settings)
        answers[out] = softmax(x[out] @ weights + bias)
    return answers
