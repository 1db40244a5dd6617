"""The network with its labels: what it answers, for one picture and for many."""

import numpy as np
import pytest
from networks import pocket
from PIL import Image

from helpers import Recogniser, load_recogniser
from helpers import recogniser as recogniser_module
from helpers.labels import Label, imagenet_labels
from helpers.pictures import PictureError, example, prepare
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


def test_thousands_of_pictures_are_prepared_a_few_at_a_time(monkeypatch):
    seen, waiting = [], []
    many = Recogniser(None, imagenet_labels(), "imagenet", "")
    monkeypatch.setattr(
        recogniser_module, "prepare", lambda *_: waiting.append(1) or np.zeros((224, 224, 3), "float32")
    )

    def probabilities(batch):
        seen.append(len(waiting))
        waiting.clear()
        return np.eye(len(batch), 1000)

    monkeypatch.setattr(many, "probabilities", probabilities)
    assert len(many.guess(["any"] * 21)) == 21
    assert seen == [8, 8, 5]


def test_the_labels_of_the_pocket(recogniser):
    ids = [label.wnid for label in recogniser.labels]
    assert len(ids) == len(set(ids)) == 195
    assert set(recogniser.labels) <= set(imagenet_labels())


def test_a_person_is_never_answered_with_these(recogniser):
    assert not {label.wnid for label in recogniser.labels} & NEVER_FOR_A_PERSON.keys()
    assert not {label.text for label in recogniser.labels} & set(NEVER_FOR_A_PERSON.values())


def test_the_pocket_says_that_it_is_the_pocket(recogniser):
    assert recogniser.weights == "pocket"
    assert "pocket" in recogniser.introduction and "195" in recogniser.introduction
    assert 'load_recogniser("imagenet")' in recogniser.introduction and "553 MB" in recogniser.introduction
    assert "\n" not in recogniser.introduction


@pytest.mark.parametrize("label", ["n02504458", "African_elephant", "African elephant", "african elephant"])
def test_a_label_is_found_by_its_id_or_name(recogniser, label):
    assert recogniser.labels[recogniser.index(label)].wnid == "n02504458"


def test_an_unknown_label_gets_one_sentence(recogniser):
    with pytest.raises(ValueError, match='^"apple" is not among the 195 labels of this network.$'):
        recogniser.index("apple")


@pytest.mark.parametrize("label", ["", " ", "_"])
def test_no_label_is_never_some_label(label):
    labels = (Label("", "big_grey"), Label("", "rest"), Label("n02504458", "African_elephant"))
    taught = Recogniser(None, labels, "your file words.h5", "")
    with pytest.raises(ValueError, match=f'^"{label}" is not among the 3 labels of this network.$'):
        taught.index(label)


def test_a_taught_word_has_no_id_and_is_found_by_its_name():
    labels = (Label("", "big_grey"), Label("", "rest"), Label("n02504458", "African_elephant"))
    taught = Recogniser(None, labels, "your file words.h5", "")
    guesses = taught.best(np.array([0.2, 0.3, 0.5]))
    assert [taught.index(guess.wnid or guess.label) for guess in guesses] == [2, 1, 0]


def test_capitals_decide_between_names_that_differ_only_in_them():
    labels = (Label("n02113186", "Cardigan"), Label("n02963159", "cardigan"))
    both = Recogniser(None, labels, "pocket", "")
    assert (both.index("Cardigan"), both.index("cardigan"), both.index("CARDIGAN")) == (0, 1, 0)


def test_every_imagenet_id_finds_its_own_label():
    full = Recogniser(None, imagenet_labels(), "imagenet", "")
    assert [full.index(label.wnid) for label in full.labels] == list(range(1000))


def test_a_last_layer_with_taught_words_speaks_for_itself(recogniser, tmp_path):
    kernel, _ = recogniser.model.get_layer("predictions").get_weights()
    elephant = kernel[:, recogniser.index("n02504458")]
    save_head(
        tmp_path / "words.h5",
        Head(np.stack([elephant, -elephant], axis=1), np.zeros(2), ("", ""), ("big_grey", "rest")),
    )
    taught = load_recogniser(tmp_path / "words.h5")
    assert taught.weights == "your file words.h5"
    assert taught.introduction.startswith("Your file words.h5 speaks") and "2 labels" in taught.introduction
    best = taught.guess(example("elephant.gif"))
    assert [(guess.label, guess.wnid) for guess in best] == [("big grey", ""), ("rest", "")]
