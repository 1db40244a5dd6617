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

# The words of a child's first book, and the WordNet meanings whose kinds count as them. "dog.n.01" is
# the first meaning of the noun dog. A word that is a label's own name and has no other kinds, like
# banana, needs no row; one whose label is something else, like mouse (a computer's), does.
MEANINGS = {
    # Animals
    "dog": "dog.n.01",
    "cat": "domestic_cat.n.01",
    "bird": "bird.n.01",
    "fish": "fish.n.01",
    "bear": "bear.n.01",
    "polar bear": "polar_bear.n.01",
    "panda": "panda.n.01 panda.n.02",
    "red panda": "lesser_panda.n.01",
    "lighthouse": "beacon.n.03",
    "monkey": "monkey.n.01",
    "elephant": "elephant.n.01",
    "rabbit, bunny": "rabbit.n.01",
    "mouse": "mouse.n.01",
    "squirrel": "squirrel.n.01",
    "fox": "fox.n.01",
    "wolf": "wolf.n.01",
    "horse": "horse.n.01",
    "cow": "cattle.n.01",
    "sheep": "sheep.n.01",
    "goat": "goat.n.01",
    "pig": "swine.n.01",
    "camel": "camel.n.01",
    "hippo": "hippopotamus.n.01",
    "kangaroo": "kangaroo.n.01",
    "whale": "whale.n.02",
    "dolphin": "dolphin.n.02",
    "seal": "seal.n.09",
    "shark": "shark.n.01",
    "chicken": "cock.n.05 hen.n.02",
    "cockerel, rooster": "cock.n.05",
    "duck": "duck.n.01",
    "swan": "swan.n.01",
    "stork": "stork.n.01",
    "penguin": "penguin.n.01",
    "owl": "owl.n.01",
    "eagle": "eagle.n.01",
    "parrot": "parrot.n.01",
    "frog": "frog.n.01",
    "turtle, tortoise": "turtle.n.02",
    "snake": "snake.n.01",
    "lizard": "lizard.n.01",
    "crocodile": "crocodile.n.01",
    "alligator": "alligator.n.02",
    "dinosaur": "dinosaur.n.01",
    "butterfly": "butterfly.n.01",
    "ladybird": "ladybird.n.01",
    "beetle": "beetle.n.01",
    "spider": "spider.n.01",
    "crab": "crab.n.01",
    "lobster": "lobster.n.02",
    # Plants and food
    "flower": "flower.n.01",
    "apple": "apple.n.01",
    "corn, sweetcorn": "corn.n.02",
    "pepper": "pepper.n.04",
    "cabbage": "cabbage.n.01",
    "mushroom": "mushroom.n.05",
    "bread": "bread.n.01",
    "hamburger, burger": "hamburger.n.01",
    "coffee": "coffee.n.01",
    # On the road, on the water and in the air
    "car": "car.n.01",
    "taxi": "taxi.n.01",
    "racing car": "racing_car.n.01",
    "bus": "bus.n.01",
    "truck, lorry": "truck.n.01",
    "van": "van.n.05",
    "fire engine, fire truck": "fire_engine.n.01",
    "crane": "crane.n.04",
    "bicycle, bike": "bicycle.n.01",
    "motorcycle, motorbike": "motorcycle.n.01",
    "train": "train.n.01 locomotive.n.01",
    "tram": "tram.n.03",
    "boat": "vessel.n.02",
    "ship": "ship.n.01",
    "aeroplane, airplane, plane": "airplane.n.01",
    "rocket": "rocket.n.01",
    "sledge, sled, sleigh": "sled.n.01",
    "wheelbarrow": "wheelbarrow.n.01",
    # At home
    "chair": "chair.n.01",
    "table": "table.n.02 table.n.03",
    "bed": "bed.n.01",
    "cot": "crib.n.01",
    "sofa, settee, couch": "sofa.n.01",
    "bath, bathtub": "bathtub.n.01",
    "bin, dustbin": "bin.n.01",
    "door": "door.n.01",
    "lock": "lock.n.01",
    "lamp": "lamp.n.02",
    "torch, flashlight": "flashlight.n.01",
    "clock": "clock.n.01",
    "watch": "watch.n.01",
    "telephone, phone": "telephone.n.01",
    "mobile phone, cell phone": "cellular_telephone.n.01",
    "TV": "television.n.02",
    "computer": "computer.n.01",
    "camera": "camera.n.01",
    "fridge": "refrigerator.n.01",
    "washing machine": "washing_machine.n.01",
    "vacuum cleaner": "vacuum.n.04",
    "cup, mug": "cup.n.01 mug.n.04",
    "jug": "jug.n.01",
    "bowl": "bowl.n.03",
    "spoon": "spoon.n.01",
    "knife": "knife.n.01",
    "bottle": "bottle.n.01",
    "basket": "basket.n.01",
    "towel": "towel.n.01",
    "book": "book.n.02",
    "pen": "pen.n.01",
    "ruler": "ruler.n.02",
    "saw": "saw.n.02 saw.n.03",
    "spade": "spade.n.02",
    # Clothes
    "hat": "hat.n.01 cap.n.01",
    "cap": "cap.n.01",
    "helmet": "helmet.n.01 helmet.n.02",
    "shoe": "shoe.n.01",
    "boot": "boot.n.01",
    "shirt, T-shirt": "shirt.n.01",
    "trousers": "trouser.n.01",
    "jeans": "jean.n.01",
    "dress": "dress.n.01",
    "skirt": "skirt.n.02",
    "coat": "coat.n.01",
    "jumper, sweater": "sweater.n.01",
    "cardigan": "cardigan.n.01",
    "pyjamas, pajamas": "pajama.n.02",
    "nappy": "diaper.n.01",
    "glove": "glove.n.02",
    "glasses, spectacles": "spectacles.n.01",
    "bag": "bag.n.01",
    # Play and music
    "ball": "ball.n.01",
    "football": "soccer_ball.n.01",
    "teddy bear": "teddy.n.01",
    "kite": "kite.n.03",
    "piano": "piano.n.01",
    "guitar": "guitar.n.01",
    "trumpet": "trumpet.n.01",
    "saxophone": "saxophone.n.01",
    # Out of doors, and ourselves
    "bridge": "bridge.n.01",
    "fence": "fence.n.01",
    "mountain": "mountain.n.01",
    "ear": "ear.n.01",
}

# Where WordNet's tree is not what anyone with the picture before them would say: the word (the first of
# its row above), whether the label counts, its id and name, and the reason. What a reason says of photos
# comes from people who labelled ImageNet's validation photos again, each with all that is in it (Beyer and
# others, "Are we done with ImageNet?", 2020; the answers are in timm's wheel: imagenet_real_labels.json).
COUNTS, DOES_NOT = True, False
RULINGS = [
    (
        "elephant",
        COUNTS,
        "n01871265 tusker",
        "WordNet means any animal with tusks; about half of its photos were given an elephant's label too.",
    ),
    ("sheep", COUNTS, "n02415577 bighorn", "A wild sheep; WordNet files wild sheep beside the tame ones."),
    ("corn", COUNTS, "n13133613 ear", "It means an ear of corn; most of its photos were given both labels."),
    (
        "mushroom",
        COUNTS,
        "n12998815 agaric",
        "WordNet's mushroom is the food; with cap and stem it is what a book draws.",
    ),
    (
        "mushroom",
        COUNTS,
        "n13054560 bolete",
        "WordNet's mushroom is the food; with cap and stem it is what a book draws.",
    ),
    (
        "bread",
        DOES_NOT,
        "n07871810 meat_loaf",
        "A loaf, so WordNet has it under bread, but it is made of meat.",
    ),
    (
        "truck",
        DOES_NOT,
        "n03770679 minivan",
        "It carries people; WordNet has it under cars as well, and there it stays.",
    ),
    ("train", COUNTS, "n03895866 passenger_car", "It means a railway carriage: what one sees of a train."),
    ("train", COUNTS, "n03393912 freight_car", "It means a railway wagon: what one sees of a train."),
    (
        "boat",
        DOES_NOT,
        "n04347754 submarine",
        "WordNet has all watercraft together; a child's boat floats on the water.",
    ),
    (
        "ship",
        DOES_NOT,
        "n04347754 submarine",
        "WordNet has it under warships; a child's ship floats on the water.",
    ),
    ("ship", COUNTS, "n04147183 schooner", "A sailing ship; WordNet files sailing vessels beside the ships."),
    (
        "aeroplane",
        COUNTS,
        "n04552348 warplane",
        "WordNet files it under military vehicles, beside the aeroplanes.",
    ),
    (
        "rocket",
        COUNTS,
        "n04008634 projectile",
        "WordNet means what is shot; most of its photos were given missile's label too.",
    ),
    (
        "rocket",
        COUNTS,
        "n04266014 space_shuttle",
        "WordNet has it under spacecraft; it takes off as a rocket does.",
    ),
    (
        "bath",
        COUNTS,
        "n04493381 tub",
        "WordNet means any wide vessel; most of its photos were given both labels.",
    ),
    (
        "computer",
        DOES_NOT,
        "n04238763 slide_rule",
        "It computes, so WordNet has it here, but it has no screen and no keys.",
    ),
    (
        "computer",
        DOES_NOT,
        "n06359193 web_site",
        "WordNet means the machine that serves it; its photos show a page.",
    ),
    (
        "cup",
        COUNTS,
        "n07930864 cup",
        "WordNet means a punch to drink; its photos show cups and mugs, and many were given both labels.",
    ),
    ("jug", COUNTS, "n03950228 pitcher", "A British jug is an American pitcher."),
    ("book", COUNTS, "n06596364 comic_book", "A book by its name; WordNet files it with the magazines."),
    ("spade", COUNTS, "n04208210 shovel", "A first-words spade, the one with the bucket, is a small shovel."),
    ("shoe", COUNTS, "n03047690 clog", "A wooden shoe; WordNet files it beside the shoes."),
    (
        "glasses",
        COUNTS,
        "n04355933 sunglass",
        "WordNet means a burning glass; most of its photos were given sunglasses' label too.",
    ),
    ("bag", DOES_NOT, "n04235860 sleeping_bag", "A bag to sleep in, not to carry things in."),
    (
        "ball",
        DOES_NOT,
        "n04023962 punching_bag",
        "WordNet has it under balls; it hangs and is not thrown or kicked.",
    ),
]


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


def find_kinds(wnids, meanings, parents):
    """From each word of MEANINGS to those ids that count as it, RULINGS applied, in the given order."""
    kinds = {}
    for words, names in MEANINGS.items():
        words = words.split(", ")
        above = [meaning_id(name, meanings) for name in names.split()]
        found = {wnid for wnid in wnids if any(is_kind(wnid, of, parents) for of in above)}
        for word, counts, label, _ in RULINGS:
            if word == words[0]:
                wnid = label.split()[0]
                if counts == (wnid in found):
                    raise SystemExit(f"The ruling on {word} and {label} changes nothing: take it out.")
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
    for _, _, label, _ in RULINGS:
        wnid, name = label.split()
        if names.get(wnid) != name:
            raise SystemExit(f"A ruling names {label}, but {wnid} is {names.get(wnid)}: correct it.")

    kinds = find_kinds(list(names), *read_wordnet(arguments.wordnet))
    rulings = [
        {"word": word, "wnid": label.split()[0], "counts": counts, "reason": reason}
        for word, counts, label, reason in RULINGS
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
