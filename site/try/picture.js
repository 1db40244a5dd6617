// From anything that a person calls a picture to the 224 x 224 pixels that the network gets: upright, in the
// colours of a screen, on white, as helpers/decode.py and helpers/pictures.py do it.

import { reduce, square } from "./resample.js";
import { PageError } from "./text.js";

export const SIZE = 224;
const THUMBNAIL = 16; // pixels, of the control without a network in "Teach it a word"
const ENOUGH = 1_500_000; // pixels: larger pictures are made smaller first, but never smaller than this
const MOST = 51_000_000; // pixels: more than that takes the memory of a phone
const STRIP = 512; // rows that are read at once
const SHOWN = 640; // pixels, the side of the square that people see

const HEIC = ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"];

export async function open(blob, name) {
  // Returns { pixels, thumbnail, display }: Uint8Array 224 * 224 * 3 and 16 * 16 * 3, and an ImageBitmap of the
  // same square for people.
  // Raises PageError with one sentence if there is no picture in the file, or none that a browser opens.
  name = name || "This picture";
  if (!blob.size) throw new PageError(`${name} is empty: try another copy of it.`);
  const start = new Uint8Array(await blob.slice(0, 300_000).arrayBuffer());
  const size = check(start, name);
  if (size && size[0] * size[1] > MOST) throw new PageError(tooLarge(name, ...size));
  const bitmap = await decoded(blob, start, name);
  try {
    if (bitmap.width * bitmap.height > MOST) throw new PageError(tooLarge(name, bitmap.width, bitmap.height));
    const { pixels, width, height } = onWhite(bitmap);
    return {
      pixels: new Uint8Array(square(pixels, width, height, SIZE).buffer),
      thumbnail: new Uint8Array(square(pixels, width, height, THUMBNAIL).buffer),
      display: shown(bitmap),
    };
  } finally {
    bitmap.close();
  }
}

function check(bytes, name) {
  // The sentence for files that no browser opens; [width, height] where the first bytes say it.
  const text = (from, to) => String.fromCharCode(...bytes.subarray(from, to));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (text(4, 8) === "ftyp") {
    const brand = text(8, 12);
    if (brand === "avif" || brand === "avis") return null;
    if (HEIC.includes(brand)) {
      throw new PageError(
        `${name} is a HEIC photo, which this page cannot open: on an iPhone, choose Settings, Camera, Formats, ` +
          "Most Compatible, and take it again; on a Mac, open it in Preview and export it as JPEG.",
      );
    }
    throw new PageError(`${name} is a film, not a picture: take a still from it and save that as JPEG.`);
  }
  if (["II*\0", "MM\0*"].includes(text(0, 4))) {
    throw new PageError(`${name} is a TIFF picture, which browsers do not open: save it as JPEG or PNG first.`);
  }
  if (text(1, 4) === "PNG" && bytes.length > 24) return [view.getUint32(16), view.getUint32(20)];
  if (text(0, 3) === "GIF" && bytes.length > 10) return [view.getUint16(6, true), view.getUint16(8, true)];
  if (text(0, 2) === "BM") return null;
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return null;
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return sizeOfJpeg(bytes, view);
  throw new PageError(`${name} is not a picture that this page can open: save it as JPEG or PNG first.`);
}

function sizeOfJpeg(bytes, view) {
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = bytes[at + 1];
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
  }
  return null;
}

function hasProfile(bytes) {
  // Whether the file says which colours its numbers mean. Other remarks on colour the notebooks ignore.
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return /ICC_PROFILE\0|iCCP|ICCP|ICCRGBG1|colrprof/.test(text);
}

async function decoded(blob, start, name) {
  try {
    return await createImageBitmap(blob, {
      imageOrientation: "from-image",
      premultiplyAlpha: "default",
      colorSpaceConversion: hasProfile(start) ? "default" : "none",
    });
  } catch {
    throw new PageError(`${name} is damaged, or of a kind that this browser cannot open: try another copy of it.`);
  }
}

function tooLarge(name, width, height) {
  const millions = ((width * height) / 1e6).toFixed(0);
  return `${name} has ${millions} million pixels, more than this page can hold: make it smaller first.`;
}

function onWhite(bitmap) {
  // The picture's pixels, strip by strip to spare memory; large ones at a half, a third ... of the width.
  const { width, height } = bitmap;
  const factor = Math.max(1, Math.floor(Math.sqrt(Math.floor((width * height) / ENOUGH))));
  const rows = Math.max(1, Math.floor(STRIP / factor)) * factor;
  const small = { width: Math.ceil(width / factor), height: Math.ceil(height / factor) };
  const pixels = new Uint8Array(small.width * small.height * 3);
  const canvas = new OffscreenCanvas(width, Math.min(rows, height));
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  for (let top = 0; top < height; top += rows) {
    const tall = Math.min(rows, height - top);
    context.fillStyle = "white";
    context.fillRect(0, 0, width, tall);
    context.drawImage(bitmap, 0, top, width, tall, 0, 0, width, tall);
    const strip = withoutAlpha(context.getImageData(0, 0, width, tall).data);
    const part = factor > 1 ? reduce(strip, width, tall, factor) : strip;
    pixels.set(part, (top / factor) * small.width * 3);
  }
  return { pixels, ...small };
}

function withoutAlpha(data) {
  const out = new Uint8ClampedArray((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    out[to] = data[from];
    out[to + 1] = data[from + 1];
    out[to + 2] = data[from + 2];
  }
  return out;
}

function shown(bitmap) {
  const side = Math.min(bitmap.width, bitmap.height);
  const size = Math.min(side, SHOWN);
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext("2d", { alpha: false });
  context.fillStyle = "white";
  context.fillRect(0, 0, size, size);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, size, size);
  return canvas.transferToImageBitmap();
}
