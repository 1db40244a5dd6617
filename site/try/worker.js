// Everything slow, so that the page never freezes: opens pictures, fetches the network, runs it.

import { halved } from "./maps.js";
import { open, SIZE } from "./picture.js";

let ort = null;
let fetchAll = null; // of files.js
let layers = null; // where in conv_base.h5 which numbers are
let session = null;

const jobs = {
  open: ({ blob, name }) => open(blob, name),

  async load(_, report) {
    ({ fetchAll } = await import("./files.js")); // not before it is needed
    const labels = await fetch(new URL("labels.json", import.meta.url));
    layers = (await labels.json()).layers;
    const files = await fetchAll((progress) => report({ doing: "fetching", ...progress }));
    report({ doing: "preparing" });
    ort = await import("./runtime/ort.wasm.min.mjs");
    ort.env.wasm.numThreads = 1; // threads need isolation, which plain servers do not give, and hang on iPads
    ort.env.wasm.wasmPaths = new URL("runtime/", import.meta.url).href;
    ort.env.wasm.wasmBinary = files["ort-wasm-simd-threaded.wasm"];
    session = await made(files);
    ort.env.wasm.wasmBinary = undefined; // it is compiled: 14 MB less
  },

  async random({ seed }) {
    // From now on with random kernels and no biases; with Oxford's again if seed is null.
    await session.release();
    const files = await fetchAll(() => {}); // from what is kept, not from the network
    if (seed !== null) fillAtRandom(files["conv_base.h5"], seed);
    session = await made(files);
  },

  async answer({ pixels, outputs = ["probabilities", "label_maps", "maps", "averages"], half }) {
    const start = performance.now();
    const found = await session.run({ pixels: new ort.Tensor("uint8", pixels, [1, SIZE, SIZE, 3]) }, outputs);
    const answer = { seconds: (performance.now() - start) / 1000 };
    for (const name of outputs) answer[name === "label_maps" ? "labelMaps" : name] = found[name].data;
    if (half) answer.maps = halved(answer.maps); // of 200 photos the other halves would add up
    return answer;
  },
};

function made(files) {
  return ort.InferenceSession.create(files["pocket.onnx"], {
    executionProviders: ["wasm"],
    externalData: [{ path: "conv_base.h5", data: files["conv_base.h5"] }],
  });
}

function fillAtRandom(data, seed) {
  // Replaces the numbers in the bytes of conv_base.h5 by random ones, as networks are made before they learn: the
  // variance of a kernel is 2 / inputs, so that the activations neither grow nor fade from layer to layer.
  data.fill(0);
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
}

let last = Promise.resolve();
onmessage = ({ data: { id, job, ...rest } }) => {
  const run = async () => {
    try {
      const result = await jobs[job](rest, (progress) => postMessage({ id, progress }));
      postMessage({ id, result }, handed(result));
    } catch (error) {
      postMessage({ id, error: { message: error.message, plain: error.name === "PageError" } });
    }
  };
  // Pictures are opened at once, also while the network is still arriving; the rest goes in order.
  if (job === "open") run();
  else last = last.then(run);
};

function handed(result) {
  return Object.values(result ?? {}).flatMap((value) =>
    value instanceof ImageBitmap ? [value] : ArrayBuffer.isView(value) ? [value.buffer] : [],
  );
}
