"""Make helpers/data/imagenet_labels.json and kinds.json from the packages that hold the sources.

    pip download --no-deps timm
    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb wordnet
    python tools/import_labels.py timm-*.whl wordnet/usr/share/wordnet

The wheel of timm (Apache 2.0) lists ImageNet's 1000 ids in the network's order, and their names.
The folder is WordNet 3.0's database (any copy will do), of which we read index.noun and data.noun.
ImageNet's ids are the addresses of the meanings in that data.noun, so no other version fits.
"""

import argparse
import hashlib
import json
import zipfile
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "helpers" / "data"
# Keras' own hash of its label file imagenet_class_index.json: the proof that ids, names and order are right.
KERAS_MD5 = "c2c37ea517e94d9795004a39431a14cb"

# Two tables written by hand. "meanings": the words of a child's first book, and the WordNet meanings whose
# kinds count as them; "dog.n.01" is the first meaning of the noun dog. A word that is a label's own name and
# has no other kinds, like banana, needs no row; one whose label is something else, like mouse (a computer's),
# does. "rulings": where WordNet's tree is not what anyone with the picture before them would say. Each has
# the word (the first of its row in the other table), whether the label counts, its id and name, and the
# reason. What a reason says of photos comes from people who labelled ImageNet's validation photos again, each
# with all that is in it (Beyer and others, "Are we done with ImageNet?", 2020; the answers are in timm's
# wheel: imagenet_real_labels.json).
BY_HAND = json.loads(Path(__file__).with_name("words_and_rulings.json").read_text(encoding="utf-8"))
MEANINGS = {words: names for part in BY_HAND["meanings"].values() for words, names in part.items()}
RULINGS = BY_HAND["rulings"]


def read_labels(wheel):
    """The 1000 (id, name) pairs in the network's order, from timm's wheel, named as Keras names them."""
    with zipfile.ZipFile(wheel) as archive:
        wnids = archive.read("timm/data/_info/imagenet_synsets.txt").decode().split()
        lines = archive.read("timm/data/_info/imagenet_synset_to_lemma.txt").decode().splitlines()
    # A line is an id, a tab, and all names of the meaning with commas between them; Keras uses the first.
    names = dict(line.split("\t") for line in lines)
    return [(wnid, names[wnid].split(",")[0].replace(" ", "_")) for wnid in wnids]


def _lines(path):
    """The lines of a WordNet file but for the licence at its head, which is indented."""
    return [line for line in path.read_text(encoding="latin-1").splitlines() if not line.startswith(" ")]


def read_wordnet(folder):
    """WordNet's nouns, from its database files (their format: wordnet.princeton.edu/documentation/wndb5wn).

    Returns two dictionaries: from noun to the ids of its meanings, the first meaning first;
    and from an id to the ids of the meanings right above it. An id is "n" and eight digits.
    """
    meanings, parents = {}, {}
    for line in _lines(Path(folder) / "index.noun"):
        noun, _, count, *rest = line.split()
        meanings[noun] = ["n" + address for address in rest[-int(count) :]]
    for line in _lines(Path(folder) / "data.noun"):
        fields = line.split(" | ")[0].split()
        pointers_at = 4 + 2 * int(fields[3], 16)  # after the words, two fields each
        pointers = fields[pointers_at + 1 :]  # four fields each: kind, address, part of speech, which words
        parents["n" + fields[0]] = [
            "n" + pointers[at + 1]
            for at in range(0, 4 * int(fields[pointers_at]), 4)
            if pointers[at] in ("@", "@i")
        ]  # "is a kind of", "is an instance of"
    return meanings, parents


def meaning_id(name, meanings):
    """The id of a meaning named like "dog.n.01"."""
    noun, _, number = name.rsplit(".", 2)
    return meanings[noun][int(number) - 1]


def is_kind(wnid, of, parents):
    """Is the meaning `wnid` the meaning `of`, or anywhere below it in WordNet's tree?"""
    return wnid == of or any(is_kind(parent, of, parents) for parent in parents[wnid])


def find_kinds(wnids, meanings, parents, words_meanings=MEANINGS, rulings=RULINGS):
    """From each word to those ids that count as it, the rulings applied, in the given order."""
    kinds = {}
    for words, names in words_meanings.items():
        words = words.split(", ")
        above = [meaning_id(name, meanings) for name in names.split()]
        found = {wnid for wnid in wnids if any(is_kind(wnid, of, parents) for of in above)}
        for ruling in rulings:
            if ruling["word"] == words[0]:
                wnid = ruling["label"].split()[0]
                if ruling["counts"] == (wnid in found):
                    raise SystemExit(f"The ruling {ruling} changes nothing: take it out.")
                found ^= {wnid}
        for word in words:
            kinds[word] = [wnid for wnid in wnids if wnid in found]
    return kinds


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", help="the wheel of timm")
    parser.add_argument("wordnet", help="the folder of WordNet 3.0's data.noun and index.noun")
    arguments = parser.parse_args()

    labels = read_labels(arguments.wheel)
    text = json.dumps({str(number): label for number, label in enumerate(labels)})
    if hashlib.md5(text.encode()).hexdigest() != KERAS_MD5:
        raise SystemExit(f"{arguments.wheel} does not hold Keras' 1000 labels: take another version of timm.")
    names = dict(labels)
    for ruling in RULINGS:
        wnid, name = ruling["label"].split()
        if names.get(wnid) != name:
            raise SystemExit(
                f"A ruling names {ruling['label']}, but {wnid} is {names.get(wnid)}: correct it."
            )

    kinds = find_kinds(list(names), *read_wordnet(arguments.wordnet))
    rulings = [
        {
            "word": row["word"],
            "wnid": row["label"].split()[0],
            "counts": row["counts"],
            "reason": row["reason"],
        }
        for row in RULINGS
    ]
    DATA.mkdir(exist_ok=True)
    (DATA / "imagenet_labels.json").write_text(text, encoding="utf-8")
    words = ",\n".join(f"  {json.dumps(word)}: {json.dumps(wnids)}" for word, wnids in kinds.items())
    rows = ",\n".join(f"  {json.dumps(row)}" for row in rulings)
    text = f'{{"kinds": {{\n{words}\n}},\n"rulings": [\n{rows}\n]}}\n'
    (DATA / "kinds.json").write_text(text, encoding="utf-8")
    print(f"{len(labels)} labels; {len(kinds)} words with their kinds; {len(rulings)} rulings by hand.")


if __name__ == "__main__":
    main()
