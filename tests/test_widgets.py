"""The explorers without a browser: move a control as a reader would, and look at what is shown then."""

import html
import io
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pytest
from matplotlib.text import Text
from networks import narrow_pocket, pocket
from PIL import Image

from helpers import widgets
from helpers.errors import ReaderError
from helpers.pictures import MEAN_BGR, PictureError, example, fit, open_picture, prepare
from helpers.plots import png
from helpers.style import number_text
from helpers.widgets import uploaded

ELEPHANT, BANANA = example("elephant.gif"), example("tuxpaint/banana.png")
UPRIGHT = np.array([[-1, 0, 1]] * 3)
KERNELS = {"upright edges": UPRIGHT, "level edges": UPRIGHT.T, "nothing": np.zeros((3, 3))}


NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


class Explorer:
    """What a reader sees of an explorer, and can do with it."""

    def __init__(self, box):
        self.box = box
        self.controls = {child.description: child for child in box.children if hasattr(child, "description")}
        *_, self.image, self.html = box.children

    def set(self, description, value):
        self.controls[description].value = value
        return self

    @property
    def picture(self):
        return np.asarray(Image.open(io.BytesIO(self.image.value)).convert("RGB"), "float32")

    @property
    def sentence(self):
        return self.html.value

    def percentage(self):
        found = re.search(r"([\d.]+) %", self.sentence)
        return float(found[1])


def differ(one, other):
    return one.shape != other.shape or np.abs(one - other).mean() > 0.5


@pytest.fixture(scope="module")
def recogniser():
    return narrow_pocket()


@pytest.fixture
def looks(recogniser, monkeypatch):
    """The batches that the network is shown during a test."""
    seen, original = [], recogniser.probabilities

    def remember(batch):
        seen.append(np.array(batch))
        return original(batch)

    monkeypatch.setattr(recogniser, "probabilities", remember)
    return seen


@pytest.fixture
def stripes():
    """Upright stripes, 8 pixels wide: every edge in them is upright."""
    return np.tile(np.repeat([0, 255], 8).astype("uint8"), (64, 4))


# The filter explorer


def test_the_filter_finds_the_edges_that_it_is_made_for(stripes):
    explorer = Explorer(widgets.filter_explorer(stripes, KERNELS))
    assert "from -765 to 765" in explorer.sentence  # three rows, each 255 on one side only
    assert "from 0 to 0" in explorer.set("kernel", "level edges").sentence


def test_the_filter_changes_what_is_shown(stripes):
    explorer = Explorer(widgets.filter_explorer({"stripes": stripes, "turned": stripes.T.copy()}, KERNELS))
    upright = explorer.picture
    level = explorer.set("kernel", "level edges").picture
    assert differ(upright, level)
    assert differ(level, explorer.set("picture", "turned").picture)
    assert "from -765 to 765" in explorer.sentence


def test_relu_leaves_nothing_purple(stripes):
    explorer = Explorer(widgets.filter_explorer(stripes, KERNELS))
    relu = next(control for control in explorer.controls if control.startswith("ReLU"))
    both = explorer.picture
    positive = explorer.set(relu, True).picture
    # Orange is redder than blue, purple bluer than red; both before, then orange alone.
    redder = [shown[..., 0].astype(int) - shown[..., 2] for shown in (both, positive)]
    orange = [(each > 60).mean() for each in redder]
    assert orange[0] > 0.005 and orange[1] == pytest.approx(orange[0], rel=0.1)
    assert (redder[0] < -20).mean() > 0.005 and (redder[1] < -20).mean() == 0


def test_a_filter_that_finds_nothing_is_shown_as_nothing(stripes):
    explorer = Explorer(widgets.filter_explorer(stripes, KERNELS))
    assert "from 0 to 0" in explorer.set("kernel", "nothing").sentence


@pytest.mark.parametrize("strength", [1e-12, 1e-9, 1e9])
def test_a_filter_of_any_strength_can_be_drawn(stripes, strength):
    figure, _ = widgets.filter_still(stripes, UPRIGHT * strength, relu=True)
    assert png(figure).startswith(b"\x89PNG")


def test_a_picture_smaller_than_the_kernel_gets_one_sentence():
    with pytest.raises(PictureError, match="at least 3 x 3 pixels"):
        widgets.filter_explorer(np.zeros((2, 9), "uint8"), KERNELS)


# The convolution explorer


def test_the_kernel_steps_over_the_picture(stripes):
    explorer = Explorer(widgets.convolution_explorer(stripes, KERNELS, size=8))
    slider = explorer.controls["step"]
    assert (slider.min, slider.max) == (1, 36)
    pixels = np.asarray(fit(open_picture(stripes), "crop", 8).convert("L"), "float32")
    for step, (row, column) in {1: (0, 0), 7: (1, 0), 36: (5, 5)}.items():
        before = explorer.picture
        explorer.set("step", step)
        total = (pixels[row : row + 3, column : column + 3] * UPRIGHT).sum()
        assert f"Row {row + 1}, column {column + 1}: " in explorer.sentence
        assert explorer.sentence.endswith(f" {number_text(total)}.")
        assert differ(before, explorer.picture)
    assert explorer.set("kernel", "nothing").sentence.endswith(" 0.")


def test_one_kernel_needs_no_name(stripes):
    assert Explorer(widgets.convolution_explorer(stripes, UPRIGHT)).controls["kernel"].options == (
        "this one",
    )
    with pytest.raises(ReaderError, match="leaves the picture"):
        widgets.convolution_still(stripes, UPRIGHT, 145)


# The threshold explorer

KNOWN, UNKNOWN = [0.99, 0.5, 0.9, 0.31], [0.2, 0.95, 0.5, 1.0, 0.4]


@pytest.mark.parametrize(
    ("threshold", "refused", "answered"),
    [(0, 0, 5), (31, 0, 4), (32, 1, 4), (50, 1, 3), (51, 2, 2), (100, 4, 1)],
)
def test_the_threshold_counts_whom_it_silences(threshold, refused, answered):
    explorer = Explorer(widgets.threshold_explorer(KNOWN, UNKNOWN, start=0.6))
    before = explorer.picture
    sentence = explorer.set("threshold, %", threshold).sentence
    assert f"{refused} of 4 known things are refused" in sentence
    assert f"{answered} of 5 unknown ones are answered" in sentence
    assert differ(before, explorer.picture)
    figure, _ = widgets.threshold_still(KNOWN, UNKNOWN, threshold / 100)
    assert f"on the list: {4 - refused} of 4 reach it, {refused} stay below" in figure.alt
    assert f"not on the list: {answered} of 5 reach it" in figure.alt


# What holds for the two figures of the lesson


@pytest.mark.parametrize(
    "still",
    [
        lambda: widgets.convolution_still(ELEPHANT, UPRIGHT * -1234.5, 1),
        lambda: widgets.convolution_still(ELEPHANT, np.full((3, 3), 1 / 9), 144),
        lambda: widgets.threshold_still([0.1], [0.5], 0.0),
        lambda: widgets.threshold_still([1.0] * 60, np.linspace(0, 1, 60), 1.0),
    ],
)
def test_nothing_is_cut_off_and_all_can_be_read(still):
    figure, sentence = still()
    assert figure.get_size_inches()[0] <= 7 and sentence.endswith(".")
    png(figure)  # lays it out
    page = figure.bbox
    for text in [text for axes in figure.axes for text in axes.findobj(Text)]:
        box = text.get_window_extent()
        if text.get_visible() and text.get_text():
            assert text.get_size() >= 11
            assert box.x0 >= page.x0 and box.x1 <= page.x1 and box.y0 >= page.y0 and box.y1 <= page.y1


# The preparation explorer


def test_the_right_preparation_is_the_helpers_own(recogniser, looks):
    explorer = Explorer(widgets.preparation_explorer(recogniser, ELEPHANT))
    np.testing.assert_allclose(looks[-1][0], prepare(ELEPHANT), atol=1e-3)
    assert recogniser.guess(ELEPHANT, top=1)[0].label in explorer.sentence


@pytest.mark.parametrize(
    ("control", "value", "expected"),
    [
        ("make it square", "pad", lambda: prepare(ELEPHANT, "pad")),
        ("channels", widgets.RED_FIRST, lambda: prepare(ELEPHANT)[..., ::-1]),
        ("take the average colour away", False, lambda: prepare(ELEPHANT) + MEAN_BGR),
        ("turn left, degrees", 90, lambda: np.rot90(prepare(ELEPHANT))),
    ],
)
def test_each_control_changes_what_goes_in_and_what_is_shown(recogniser, looks, control, value, expected):
    explorer = Explorer(widgets.preparation_explorer(recogniser, ELEPHANT))
    before = explorer.picture
    assert differ(before, explorer.set(control, value).picture)
    assert len(looks) == 2
    close = np.abs(looks[-1][0] - expected()) < 2  # turned before it is squashed, or after: nearly the same
    assert close.mean() > 0.97
    assert explorer.percentage() == pytest.approx(100 * recogniser.probabilities(looks[-1]).max(), abs=0.06)


@pytest.mark.parametrize("shade", [0, 1])
def test_a_nearly_black_photo_can_be_explored(recogniser, shade):
    picture = np.zeros((40, 60, 3), "uint8")
    picture[:20] = shade
    explorer = Explorer(widgets.preparation_explorer(recogniser, Image.fromarray(picture)))
    assert explorer.sentence.startswith("First guess: ")
    assert explorer.set("channels", widgets.RED_FIRST).sentence.startswith("First guess: ")


# The layer explorer


def test_the_layer_explorer_shows_the_map_that_was_chosen(recogniser, monkeypatch):
    calls, original = [], widgets.activations
    monkeypatch.setattr(widgets, "activations", lambda *given: (calls.append(1), original(*given))[1])
    explorer = Explorer(widgets.layer_explorer(recogniser, ELEPHANT))
    first = explorer.picture
    other = explorer.set("map", 5).picture
    assert differ(first, other)
    deep = explorer.set("layer", "block5_conv3").set("map", 17)
    found = original(recogniser, ELEPHANT, ["block5_conv3"])["block5_conv3"][:, :, 17]
    assert f"{found.max():.1f}" in deep.sentence and "14 × 14" in deep.sentence
    assert differ(other, deep.picture)
    assert len(calls) == 1  # the network looked once


def test_a_smaller_layer_is_drawn_once(recogniser):
    explorer = Explorer(widgets.layer_explorer(recogniser, ELEPHANT))
    explorer.set("layer", "block5_conv3").set("map", 63)
    drawn = []
    explorer.image.observe(lambda change: drawn.append(change["new"]), "value")
    explorer.set("layer", "block1_conv1")
    assert len(drawn) == 1 and explorer.controls["map"].value == 7 and "row" in explorer.sentence
    explorer.controls["back to the start"].click()
    assert len(drawn) == 2 and explorer.controls["map"].value == 0


def test_the_number_of_a_map_stays_within_its_layer(recogniser):
    explorer = Explorer(widgets.layer_explorer(recogniser, ELEPHANT))
    explorer.set("layer", "block5_conv3").set("map", 63).set("layer", "block1_conv1")
    assert explorer.controls["map"].max == explorer.controls["map"].value == 7
    assert "224 × 224" in explorer.sentence


# The bend explorer


def faded(picture, percentage):
    return Image.blend(Image.new("RGB", picture.size, "white"), picture, percentage / 100)


BENDS = {
    "turned": (lambda picture, degrees: picture.rotate(degrees, fillcolor="white"), -180, 180, 0),
    "faded": (faded, 0, 100, 100),
}


def test_a_bend_at_its_default_is_left_out(recogniser, looks):
    def never(picture, amount):
        raise AssertionError("called at its default")

    Explorer(widgets.bend_explorer(recogniser, BANANA, "banana", {"never": (never, 0, 9, 3)}))
    np.testing.assert_array_equal(looks[-1][0], prepare(BANANA, "pad"))


def test_bends_are_applied_together_and_answered(recogniser, looks):
    explorer = Explorer(widgets.bend_explorer(recogniser, BANANA, "banana", BENDS))
    before, sure = explorer.picture, explorer.percentage()
    untouched = recogniser.probabilities(prepare(BANANA, "pad")[None])[0]
    assert sure == pytest.approx(100 * untouched[recogniser.index("banana")], abs=0.06)
    explorer.set("turned", 40).set("faded", 50)
    expected = faded(fit(open_picture(BANANA), "pad").rotate(40, fillcolor="white"), 50)
    np.testing.assert_array_equal(looks[-1][0], prepare(expected))
    assert differ(before, explorer.picture)


def test_a_white_square_is_no_banana():
    explorer = Explorer(widgets.bend_explorer(pocket(), BANANA, "banana", BENDS))
    assert explorer.percentage() > explorer.set("faded", 0).percentage()


def test_the_button_sets_everything_back_with_one_look(recogniser, looks):
    explorer = Explorer(widgets.bend_explorer(recogniser, BANANA, "banana", BENDS))
    before, sentence = explorer.picture, explorer.sentence
    explorer.set("turned", 90).set("faded", 30)
    count = len(looks)
    explorer.controls["back to the start"].click()
    assert explorer.controls["turned"].value == 0 and explorer.controls["faded"].value == 100
    assert explorer.sentence == sentence and not differ(before, explorer.picture)
    assert len(looks) == count + 1
    explorer.set("turned", 90)  # and the controls still work
    assert differ(before, explorer.picture)


def test_all_kinds_of_a_word_count(recogniser):
    explorer = Explorer(widgets.bend_explorer(recogniser, example("chelsea_cat.jpg"), "cat", BENDS))
    row = recogniser.probabilities(prepare(example("chelsea_cat.jpg"), "pad")[None])[0]
    one = max(
        row[recogniser.index(name)]
        for name in ("tabby", "Egyptian_cat", "Persian_cat")
        if name in [label.name for label in recogniser.labels]
    )
    assert explorer.percentage() >= 100 * one - 0.06


def test_a_word_without_a_label_is_refused(recogniser):
    with pytest.raises(ReaderError, match='counts as "crutchfish"'):
        widgets.bend_explorer(recogniser, BANANA, "crutchfish", BENDS)


def test_numbers_with_a_fraction_get_a_slider_with_fractions(recogniser):
    bends = {"scaled": (lambda picture, factor: faded(picture, 100 * factor), 0.2, 1.0, 1.0)}
    explorer = Explorer(widgets.bend_explorer(recogniser, BANANA, "banana", bends))
    slider = explorer.set("scaled", 0.45).controls["scaled"]
    assert slider.value == pytest.approx(0.45) and slider.step < 0.1


# What holds for all


@pytest.fixture(params=["filter", "convolution", "threshold", "preparation", "layer", "bend"])
def any_explorer(request, recogniser, stripes):
    return {
        "filter": lambda: widgets.filter_explorer(stripes, KERNELS),
        "convolution": lambda: widgets.convolution_explorer(stripes, KERNELS),
        "threshold": lambda: widgets.threshold_explorer(KNOWN, UNKNOWN),
        "preparation": lambda: widgets.preparation_explorer(recogniser, ELEPHANT),
        "layer": lambda: widgets.layer_explorer(recogniser, ELEPHANT),
        "bend": lambda: widgets.bend_explorer(recogniser, BANANA, "banana", BENDS),
    }[request.param]()


def test_every_control_has_a_name_and_no_slider_floods_the_kernel(any_explorer):
    *controls, image, html = any_explorer.children
    assert isinstance(image, ipywidgets.Image) and isinstance(html, ipywidgets.HTML)
    assert all(control.description for control in controls)
    sliders = [control for control in controls if hasattr(control, "continuous_update")]
    assert not any(slider.continuous_update for slider in sliders)
    assert html.value and Image.open(io.BytesIO(image.value)).width <= 7 * 115


@pytest.mark.parametrize(
    ("explorer", "settings", "still"),
    [
        (
            lambda *_: widgets.filter_explorer(ELEPHANT, KERNELS),
            {"kernel": "level edges"},
            lambda *_: widgets.filter_still(ELEPHANT, UPRIGHT.T, name="level edges"),
        ),
        (
            lambda *_: widgets.convolution_explorer(ELEPHANT, KERNELS),
            {"step": 7},
            lambda *_: widgets.convolution_still(ELEPHANT, UPRIGHT, 7),
        ),
        (
            lambda *_: widgets.threshold_explorer(KNOWN, UNKNOWN),
            {"threshold, %": 41},
            lambda *_: widgets.threshold_still(KNOWN, UNKNOWN, 0.41),
        ),
        (
            lambda recogniser: widgets.preparation_explorer(recogniser, ELEPHANT),
            {"make it square": "pad", "take the average colour away": False},
            lambda recogniser: widgets.preparation_still(recogniser, ELEPHANT, "pad", mean=False),
        ),
        (
            lambda recogniser: widgets.layer_explorer(recogniser, ELEPHANT),
            {"layer": "block3_conv2", "map": 20},
            lambda recogniser: widgets.layer_still(recogniser, ELEPHANT, "block3_conv2", 20),
        ),
        (
            lambda recogniser: widgets.bend_explorer(recogniser, BANANA, "banana", BENDS),
            {"turned": 45},
            lambda recogniser: widgets.bend_still(recogniser, BANANA, "banana", BENDS, {"turned": 45}),
        ),
    ],
    ids=["filter", "convolution", "threshold", "preparation", "layer", "bend"],
)
def test_the_still_is_what_the_explorer_shows(recogniser, explorer, settings, still):
    shown = Explorer(explorer(recogniser))
    for description, value in settings.items():
        shown.set(description, value)
    figure, sentence = still(recogniser)
    assert sentence == html.unescape(shown.sentence)
    assert not differ(
        np.asarray(Image.open(io.BytesIO(png(figure))).convert("RGB"), "float32"), shown.picture
    )


# The quiz

PAGE = [(example("tuxpaint/dog.png"), "dog"), (example("apple_photo.jpg"), "apple"), (BANANA, "banana")]


class Quiz(Explorer):
    """The quiz, with the network's first guess known for every picture of the page."""

    def __init__(self, recogniser, page=PAGE, **options):
        super().__init__(widgets.first_words_quiz(recogniser, page, **options))
        pictures = [fit(open_picture(picture), "pad") for picture, _ in page]
        first = [guesses[0] for guesses in recogniser.guess(pictures)]
        self.its = {word: guess for (_, word), guess in zip(page, first, strict=True)}

    def type(self, text):
        return self.set("your word", text)

    def press(self, description):
        button = self.controls.get(description, self.box.children[1])
        assert not button.disabled
        button.click()
        return self

    def score(self):
        return tuple(map(int, re.search(r"You (\d+), network (\d+)\.$", self.sentence).groups()))

    def book(self):
        return re.search(r"The book says &quot;(.*?)&quot;", self.sentence)[1]


def test_the_network_is_asked_only_after_the_reader(recogniser, looks):
    quiz = Explorer(widgets.first_words_quiz(recogniser, PAGE, seed=1))
    before = quiz.picture
    assert not looks and "Picture 1 of 3" in quiz.sentence and "book" not in quiz.sentence
    quiz.set("your word", "?")
    assert len(looks) == 1 and "The book says" in quiz.sentence
    assert differ(before, quiz.picture)


def test_the_score_of_a_whole_game(recogniser):
    quiz = Quiz(recogniser, seed=3)
    you, network, seen = 0, 0, []
    for last in (False, False, True):
        quiz.type("a Banana")
        seen.append(quiz.book())
        you += seen[-1] == "banana"
        network += widgets.matches(quiz.its[seen[-1]].wnid, seen[-1])
        assert quiz.score() == (you, network)
        assert quiz.its[seen[-1]].label in quiz.sentence
        assert quiz.controls["your word"].disabled
        assert quiz.box.children[1].description == ("play again" if last else "next picture")
        quiz.press("next picture")
    assert sorted(seen) == ["apple", "banana", "dog"]
    assert quiz.score() == (0, 0) and "Picture 1 of 3" in quiz.sentence  # a new game


def test_a_reader_may_insist_once(recogniser):
    quiz = Quiz(recogniser, PAGE[:1])
    quiz.type("pooch")
    network = quiz.score()[1]
    assert quiz.score() == (0, network) and "wrong" in quiz.sentence.split("book")[0]
    quiz.press("I meant the same")
    assert quiz.score() == (1, network)
    assert quiz.controls["I meant the same"].disabled


def test_an_excuse_for_a_word_without_a_label(recogniser):
    quiz = Quiz(recogniser, [(example("symbol_star.png"), "star")]).type("star")
    assert quiz.score() == (1, 0) and "It has no label for this." in quiz.sentence


def test_what_a_reader_types_is_shown_as_text(recogniser):
    assert "&lt;b&gt;" in Quiz(recogniser, PAGE[:1]).type("<b>").sentence


# The upload button


class Button7:
    """The upload button of ipywidgets 7, as far as the kernel sees it: its value is made from two lists."""

    def __init__(self):
        self.metadata, self.data, self._counter = [], [], 0

    @property
    def _counter(self):
        return self._count

    @_counter.setter
    def _counter(self, count):
        self._count = count
        self.value = {
            about["name"]: {"metadata": about, "content": content}
            for about, content in zip(self.metadata, self.data, strict=True)
        }


def test_uploaded_in_ipywidgets_7():
    button = Button7()
    assert uploaded(button) == []
    button.metadata, button.data = [{"name": "a.png"}, {"name": "b.jpg"}], [b"first", b"second"]
    button._counter = 2
    assert uploaded(button) == [("a.png", b"first"), ("b.jpg", b"second")]
    assert uploaded(button) == [] and button.data == []


def file(name, content):
    return {
        "name": name,
        "type": "image/png",
        "size": len(content),
        "content": memoryview(content),
        "last_modified": datetime.now(UTC),
    }


def test_uploaded_in_ipywidgets_8():
    button = SimpleNamespace(value=())
    assert uploaded(button) == []
    button.value = (file("a.png", b"first"), file("b.jpg", b"second"))
    photos = uploaded(button)
    assert photos == [("a.png", b"first"), ("b.jpg", b"second")]
    assert all(type(content) is bytes for _, content in photos)
    assert uploaded(button) == [] and button.value == ()


@pytest.mark.skipif(ipywidgets.__version__ < "8", reason="the button of ipywidgets 8")
def test_the_real_button_hands_on_what_it_gets_and_keeps_nothing():
    photos, calls = [], []
    button = widgets.upload_button(lambda new: (photos.extend(new), calls.append(len(new))))
    button.value = (file("a.png", b"first"), file("c.heic", b"third"))
    button.value = (file("b.png", b"second"),)
    assert photos == [("a.png", b"first"), ("c.heic", b"third"), ("b.png", b"second")] and calls == [2, 1]
    assert button.value == () and b"first" not in repr(button.get_state()).encode()


def test_uploaded_photos_are_answered_and_a_bad_one_is_named(recogniser, capsys):
    assert widgets.guess_uploads(recogniser, []) is None
    good = Path(example("golden_retriever.jpg")).read_bytes()
    figure = widgets.guess_uploads(recogniser, [("good.jpg", good), ("text.jpg", b"No photo at all.")])
    assert "1 picture with" in figure.alt
    assert "text.jpg: This picture is not a picture" in capsys.readouterr().out


def test_the_button_takes_several_and_the_newer_kinds_of_photos():
    button = widgets.upload_button(print)
    accepted = button.accept.split(",")
    assert button.multiple and {"image/*", ".heic", ".heif", ".avif", ".jpg"} <= set(accepted)
    assert button.description


def test_on_colab_photos_come_in_pieces_and_are_handed_on_once(monkeypatch):
    functions, photos = {}, []
    output = SimpleNamespace(register_callback=functions.__setitem__)
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace(output=output))
    button = widgets.upload_button(photos.append)
    ((name, receive),) = functions.items()
    assert name in button.data and ".heic" in button.data
    receive(0, 0, "broken off.jpg", "AAAA", False)
    receive(0, 0, "a.jpg", "Zmly", False)
    receive(0, 3, "a.jpg", "c3Q=", False)
    receive(1, 0, "empty.png", "", True)
    assert photos == [[("a.jpg", b"first"), ("empty.png", b"")]]


def test_a_round_of_the_quiz_as_a_still(recogniser):
    figure = widgets.first_words_still(recogniser, PAGE[0][0], "dog", "a beagle")
    best = recogniser.guess(fit(open_picture(PAGE[0][0]), "pad"))[0]
    assert f'Book: "dog". You: "a beagle", right. Network: "{best.label}", ' in figure.alt


# The six questions

WHEN = pytest.mark.parametrize("when", ["before", "after"])
ASKED = json.loads((Path(widgets.__file__).parent / "data" / "six_questions.json").read_text("utf-8"))


def choices(form):
    return [child for child in form.children if isinstance(child, ipywidgets.RadioButtons)]


def count(form):
    next(child for child in form.children if isinstance(child, ipywidgets.Button)).click()
    return form.children[-2].value


def explanations(form):
    return [form.children[place + 1].value for place in range(1, 3 * len(ASKED), 3)]


def test_six_questions_each_with_one_right_answer_and_an_experiment_that_exists():
    assert [question["id"] for question in ASKED] == [
        "data", "confidence", "strangers", "learning", "rules", "maps"
    ]  # fmt: skip
    for question in ASKED:
        options, seen = question["options"], question["experiment"]
        assert len(set(options)) == len(options) in (3, 4) and question["answer"] in range(len(options))
        assert max(map(len, options)) <= 60  # fits a phone in two lines
        notebook = (NOTEBOOKS / f"{seen['notebook']}.ipynb").read_text("utf-8")
        heading = re.match(r"“(.+?)”: ", seen["text"])[1]
        assert f'"## {heading}' in notebook, heading
    assert len({question["answer"] for question in ASKED}) == 4  # no letter is always right


@WHEN
def test_right_answers_are_counted_and_nothing_is_told_before(when):
    form = widgets.six_questions(when).form
    assert all(choice.value is None for choice in choices(form))
    assert "0 of 6 right. 6 not answered" in count(form) and not any(explanations(form))
    for choice, question in zip(choices(form), ASKED, strict=True):
        choice.value = question["answer"]
    choices(form)[0].value = 0
    assert count(form).startswith("5 of 6 right.") and "not answered" not in count(form)
    if when == "before":
        assert not any(explanations(form))
    else:
        assert [text.startswith("<b>Right.") for text in explanations(form)] == [False] + [True] * 5
        assert html.escape(ASKED[0]["options"][1]) in explanations(form)[0]


@WHEN
def test_readers_without_a_kernel_get_the_questions_with_folded_answers(when):
    text = widgets.six_questions(when).markdown
    open_part, folds = re.subn(r"<summary>Answers?</summary>.*?</details>", "", text, flags=re.DOTALL)
    for question in ASKED:
        assert question["question"] in open_part and all(each in open_part for each in question["options"])
        assert question["why"] not in open_part and (question["why"] in text) == (when == "after")
    assert folds == {"before": 1, "after": 6}[when]


def test_a_form_is_shown_as_widget_and_as_markdown(monkeypatch):
    shown = []
    monkeypatch.setattr(widgets, "display", lambda data, raw: shown.append(data))
    asked = widgets.six_questions("after")
    asked._ipython_display_()
    assert shown[0]["application/vnd.jupyter.widget-view+json"]["model_id"] == asked.form.model_id
    assert shown[0]["text/markdown"] == asked.markdown


def test_the_six_questions_are_asked_before_or_after():
    with pytest.raises(ReaderError, match="before"):
        widgets.six_questions("during")
