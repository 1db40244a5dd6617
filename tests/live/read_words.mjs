// Reads files and links of taught words, one after the other, and says of each what came of it.
//
//     node read_words.mjs H5WASM LAYERS ITEMS FIRST
//
// ITEMS: a file with a line of JSON for each, { kind, data }, data in base 64. Begins with number FIRST.
import { readFileSync } from "node:fs";

import { readHead } from "../../site/try/head_file.js";
import { PageError } from "../../site/try/text.js";
import { fromLink } from "../../site/try/words_link.js";

const [library, layers, items, first] = process.argv.slice(2);
const { default: h5wasm } = await import(library);
const { FS } = await h5wasm.ready;

const lines = readFileSync(items, "utf8").trim().split("\n");
for (let number = Number(first); number < lines.length; number++) {
  const { kind, data } = JSON.parse(lines[number]);
  const bytes = Buffer.from(data, "base64");
  let outcome;
  try {
    const read = kind === "file" ? readHead({ File: h5wasm.File, FS }, bytes) : fromLink(bytes.toString(), layers);
    outcome = { names: read.names };
  } catch (error) {
    outcome = error instanceof PageError ? { sentence: error.message } : { error: String(error) };
    outcome.stopped = error.cause instanceof WebAssembly.RuntimeError;
  }
  console.log(JSON.stringify({ number, ...outcome }));
  if (outcome.stopped) process.exit(); // as in the page, where each file has a worker of its own
}
