// Keeps a taught layer: as a file, as a link, as a QR code; and opens files again.

import { PageError } from "./text.js";
import { toLink } from "./words_link.js";

const PATIENCE = 20_000; // milliseconds, with which a damaged file is read

// A worker that is ready beforehand: saving works with the network switched off.
let ready = null;
export const prepare = () => (ready ??= new Worker(new URL("head_worker.js", import.meta.url), { type: "module" }));

function ask(message) {
  // A damaged file may stop the library, or keep it searching: then its worker is ended, and another one started.
  const worker = prepare();
  return new Promise((resolve, reject) => {
    const fail = (error) => {
      clearTimeout(clock);
      worker.terminate();
      ready = null;
      prepare();
      reject(error);
    };
    const clock = setTimeout(() => fail(new PageError("This file is damaged: it could not be read.")), PATIENCE);
    worker.onmessage = ({ data: { result, error, plain } }) => {
      if (!result) return fail(plain ? new PageError(error) : unexpected());
      clearTimeout(clock);
      resolve(result);
    };
    worker.onerror = () => fail(unexpected());
    worker.postMessage(message);
  });
}

const unexpected = () => new PageError("This browser can neither read nor write such files: keep the words as a link.");

export async function openFile(file) {
  // The layer in a file: { kernel, bias, names }.
  return ask({ bytes: new Uint8Array(await file.arrayBuffer()) });
}

export async function saveFile(taught) {
  const bytes = await ask({ layer: taught });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/x-hdf5" }));
  link.download = "my_words.h5";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function linkOf(taught, hash) {
  // { text, address }: what stands behind "words=", and the whole address, without anything else in it.
  const text = toLink(taught, hash);
  return { text, address: `${location.origin}${location.pathname}#words=${text}` };
}

const MOST = 2953; // bytes, in the largest QR code

export async function drawQr(canvas, address) {
  // Draws the code of an address; false if the address is too long for one.
  const { encodeQR } = await import("./qr/index.js");
  if (address.length > MOST) return false;
  const dots = encodeQR(address, "raw", { ecc: "low", border: 4 });
  const scale = Math.max(4, Math.ceil(600 / dots.length));
  canvas.width = canvas.height = dots.length * scale;
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "black";
  dots.forEach((row, y) => row.forEach((isDark, x) => isDark && context.fillRect(x * scale, y * scale, scale, scale)));
  return true;
}
