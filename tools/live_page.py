"""Builds the live page, where the pocket network runs in a visitor's own browser.

    python tools/live_page.py [FOLDER]

Puts everything that `python -m http.server` needs into FOLDER, build/site/try if none is named. Needs
requirements-site.txt and npm, which fetches the runtime that site/package.json pins.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from helpers import load_recogniser
from helpers.architecture import CONV_LAYERS, INPUT_SIZE, VGG16_LAYERS
from helpers.explain import LAST_CONV, activations
from helpers.pictures import IMAGES, MEAN_BGR, catalogue, fit, open_picture, prepare
from helpers.weights import CONV_BASE, POCKET_HEAD, load_head

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "site" / "try"
PACKAGES = ROOT / "site"  # package.json and its lock
NPM = ROOT / "build" / "npm"
PAGE = ROOT / "build" / "site" / "try"

RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs")
HASHES = ("sha2.js", "_md.js", "_u64.js", "utils.js")
H5WASM = ("hdf5_hl.js", "hdf5_util.js", "file_handlers.js")
WASM = "ort-wasm-simd-threaded.wasm"
PART = 4_000_000  # bytes: what is lost at most when the line breaks
THUMBNAIL = 144  # pixels
PLACES = 14  # the last maps are 14 x 14

# The pictures that come with a stored answer; the first one is on the page when it opens, and is the one
# whose answer every browser must give before it may answer anything else. A GIF: all decode it alike.
PICTURES = (
    "elephant.gif",
    "golden_retriever.jpg",
    "tuxpaint/banana.png",
    "chelsea_cat.jpg",
    "red_panda.jpg",
    "coffee.jpg",
    "goldfish.jpg",
    "umbrella.gif",
    "koala.jpg",
    "teddy_bear_line.png",
    "apple_clipart.png",
    "texture_cat_fur.jpg",
    "rocket.jpg",
    "grace_hopper.jpg",
    "eileen_collins.jpg",
    "triumphal_arch_paris.jpg",
)


class BuildError(RuntimeError):
    """The page cannot be built; the message says what to do."""


def graph():
    """The pocket network as an ONNX model whose convolutions read their numbers from conv_base.h5 itself.

    Input `pixels`: uint8 (1, 224, 224, 3), red, green, blue. Outputs: `maps` float32 (196, 512), what
    block5_conv3 puts out, place by place; `averages` (512,); `label_maps` (labels, 196), what each place adds
    to each label's logit; `probabilities` (labels,).
    """
    head = load_head(POCKET_HEAD)
    labels = len(head.names)
    nodes, weights = [], []

    def number(name, value):
        weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def stored(array):
        """Numbers that stay in conv_base.h5: the graph says where they begin, and how many bytes they are."""
        tensor = TensorProto(name=array.name, data_type=TensorProto.FLOAT16, dims=array.shape)
        tensor.data_location = TensorProto.EXTERNAL
        size = array.id.get_storage_size()
        for key, value in {
            "location": CONV_BASE.name,
            "offset": array.id.get_offset(),
            "length": size,
        }.items():
            tensor.external_data.add(key=key, value=str(value))
        weights.append(tensor)
        return array.name

    node("Cast", ["pixels"], "rgb", to=TensorProto.FLOAT)
    node("Gather", ["rgb", number("reversed", np.array([2, 1, 0]))], "bgr", axis=3)
    node("Sub", ["bgr", number("mean", MEAN_BGR)], "prepared")
    last = node("Transpose", ["prepared"], "channels_first", perm=[0, 3, 1, 2])
    with h5py.File(CONV_BASE) as file:
        for row in VGG16_LAYERS:
            if row.kind == "pool":
                last = node("MaxPool", [last], row.name, kernel_shape=[2, 2], strides=[2, 2])
            else:
                arrays = file[row.name][row.name]
                kernel, bias = (
                    node("Cast", [stored(arrays[part])], f"{row.name}_{part}", to=TensorProto.FLOAT)
                    for part in ("kernel", "bias")
                )
                kernel = node("Transpose", [kernel], f"{row.name}_turned", perm=[3, 2, 0, 1])
                last = node(
                    "Conv", [last, kernel, bias], f"{row.name}_sums", kernel_shape=[3, 3], pads=[1] * 4
                )
                last = node("Relu", [last], row.name)
            if row.name == LAST_CONV:
                break

    node("Reshape", [last, number("flat", np.array([512, PLACES**2]))], "by_channel")
    node("Transpose", ["by_channel"], "maps", perm=[1, 0])
    node("ReduceMean", ["by_channel"], "averages", axes=[1], keepdims=0)
    # The head before the average is the head after it, and gives the maps of all labels.
    node("MatMul", [number("head", np.ascontiguousarray(head.kernel.T)), "by_channel"], "label_maps")
    node("ReduceMean", ["label_maps"], "evidence", axes=[1], keepdims=0)
    node("Add", ["evidence", number("bias", head.bias)], "logits")
    node("Softmax", ["logits"], "probabilities", axis=0)

    return helper.make_model(
        helper.make_graph(
            nodes,
            "pocket",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, INPUT_SIZE, INPUT_SIZE, 3])],
            [
                helper.make_tensor_value_info("maps", TensorProto.FLOAT, [PLACES**2, 512]),
                helper.make_tensor_value_info("averages", TensorProto.FLOAT, [512]),
                helper.make_tensor_value_info("label_maps", TensorProto.FLOAT, [labels, PLACES**2]),
                helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [labels]),
            ],
            weights,
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )


def build(folder=PAGE):
    """Build the whole page into a folder, which is emptied first."""
    folder = Path(folder)
    packages = install()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("README.md"))
    _copy(packages / "onnxruntime-web" / "dist", RUNTIME, folder / "runtime")
    _copy(packages / "@noble" / "hashes", HASHES, folder / "hashes")
    _copy(packages / "@noble" / "hashes", ["LICENSE"], folder / "hashes")
    _copy(packages / "h5wasm" / "dist" / "esm", H5WASM, folder / "h5wasm")
    _copy(packages / "h5wasm", ["LICENSE.txt"], folder / "h5wasm")
    _copy(packages / "qr", ["index.js", "LICENSE-MIT"], folder / "qr")
    size, parts = _network(packages, folder / "network")
    _pictures(folder / "pictures")
    _words(folder, size, parts)
    _list_of_files(folder)
    return folder


def install():
    """Have npm install what site/package.json pins, unless it is there; the folder of the packages."""
    wanted = [(PACKAGES / name).read_text() for name in ("package.json", "package-lock.json")]
    NPM.mkdir(parents=True, exist_ok=True)
    stamp = NPM / "installed"
    if not (stamp.is_file() and stamp.read_text() == "".join(wanted)):
        npm = shutil.which("npm")
        if not npm:
            raise BuildError(
                "The live page needs npm: install it (Debian: apt-get install npm) and start again."
            )
        for name, text in zip(("package.json", "package-lock.json"), wanted):
            (NPM / name).write_text(text)
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=NPM,
            check=True,
        )
        stamp.write_text("".join(wanted))
    return NPM / "node_modules"


def _copy(source, names, target):
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(source / name, target / name)


def _network(packages, folder):
    """The network's files in parts, and files.json, which lists them; how many bytes and parts there are."""
    folder.mkdir(parents=True)
    contents = {
        "pocket.onnx": graph().SerializeToString(),
        CONV_BASE.name: CONV_BASE.read_bytes(),
        WASM: (packages / "onnxruntime-web" / "dist" / WASM).read_bytes(),
    }
    files = {}
    for name, content in contents.items():
        files[name] = []
        for start in range(0, len(content), PART):
            part = content[start : start + PART]
            file = f"{name}.{len(files[name])}"
            (folder / file).write_bytes(part)
            files[name].append({"file": file, "bytes": len(part), "sha256": hashlib.sha256(part).hexdigest()})
    _write(folder / "files.json", files)
    return sum(map(len, contents.values())), sum(map(len, files.values()))


def _pictures(folder):
    """The pictures, small ones of them to choose from, and for each the stored answer."""
    folder.mkdir(parents=True)
    recogniser = load_recogniser("pocket")
    kernel, _ = recogniser.model.get_layer("predictions").get_weights()
    entries, listed = {entry.file: entry for entry in catalogue()}, []
    for file in PICTURES:
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copyfile(IMAGES / file, folder / file)
        picture, entry = open_picture(IMAGES / file), entries[file]
        small = Path("small") / Path(file).with_suffix(".webp")
        (folder / small).parent.mkdir(parents=True, exist_ok=True)
        fit(picture, size=THUMBNAIL).save(folder / small, quality=72)

        probabilities = recogniser.probabilities(prepare(picture)[None])[0].astype("float64")
        best = np.argsort(-probabilities)[:5]
        maps = activations(recogniser, picture, [LAST_CONV])[LAST_CONV].reshape(PLACES**2, 512)
        _write(
            folder / f"{file}.json",
            {
                "labels": best.tolist(),
                "probabilities": probabilities[best].tolist(),
                "maps": _packed((maps @ kernel[:, best]).T),
            },
        )
        listed.append(
            {
                "file": file,
                "small": small.as_posix(),
                "title": entry.title,
                "credit": f"{entry.author}, {entry.licence}",
            }
        )
    _write(folder / "pictures.json", listed)


def _packed(array):
    """Numbers as text: float32, the lowest byte first, in base 64."""
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


def _words(folder, size, parts):
    """The labels with their biases; where the convolutions' numbers are in their file; the network's size."""
    head = load_head(POCKET_HEAD)
    with h5py.File(CONV_BASE) as file:
        kernels = [file[f"{row.name}/{row.name}/kernel"] for row in CONV_LAYERS]
        layers = [
            {"offset": kernel.id.get_offset(), "count": kernel.size, "inputs": int(np.prod(kernel.shape[:3]))}
            for kernel in kernels
        ]
    _write(
        folder / "labels.json",
        {
            "names": [name.replace("_", " ") for name in head.names],
            "wnids": head.wnids,
            "bias": [float(value) for value in head.bias],
            "layers": layers,
            "hash": hashlib.sha256(CONV_BASE.read_bytes()).hexdigest(),
            "bytes": size,
            "parts": parts,
        },
    )


def _list_of_files(folder):
    """All files but the network's, for the service worker that keeps the page."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    _write(folder / "page.json", [file for file in files if not file.startswith("network/")])


def _write(path, data):
    path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    print(build(*sys.argv[1:2]))
