"""What tools/benchmark.py measures in processes of their own: one way to run the network in each.

    python tools/benchmark_child.py time WAY WEIGHTS    then a number of pictures a line; answers in seconds
    python tools/benchmark_child.py load WAY WEIGHTS    builds, loads and answers once; answers in JSON

WAY for `time`: float32 and bfloat16 (ours), onnxruntime, openvino, torch (the same weights in float32), or
matmul (a matrix product of TensorFlow's, 4096 x 4096: the machine's own speed). For `load`: ours or stock.
"""

import contextlib
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from helpers import load_recogniser
from helpers.architecture import VGG16_LAYERS

SIDE = 4096  # of the matrix product
LARGEST = 8  # pictures at once


def pictures(count):
    """Prepared pictures of noise, the same in every process: float32 (count, 224, 224, 3)."""
    return np.random.default_rng(16).normal(0, 60, (count, 224, 224, 3)).astype("float32")


# Ways to run the network: each function takes the file of weights, and returns a function from a batch to
# probabilities. What a library must do to the batch first is part of the time, as it is for us.


def float32(weights):
    return load_recogniser(weights).probabilities


def bfloat16(weights):
    return load_recogniser(weights, "bfloat16").probabilities


def matmul(weights):
    import tensorflow as tf

    matrix = tf.constant(np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype("float32"))
    return lambda batch: tf.matmul(matrix, matrix)[0].numpy()


def arrays(weights):
    """(row, kernel, bias) of each layer, in order; None for both where a layer has no weights."""
    model = load_recogniser(weights).model
    for row in VGG16_LAYERS:
        yield row, *(model.get_layer(row.name).get_weights() or (None, None))


def torch(weights):
    import torch as t
    from torch.nn import functional

    parts = []
    for row, kernel, bias in arrays(weights):
        if row.kind == "conv":
            kernel = t.tensor(kernel.transpose(3, 2, 0, 1)).to(memory_format=t.channels_last)
        elif row.kind == "dense":
            kernel = t.tensor(kernel.T.copy())
        parts.append((row, kernel, None if bias is None else t.tensor(bias)))

    def run(batch):
        x = t.from_numpy(batch).permute(0, 3, 1, 2)  # a view that is in channels-last order already
        for row, kernel, bias in parts:
            if row.kind == "conv":
                x = functional.conv2d(x, kernel, bias, padding=1).relu_()
            elif row.kind == "pool":
                x = functional.max_pool2d(x, 2)
            elif row.kind == "flatten":
                x = x.permute(0, 2, 3, 1).flatten(1)  # Keras' order: height, width, channels
            else:
                x = functional.linear(x, kernel, bias)
                x = x.relu_() if row.activation == "relu" else x.softmax(1)
        return x.numpy()

    return t.inference_mode()(run)


def onnx_file(weights, folder):
    """The network as an ONNX file, which both ONNX Runtime and OpenVINO read."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, numbers, last = [helper.make_node("Transpose", ["pictures"], ["0"], perm=[0, 3, 1, 2])], [], "0"

    def add(kind, *inputs, **attributes):
        nonlocal last
        nodes.append(helper.make_node(kind, [last, *inputs], [str(len(nodes))], **attributes))
        last = str(len(nodes) - 1)

    for row, kernel, bias in arrays(weights):
        if row.units:
            kernel = kernel.transpose(3, 2, 0, 1) if row.kind == "conv" else kernel
            numbers += [
                numpy_helper.from_array(np.ascontiguousarray(kernel), f"{row.name} kernel"),
                numpy_helper.from_array(bias, f"{row.name} bias"),
            ]
        if row.kind == "conv":
            add("Conv", f"{row.name} kernel", f"{row.name} bias", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        elif row.kind == "pool":
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        elif row.kind == "flatten":
            add("Transpose", perm=[0, 2, 3, 1])
            add("Flatten")
        else:
            add("Gemm", f"{row.name} kernel", f"{row.name} bias")
        if row.activation:
            add({"relu": "Relu", "softmax": "Softmax"}[row.activation])
    pictures = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 224, 224, 3])
    answer = helper.make_tensor_value_info(last, TensorProto.FLOAT, ["n", 1000])
    graph = helper.make_graph(nodes, "vgg16", [pictures], [answer], numbers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = str(Path(folder, "vgg16.onnx"))
    onnx.save(model, path)
    return path


def onnxruntime(weights):
    import onnxruntime as ort

    with tempfile.TemporaryDirectory() as folder:
        session = ort.InferenceSession(onnx_file(weights, folder), providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {"pictures": batch})[0]


def openvino(weights):
    import openvino as ov

    core = ov.Core()
    with tempfile.TemporaryDirectory() as folder:
        network = core.read_model(onnx_file(weights, folder))
        # By itself it would compute in bfloat16 where the machine has it.
        settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        compiled = core.compile_model(network, "CPU", settings)
    return lambda batch: compiled(batch)[0]


WAYS = {way.__name__: way for way in (float32, bfloat16, onnxruntime, openvino, torch, matmul)}


def serve(run):
    """Answer each line, a number of pictures, with the seconds that one run took."""
    batches = {count: pictures(count) for count in (1, LARGEST)}
    for batch in batches.values():
        first = run(batch)  # twice, since the first also compiles: not timed
        run(batch)
    print("first answer", int(first[0].argmax()), flush=True)
    for line in sys.stdin:
        batch = batches[int(line)]
        start = time.perf_counter()
        run(batch)
        print(time.perf_counter() - start, flush=True)


def peak_mb():
    """The most memory that this process has used so far, in MB of 1,000,000 bytes; None but on Linux."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024 / 1e6


def load(way, weights):
    """Build, load, ten pictures one by one; with ours a heat map too: what it took, and the answers."""
    import keras

    from helpers.explain import class_activation_map
    from helpers.pictures import example

    start = time.perf_counter()
    if way == "ours":
        recogniser = load_recogniser(weights)
        model, run = recogniser.model, recogniser.probabilities
    else:
        model = keras.applications.VGG16(weights=None)
        model.load_weights(weights)

        def run(batch):
            return model.predict(batch, verbose=0)

    seconds = time.perf_counter() - start
    answers = [run(picture[None])[0].tolist() for picture in pictures(10)]
    if way == "ours":
        class_activation_map(recogniser, example("elephant.gif"), 386)
    return {
        "seconds": seconds,
        "peak_mb": peak_mb(),
        "answers": answers,
        "parameters": model.count_params(),
    }


def main():
    task, way, weights = sys.argv[1:]
    # Only our answers go to stdout, whatever the libraries have to say.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with contextlib.redirect_stdout(answers):
        if task == "time":
            serve(WAYS[way](weights))
        else:
            print(json.dumps(load(way, weights)), flush=True)


if __name__ == "__main__":
    main()
