"""The explorers: controls, and under them a figure that is drawn anew whenever one of them changes.

Each function returns a widget; in a notebook it is the last line of its cell. All of them work with the
keyboard: Tab goes to the next control, the arrow keys change it. They need a running kernel; for readers
without one the notebooks show a figure beside each. Made for ipywidgets 7.7 (Colab) and 8.
"""

import html
from numbers import Integral

import ipywidgets
import numpy as np

from helpers.architecture import CONV_LAYERS
from helpers.explain import activations
from helpers.labels import has_label, kinds, matches
from helpers.pictures import MEAN_BGR, fit, open_picture, preprocess
from helpers.plots import guess_bars, percent, picture_row, png

LOOK = {"style": {"description_width": "12em"}, "layout": {"width": "36em", "max_width": "100%"}}
BLUE_FIRST, RED_FIRST = "blue first (right)", "red first (wrong)"


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

    def draw(name, kernel, relu):
        grey = open_picture(pictures[name]).convert("L")
        pixels, weights = np.asarray(grey, "float32"), np.asarray(kernels[kernel], "float32")
        rows, columns = pixels.shape[0] - 2, pixels.shape[1] - 2
        found = sum(weights[y, x] * pixels[y : y + rows, x : x + columns] for y in range(3) for x in range(3))
        numbers = " / ".join(" ".join(f"{weight:g}" for weight in row) for row in weights)
        if relu:
            shades, zero = _shades(np.maximum(found, 0)), "Black is zero."
        else:
            shades = 127.5 + _shades(np.abs(found)) * np.sign(found) / 2
            zero = "Mid-grey is zero, darker is below."
        return (
            picture_row([grey, shades], ["picture", kernel]),
            f"Kernel: {numbers}. It answers from {found.min():.0f} to {found.max():.0f}. {zero}",
        )

    return _explorer(controls, draw)


def preparation_explorer(recogniser, picture):
    """Prepare a picture rightly or wrongly: what does the network see then, and what does it say?

    recogniser: from `load_recogniser`. picture: anything `pictures.open_picture` takes.
    """
    picture = open_picture(picture)
    controls = {
        "how": _choice("make it square", ["squash", "crop", "pad"]),
        "order": _choice("channels", [BLUE_FIRST, RED_FIRST]),
        "mean": _tick("take the average colour away", True),
        "turn": _slider("turn left, degrees", 0, 270, 0, step=90),
    }

    def draw(how, order, mean, turn):
        pixels = np.asarray(fit(picture.rotate(turn, expand=True), how), "float32")
        prepared = pixels - MEAN_BGR[::-1] * mean
        if order == BLUE_FIRST:
            prepared = prepared[..., ::-1]
        guesses = recogniser.best(recogniser.probabilities(prepared[None])[0])
        # What the network takes it for: the picture that, rightly prepared, gives the same numbers.
        seen = (prepared + MEAN_BGR)[..., ::-1].clip(0, 255)
        best = guesses[0]
        return guess_bars(seen, guesses), f"First guess: {best.label}, {percent(best.probability)}."

    return _explorer(controls, draw)


def layer_explorer(recogniser, picture):
    """Leaf through the feature maps of every convolution. The network looks once, at the start.

    recogniser: from `load_recogniser`. picture: anything `pictures.open_picture` takes.
    """
    square = fit(open_picture(picture))
    maps = activations(recogniser, square, [layer.name for layer in CONV_LAYERS])
    controls = {"layer": _choice("layer", maps), "number": _slider("map", 0, CONV_LAYERS[0].units - 1, 0)}

    def draw(layer, number):
        last = maps[layer].shape[2] - 1
        controls["number"].max, number = last, min(number, last)
        found = maps[layer][:, :, number]
        rows, columns = found.shape
        row, column = np.unravel_index(found.argmax(), found.shape)
        titles = ["what the network gets", f"{layer}, map {number} of 0 to {last}"]
        text = (
            f"{rows} × {columns} numbers. The largest, {found.max():.1f}, is white: row {row + 1}, "
            f"column {column + 1}. Of all, {percent((found == 0).mean())} are zero: black."
        )
        return picture_row([square, _shades(found)], titles), text

    return _explorer(controls, draw)


def bend_explorer(recogniser, picture, word, bends, how="pad"):
    """Bend a picture, with one slider for each bend: when is the word no longer the answer?

    recogniser: from `load_recogniser`. picture: anything `pictures.open_picture` takes. word: what it shows.
    bends: dictionary of names and (function, minimum, maximum, default), applied one after the other:
        function(picture, amount) takes and returns a Pillow image, 224 x 224; it is left out at its default.
    how: how the picture is made square, see `pictures.fit`. Raises ValueError if no label counts as the word.
    """
    square = fit(open_picture(picture), how)
    right = [matches(label.wnid, word) for label in recogniser.labels]
    if not any(right):
        raise ValueError(f'None of the {len(right)} labels of this network counts as "{word}".')
    controls = {name: _slider(name, *limits) for name, (_, *limits) in bends.items()}

    def draw(**amounts):
        bent = square
        for name, (function, _, _, default) in bends.items():
            if amounts[name] != default:
                bent = function(bent, amounts[name])
        probabilities = recogniser.probabilities(preprocess(bent)[None])[0]
        sure = percent(probabilities[right].sum())
        return guess_bars(bent, recogniser.best(probabilities)), f"{word}: {sure}."

    return _explorer(controls, draw)


def _shades(values):
    """Numbers of zero or more as shades from black, 0, to white, 255: the largest."""
    return 255 * values / max(float(values.max()), 1e-9)


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

    def update(_=None):
        drawn, text = draw(**{name: control.value for name, control in controls.items()})
        figure.value, sentence.value = png(drawn), html.escape(text)

    def watch(on):
        for control in controls.values():
            (control.observe if on else control.unobserve)(update, "value")

    def reset(_):
        watch(False)  # all controls move, but we draw only once
        for name, control in controls.items():
            control.value = starts[name]
        watch(True)
        update()

    back.on_click(reset)
    watch(True)
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
        yours, its = _says(change["new"], word), bool(best.wnid) and matches(best.wnid, word)
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


def _says(typed, word):
    """Whether what a reader typed is the word, with or without an article, or one of its kinds."""
    typed = typed.casefold().strip()
    for article in ("a ", "an ", "the "):
        typed = typed.removeprefix(article)
    letters = ["".join(filter(str.isalnum, text)) for text in (typed, word.casefold())]
    return letters[0] == letters[1] or (bool(kinds(typed)) and set(kinds(typed)) <= set(kinds(word)))


def _verdict(right):
    return "right" if right else "wrong"
