// Everything slow, so that the page never freezes: opens pictures, fetches the network, runs it.

import { open, SIZE } from "./picture.js";

let session = null;
let ort = null;

const jobs = {
  open: ({ blob, name }) => open(blob, name),

  async load(_, report) {
    const { fetchAll } = await import("./files.js"); // not before it is needed
    const files = await fetchAll((progress) => report({ doing: "fetching", ...progress }));
    report({ doing: "preparing" });
    ort = await import("./runtime/ort.wasm.min.mjs");
    ort.env.wasm.numThreads = 1; // threads need isolation, which plain servers do not give, and hang on iPads
    ort.env.wasm.wasmPaths = new URL("runtime/", import.meta.url).href;
    ort.env.wasm.wasmBinary = files["ort-wasm-simd-threaded.wasm"];
    session = await ort.InferenceSession.create(files["pocket.onnx"], {
      executionProviders: ["wasm"],
      externalData: [{ path: "conv_base.h5", data: files["conv_base.h5"] }],
    });
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
