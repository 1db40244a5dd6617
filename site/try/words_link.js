// A taught layer as text for the address after `#words=`: no server ever sees that part of a link.
// helpers/words_link.py reads it too.

import { PageError } from "./text.js";

export const VERSION = 1;
export const FEATURES = 512;
export const MOST_WORDS = 20;
export const MOST_CHARACTERS = 40; // of a word
const HASH_BYTES = 8; // of the SHA-256 of the convolutional layers' file

export function nameProblem(name) {
  // Why a word cannot go into a link: a sentence, or "" if it can.
  if (!name.trim()) return "A word is empty: give it a name.";
  if ([...name].length > MOST_CHARACTERS) {
    return `A word has ${[...name].length} characters, and ${MOST_CHARACTERS} are the most: shorten it.`;
  }
  if (/[<>]/.test(name)) return "A word has < or > in it: leave these out.";
  if (/\p{C}|(?! )\p{Z}/u.test(name)) return "A word has characters in it that cannot be seen: type it again.";
  return "";
}

export function toLink({ kernel, bias, names }, layers) {
  // The text of a layer: about 690 characters for each word but the last.
  //
  // kernel: 512 x words numbers, a row for each feature. bias: as many numbers as there are names.
  // layers: the SHA-256 of the convolutional layers' file, in hexadecimal.
  //
  // Adding the same number to all words' scores changes no answer. So each row of the kernel is moved until it
  // adds up to zero (what `fitLayer` finds does so already), and the last word's column need not travel.
  checkNames(names);
  const words = names.length;
  const rows = Array.from({ length: FEATURES }, (_, d) => centred(kernel.slice(d * words, (d + 1) * words)));
  const texts = names.map((name) => new TextEncoder().encode(name));
  const bytes = new Uint8Array(lengthFor(texts));
  bytes[0] = VERSION;
  bytes[1] = words;
  bytes.set(fromHex(layers).subarray(0, HASH_BYTES), 2);
  let at = 2 + HASH_BYTES;
  for (const text of texts) {
    bytes[at] = text.length;
    bytes.set(text, at + 1);
    at += 1 + text.length;
  }
  const view = new DataView(bytes.buffer);
  for (const value of centred(bias)) at = putFloat(view, at, value);
  for (let k = 0; k < words - 1; k++) {
    const scale = Math.fround(Math.max(...rows.map((row) => Math.abs(row[k]))) / 127) || 1;
    at = putFloat(view, at, scale);
    for (const row of rows) view.setInt8(at++, Math.round(row[k] / scale));
  }
  return base64url(bytes);
}

export function fromLink(text, layers) {
  // The layer in a text: { kernel, bias, names }, Float32Array 512 x words and words, and a list.
  // Throws a PageError with one sentence if it is no such text, or belongs to other layers than these.
  const bytes = decoded(text);
  const [version, words] = bytes;
  if (version !== VERSION) {
    throw new PageError(`This link is of version ${version}, and this page reads ${VERSION}: make it again here.`);
  }
  if (words < 2 || words > MOST_WORDS) {
    throw new PageError(`This link is damaged: it claims ${words} words, and 2 to ${MOST_WORDS} are possible.`);
  }
  if (hex(bytes.subarray(2, 2 + HASH_BYTES)) !== layers.slice(0, 2 * HASH_BYTES)) {
    throw new PageError("This link belongs to other layers than this page has: its words mean nothing to them.");
  }
  const { names, at, needed } = namesIn(bytes, words);
  if (needed !== bytes.length) {
    throw new PageError("This link is not whole, or has too much at its end: copy it once more, all of it.");
  }
  checkNames(names);
  return { names, ...numbersIn(new DataView(bytes.buffer), at, words) };
}

function checkNames(names) {
  const problem = names.map(nameProblem).find((sentence) => sentence);
  if (problem) throw new PageError(problem);
  if (new Set(names).size < names.length) throw new PageError("Two words have the same name: change one of them.");
  if (names.length < 2 || names.length > MOST_WORDS) {
    throw new PageError(`A link holds 2 to ${MOST_WORDS} words, not ${names.length}.`);
  }
}

function namesIn(bytes, words) {
  const names = [];
  let at = 2 + HASH_BYTES;
  for (let k = 0; k < words; k++) {
    const end = at + 1 + bytes[at];
    try {
      names.push(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(at + 1, end)));
    } catch {
      throw damaged();
    }
    at = end;
  }
  return { names, at, needed: at + 4 * words + (words - 1) * (4 + FEATURES) };
}

function numbersIn(view, at, words) {
  const kernel = new Float32Array(FEATURES * words);
  const bias = new Float32Array(words);
  for (let k = 0; k < words; k++, at += 4) bias[k] = view.getFloat32(at, true);
  for (let k = 0; k < words - 1; k++) {
    const scale = view.getFloat32(at, true);
    at += 4;
    for (let d = 0; d < FEATURES; d++) {
      const weight = view.getInt8(at++) * scale;
      kernel[d * words + k] = weight;
      kernel[d * words + words - 1] -= weight;
    }
  }
  if (![...bias, ...kernel].every(Number.isFinite)) {
    throw new PageError("This link is damaged: it holds values that are not finite numbers.");
  }
  return { kernel, bias };
}

const damaged = () => new PageError("This link is damaged: copy it once more, all of it.");

function lengthFor(texts) {
  const names = texts.reduce((sum, text) => sum + 1 + text.length, 0);
  return 2 + HASH_BYTES + names + 4 * texts.length + (texts.length - 1) * (4 + FEATURES);
}

function centred(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Float64Array.from(values, (value) => value - mean);
}

function putFloat(view, at, value) {
  view.setFloat32(at, value, true);
  return at + 4;
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));

function base64url(bytes) {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decoded(text) {
  if (!/^[A-Za-z0-9_-]{20,20000}$/.test(text) || text.length % 4 === 1) throw damaged();
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
