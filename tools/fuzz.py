"""Damage pictures and weights files at random: our helpers answer each with a picture or a sentence.

    python tools/fuzz.py [--pictures 50000] [--files 15000] [--first 0]

Number N of a kind is always damaged in the same way, so what is reported can be tried again. A failure is
another error than our own, more than SECONDS of computing, a peak of memory more than MEGABYTES above the
start, or the end of the program: each kind runs in a program of its own.
"""

import argparse
import functools
import io
import multiprocessing
import random
import resource
import sys
import tempfile
import time
import zlib
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from helpers.errors import ReaderError
from helpers.pictures import open_picture
from helpers.weights import Head, choose, load_head, load_layers, save_head

SECONDS, MEGABYTES = 5, 1000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
FILES = ("layers", "head", "old head")  # the last, with texts of variable length, is refused, however sound
EXTREMES = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]


# The sound files


def pictures(kind):
    """A few small files of a format, of different modes: a list of bytes."""
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 56, 3), dtype=np.uint8))
    slope = Image.linear_gradient("L").resize((56, 40))
    orientation = Image.Exif()
    orientation[0x0112] = 6
    modes = {
        "JPEG": [(noise, {"exif": orientation}), (slope, {"progressive": True}), (noise.convert("CMYK"), {})],
        "PNG": [
            (noise, {"exif": orientation}),
            (slope.convert("P"), {"transparency": 3}),
            (slope.convert("I;16"), {}),
        ],
        "WEBP": [(noise, {"exif": orientation}), (noise, {"lossless": True}), (noise.convert("RGBA"), {})],
        "GIF": [(slope, {}), (noise.quantize(16), {"save_all": True, "append_images": [noise.quantize(16)]})],
        "BMP": [(noise, {}), (slope, {}), (slope.convert("1"), {})],
        "TIFF": [
            (noise, {"compression": "tiff_lzw"}),
            (slope.convert("I;16"), {}),
            (noise, {"compression": "jpeg"}),
        ],
    }
    sound = []
    for picture, options in modes[kind]:
        file = io.BytesIO()
        picture.save(file, kind, **options)
        sound.append(file.getvalue())
    return sound


def weights(kind, folder):
    """A small weights file of a kind: a list of bytes."""
    path = Path(folder) / "sound.h5"
    rng = np.random.default_rng(1)
    head = Head(rng.normal(size=(512, 2)).astype("f"), np.zeros(2, "f"), ("n1", ""), ("elephant", "my cup"))
    if kind == "head":
        save_head(path, head)
    else:
        with h5py.File(path, "w") as file:
            if kind == "layers":
                for name, depth in (("conv1", 3), ("conv2", 4)):
                    group = file.create_group(f"{name}/{name}")
                    group["kernel:0"], group["bias:0"] = rng.normal(size=(3, 3, depth, 4)), np.zeros(4)
                    file[name].attrs["weight_names"] = [f"{name}/kernel:0", f"{name}/bias:0"]
            else:
                file["predictions/kernel"], file["predictions/bias"] = head.kernel, head.bias
                file["wnids"], file["names"] = list(head.wnids), list(head.names)
    return [path.read_bytes()]


# The damage


def damaged(content, chance):
    """The bytes, changed in one to four places."""
    content = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4])):
        # Headers matter more than pixels: half of the blows strike the first 300 bytes.
        at = chance.randrange(min(len(content), chance.choice([300, 10**9]))) if content else 0
        size = chance.choice([1, 2, 4, 8])
        match chance.randrange(6):
            case 0:
                content[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                number = chance.choice(EXTREMES) & (256**size - 1)
                content[at : at + size] = number.to_bytes(size, chance.choice(["big", "little"]))
            case 2:
                del content[at:]
            case 3:
                del content[at : at + chance.choice([1, 7, 64])]
            case 4:
                content[at:at] = chance.randbytes(chance.choice([1, 7, 64]))
            case 5:
                other = chance.randrange(len(content)) if content else 0
                content[at : at + 64] = content[other : other + 64]
    return bytes(content)


def sealed(content):
    """A PNG with checksums that fit again: else no damage would get past them."""
    content, at = bytearray(content), 8
    while content[:4] == b"\x89PNG" and at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if end + 4 > len(content):
            break
        content[end : end + 4] = zlib.crc32(content[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(content)


def item(kind, sound, number):
    """Number N of a kind."""
    chance = random.Random(f"{kind} {number}")
    content = damaged(chance.choice(sound), chance)
    return sealed(content) if kind == "PNG" and chance.random() < 0.7 else content


# The trial


def try_picture(content, path):
    """Open a picture."""
    open_picture(content)


def try_weights(content, path):
    """Load a weights file, as layers or as a head."""
    path.write_bytes(content)
    if choose(path).kind == "head":
        load_head(path)
    else:
        load_layers(_two_layers(), path, _two_layers().layers)


@functools.cache
def _two_layers():
    import keras  # later than helpers, which quiets it

    layers = [keras.layers.Conv2D(4, 3, name=name) for name in ("conv1", "conv2")]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers])


def trial(kind, count, first=0):
    """Try so many of a kind. Returns (how many were opened, a list of failures)."""
    opened, failures = 0, []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        sound, attempt = (
            (pictures(kind), try_picture) if kind in FORMATS else (weights(kind, folder), try_weights)
        )
        path = Path(folder) / "damaged.h5"
        for content in [] if kind == "old head" else sound:
            attempt(content, path)  # the sound ones open
        peak = _peak()
        for number in range(first, first + count):
            began = time.process_time()
            try:
                attempt(item(kind, sound, number), path)
                opened += 1
            except ReaderError as error:
                if "\n" in str(error) or not str(error).endswith("."):
                    failures.append(f"{kind} {number}: no sentence: {error}")
            except Exception as error:
                failures.append(f"{kind} {number}: {type(error).__name__}: {error}")
            took, grown = time.process_time() - began, _peak() - peak
            if took > SECONDS:
                failures.append(f"{kind} {number}: {took:.1f} s")
            if grown > MEGABYTES:
                failures.append(f"{kind} {number}: {grown:.0f} MB")
                peak += grown
    return opened, failures[:100]


def _peak():
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


def _report(kind, count, first, answer):
    answer.put(trial(kind, count, first))


def main():
    """Try all kinds, each in a program of its own, a thousand at a time, and print a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=50_000)
    parser.add_argument("--files", type=int, default=15_000)
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    shares = {kind: -(-args.pictures // len(FORMATS)) for kind in FORMATS}
    shares |= {kind: -(-args.files // len(FILES)) for kind in FILES}
    context, failed = multiprocessing.get_context("spawn"), False
    for kind, count in shares.items():
        opened, failures, answer = 0, [], context.SimpleQueue()
        child = context.Process(target=_report, args=(kind, count, args.first, answer))
        child.start()
        child.join(count * 0.1 + 120)
        if child.is_alive():
            child.kill()
            failures.append(f"{kind}: a hang")
        elif child.exitcode:
            failures.append(f"{kind}: the program died, exit code {child.exitcode}")
        else:
            opened, failures = answer.get()
        print(f"{kind}: {count} damaged, {opened} still opened, {len(failures)} failures", flush=True)
        for line in failures[:20]:
            print(f"  {line}", flush=True)
        failed = failed or bool(failures)
    sys.exit(failed)


if __name__ == "__main__":
    main()
