"""What serves only our tools: the answers that `make run` collects from the notebooks."""

import json

from IPython.display import display

from helpers.plots import percent

ANSWERS = "application/x-course-answers"  # a media type that no notebook program shows


def record(recogniser, **answers):
    """Leave the answers of an experiment in the output of a cell tagged `answers`, where no reader sees them.

    recogniser: whose answers they are. answers: a name for each, and the answer: a text, or a list of Guess,
    of which the first counts. In the name "_" stands for a blank.
    """
    texts = {
        name.replace("_", " "): answer if isinstance(answer, str) else _first(answer)
        for name, answer in answers.items()
    }
    display({ANSWERS: json.dumps({"weights": recogniser.weights, "answers": texts})}, raw=True)


def _first(guesses):
    return f"{guesses[0].label}, {percent(guesses[0].probability)}"
