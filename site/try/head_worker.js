// Reads and writes files of taught words; in a worker, because a damaged file may keep the library searching.

import { readHead, writeHead } from "./head_file.js";

onmessage = async ({ data: { id, bytes, layer } }) => {
  try {
    const { default: h5wasm } = await import("./h5wasm/hdf5_hl.js"); // 4 MB: not before it is needed
    const { FS } = await h5wasm.ready;
    const library = { File: h5wasm.File, FS };
    postMessage({ id, result: bytes ? readHead(library, bytes) : writeHead(library, layer) });
  } catch (error) {
    postMessage({ id, error: error.message, plain: error.name === "PageError" });
  }
};
