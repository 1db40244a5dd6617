"""What serves only our tools: the answers that `make run` collects from the notebooks."""

import json

from helpers.plots import percent


def record(recogniser, **answers):
    """Print the answers of an experiment as one line of JSON, in a cell tagged `answers`.

    recogniser: whose answers they are. answers: a name for each, and the answer: a text, or a list of Guess,
    of which the first counts. In the name "_" stands for a blank.
    """
    texts = {
        name.replace("_", " "): answer if isinstance(answer, str) else _first(answer)
        for name, answer in answers.items()
    }
    print(json.dumps({"weights": recogniser.weights, "answers": texts}))


def _first(guesses):
    return f"{guesses[0].label}, {percent(guesses[0].probability)}"
