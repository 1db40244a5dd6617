// Everything slow, so that the page never freezes: opens pictures, fetches the network, runs it.

import { open, SIZE } from "./picture.js";

let ort = null;
let files = null; // name -> bytes
let layers = null; // where in conv_base.h5 which numbers are
let session = null;

const jobs = {
  open: ({ blob, name }) => open(blob, name),

  async load(_, report) {
    const { fetchAll } = await import("./files.js"); // not before it is needed
    const labels = await fetch(new URL("labels.json", import.meta.url));
    layers = (await labels.json()).layers;
    files = await fetchAll((progress) => report({ doing: "fetching", ...progress }));
    report({ doing: "preparing" });
    ort = await import("./runtime/ort.wasm.min.mjs");
    ort.env.wasm.numThreads = 1; // threads need isolation, which plain servers do not give, and hang on iPads
    ort.env.wasm.wasmPaths = new URL("runtime/", import.meta.url).href;
    ort.env.wasm.wasmBinary = files["ort-wasm-simd-threaded.wasm"];
    session = await made(files["conv_base.h5"]);
  },

  async random({ seed }) {
    // From now on with random kernels and no biases; with Oxford's again if seed is null.
    await session.release();
    session = await made(seed === null ? files["conv_base.h5"] : randomNumbers(seed));
  },

  async answer({ pixels }) {
    const start = performance.now();
    const found = await session.run({ pixels: new ort.Tensor("uint8", pixels, [1, SIZE, SIZE, 3]) });
    const seconds = (performance.now() - start) / 1000;
    const { probabilities, label_maps: labelMaps, maps, averages } = found;
    const answer = { seconds };
    for (const [name, tensor] of Object.entries({ probabilities, labelMaps, maps, averages })) {
      answer[name] = new Float32Array(tensor.data); // a copy: it leaves the worker
      tensor.dispose();
    }
    return answer;
  },
};

function made(data) {
  return ort.InferenceSession.create(files["pocket.onnx"], {
    executionProviders: ["wasm"],
    externalData: [{ path: "conv_base.h5", data }],
  });
}

function randomNumbers(seed) {
  // A conv_base.h5 full of random numbers, as networks are made before they learn: the variance of a kernel is
  // 2 / inputs, so that the activations neither grow nor fade from layer to layer.
  const data = new Uint8Array(files["conv_base.h5"].length);
  const number = new Float32Array(1);
  const bits = new Uint32Array(number.buffer);
  for (const { offset, count, inputs } of layers) {
    const halves = new Uint16Array(data.buffer, offset, count);
    const largest = Math.sqrt(6 / inputs); // uniform from -largest to largest has that variance
    for (let i = 0; i < count; i++) {
      seed = (seed + 0x6d2b79f5) | 0; // the generator "mulberry32"
      let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      number[0] = largest * (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1);
      // From 32 bits to 16: sign, the exponent counted from another zero, and 10 bits of the rest.
      const small = Math.abs(number[0]) < 2 ** -14;
      halves[i] = small ? 0 : ((bits[0] >>> 16) & 0x8000) | (((bits[0] & 0x7fffffff) >>> 13) - (112 << 10));
    }
  }
  return data;
}

let last = Promise.resolve();
onmessage = ({ data: { id, job, ...rest } }) => {
  last = last.then(async () => {
    try {
      const result = await jobs[job](rest, (progress) => postMessage({ id, progress }));
      postMessage({ id, result }, handed(result));
    } catch (error) {
      postMessage({ id, error: { message: error.message, plain: error.name === "PageError" } });
    }
  });
};

function handed(result) {
  return Object.values(result ?? {}).flatMap((value) =>
    value instanceof ImageBitmap ? [value] : ArrayBuffer.isView(value) ? [value.buffer] : [],
  );
}
