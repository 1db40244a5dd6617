// Reads and writes files of taught words; in a worker, because a damaged file may keep the library searching.

import h5wasm from "./h5wasm/hdf5_hl.js";
import { readHead, writeHead } from "./head_file.js";

onmessage = async ({ data: { bytes, layer } }) => {
  try {
    const { FS } = await h5wasm.ready;
    const library = { File: h5wasm.File, FS };
    postMessage({ result: bytes ? readHead(library, bytes) : writeHead(library, layer) });
  } catch (error) {
    postMessage({ error: error.message, plain: error.name === "PageError" });
  }
};
