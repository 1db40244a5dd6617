"""Damages files and links of taught words, and watches what the two readers of each make of them.

    python tools/fuzz_words.py [COUNT]

COUNT files and COUNT links, 10000 if none is named, go to each side: Python (`load_head`, `head_from_link`)
and the live page (`head_file.js`, `words_link.js`, run by Node). Each must open, or be refused in one
sentence, within some seconds. Needs node and npm.
"""

import base64
import hashlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

import numpy as np

import live_page
from helpers.errors import ReaderError
from helpers.weights import CONV_BASE, Head, load_head, save_head
from helpers.words_link import head_from_link

PATIENCE = 20  # seconds without an answer: the reader hangs
NODE_PARTS = live_page.ROOT / "tests" / "live"
LAYERS = hashlib.sha256(CONV_BASE.read_bytes()).hexdigest()
H5WASM = "h5wasm/dist/esm/hdf5_hl.js"


def originals(folder):
    """Sound files and links, some with mischief in their names: lists of bytes."""
    files, links, rng = [], [], np.random.default_rng(0)
    for names in (
        ("cup", "something else"),
        ("Löwe 🦁", "b", "c", "d"),
        ("<img src=x onerror=alert(1)>", "b"),
    ):
        head = Head(
            rng.normal(0, 0.1, (512, len(names))), rng.normal(size=len(names)), ("",) * len(names), names
        )
        save_head(folder / "sound.h5", head)
        files.append((folder / "sound.h5").read_bytes())
        names = [name.replace("<", "(").replace(">", ")") for name in names]
        asked = {"kernel": head.kernel.ravel().tolist(), "bias": head.bias.tolist(), "names": names}
        made = subprocess.run(
            ["node", NODE_PARTS / "make_link.mjs"],
            input=json.dumps({**asked, "layers": LAYERS}).encode(),
            capture_output=True,
            check=True,
        )
        links.append(made.stdout)
    return {"file": files, "link": links}


def damaged(data, rng):
    """A copy with some bytes changed, a piece cut out, repeated or overwritten, or the end missing."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        start, end = sorted(rng.integers(0, len(data) + 1, 2))
        end = min(end, start + 64)
        way = rng.integers(7)
        if way < 3:
            for place in rng.integers(0, len(data), rng.integers(1, 9)) if data else ():
                data[place] = rng.choice([rng.integers(256), 0, 0xFF, data[place] ^ 1 << rng.integers(8)])
        elif way == 3:
            del data[start:end]
        elif way == 4:
            data[start:start] = data[start:end]
        elif way == 5:
            data[start:end] = rng.bytes(end - start)
        else:
            del data[start if rng.random() < 0.3 else len(data) - len(data) // 20 :]
        if not data:
            break
    return bytes(data)


def damaged_link(text, rng):
    """A link whose bytes are damaged, so that its letters are still a link's; or its letters themselves."""
    if rng.random() < 0.3:
        return damaged(text, rng)
    data = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    # Most of a link are weights, where every byte is right: the head of it is damaged more often.
    head = len(data) if rng.random() < 0.3 else 60
    return base64.urlsafe_b64encode(damaged(data[:head], rng) + data[head:]).rstrip(b"=")


def answers(command, items, folder):
    """What a reader says of each item: a list of dicts. One that hangs is ended, and begins again after."""
    path = folder / "items.jsonl"
    lines = [json.dumps({"kind": kind, "data": base64.b64encode(data).decode()}) for kind, data in items]
    path.write_text("\n".join(lines))
    found = []
    while len(found) < len(items):
        before = len(found)
        # What HDF5 itself says of a damaged file, page after page, is nobody's to read.
        process = subprocess.Popen(
            [*command, path, str(before)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        said = queue.Queue()
        reader = threading.Thread(target=pass_on, args=(process.stdout, said), daemon=True)
        reader.start()
        try:
            while line := said.get(timeout=PATIENCE + 40 * (len(found) == before)):  # Keras takes its time
                found.append(json.loads(line))
        except queue.Empty:
            found.append({"number": len(found), "error": "it hangs"})
        finally:
            process.kill()
            process.wait()
            reader.join()
            process.stdout.close()
        if len(found) == before:
            found.append({"number": before, "error": "the reader ended without a word"})
    return found


def pass_on(lines, said):
    """Put lines into a queue as they come, and None at their end: a queue can be waited for with a clock."""
    for line in lines:
        said.put(line)
    said.put(None)


def read(path, first):
    """The reader on Python's side, as tests/live/read_words.mjs is on the page's."""
    copy = Path(path).with_name("damaged.h5")
    for number, line in enumerate(Path(path).read_text().splitlines()):
        if number < first:
            continue
        item = json.loads(line)
        data = base64.b64decode(item["data"])
        try:
            if item["kind"] == "file":
                copy.write_bytes(data)
                head = load_head(copy)
            else:
                head = head_from_link(data.decode("latin-1"))
            outcome = {"names": head.names}
        except ReaderError as error:
            outcome = {"sentence": str(error)}
        except Exception as error:
            outcome = {"error": repr(error)}
        print(json.dumps({"number": number, **outcome}), flush=True)


def fuzz(count, seed=0):
    """Damage `count` files and `count` links and have both sides read them.

    Returns a dict side -> Counter of what came of it, and a list of what must not have happened.
    """
    packages = live_page.install()
    rng, counts, bad = np.random.default_rng(seed), {}, []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        sound = originals(folder)
        items = [("file", damaged(sound["file"][i % 3], rng)) for i in range(count)]
        items += [("link", damaged_link(sound["link"][i % 3], rng)) for i in range(count)]
        sides = {
            "Python": [sys.executable, __file__, "--read"],
            "page": ["node", NODE_PARTS / "read_words.mjs"],
        }
        for side, command in sides.items():
            order = [packages / H5WASM, LAYERS] if side == "page" else []
            found = answers([*command, *order], items, folder)
            counts[side] = Counter()
            for (kind, data), outcome in zip(items, found):
                result = "opened" if "names" in outcome else "sentence" if "sentence" in outcome else "error"
                counts[side][f"{kind}: {result}"] += 1
                if not acceptable(kind, outcome):
                    bad.append((side, kind, outcome, base64.b64encode(data).decode()))
    return counts, bad


def acceptable(kind, outcome):
    """Whether an outcome is a sentence of one line, or names; from a link names that are no HTML."""
    if "sentence" in outcome:
        sentence = outcome["sentence"]
        return len(sentence.splitlines()) == 1 and sentence.endswith((".", "!")) and len(sentence) < 300
    names = outcome.get("names", [None])
    return all(isinstance(name, str) and not (kind == "link" and set("<>") & set(name)) for name in names)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(sys.argv[2], int(sys.argv[3]))
    else:
        counts, bad = fuzz(int(sys.argv[1]) if sys.argv[1:] else 10_000)
        for side, results in counts.items():
            print(side, dict(sorted(results.items())))
        for side, kind, outcome, data in bad:
            print(f"{side} {kind} {outcome} {data[:200]}", file=sys.stderr)
        sys.exit(bool(bad))
