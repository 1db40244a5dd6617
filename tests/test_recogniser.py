"""The network with its labels: what it answers, for one picture and for many."""

import io
import logging
import re
import threading
import typing
from pathlib import Path

import numpy as np
import pytest
from networks import build_narrow, pocket
from PIL import Image

from helpers import Recogniser, load_recogniser
from helpers import recogniser as recogniser_module
from helpers.architecture import build_pocket
from helpers.errors import ReaderError
from helpers.explain import activations, class_activation_map
from helpers.labels import Label, imagenet_labels, kinds
from helpers.pictures import PictureError, example, prepare
from helpers.recogniser import AHEAD, BATCH, DEFAULT_HOW, Guess, ahead, has_bfloat16
from helpers.weights import Head, save_head

NEVER_FOR_A_PERSON = {
    "n02481823": "chimpanzee",
    "n02480495": "orangutan",
    "n02486410": "baboon",
    "n02837789": "bikini",
    "n03770439": "miniskirt",
}
PHOTOS = ["elephant.gif", "chelsea_cat.jpg", "coffee.jpg"]


@pytest.fixture(scope="module")
def recogniser():
    return pocket()


@pytest.fixture(scope="module")
def answers(recogniser):
    """All labels with their probabilities for each photo, one by one."""
    return [recogniser.guess(example(photo), top=len(recogniser.labels)) for photo in PHOTOS]


def test_the_elephant_is_an_african_elephant(answers):
    assert (answers[0][0].label, answers[0][0].wnid) == ("African elephant", "n02504458")


def test_guesses_come_best_first_and_add_up_to_one(answers, recogniser):
    for guesses in answers:
        probabilities = [guess.probability for guess in guesses]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert all(isinstance(p, float) and 0 <= p <= 1 for p in probabilities)
        assert {(guess.wnid, guess.label) for guess in guesses} == {
            (label.wnid, label.text) for label in recogniser.labels
        }


@pytest.mark.parametrize("top", [1, 5, 1000])
def test_top_says_how_many(recogniser, answers, top):
    assert len(recogniser.guess(example("elephant.gif"), top=top)) == min(top, 195)


def close(some, others):
    some, others = ({guess.wnid: guess.probability for guess in guesses} for guesses in (some, others))
    return some.keys() == others.keys() and all(abs(some[wnid] - others[wnid]) < 1e-5 for wnid in some)


@pytest.mark.parametrize("batch", [2, 16])
def test_a_list_is_answered_as_its_pictures_one_by_one(recogniser, answers, batch, monkeypatch):
    monkeypatch.setattr(recogniser_module, "BATCH", batch)
    paths = [example(photo) for photo in PHOTOS]
    mixed = [str(paths[0]), paths[1].read_bytes(), Image.open(paths[2])]
    together = recogniser.guess(mixed, top=195)
    assert len(together) == 3 and all(close(a, b) for a, b in zip(together, answers))


def test_a_tuple_is_a_list_and_nothing_has_no_answers(recogniser, answers):
    assert close(recogniser.guess((example("elephant.gif"),), top=195)[0], answers[0])
    assert recogniser.guess([]) == []


def test_probabilities_are_those_of_the_model_and_leave_the_batch_alone(recogniser):
    batch = np.stack([prepare(example(photo), "crop") for photo in PHOTOS[:2]])
    before = batch.copy()
    ours = recogniser.probabilities(batch)
    assert ours.dtype == np.float32 and ours.shape == (2, 195)
    assert np.array_equal(batch, before)
    np.testing.assert_allclose(ours, recogniser.model.predict(batch, verbose=0), atol=1e-5)
    cropped = recogniser.guess(example(PHOTOS[0]), how="crop")[0]
    assert cropped.probability == pytest.approx(float(ours[0].max()), abs=1e-5)


def test_a_bad_picture_among_others_is_named(recogniser, tmp_path):
    (tmp_path / "notes.jpg").write_text("not an elephant")
    with pytest.raises(PictureError, match="^Picture 2 of 3: notes.jpg is not a picture"):
        recogniser.guess([example("elephant.gif"), tmp_path / "notes.jpg", example("coffee.jpg")])
    with pytest.raises(PictureError, match="^Picture 1 of 2: This picture is not a picture"):
        recogniser.guess((b"not a picture", example("elephant.gif")))
    with pytest.raises(PictureError, match="^notes.jpg is not a picture"):
        recogniser.guess(tmp_path / "notes.jpg")


class Photo(io.BytesIO):
    """A picture in a file that is already open; the list says which have been read."""

    read_so_far: typing.ClassVar = []

    def read(self, *size):
        if self not in self.read_so_far:
            self.read_so_far.append(self)
        return super().read(*size)


def test_thousands_of_pictures_are_opened_a_few_at_a_time(recogniser):
    """All of them prepared at once would take 600 MB a thousand."""
    content = io.BytesIO()
    Image.new("RGB", (8, 8), "grey").save(content, "PNG")
    opened = []

    class Quick(Recogniser):
        def probabilities(self, batch):
            opened.append(len(Photo.read_so_far))
            return np.eye(len(batch), len(self.labels))

    quick = Quick(recogniser.model, recogniser.labels, "pocket", "")
    guesses = quick.guess([Photo(content.getvalue()) for _ in range(61)], top=1)
    assert len(guesses) == 61 and opened[-1] == 61
    assert all(count <= BATCH * number + AHEAD + 1 for number, count in enumerate(opened, 1))


@pytest.mark.parametrize(
    "option",
    [{"top": "3"}, {"top": 2.0}, {"top": 0}, {"top": -1}, {"top": None}, {"top": True}]
    + [{"how": how} for how in ("Squash", "", 224, ["crop"])],
)
@pytest.mark.parametrize("pictures", [example("elephant.gif"), [example("elephant.gif")], []])
def test_a_mistaken_option_gets_one_sentence_before_anything_is_computed(option, pictures):
    with pytest.raises(ReaderError) as caught:
        Recogniser(None, imagenet_labels(), "imagenet", "").guess(pictures, **option)
    (name, value), text = *option.items(), str(caught.value)
    assert text.startswith(f"{name} is ") and text.endswith(f", not {value!r}.")


def test_options_have_their_names(recogniser):
    with pytest.raises(TypeError):
        recogniser.guess(example("elephant.gif"), "pad")


def test_where_nothing_is_said_pictures_are_made_square_in_one_way(recogniser, answers):
    for how in (None, DEFAULT_HOW):
        assert close(recogniser.guess(example("elephant.gif"), top=195, how=how), answers[0])
    assert DEFAULT_HOW in ("squash", "crop", "pad")


def test_the_labels_of_the_pocket(recogniser):
    ids = [label.wnid for label in recogniser.labels]
    assert len(ids) == len(set(ids)) == 195
    assert set(recogniser.labels) <= set(imagenet_labels())


def test_a_person_is_never_answered_with_these(recogniser):
    assert not {label.wnid for label in recogniser.labels} & NEVER_FOR_A_PERSON.keys()
    assert not {label.text for label in recogniser.labels} & set(NEVER_FOR_A_PERSON.values())


def test_the_pocket_says_that_it_is_the_pocket(recogniser):
    assert recogniser.weights == "pocket"
    assert recogniser.introduction.startswith("The pocket network answers, ")
    assert "195 labels" in recogniser.introduction
    assert 'load_recogniser("imagenet")' in recogniser.introduction and "553 MB" in recogniser.introduction
    assert max(map(len, recogniser.introduction.splitlines())) < 90  # no wider than a cell


ELEPHANT = "n02504458"


@pytest.mark.parametrize(
    "label",
    [
        ELEPHANT,
        "African_elephant",
        "African elephant",
        " african elephant ",
        Guess("African elephant", ELEPHANT, 0.9),
        Label(ELEPHANT, "African_elephant"),
    ],
)
def test_a_label_is_found_by_its_id_or_name_or_in_a_guess(recogniser, label):
    assert recogniser.labels[recogniser.index(label)].wnid == ELEPHANT


def test_every_guess_leads_back_to_its_label(recogniser, answers):
    numbers = [recogniser.index(guess) for guess in answers[0]]
    assert sorted(numbers) == list(range(195))
    assert [recogniser.index(np.int64(number)) for number in numbers] == numbers


@pytest.mark.parametrize("number", [-1, 195, 10**20])
def test_a_number_that_no_label_has(recogniser, number):
    with pytest.raises(ReaderError, match=f"^There is no label {number}: this network's go from 0 to 194.$"):
        recogniser.index(number)


@pytest.mark.parametrize("label", [None, 3.0, True, ["dog"], b"dog", np.zeros(3)])
def test_what_can_be_no_label(recogniser, label):
    with pytest.raises(ReaderError, match="is not a label: give a guess, a name, a WordNet id or a number.$"):
        recogniser.index(label)


def test_an_unknown_label_gets_one_sentence(recogniser):
    for label in ("apple", Guess("apple", "", 0.5), Guess("apple", "n07739125", 0.5)):
        with pytest.raises(ReaderError, match='^"[^"]*" is not among the 195 labels of this network.$'):
            recogniser.index(label)


def test_for_a_word_with_kinds_the_sentence_names_those_that_this_network_has(recogniser):
    with pytest.raises(ReaderError) as caught:
        recogniser.index("Dog")
    assert str(caught.value).startswith(
        '"Dog" is not among the 195 labels of this network; these of them are '
    )
    dogs = [label.text for label in kinds("dog") if label in recogniser.labels]
    assert str(caught.value).endswith(f": {', '.join(dogs[:5])} and {len(dogs) - 5} more.")
    with pytest.raises(ReaderError, match="Chihuahua, .* and 113 more.$"):
        Recogniser(None, imagenet_labels(), "imagenet", "").index("dog")


def test_of_two_labels_of_one_name_the_reader_chooses():
    full = Recogniser(None, imagenet_labels(), "imagenet", "")
    for name in ("crane", "Crane", "maillot"):
        with pytest.raises(ReaderError) as caught:
            full.index(name)
        text = str(caught.value)
        assert text.startswith(f'2 labels are called "{name}": give the number of the one that you mean, ')
        numbers = [int(number) for number in re.findall(r"\d+(?= \()", text)]
        assert [full.labels[number].name for number in numbers] == [name.lower()] * 2
        assert all(full.labels[number].wnid in text for number in numbers)
    bird, machine = (Guess("crane", wnid, 0.5) for wnid in ("n02012849", "n03126707"))
    assert (full.index(bird), full.index(machine)) == (134, 517)


@pytest.mark.parametrize("label", ["", " ", "_"])
def test_no_label_is_never_some_label(label):
    labels = (Label("", "big_grey"), Label("", "rest"), Label("n02504458", "African_elephant"))
    taught = Recogniser(None, labels, "your file words.h5", "")
    with pytest.raises(ReaderError, match=f'^"{label}" is not among the 3 labels of this network.$'):
        taught.index(label)


def test_a_taught_word_has_no_id_and_is_found_by_its_name():
    labels = (Label("", "big_grey"), Label("", "rest"), Label("n02504458", "African_elephant"))
    taught = Recogniser(None, labels, "your file words.h5", "")
    guesses = taught.best(np.array([0.2, 0.3, 0.5]))
    assert [taught.index(guess) for guess in guesses] == [2, 1, 0]


def test_capitals_decide_between_names_that_differ_only_in_them():
    labels = (Label("n02113186", "Cardigan"), Label("n02963159", "cardigan"))
    both = Recogniser(None, labels, "pocket", "")
    assert (both.index("Cardigan"), both.index("cardigan")) == (0, 1)
    with pytest.raises(
        ReaderError, match='^2 labels are called "CARDIGAN": .*0 .Cardigan n02113186. or 1 .card'
    ):
        both.index("CARDIGAN")


def test_every_imagenet_id_finds_its_own_label():
    full = Recogniser(None, imagenet_labels(), "imagenet", "")
    assert [full.index(label.wnid) for label in full.labels] == list(range(1000))


def test_a_last_layer_with_taught_words_answers_for_itself(recogniser, tmp_path):
    kernel, _ = recogniser.model.get_layer("predictions").get_weights()
    elephant = kernel[:, recogniser.index("n02504458")]
    save_head(
        tmp_path / "words.h5",
        Head(np.stack([elephant, -elephant], axis=1), np.zeros(2), ("", ""), ("big_grey", "rest")),
    )
    taught = load_recogniser(tmp_path / "words.h5")
    assert taught.weights == "your file words.h5"
    assert taught.introduction.startswith("The network from your file words.h5 answers, ")
    assert "2 labels" in taught.introduction and taught.exact_maps
    best = taught.guess(example("elephant.gif"))
    assert [(guess.label, guess.wnid) for guess in best] == [("big grey", ""), ("rest", "")]


def test_only_where_the_last_layer_sits_on_the_averages_maps_are_exact(recogniser):
    assert recogniser.exact_maps
    assert not Recogniser(build_narrow(), imagenet_labels(), "imagenet", "").exact_maps
    taught = Recogniser(build_pocket(3), recogniser.labels[:3], "mine", "")
    assert taught.exact_maps


def test_many_recognisers_are_no_reason_to_warn(caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(7):
            narrow = Recogniser(build_narrow(), imagenet_labels(), "imagenet", "")
            narrow.probabilities(np.zeros((1, 224, 224, 3), "float32"))
    assert caplog.text == ""


def test_the_next_pictures_are_opened_while_the_last_ones_are_looked_at():
    """The network, here the loop, waits until the third picture is open before it is done with the first."""
    third = threading.Event()
    for opened in ahead(lambda number: third.set() if number == 3 else number, [1, 2, 3]):
        opened.result()
        assert third.wait(timeout=10)


def test_what_is_opened_ahead_keeps_its_order_and_its_errors():
    opened = list(ahead(lambda number: 1 / number, [1, 2, 0, 4, *range(1, 50)]))
    assert len(opened) == 53 and opened[3].result() == 0.25
    with pytest.raises(ZeroDivisionError):
        opened[2].result()


def test_who_stops_early_does_not_have_the_rest_opened():
    begun = []
    for _ in ahead(begun.append, range(1000)):
        break
    assert len(begun) <= AHEAD + 2


@pytest.fixture(scope="module")
def half(recogniser):
    """The pocket network in bfloat16, which TensorFlow computes without such instructions too, slowly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recogniser_module, "has_bfloat16", lambda: True)
        return load_recogniser("pocket", "bfloat16")


def test_bfloat16_gives_nearly_the_same_answers(recogniser, answers, half):
    assert half.introduction.startswith(recogniser.introduction) and "bfloat16" in half.introduction
    assert "bfloat16" not in recogniser.introduction
    for photo, exact in zip(PHOTOS, answers):
        guesses = half.guess(example(photo), top=195)
        assert guesses[0].wnid == exact[0].wnid
        assert guesses[0].probability == pytest.approx(exact[0].probability, abs=0.05)
        assert guesses != exact  # it is another computation
        assert sum(guess.probability for guess in guesses) == pytest.approx(1, abs=1e-5)


def test_maps_of_a_network_in_bfloat16_are_of_the_usual_kind(recogniser, half):
    exact, ours = (class_activation_map(each, example(PHOTOS[0]), ELEPHANT) for each in (recogniser, half))
    assert ours.dtype == np.float32 and np.abs(ours - exact).max() < 0.05 * np.abs(exact).max()
    assert activations(half, example(PHOTOS[0]), ["block1_pool"])["block1_pool"].dtype == np.float32


def test_a_machine_without_bfloat16_gets_one_sentence(monkeypatch):
    monkeypatch.setattr(recogniser_module, "has_bfloat16", lambda: False)
    with pytest.raises(ReaderError, match=r"^This machine's processor has no instructions for bfloat16.*\.$"):
        load_recogniser("pocket", "bfloat16")


@pytest.mark.parametrize("precision", ["float16", "", None, 16, ["bfloat16"]])
def test_a_mistaken_precision(precision):
    with pytest.raises(ReaderError, match='^precision is the type of numbers: "float32" or "bfloat16", not '):
        load_recogniser("pocket", precision)


@pytest.mark.parametrize(
    ("flags", "has"), [("avx512_bf16 clzero", True), ("fp bf16 i8mm", True), ("avx2 abf16x", False)]
)
def test_the_processor_says_whether_it_has_bfloat16(monkeypatch, flags, has):
    monkeypatch.setattr(recogniser_module.Path, "read_text", lambda path: f"flags\t: fpu {flags}\n")
    assert has_bfloat16() == has


def test_where_the_processor_says_nothing_it_has_no_bfloat16(monkeypatch):
    monkeypatch.setattr(recogniser_module, "Path", lambda name: Path("/nowhere"))
    assert has_bfloat16() is False
