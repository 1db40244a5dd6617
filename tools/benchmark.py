"""Time our prediction against Keras' own `predict()`, same network, same pictures, same minute.

    python tools/benchmark.py [--weights pocket|imagenet|PATH] [--repeats 15]

Both ways take turns, so whatever else the machine does slows both alike; of each the median is printed.
The goal is that one picture takes at most 0.75 of the time of `predict()`.
"""

import argparse
import statistics
import time

import numpy as np

from helpers import load_recogniser
from helpers.pictures import example, prepare

GOAL = 0.75
SIZES = (1, 8)


def seconds(function, batch):
    """How long one call takes."""
    start = time.perf_counter()
    function(batch)
    return time.perf_counter() - start


def compare(recogniser, batch, repeats):
    """Median seconds of (our prediction, Keras' predict) for a batch, the two taking turns."""
    ways = (recogniser.probabilities, lambda pictures: recogniser.model.predict(pictures, verbose=0))
    for way in ways:
        way(batch)  # the first call of each also compiles: not timed
    times = [[seconds(way, batch) for way in ways] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*times)]


def main():
    """Print one line for each size of batch."""
    parser = argparse.ArgumentParser(description="Time our prediction against Keras' predict().")
    parser.add_argument("--weights", help='"pocket", "imagenet" or the path of a weights file')
    parser.add_argument("--repeats", type=int, default=15, help="how often each way is timed (default 15)")
    args = parser.parse_args()
    recogniser = load_recogniser(args.weights)
    print(f"weights: {recogniser.weights}, median of {args.repeats}")
    picture = prepare(example("elephant.gif"))
    for size in SIZES:
        ours, stock = compare(recogniser, np.repeat(picture[None], size, axis=0), args.repeats)
        print(
            f"pictures at once: {size}  ours {ours:.3f} s, {ours / size:.3f} a picture"
            f"  predict() {stock:.3f} s, {stock / size:.3f} a picture  ratio {ours / stock:.2f}"
        )
        if size == 1:
            verdict = "reached" if ours / stock <= GOAL else "missed"
            print(f"goal for one picture: ratio {GOAL} or less: {verdict}")


if __name__ == "__main__":
    main()
