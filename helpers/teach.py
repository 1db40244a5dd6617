"""Pictures for new words: folders, lists and uploads become one list that a layer can be fitted on."""

from pathlib import Path

import numpy as np

from helpers.albums import ENDINGS
from helpers.pictures import PictureError


def collect(classes):
    """The pictures of several words as one list, and the number of each picture's word.

    classes: dict word -> a folder (hidden files, folders in it and files that are no pictures are left out),
        or a list of paths or of the bytes of files.
    Returns (pictures, numbers): a list, and an int array of the same length, 0 for the first word. The
    pictures are not opened here. Raises PictureError if there are fewer than two words, or fewer than two
    pictures for a word, or no such folder.
    """
    if len(classes) < 2:
        raise PictureError(
            f"There are too few words ({len(classes)}): give at least two, each with its pictures."
        )
    pictures, numbers = [], []
    for number, (word, source) in enumerate(classes.items()):
        found = _in_folder(word, Path(source)) if isinstance(source, (str, Path)) else list(source)
        if len(found) < 2:
            raise PictureError(
                f'There are too few pictures for "{word}" ({len(found)}): '
                "two are the least, ten are a good start."
            )
        pictures += found
        numbers += [number] * len(found)
    return pictures, np.array(numbers)


def _in_folder(word, folder):
    folder = folder.expanduser()
    if not folder.is_dir():
        raise PictureError(
            f'There is no folder {folder.name or folder} for "{word}": check its name and place.'
        )
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix.lower() in ENDINGS and not path.name.startswith(".")
    )
