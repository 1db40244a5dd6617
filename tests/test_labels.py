"""The labels are Keras' own, and an answer counts as a word exactly when a fair reader would say so."""

import hashlib
import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import labels
from helpers.errors import ReaderError
from helpers.labels import Label, has_label, imagenet_labels, kinds, label_of, matches, means, rulings

ROOT = Path(__file__).resolve().parent.parent

BEAGLE, TEDDY, AFRICAN_ELEPHANT = "n02088364", "n04399382", "n02504458"
CRANE_BIRD, CRANE_MACHINE = "n02012849", "n03126707"

any_label = st.sampled_from(imagenet_labels())


def names(word):
    """The names of the labels that count as a word."""
    return {label.text for label in kinds(word)}


@pytest.fixture(scope="module")
def importer():
    """tools/import_labels.py as a module."""
    spec = importlib.util.spec_from_file_location("import_labels", ROOT / "tools" / "import_labels.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The 1000 labels


def test_the_label_file_is_keras_own(importer):
    content = (ROOT / "helpers" / "data" / "imagenet_labels.json").read_bytes()
    assert hashlib.md5(content).hexdigest() == importer.KERAS_MD5 == "c2c37ea517e94d9795004a39431a14cb"


def test_labels_stand_in_the_order_of_the_networks_outputs():
    found = imagenet_labels()
    assert len(found) == len({label.wnid for label in found}) == 1000
    assert found[0] == Label("n01440764", "tench")
    assert found[386] == Label(AFRICAN_ELEPHANT, "African_elephant")
    assert found[954].name == "banana"
    assert found[999] == Label("n15075141", "toilet_tissue")
    assert imagenet_labels() is found


def test_text_is_the_name_as_people_write_it():
    assert label_of(AFRICAN_ELEPHANT).text == "African elephant"
    assert not any("_" in label.text for label in imagenet_labels())


def test_labels_of_the_same_name_are_told_apart_by_id():
    assert label_of(CRANE_BIRD).name == label_of(CRANE_MACHINE).name == "crane"
    assert label_of(CRANE_BIRD) != label_of(CRANE_MACHINE)


@given(any_label)
def test_every_label_is_found_by_its_id(label):
    assert label_of(label.wnid) is label


@pytest.mark.parametrize("wnid", ["n00000000", "African_elephant", "", 386, None, ["n02504458"]])
def test_an_unknown_id_gets_one_plain_sentence(wnid):
    for asked in (lambda: label_of(wnid), lambda: matches(wnid, "dog")):
        with pytest.raises(ReaderError, match="is not the id of one of ImageNet's 1000 labels") as caught:
            asked()
        assert repr(wnid) in str(caught.value) and "\n" not in str(caught.value)


# Kinds count


def test_all_118_breeds_of_dog_are_dogs_and_no_wolf_fox_or_cat_is():
    dogs = imagenet_labels()[151:269]
    assert kinds("dog") == dogs and (dogs[0].text, dogs[-1].text) == ("Chihuahua", "Mexican hairless")
    assert not set(kinds("dog")) & (set(kinds("wolf")) | set(kinds("fox")) | set(kinds("cat")))


@pytest.mark.parametrize(
    "word, expected",
    [
        ("cat", {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"}),
        ("bear", {"brown bear", "American black bear", "ice bear", "sloth bear"}),
        ("polar bear", {"ice bear"}),
        ("elephant", {"African elephant", "Indian elephant", "tusker"}),
        ("duck", {"drake", "red-breasted merganser"}),
        ("penguin", {"king penguin"}),
        ("frog", {"bullfrog", "tree frog", "tailed frog"}),
        ("apple", {"Granny Smith"}),
        ("flower", {"daisy", "yellow lady's slipper"}),
        (
            "ball",
            {
                "baseball",
                "basketball",
                "croquet ball",
                "golf ball",
                "ping-pong ball",
                "rugby ball",
                "soccer ball",
                "tennis ball",
                "volleyball",
            },
        ),
        (
            "car",
            {
                "ambulance",
                "beach wagon",
                "cab",
                "convertible",
                "jeep",
                "limousine",
                "minivan",
                "Model T",
                "racer",
                "sports car",
            },
        ),
        ("bus", {"minibus", "school bus", "trolleybus"}),
        (
            "train",
            {"bullet train", "steam locomotive", "electric locomotive", "passenger car", "freight car"},
        ),
        ("aeroplane", {"airliner", "warplane"}),
        ("cup", {"cup", "coffee mug"}),
        ("spoon", {"wooden spoon"}),
        ("clock", {"analog clock", "digital clock", "wall clock"}),
        ("telephone", {"cellular telephone", "dial telephone", "pay-phone"}),
        ("chair", {"barber chair", "folding chair", "rocking chair", "throne"}),
        ("shoe", {"clog", "Loafer", "running shoe", "sandal"}),
        ("hat", {"bathing cap", "bearskin", "bonnet", "cowboy hat", "mortarboard", "shower cap", "sombrero"}),
        ("glasses", {"sunglass", "sunglasses"}),
        ("teddy bear", {"teddy"}),
    ],
)
def test_the_kinds_of_a_word(word, expected):
    assert names(word) == expected


@pytest.mark.parametrize(
    "word, some",
    [
        ("bird", {"robin", "king penguin", "hen", "kite"}),
        ("fish", {"goldfish", "great white shark"}),
        ("boat", {"canoe", "speedboat", "schooner", "liner"}),
        ("monkey", {"macaque", "marmoset"}),
        ("butterfly", {"monarch", "cabbage butterfly"}),
    ],
)
def test_some_kinds_of_a_large_word(word, some):
    assert some <= names(word)


@pytest.mark.parametrize(
    "word",
    [
        "banana",
        "lemon",
        "orange",
        "strawberry",
        "pineapple",
        "lion",
        "tiger",
        "koala",
        "teapot",
        "umbrella",
        "basketball",
        "goldfish",
        "hamster",
        "teddy",
        "violin",
    ],
)
def test_a_word_that_is_a_labels_own_name(word):
    assert names(word) == {word}


@pytest.mark.parametrize(
    "word",
    [
        "pear",
        "key",
        "carrot",
        "egg",
        "giraffe",
        "helicopter",
        "doll",
        "face",
        "person",
        "baby",
        "tree",
        "house",
        "rubber duck",
        "sun",
        "",
    ],
)
def test_words_without_a_label(word):
    assert kinds(word) == () and not has_label(word, imagenet_labels())


@pytest.mark.parametrize(
    "one, other",
    [
        ("teddy bear", "teddy"),
        ("cup", "mug"),
        ("truck", "lorry"),
        ("aeroplane", "plane"),
        ("bicycle", "bike"),
        ("sofa", "couch"),
        ("ladybird", "ladybug"),
        ("phone", "telephone"),
        ("TV", "television"),
        ("shirt", "T-shirt"),
        ("hot dog", "hotdog"),
        ("fire truck", "fire engine"),
        ("rooster", "cock"),
        ("sweater", "jumper"),
    ],
)
def test_two_words_for_one_thing(one, other):
    assert kinds(one) == kinds(other) != ()


# What does not count


def test_a_toy_is_not_the_animal():
    assert matches(TEDDY, "teddy bear") and matches(TEDDY, "teddy") and not matches(TEDDY, "bear")


@pytest.mark.parametrize(
    "word, not_this",
    [
        ("car", "car wheel"),
        ("car", "car mirror"),
        ("car", "freight car"),
        ("car", "pickup"),
        ("cup", "espresso"),
        ("bear", "koala"),
        ("bear", "giant panda"),
        ("cat", "lynx"),
        ("monkey", "gorilla"),
        ("horse", "zebra"),
        ("tiger", "tiger cat"),
        ("tiger", "tiger shark"),
        ("ball", "punching bag"),
        ("apple", "custard apple"),
        ("telephone", "iPod"),
        ("boat", "submarine"),
        ("teapot", "coffeepot"),
        ("lamp", "lampshade"),
        ("watch", "wall clock"),
        ("clock", "digital watch"),
        ("elephant", "warthog"),
        ("dog", "hotdog"),
    ],
)
def test_a_part_or_something_similar_does_not_count(word, not_this):
    assert kinds(not_this), f"{not_this} should be a label, or this test proves nothing"
    assert not set(kinds(word)) & set(kinds(not_this))


def test_a_word_has_the_meaning_of_a_childs_first_book():
    assert names("kite") == names("mouse") == names("ear") == names("torch") == set()
    assert {"kite", "mouse", "ear", "torch"} <= {label.text for label in imagenet_labels()}
    assert [label.wnid for label in kinds("crane")] == [CRANE_MACHINE]
    assert [label.wnid for label in kinds("cardigan")] == ["n02963159"]  # the garment, not the Welsh corgi


# Any word, any label


@given(any_label, st.sampled_from(["{}", " {} ", "THE{}"]), st.booleans(), st.booleans())
def test_capitals_spaces_and_underscores_do_not_matter_but_letters_do(label, frame, upper, spaces):
    word = frame.format(label.text if spaces else label.name)
    expected = () if frame.startswith("THE") else kinds(label.name)
    assert kinds(word.upper() if upper else word) == expected


def test_an_answer_counts_as_its_own_name_unless_a_child_would_mean_something_else():
    """A carpenter's plane is no aeroplane, a kite with feathers has no string."""
    others = [label.name for label in imagenet_labels() if not matches(label.wnid, label.name)]
    assert sorted(others) == ["Cardigan", "crane", "ear", "kite", "mouse", "plane", "torch"]


@given(any_label, st.text() | st.sampled_from(["dog", "bird", "car", "kite"]))
def test_matches_kinds_and_has_label_agree_for_any_text(label, word):
    assert matches(label.wnid, word) == (label in kinds(word)) == has_label(word, [label])


def test_has_label_asks_only_the_labels_given():
    assert has_label("dog", [label_of(TEDDY), label_of(BEAGLE)])
    assert not has_label("dog", [label_of(TEDDY)]) and not has_label("dog", [])


# What a reader types


@pytest.mark.parametrize(
    ("typed", "word", "right"),
    [
        ("dog", "dog", True),
        (" A Dog ", "dog", True),
        ("beagle", "dog", True),
        ("teddy", "teddy bear", True),
        ("teddy-bear", "teddy bear", True),
        ("the mug", "cup", True),
        ("basketball", "ball", True),
        ("an owl", "owl", True),
        ("A pear", "pear", True),  # no label counts as it, but a reader may mean it
        ("animal", "dog", False),
        ("bird", "duck", False),
        ("bear", "teddy bear", False),
        ("", "dog", False),
        ("?", "star", False),
        ("?", "!", False),
        ("the", "the", True),
    ],
)
def test_what_a_reader_types_means_the_word_or_not(typed, word, right):
    assert means(typed, word) is right


@given(any_label, st.sampled_from(["dog", "bird", "car", "cup"]))
def test_whoever_types_a_labels_name_means_what_the_name_counts_as(label, word):
    counts = kinds(label.name)
    assert means(label.text, word) == (bool(counts) and set(counts) <= set(kinds(word)))


# The rules and the rulings


def test_rulings_are_what_matches_does():
    assert len(rulings()) > 20
    for ruling in rulings():
        assert matches(ruling.label.wnid, ruling.word) == ruling.counts
        assert ruling.reason.endswith(".")


def test_the_rules_can_be_shown():
    assert len(labels.RULES) >= 6
    assert all(rule[0].isupper() and rule.endswith(".") for rule in labels.RULES)


def test_the_examples_in_the_rules_hold():
    first = {label.text: label.wnid for label in reversed(imagenet_labels())}
    assert matches(first["beagle"], "dog") and matches(first["sports car"], "car")
    assert not matches(first["car wheel"], "car") and not matches(first["espresso"], "cup")


# The tool that made the data


def test_the_committed_words_and_rulings_are_those_of_the_tool(importer):
    made = json.loads((ROOT / "helpers" / "data" / "kinds.json").read_text(encoding="utf-8"))
    assert list(made["kinds"]) == [word for words in importer.MEANINGS for word in words.split(", ")]
    for row in made["rulings"]:
        row["label"] = f"{row['wnid']} {label_of(row.pop('wnid')).name}"
    assert made["rulings"] == importer.RULINGS


def test_the_tool_reads_wordnets_tree(importer, tmp_path):
    # Five meanings in WordNet's own format: a beagle is a dog, so is Lassie; a pack is a meaning beside.
    (tmp_path / "data.noun").write_text(
        "  1 This software and database is being provided to you\n"
        '00000100 05 n 01 animal 0 001 ~ 00000200 n 0000 | a living thing; "an | odd example"\n'
        "00000200 05 n 02 dog 0 domestic_dog 0 003 "
        "@ 00000100 n 0000 #m 00000900 n 0000 ~ 00000300 n 0000 | barks\n"
        "00000300 05 n 01 beagle 0 001 @ 00000200 n 0000 | a small hound\n"
        "00000400 05 n 01 Lassie 0 001 @i 00000200 n 0000 | a famous one\n"
        "00000900 14 n 01 pack 0 000 | a group\n",
        encoding="latin-1",
    )
    (tmp_path / "index.noun").write_text(
        "  1 This software and database is being provided to you\n"
        "dog n 2 3 @ #m ~ 2 1 00000200 00000900  \n"
        "beagle n 1 1 @ 1 0 00000300  \n",
        encoding="latin-1",
    )
    meanings, parents = importer.read_wordnet(tmp_path)
    assert importer.meaning_id("dog.n.01", meanings) == "n00000200"
    assert importer.meaning_id("dog.n.02", meanings) == "n00000900"
    assert parents["n00000200"] == ["n00000100"]
    ids = ["n00000400", "n00000300", "n00000900"]
    words = {"dog, doggy": "dog.n.01"}
    ruling = {"word": "dog", "counts": False, "label": "n00000300 beagle", "reason": "For the test."}
    found = importer.find_kinds(ids, meanings, parents, words, [ruling])
    assert found == {"dog": ["n00000400"], "doggy": ["n00000400"]}
    with pytest.raises(SystemExit, match="changes nothing"):
        importer.find_kinds(ids, meanings, parents, words, [{**ruling, "counts": True}])
