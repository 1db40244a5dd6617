"""The explorers: controls, and under them a figure that is drawn anew whenever one of them changes.

Each explorer is a widget; in a notebook it is the last line of its cell. All of them work with the keyboard:
Tab goes to the next control, the arrow keys change it. They need a running kernel. For readers without one
there is a still beside each, which gives the same figure for chosen settings, and the sentence under it:

    figure, sentence = filter_still(picture, kernel, relu=True)

Here is also the button for photos from the reader's own device. Made for ipywidgets 7.7 (Colab) and 8.
"""

import html
import json
from numbers import Integral
from pathlib import Path

import ipywidgets
import numpy as np
from IPython.display import display

from helpers import colab
from helpers.architecture import CONV_LAYERS
from helpers.errors import ReaderError
from helpers.explain import activations
from helpers.labels import has_label, matches, means
from helpers.lesson_figures import map_row
from helpers.pictures import DEFAULT_HOW, ENDINGS, MEAN_BGR, PictureError, fit, open_picture, preprocess
from helpers.plots import (
    convolution_step,
    convolved,
    dots_with_threshold,
    guess_bars,
    guess_grid,
    percent,
    picture_row,
    png,
)
from helpers.style import course_entry, number_text

LOOK = {"style": {"description_width": "12em"}, "layout": {"width": "36em", "max_width": "100%"}}
BLUE_FIRST, RED_FIRST = "blue first (right)", "red first (wrong)"
# Not every system counts the newer kinds of photos among image/*; phones offer their camera for that.
ACCEPTED = ",".join(["image/*", *sorted(ENDINGS)])
FOLD = '<details style="margin-bottom: 1em">'  # JupyterLab would let it stick to what comes next
QUESTIONS = Path(__file__).parent / "data" / "six_questions.json"
# On a phone an answer takes two lines, for which ipywidgets leaves no room.
NARROW = (
    "<style>.six-questions .widget-radio-box label {height: auto; line-height: 1.4; margin: 0.2em 0;"
    " white-space: normal} .six-questions .widget-html-content {line-height: 1.5}</style>"
)
LARGEST = 1000  # pixels, the longer side of a picture under a kernel: more is not to be seen, and slow


def filter_explorer(picture, kernels):
    """Slide one of several kernels over a picture in grey, with or without ReLU.

    picture: anything `pictures.open_picture` takes, or a dictionary of names and such pictures to choose.
    kernels: dictionary of names and arrays (3, 3), not mirrored: used as a convolution layer uses its own.
    """
    pictures = picture if isinstance(picture, dict) else {"this one": picture}
    controls = {
        "name": _choice("picture", pictures),
        "kernel": _choice("kernel", kernels),
        "relu": _tick("ReLU: below zero becomes zero", False),
    }
    return _explorer(
        controls, lambda name, kernel, relu: filter_still(pictures[name], kernels[kernel], relu, kernel)
    )


def filter_still(picture, kernel, relu=False, name="after the kernel"):
    """The figure of `filter_explorer` for one kernel, and the sentence under it."""
    grey = open_picture(picture).convert("L")
    grey.thumbnail((LARGEST, LARGEST))
    if min(grey.size) < 3:
        raise PictureError("A kernel of 3 x 3 needs a picture of at least 3 x 3 pixels: take a larger one.")
    weights = np.asarray(kernel, "float32")
    found = convolved(np.asarray(grey, "float32"), weights)
    numbers = " / ".join(" ".join(f"{weight:g}" for weight in row) for row in weights)
    sentence = f"Kernel: {numbers}. It answers from {found.min():.0f} to {found.max():.0f}."
    return map_row({"picture": grey, name: np.maximum(found, 0) if relu else found}), sentence


def convolution_explorer(picture, kernels, size=14):
    """Move a kernel over a picture step by step: nine pixels, nine products, and their sum, one output.

    picture: anything `pictures.open_picture` takes. kernels: an array (3, 3), not mirrored, or a dictionary
    of names and such arrays to choose. size: the picture is cropped and shrunk to so many pixels, 3 or more.
    """
    kernels = kernels if isinstance(kernels, dict) else {"this one": kernels}
    steps = (size - 2) ** 2
    controls = {
        "kernel": _choice("kernel", kernels),
        "step": _slider("step", 1, steps, min(steps, steps // 2 + 1)),
    }
    return _explorer(controls, lambda kernel, step: convolution_still(picture, kernels[kernel], step, size))


def convolution_still(picture, kernel, step, size=14):
    """The figure of `convolution_explorer` at a step, 1 for the first, and the sentence under it."""
    picture = open_picture(picture)
    pixels = np.asarray(fit(picture, "crop", size).convert("L"), "float32")
    row, column = divmod(step - 1, size - 2)
    figure = _credited(convolution_step(pixels, kernel, (row, column)), picture)
    total = number_text(convolved(pixels, np.asarray(kernel, "float32"))[row, column])
    return figure, f"Row {row + 1}, column {column + 1}: the nine products add up to {total}."


def threshold_explorer(known, unknown, start=0.5, wrong=None):
    """Move a threshold under which the network is to say "I don't know": whom does it silence?

    known, unknown: the top probabilities, 0 to 1, of pictures whose thing is on the list, and of others.
    start: where the threshold stands first, 0 to 1. wrong: for each known picture whether its answer is
    wrong, drawn as a ring; or None.
    """
    controls = {"threshold": _slider("threshold, %", 0, 100, round(100 * start))}
    return _explorer(controls, lambda threshold: threshold_still(known, unknown, threshold / 100, wrong))


def threshold_still(known, unknown, threshold, wrong=None):
    """The figure of `threshold_explorer` for a threshold from 0 to 1, and the sentence under it."""
    refused, answered = np.sum(np.less(known, threshold)), np.sum(np.greater_equal(unknown, threshold))
    sentence = (
        f"Threshold {percent(threshold)}: {refused} of {len(known)} known things are refused, "
        f"{answered} of {len(unknown)} unknown ones are answered."
    )
    groups = {"known things, on the list": known, "strangers, not on the list": unknown}
    rings = None if wrong is None else {"known things, on the list": wrong}
    return dots_with_threshold(groups, threshold, wrong=rings), sentence


def preparation_explorer(recogniser, picture):
    """Prepare a picture rightly or wrongly: what does the network get then, and what does it answer?

    recogniser: from `load_recogniser`. picture: anything `pictures.open_picture` takes.
    """
    picture = open_picture(picture)
    controls = {
        "how": _choice("make it square", [DEFAULT_HOW, "squash", "pad"]),
        "order": _choice("channels", [BLUE_FIRST, RED_FIRST]),
        "mean": _tick("take the average colour away", True),
        "turn": _slider("turn left, degrees", 0, 270, 0, step=90),
    }
    return _explorer(controls, lambda **values: preparation_still(recogniser, picture, **values))


def preparation_still(recogniser, picture, how=DEFAULT_HOW, order=BLUE_FIRST, mean=True, turn=0):
    """The figure of `preparation_explorer`, and the sentence under it.

    how: as in `pictures.fit`. order: BLUE_FIRST or RED_FIRST. mean: whether the average colour is taken away.
    turn: degrees to the left.
    """
    picture = open_picture(picture)
    pixels = np.asarray(fit(picture.rotate(turn, expand=True), how), "float32")
    prepared = pixels - MEAN_BGR[::-1] * mean
    if order == BLUE_FIRST:
        prepared = prepared[..., ::-1]
    guesses = recogniser.best(recogniser.probabilities(prepared[None])[0])
    # What the network takes it for: the picture that, rightly prepared, gives the same numbers.
    taken_for = (prepared + MEAN_BGR)[..., ::-1].clip(0, 255).round().astype("uint8")
    figure = _credited(guess_bars(taken_for, guesses), picture)
    return figure, f"First guess: {guesses[0].label}, {percent(guesses[0].probability)}."


def layer_explorer(recogniser, picture):
    """Leaf through the feature maps of every convolution. The network looks once, at the start.

    recogniser: from `load_recogniser`. picture: anything `pictures.open_picture` takes.
    """
    square = fit(open_picture(picture))
    maps = activations(recogniser, square, [layer.name for layer in CONV_LAYERS])
    controls = {"layer": _choice("layer", maps), "number": _slider("map", 0, CONV_LAYERS[0].units - 1, 0)}

    def draw(layer, number):
        last = maps[layer].shape[2] - 1
        controls["number"].max = last
        return _map_still(square, maps[layer], layer, min(number, last))

    return _explorer(controls, draw)


def layer_still(recogniser, picture, layer="block1_conv1", number=0):
    """The figure of `layer_explorer` for one map of one layer, and the sentence under it."""
    square = fit(open_picture(picture))
    return _map_still(square, activations(recogniser, square, [layer])[layer], layer, number)


def _map_still(square, maps, layer, number):
    found = maps[:, :, number]
    rows, columns = found.shape
    row, column = np.unravel_index(found.argmax(), found.shape)
    titles = ["what the network gets", f"{layer}, map {number} of 0 to {maps.shape[2] - 1}"]
    sentence = (
        f"{rows} × {columns} numbers. The largest, {found.max():.1f}, is white: row {row + 1}, "
        f"column {column + 1}. Of all, {percent((found == 0).mean())} are zero: black."
    )
    return picture_row([square, _shades(found)], titles), sentence


def bend_explorer(recogniser, picture, word, bends, how="pad"):
    """Bend a picture, with one slider for each bend: when is the word no longer the answer?

    recogniser: from `load_recogniser`. picture: anything `pictures.open_picture` takes. word: what it shows.
    bends: dictionary of names and (function, minimum, maximum, default), applied one after the other:
        function(picture, amount) takes and returns a Pillow image, 224 x 224; it is left out at its default.
    how: how it is made square, see `pictures.fit`. Raises ReaderError if no label counts as the word.
    """
    picture = open_picture(picture)
    controls = {name: _slider(name, *limits) for name, (_, *limits) in bends.items()}
    return _explorer(controls, lambda **amounts: bend_still(recogniser, picture, word, bends, amounts, how))


def bend_still(recogniser, picture, word, bends, amounts, how="pad"):
    """The figure of `bend_explorer`, and the sentence under it.

    amounts: dictionary of names of bends and how much; a bend that is not named stays at its default.
    """
    right = [matches(label.wnid, word) if label.wnid else label.text == word for label in recogniser.labels]
    if not any(right):
        raise ReaderError(f'None of the {len(right)} labels of this network counts as "{word}".')
    picture = open_picture(picture)
    bent = fit(picture, how)
    for name, (function, _, _, default) in bends.items():
        if amounts.get(name, default) != default:
            bent = function(bent, amounts[name])
    probabilities = recogniser.probabilities(preprocess(bent)[None])[0]
    figure = _credited(guess_bars(bent, recogniser.best(probabilities)), picture)
    return figure, f"{word}: {percent(probabilities[right].sum())}."


def upload_button(take):
    """A button for photos from the reader's own device, several at once; a phone offers its camera too.

    The button keeps nothing. take: a function that is given the new photos, a list of (name, bytes), such as
    `photos.extend`.
    """
    if colab.here():
        return colab.upload_button(take, ACCEPTED)
    button = ipywidgets.FileUpload(accept=ACCEPTED, multiple=True, description="Choose photos")
    button.layout.width = "auto"

    def hand_on(_):
        photos = uploaded(button)
        if photos:  # it is emptied by then, which is a change as well
            take(photos)

    button.observe(hand_on, "value")
    return button


def guess_uploads(recogniser, photos):
    """The answers to photos from an upload button, as a figure; None if there is none to show.

    recogniser: from `load_recogniser`. photos: a list of (name, bytes). Of those that cannot be opened, a
    printed line says why.
    """
    opened = []
    for name, content in photos:
        try:
            opened.append(open_picture(content))
        except PictureError as problem:
            print(f"{name}: {problem}")
    return guess_grid([fit(photo) for photo in opened], recogniser.guess(opened)) if opened else None


def uploaded(upload):
    """Take the photos out of an upload button: a list of (name, bytes), empty if there is none.

    The button is emptied, because a notebook may be saved with what its buttons hold.

    upload: an `ipywidgets.FileUpload`, whose value is a dictionary in ipywidgets 7 and a tuple in 8.
    """
    value = upload.value
    if isinstance(value, dict):
        photos = [(name, bytes(file["content"])) for name, file in value.items()]
        if photos:
            upload.metadata, upload.data = [], []
            upload._counter = 0  # in ipywidgets 7 the value is made from the two lists when this changes
    else:
        photos = [(file["name"], bytes(file["content"])) for file in value]
        if photos:
            upload.value = ()
    return photos


def _credited(figure, picture):
    """A figure of what was made from a picture, with the credit of that picture."""
    if entry := course_entry(picture):
        figure.credits = (entry.credit,)
    return figure


def _shades(values):
    """Numbers of zero or more as shades from black, 0, to white, the largest."""
    return np.rint(255 * values / max(float(values.max()), 1e-9)).astype("uint8")


def _choice(name, options):
    return ipywidgets.Dropdown(options=list(options), description=name, **LOOK)


def _tick(text, on):
    return ipywidgets.Checkbox(on, description=text, **LOOK)


def _slider(name, low, high, start, step=None):
    whole = all(isinstance(number, Integral) for number in (low, high, start))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    # One answer when the slider comes to rest, not a queue of answers that trails behind it.
    return kind(
        start,
        min=low,
        max=high,
        step=step or (1 if whole else (high - low) / 40),
        description=name,
        continuous_update=False,
        **LOOK,
    )


def _explorer(controls, draw):
    """Controls by name, a button that sets them back, and what draw(**values) gives: a figure, a sentence."""
    figure, sentence = ipywidgets.Image(format="png", layout={"max_width": "100%"}), ipywidgets.HTML()
    back = ipywidgets.Button(description="back to the start")
    starts = {name: control.value for name, control in controls.items()}

    drawing = False

    def update(_=None):
        nonlocal drawing
        if drawing:  # to draw may set a control right; that is no reason to draw once more
            return
        drawing = True
        try:
            drawn, text = draw(**{name: control.value for name, control in controls.items()})
        finally:
            drawing = False
        figure.value, sentence.value = png(drawn), html.escape(text)

    def reset(_):
        nonlocal drawing
        drawing = True  # all controls move, but we draw only once
        for name, control in controls.items():
            control.value = starts[name]
        drawing = False
        update()

    for control in controls.values():
        control.observe(update, "value")
    back.on_click(reset)
    update()
    return ipywidgets.VBox([*controls.values(), back, figure, sentence])


def first_words_quiz(recogniser, page, rounds=9, seed=None):
    """You against the network: name the pictures of a first-words book, with a running score.

    The reader types a word and presses Enter, and only then is the network asked. Both are judged by
    `labels.RULES`; where these do not know the reader's word, the reader may say that it means the same.
    recogniser: from `load_recogniser`. page: a list of (picture, word), the picture anything that
    `pictures.open_picture` takes. rounds: how many are asked at most. seed: fixes which, and their order;
    None: new ones every time.
    """
    generator, rounds = np.random.default_rng(seed), min(rounds, len(page))
    box = ipywidgets.Text(description="your word", continuous_update=False, **LOOK)
    same = ipywidgets.Button(description="I meant the same")
    further = ipywidgets.Button()
    narrow = {"max_width": "100%", "align_self": "flex-start"}  # a single picture is not to fill the page
    figure, sentence = ipywidgets.Image(format="png", layout=narrow), ipywidgets.HTML()
    game = {}  # the pictures still to come, the picture shown, the verdict on it, the points

    def say(*parts):
        sentence.value = html.escape(" ".join([*parts, f"You {game['you']}, network {game['network']}."]))

    def focus(control):
        if hasattr(control, "focus"):  # not in ipywidgets 7
            control.focus()

    def ask():
        if not game.get("left"):
            order = generator.permutation(len(page))[:rounds]
            game.update(left=[page[number] for number in order], you=0, network=0)
        picture, game["word"] = game["left"].pop(0)
        game["square"] = fit(open_picture(picture), "pad")
        box.value, box.disabled, same.disabled, further.disabled = "", False, True, True
        further.description = "next picture" if game["left"] else "play again"
        figure.value = png(picture_row([game["square"]], ["What is this?"]))
        say(f"Picture {rounds - len(game['left'])} of {rounds}. Type a word, or ?, and press Enter.")

    def answer(change):
        if not change["new"].strip() or further.disabled is False:
            return
        guesses = recogniser.guess(game["square"])
        best, word = guesses[0], game["word"]
        yours, its = means(change["new"], word), bool(best.wnid) and matches(best.wnid, word)
        game["you"] += yours
        game["network"] += its
        box.disabled, same.disabled, further.disabled = True, yours, False
        figure.value = png(guess_bars(game["square"], guesses))
        excuse = "" if has_label(word, recogniser.labels) else " It has no label for this."
        game["verdict"] = f'The book says "{word}". The network says "{best.label}": {_verdict(its)}.{excuse}'
        say(f'You say "{change["new"].strip()}": {_verdict(yours)}.', game["verdict"])
        focus(further)

    def insist(_):
        game["you"] += 1
        same.disabled = True
        say("Then you are right.", game["verdict"])
        focus(further)

    def go_on(_):
        ask()
        focus(box)

    box.observe(answer, "value")
    same.on_click(insist)
    further.on_click(go_on)
    ask()
    return ipywidgets.VBox([box, further, same, figure, sentence])


def first_words_still(recogniser, picture, word, typed):
    """One round of `first_words_quiz` as a figure: the picture, what a reader typed, and the network's bars.

    picture, word: a pair of the quiz's page; typed: what the reader typed.
    """
    square = fit(open_picture(picture), "pad")
    guesses = recogniser.guess(square)
    yours, its = means(typed, word), matches(guesses[0].wnid, word)
    title = (
        f'Book: "{word}". You: "{typed}", {_verdict(yours)}. Network: "{guesses[0].label}", {_verdict(its)}.'
    )
    return guess_bars(square, guesses, title)


def _verdict(right):
    return "right" if right else "wrong"


class Questions:
    """A form, and the same questions as Markdown, which is seen where no kernel runs."""

    def __init__(self, form, markdown):
        self.form, self.markdown = form, markdown

    def _ipython_display_(self):
        view = {"version_major": 2, "version_minor": 0, "model_id": self.form.model_id}
        shown = {"application/vnd.jupyter.widget-view+json": view, "text/markdown": self.markdown}
        display(shown | {"text/plain": self.markdown}, raw=True)


def six_questions(when):
    """Six questions on what the course teaches, asked before it and again after it.

    The answers stay on the reader's machine, in the memory of the kernel, and are stored nowhere.

    when: "before": only the number of right answers is told, so that the same questions can be asked again;
        "after": also which are right, why, and the experiment that shows it.
    Returns a Questions. Raises ReaderError where `when` is neither.
    """
    if when not in ("before", "after"):
        raise ReaderError('The six questions are asked "before" the course or "after" it.')
    questions = json.loads(QUESTIONS.read_text(encoding="utf-8"))
    choices, verdicts, wide = [], [], {"width": "auto", "max_width": "100%"}
    for question in questions:
        options = [(option, place) for place, option in enumerate(question["options"])]
        choices.append(ipywidgets.RadioButtons(options=options, value=None, layout=wide))
        verdicts.append(ipywidgets.HTML())
    check, score = (
        ipywidgets.Button(description="count my right answers", layout={"width": "auto"}),
        ipywidgets.HTML(),
    )

    def count(_):
        right = [choice.value == question["answer"] for choice, question in zip(choices, questions)]
        left = sum(choice.value is None for choice in choices)
        sentences = [f"{sum(right)} of {len(questions)} right."]
        if left:
            sentences.append(f"{left} not answered yet.")
        if when == "before":
            sentences.append("Note it down: the same questions come again at the end of the course.")
        score.value = html.escape(" ".join(sentences))
        if when == "after":
            for choice, question, good, verdict in zip(choices, questions, right, verdicts):
                if choice.value is not None:
                    verdict.value = _explained(question, good)

    check.on_click(count)
    rows = []
    for number, (question, choice, verdict) in enumerate(zip(questions, choices, verdicts), 1):
        asked = ipywidgets.HTML(f"<b>{number}.</b> {html.escape(question['question'])}")
        rows += [asked, choice, verdict]
    form = ipywidgets.VBox([*rows, check, score, ipywidgets.HTML(NARROW)])
    form.add_class("six-questions")
    return Questions(form, _questions_as_markdown(questions, when))


def _explained(question, right):
    verdict = "Right." if right else f"The answer is: {question['options'][question['answer']]}"
    seen = question["experiment"]
    return (
        f"<b>{html.escape(verdict)}</b> {html.escape(question['why'])} "
        f"Seen in notebook {int(seen['notebook'][:2])}, {html.escape(seen['text'])}"
    )


def _questions_as_markdown(questions, when):
    """The questions for readers without a kernel; the answers are folded."""
    parts, letters = [], []
    for number, question in enumerate(questions, 1):
        lines = [f"- {letter}: {option}" for letter, option in zip("abcd", question["options"])]
        letter, seen = "abcd"[question["answer"]], question["experiment"]
        link = f"[notebook {int(seen['notebook'][:2])}]({seen['notebook']}.ipynb)"
        letters.append(f"{number} {letter} ({link})")
        parts += [f"**{number}.** {question['question']}", "\n".join(lines)]
        if when == "after":
            answer = f"**{letter}.** {question['why']}\n\nSeen in {link}, {seen['text']}"
            parts.append(f"{FOLD}<summary>Answer</summary>\n\n{answer}\n</details>")
    if when == "before":
        first = "Try without first: they're explained on the way, and again at the end of notebook 11."
        folded = f"{first} {', '.join(letters)}."
        parts.append(f"{FOLD}<summary>Answers</summary>\n\n{folded}\n</details>")
        opening = f"{FOLD}<summary>The six questions</summary>"  # a page long: who wants the lesson goes on
        parts = [opening, *parts, "</details>"]
    return "\n\n".join(parts)
