"""Measure what the course promises about speed and memory, and write docs/benchmarks.md: `make bench`.

    python tools/benchmark.py [NAME ...] [--weights FILE] [--validation ZIP] [--photos 2000]

NAME is a function of ROWS: without any, all are measured, which takes a quarter of an hour; with some, the
others keep what this machine measured last. Whatever is compared is measured in one run, the ways taking
turns, so that all suffer alike from what else the machine does; of each the median counts.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

import benchmark_cluster
from helpers import load_recogniser
from helpers.albums import recognise_folder
from helpers.explain import occlusion_map
from helpers.pictures import catalogue, example, prepare
from helpers.recogniser import BATCH, has_bfloat16
from stand_in import write_stand_in

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
KEPT = ROOT / "build" / "benchmarks.json"  # what was measured last: machine -> function -> rows
CHILD = ROOT / "tools" / "benchmark_child.py"
MULTIPLY_ADDS = 15_470_264_320  # of VGG16 for one picture; notebook 02 counts them
PEERS = ("onnxruntime", "openvino", "torch")
PAUSE = 0.1  # seconds between runs: the threads of some libraries stay awake for a while


class Row(NamedTuple):
    """One line of the page.

    what: was measured. figures: ours, and what it is compared with, in words. value: the ratio, or whatever
    else the goal is about. goal: the limit for it. at_least: the value is to be larger than the goal, not
    smaller. unit: of both. reason: why a goal is missed; said only where it is. A value that could not be
    measured is NaN, and its goal is missed.
    """

    what: str
    figures: str
    value: float
    goal: float
    at_least: bool = False
    unit: str = ""
    reason: str = ""

    @property
    def met(self):
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def __str__(self):
        value, goal = (f"{number:.4g}{self.unit}" for number in (self.value, self.goal))
        value = "–" if np.isnan(self.value) else value
        limit = "or more" if self.at_least else "or less"
        verdict = "met" if self.met else f"**missed**: {self.reason or 'why is not known'}"
        return f"| {self.what} | {self.figures} | {value} | {goal} {limit} | {verdict} |"


# Children: processes of their own


class Way:
    """A way to run the network, loaded and warm in a process of its own."""

    def __init__(self, name, weights):
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, CHILD, "time", name, weights],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.answer = self.process.stdout.readline()
        if not self.answer:
            raise SystemExit(f"{name} does not run: pip install -r requirements-bench.txt")

    def seconds(self, count):
        """How long it takes for a number of pictures at once."""
        time.sleep(PAUSE)
        print(count, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def timed(names, weights, count, repeats):
    """Median seconds of ways to run the network, which take turns: dict name -> seconds for all pictures."""
    with contextlib.ExitStack() as stack:
        ways = [stack.enter_context(contextlib.closing(Way(name, weights))) for name in names]
        answers = {way.answer for way in ways if way.name != "matmul"}
        if len(answers) > 1:
            raise SystemExit(f"The ways do not agree: {answers}")
        runs = [{way.name: way.seconds(count) for way in ways} for _ in range(repeats)]
    return {name: statistics.median(run[name] for run in runs) for name in names}


def loaded(way, weights):
    """What `benchmark_child.load` measures of one way."""
    command = [sys.executable, CHILD, "load", way, weights]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def limit(matmul):
    """The seconds that the multiply-adds of one picture take at the speed of the matrix product."""
    return matmul * MULTIPLY_ADDS / 4096**3


# The rows: each function takes the options, and returns rows


def full_network(options):
    """Memory and time of the full network, ours against Keras' own, from the same file."""
    runs = [(loaded("ours", options.weights), loaded("stock", options.weights)) for _ in range(3)]
    ours, stock = ([pair[i] for pair in runs] for i in range(2))
    peaks = [max(run["peak_mb"] for run in way) for way in (ours, stock)]
    seconds = [statistics.median(run["seconds"] for run in way) for way in (ours, stock)]
    apart = np.abs(np.subtract(ours[0]["answers"], stock[0]["answers"])).max()
    memory = f"{peaks[0]:,.0f} MB; Keras' own, without the map: {peaks[1]:,.0f} MB"
    what = "The full network: build, load, ten pictures, a heat map"
    return [
        Row(f"{what}; peak", memory, peaks[0], 1600, unit=" MB"),
        Row("The same, the further goal", memory, peaks[0], 1350, unit=" MB"),
        Row(
            "Build and load it, against Keras' own",
            f"{seconds[0]:.2f} s to {seconds[1]:.2f} s, {ours[0]['parameters']:,} parameters",
            seconds[0] / seconds[1],
            0.5,
        ),
        Row("Its probabilities, against Keras' own", "largest difference, ten pictures", float(apart), 1e-5),
    ]


def one_picture(options):
    """One picture, warm, in float32: against other libraries, and against the machine."""
    times = timed(("float32", *PEERS, "matmul"), options.weights, 1, 15)
    best = min(PEERS, key=times.get)
    others = ", ".join(f"{name} {times[name]:.3f} s" for name in PEERS)
    most = limit(times["matmul"])
    return [
        Row(
            "One picture, against the fastest of three libraries",
            f"{times['float32']:.3f} s; {others}",
            times["float32"] / times[best],
            1.05,
            reason="our convolutions run at the machine's limit; the rest is the dense layers",
        ),
        Row(
            "One picture, against the machine's matrix product",
            f"{times['float32']:.3f} s to {most:.3f} s",
            times["float32"] / most,
            1.2,
            reason="the dense layers read half a gigabyte for one picture, which a matrix product need not",
        ),
    ]


def batches(options):
    """Eight pictures at once, in float32, against the machine."""
    times = timed(("float32", *PEERS, "matmul"), options.weights, BATCH, 5)
    others = ", ".join(f"{name} {times[name] / BATCH:.3f} s" for name in PEERS)
    ours, most = times["float32"] / BATCH, limit(times["matmul"])
    return [
        Row(
            f"{BATCH} pictures at once, a picture, against the machine's matrix product",
            f"{ours:.3f} s to {most:.3f} s; {others}",
            ours / most,
            1.1,
        )
    ]


def bfloat16(options):
    """The same in numbers of half the length: how fast it is."""
    rows = []
    for count, repeats in ((1, 15), (BATCH, 5)):
        what = f"{'One picture' if count == 1 else f'{count} pictures at once'} in bfloat16, against float32"
        if not has_bfloat16():
            rows.append(not_measured(what, 0.65, "this machine has no instructions for it"))
            continue
        times = timed(("float32", "bfloat16"), options.weights, count, repeats)
        ours, full = (times[name] / count for name in ("bfloat16", "float32"))
        rows.append(Row(what, f"{ours:.3f} s to {full:.3f} s a picture", ours / full, 0.65))
    return rows


def not_measured(what, goal, why, **others):
    """A row for what cannot be measured here."""
    return Row(what, "not measured", float("nan"), goal, reason=why, **others)


def bfloat16_answers(options):
    """How often the pocket network's first answer is the same in bfloat16, on validation pictures."""
    whats = (
        "The pocket network's first answer is the same in bfloat16: Tiny-ImageNet's validation pictures",
    )
    whats += ("The same, where float32 was over 50 % sure",)
    goals, kind = (98, 99.5), {"at_least": True, "unit": " %"}
    if not (has_bfloat16() and options.validation):
        why = "it takes a machine with bfloat16, and --validation with Tiny-ImageNet's zip file"
        return [not_measured(what, goal, why, **kind) for what, goal in zip(whats, goals)]
    networks = [load_recogniser("pocket", precision) for precision in ("float32", "bfloat16")]
    known = {label.wnid for label in networks[0].labels}
    same = []
    with zipfile.ZipFile(options.validation) as files:
        folder = "tiny-imagenet-200/val"
        lines = [
            line.split("\t") for line in files.read(f"{folder}/val_annotations.txt").decode().split("\n")
        ]
        names = [line[0] for line in lines if len(line) > 1 and line[1] in known]
        chosen = np.random.default_rng(16).permutation(names)[: options.pictures]
        for start in range(0, len(chosen), BATCH):
            some = [files.read(f"{folder}/images/{name}") for name in chosen[start : start + BATCH]]
            batch = np.stack([prepare(content) for content in some])
            exact, ours = (network.probabilities(batch) for network in networks)
            same += zip(exact.argmax(1) == ours.argmax(1), exact.max(1) > 0.5)
    same, sure = np.array(same).T
    counts = (same, same[sure])
    return [
        Row(what, f"{each.sum():,} of {len(each):,}, drawn at random", each.mean() * 100, goal, **kind)
        for what, goal, each in zip(whats, goals, counts)
    ]


def folder(options):
    """A folder of photos: opening them overlaps the network, and memory stays flat."""
    recogniser, process = load_recogniser("pocket"), psutil.Process()
    files = [entry.path for entry in catalogue() if entry.path.suffix.lower() in (".jpg", ".png")]
    batch = np.stack([prepare(example("elephant.gif"))] * BATCH)
    recogniser.probabilities(batch)
    memory, pure, opening = [], [], []

    def watched(names):
        nonlocal paused
        for number, name in enumerate(names):
            memory.append(process.memory_info().rss / 1e6)
            if number % 100 == 50:  # the clock stands still, the network alone is timed, and opening alone
                start = time.perf_counter()
                time.sleep(1)  # by then, what may be opened ahead is opened
                pure.append(seconds(recogniser.probabilities, batch) / BATCH)
                opening.append(seconds(prepare, folder / name))
                paused += time.perf_counter() - start
            yield name

    with tempfile.TemporaryDirectory() as place:
        folder, paused = Path(place, "photos"), 0
        folder.mkdir()
        for number in range(options.photos):
            file = files[number % len(files)]
            shutil.copy(file, folder / f"{number:04}{file.suffix}")
        start = time.perf_counter()
        done = recognise_folder(recogniser, folder, Path(place, "answers.csv"), progress=watched)
        took = (time.perf_counter() - start - paused) / done.done
    alone = statistics.median(pure)
    what = f"A folder of {done.done:,} photos"
    return [
        Row(
            f"{what}: photos a second, against the network alone, {BATCH} at once",
            f"{1 / took:.2f} to {1 / alone:.2f}; opening one takes {statistics.median(opening):.3f} s",
            alone / took,
            0.9,
            at_least=True,
            reason="the network keeps all cores busy, so what opening takes of them is missing there",
        ),
        Row(
            f"{what}: growth of memory from the 100th on",
            f"{memory[100]:,.0f} MB then, {max(memory[100:]):,.0f} MB at most",
            max(memory[100:]) - memory[100],
            100,
            unit=" MB",
        ),
    ]


def seconds(function, *arguments):
    """How long a call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def command_line(options):
    """`python -m helpers PICTURE` from start to end, against the import of Keras alone."""
    commands = (
        [sys.executable, "-m", "helpers", str(example("elephant.gif")), "--weights", "pocket"],
        [sys.executable, "-c", "import keras"],
    )
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}

    def run(command):
        subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=True)

    runs = [[seconds(run, command) for command in commands] for _ in range(7)]
    ours, keras = (statistics.median(column) for column in zip(*runs))
    return [
        Row(
            "`python -m helpers PICTURE`, against `import keras` alone",
            f"{ours:.2f} s to {keras:.2f} s",
            ours / keras,
            1.4,
        )
    ]


def occlusion(options):
    """An occlusion map, against the time of its positions in batches."""
    recogniser = load_recogniser("pocket")
    picture, pure = example("elephant.gif"), []
    batch = np.stack([prepare(picture)] * BATCH)
    recogniser.probabilities(batch)

    def watched(batches):
        nonlocal positions, paused
        for one in batches:
            positions += len(one)
            pure.append(seconds(recogniser.probabilities, batch))
            paused += pure[-1]
            yield one

    positions = paused = 0
    total = seconds(lambda: occlusion_map(recogniser, picture, "n02504458", progress=watched)) - paused
    alone = positions * statistics.mean(pure) / BATCH
    return [
        Row(
            "The occlusion map, against its positions in batches",
            f"{total:.1f} s to {alone:.1f} s, {positions} positions",
            total / alone,
            1.15,
        )
    ]


def cluster(options):
    """A folder spread over two workers of a Dask scheduler on this machine, against one process."""
    found = benchmark_cluster.measure()
    one, two, overhead = (found[name] for name in ("one process", "two workers", "overhead"))
    return [
        Row(
            "A folder by two workers that share this machine's cores, against one process",
            f"{two:.3f} s to {one:.3f} s a photo",
            two / one,
            1.1,
            reason="two networks compute side by side, each with half the cores",
        ),
        Row(
            "What Dask adds a photo, in batches of 8, against one process",
            f"{1000 * overhead:.2f} ms to {1000 * one:.0f} ms",
            overhead / one,
            0.02,
        ),
    ]


def live_page(options):
    """The live page in Chromium, which is taught words on 60 and on 200 photos."""
    import benchmark_page  # needs more packages than the other rows

    found = benchmark_page.measure()
    few, many = benchmark_page.FEW, benchmark_page.MANY
    return [
        Row(
            "The live page: until its stored pictures answer",
            "from a server here",
            found["opened"],
            1,
            unit=" s",
        ),
        Row("The same: what comes over the line", "all in all", found["bytes"] / 1000, 300, unit=" kB"),
        Row(
            "The live page is taught: features of a photo",
            f"{few} photos",
            found["feature"],
            1,
            unit=" s",
            reason=ONE_THREAD,
        ),
        Row("The same: three words fitted, and judged", f"{few} photos", found["fit"], 0.5, unit=" s"),
        Row(
            "The same: fetched after the network is there", f"{few} photos", found["asked"], 0, unit=" bytes"
        ),
        Row(
            f"The live page with {many} photos: peak of memory",
            "of the page's own process, without what Chromium's processes share",
            found["memory"],
            600,
            unit=" MB",
            reason=COMPILED,
        ),
    ]


ONE_THREAD = "it is the network on one thread, which is all that works without isolation"
COMPILED = "most of it are the network and its compiled code, there before the first photo"


# Whoever measures something else adds a function here.
ROWS = (
    full_network,
    one_picture,
    batches,
    bfloat16,
    bfloat16_answers,
    folder,
    command_line,
    occlusion,
    cluster,
    live_page,
)


# The page


def busy():
    """Seconds of processor time: (of all programs, of this one with its children that have ended)."""
    everyone, own = psutil.cpu_times(), os.times()
    idle = everyone.idle + getattr(everyone, "iowait", 0)
    return np.array([sum(everyone[:8]) - idle, sum(own[:4])])


def with_share_of_others(function, options):
    """The rows of a function, and how much of the machine other programs used meanwhile: 0 to 1."""
    start, before = time.perf_counter(), busy()
    rows = function(options)
    everyone, own = busy() - before
    return rows, max(0, everyone - own) / (time.perf_counter() - start) / os.cpu_count()


def machine():
    """The machine and the libraries in words, without anything that only names it."""
    with contextlib.suppress(OSError):
        model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    processor = model[1] if model else platform.machine()
    memory = psutil.virtual_memory().total / 1e9
    names = ("tensorflow-cpu", "tensorflow", "keras", "numpy", "pillow", *PEERS)
    versions = []
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{name} {importlib.metadata.version(name)}")
    return (
        f"{os.cpu_count()} cores of a processor that calls itself {processor} "
        f"({'with' if has_bfloat16() else 'without'} instructions for bfloat16), {memory:.0f} GB of memory, "
        f"{platform.system()}, Python {platform.python_version()}; {', '.join(versions)}"
    )


def page(rows, about, others, missing):
    """The page in Markdown. missing: what has not been measured on this machine, a list of sentences."""
    met = sum(row.met for row in rows)
    return f"""# How fast, and in how much memory

Written by `make bench` (tools/benchmark.py). The ways that a row compares are measured in one run and take
turns; each figure is a median, and the ratio is what counts: seconds differ from machine to machine. The full
network is measured with a stand-in of the official file: its layout and size, Oxford's convolutional layers,
random dense ones. MB are 1,000,000 bytes.

{met} of {len(rows)} measured goals are met.
Not measured on this machine yet: {" ".join(missing) or "nothing."}

| what | figures | result | goal | verdict |
| --- | --- | ---: | ---: | --- |
{chr(10).join(map(str, rows))}

The machine: {about}.

Other programs took {min(others):.0%} to {max(others):.0%} of the machine while this was measured: the more
they take, the less the figures are worth.

"The machine's matrix product" is the time that the {MULTIPLY_ADDS:,} multiply-adds of one picture would take
at the speed at which TensorFlow multiplies two matrices of 4096 x 4096 here.
"""


def main():
    """Measure, and print and keep each row at once: who stops early loses nothing."""
    parser = argparse.ArgumentParser(description="Measure what the course promises about speed and memory.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="rows: " + ", ".join(f.__name__ for f in ROWS)
    )
    parser.add_argument(
        "--weights", help="a file of the full network's weights; a stand-in is made if not given"
    )
    parser.add_argument("--validation", help="Tiny-ImageNet's zip file, for the answers in bfloat16")
    parser.add_argument("--pictures", type=int, default=1000, help="how many of its validation pictures")
    parser.add_argument("--photos", type=int, default=2000, help="how many photos the folder has")
    options = parser.parse_args()
    unknown = set(options.names) - {function.__name__ for function in ROWS}
    if unknown:
        parser.error(f"there are no rows called {', '.join(unknown)}")
    with tempfile.TemporaryDirectory() as place:
        if not options.weights:
            options.weights = os.path.join(place, "stand_in.h5")
            write_stand_in(options.weights)
        for function in ROWS:
            if function.__name__ in options.names or not options.names:
                rows, others = with_share_of_others(function, options)
                print(*rows, f"Other programs took {others:.0%} of the machine.", sep="\n", flush=True)
                keep(function.__name__, rows, others)


def keep(name, rows, others):
    """Write the page: what a function has measured now, and what this machine has of the others."""
    about = machine()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    kept = {about: kept.get(about, {}) | {name: (rows, others)}}  # nothing of other machines or versions
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept))
    known = [kept[about][function.__name__] for function in ROWS if function.__name__ in kept[about]]
    rows = [Row(*row) for some, _ in known for row in some]
    missing = [function.__doc__ for function in ROWS if function.__name__ not in kept[about]]
    PAGE.write_text(page(rows, about, [others for _, others in known], missing), encoding="utf-8")


if __name__ == "__main__":
    main()
