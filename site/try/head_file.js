// A taught layer as the HDF5 file that `load_recogniser(PATH)` and notebook 11 open, and back. h5wasm, NIST's
// build of the HDF5 library, does the work; it is handed in, because pages and Node load it differently.
// helpers/weights.py, `save_head` and `load_head`, is the same in Python.

import { PageError } from "./text.js";

export const FEATURES = 512;
const MOST_WORDS = 1000; // as many labels as ImageNet has; a file that claims more is damaged
const MOST_BYTES = 4_000_000; // a layer of 1000 words takes half of that
const MOST_NAME_BYTES = 1000;

export function writeHead(h5wasm, { kernel, bias, names }) {
  // The bytes of the file. kernel: 512 x words numbers, a row for each feature; bias: one number a word.
  const path = "written.h5";
  const words = names.length;
  const file = new h5wasm.File(path, "w", { libver: "v110" }); // from that version on with checksums in it
  try {
    const layer = file.create_group("predictions");
    layer.create_dataset({ name: "kernel", data: Float32Array.from(kernel), shape: [FEATURES, words], dtype: "<f" });
    layer.create_dataset({ name: "bias", data: Float32Array.from(bias), shape: [words], dtype: "<f" });
    // Text of fixed length: of the other kind, one damaged byte may keep HDF5 searching for ever.
    file.create_dataset({ name: "wnids", data: names.map(() => ""), shape: [words], dtype: "S1" });
    const longest = Math.max(...names.map((name) => new TextEncoder().encode(name).length));
    file.create_dataset({ name: "names", data: names, shape: [words], dtype: `S${longest}` });
  } finally {
    file.close();
  }
  return taken(h5wasm, path);
}

export function readHead(h5wasm, bytes) {
  // { kernel, bias, names } as `writeHead` takes it. Throws a PageError if the bytes are no such file.
  //
  // A damaged file may also keep HDF5 searching for ever: whoever calls this does so in a worker with a clock.
  if (bytes.length > MOST_BYTES) throw new PageError("This file is too large for a layer of words.");
  if (!isHdf5(bytes)) throw new PageError("This is not a file of taught words: choose one that ends in .h5.");
  const path = "read.h5";
  h5wasm.FS.writeFile(path, bytes);
  let file;
  try {
    file = new h5wasm.File(path, "r");
    if (file.file_id < 0n) throw notOne();
    return parts(file);
  } catch (error) {
    throw error instanceof PageError ? error : notOne(error);
  } finally {
    try {
      file?.close();
      h5wasm.FS.unlink(path);
    } catch {
      // The library has stopped; it ends with the worker.
    }
  }
}

function parts(file) {
  const [kernel, bias, names] = ["predictions/kernel", "predictions/bias", "names"].map((path) => dataset(file, path));
  const [words] = names.metadata.shape;
  const fits = (array, kind, ...shape) =>
    String(array.metadata.shape) === String(shape) && array.metadata.type === kind && isWhole(array);
  if (!(words >= 1 && words <= MOST_WORDS)) throw notOne();
  if (!fits(kernel, FLOAT, FEATURES, words) || !fits(bias, FLOAT, words)) throw notOne();
  if (!fits(names, TEXT, words) || names.metadata.vlen || names.metadata.size > MOST_NAME_BYTES) throw notOne();
  names.metadata.cset = UTF8; // h5py says of its bytes that they are ASCII
  const layer = {
    kernel: Float32Array.from(kernel.value),
    bias: Float32Array.from(bias.value),
    names: names.value,
  };
  if (layer.names.some((name) => name.includes("\ufffd"))) throw notOne(); // what takes the place of damaged letters
  if (![...layer.kernel, ...layer.bias].every(Number.isFinite)) {
    throw new PageError("This file is damaged: it holds values that are not finite numbers.");
  }
  return layer;
}

// HDF5's numbers for kinds of values, and of letters.
const FLOAT = 1;
const TEXT = 3;
const UTF8 = 1;

function dataset(file, path) {
  let item = file;
  for (const step of path.split("/")) {
    if (!item.keys?.().includes(step)) throw notOne();
    item = item.get(step);
  }
  if (!item?.metadata?.shape) throw notOne(); // a group, or a link to a file that is not there
  return item;
}

// Not compressed, not put together from pieces: then it takes as much memory as the file has bytes.
const isWhole = (array) => !array.metadata.chunks && !array.metadata.virtual_sources && !array.filters.length;

const isHdf5 = (bytes) => [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a].every((byte, i) => bytes[i] === byte);

const notOne = (cause) =>
  new PageError("This file is not a layer of taught words, or it is damaged: make it again.", { cause });

function taken(h5wasm, path) {
  const bytes = h5wasm.FS.readFile(path);
  h5wasm.FS.unlink(path);
  return bytes;
}
