"""Pictures for new words: folders, lists and uploads become one list that a layer can be fitted on."""

import hashlib
import io
from pathlib import Path

import numpy as np

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
