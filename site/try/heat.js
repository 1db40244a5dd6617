// Draws pictures and maps, in the colours of the notebooks' figures.

import { SIDE } from "./maps.js";

// Matplotlib's inferno from 0.2 on, and the two sides of its PuOr.
const HEAT = ["#420a68", "#6a176e", "#932667", "#bc3754", "#dd513a", "#f37819", "#fca50a", "#f6d746", "#fcffa4"].map(rgb);
const FOR = rgb("#c96d0d");
const AGAINST = rgb("#532687");
const SIZE = 224;

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

export function drawPicture(canvas, display, grey = false) {
  canvas.width = canvas.height = display.width;
  const context = canvas.getContext("2d", { willReadFrequently: grey });
  context.drawImage(display, 0, 0);
  if (!grey) return;
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < image.data.length; at += 4) {
    const [red, green, blue] = image.data.subarray(at, at + 3);
    image.data.fill(80 + 0.6 * (0.299 * red + 0.587 * green + 0.114 * blue), at, at + 3);
  }
  context.putImageData(image, 0, 0);
}

export function drawPixels(canvas, pixels) {
  canvas.width = canvas.height = SIZE;
  const image = new ImageData(SIZE, SIZE);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    image.data.set([pixels[from], pixels[from + 1], pixels[from + 2], 255], to);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

export function drawMap(canvas, map, two = false) {
  // A map over all of the canvas, smoothly; denser where it is larger. two: in two colours, for the difference
  // of two maps: above zero and below.
  canvas.width = canvas.height = SIZE;
  const image = new ImageData(SIZE, SIZE);
  const largest = Math.max(1e-12, ...(two ? map.map(Math.abs) : map));
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const value = between(map, (x + 0.5) / 16 - 0.5, (y + 0.5) / 16 - 0.5) / largest;
      const share = Math.min(1, Math.max(0, Math.abs(value)) * (two || value > 0));
      const colour = two ? value > 0 ? FOR : AGAINST : blended(share);
      image.data.set([...colour, 255 * (two ? 0.85 * share : 0.15 + 0.7 * share)], (y * SIZE + x) * 4);
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function between(map, x, y) {
  // Bilinear: the map's value between its places.
  const keep = (at) => Math.min(SIDE - 1, Math.max(0, at));
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [x - left, y - top];
  const at = (row, column) => map[keep(row) * SIDE + keep(column)];
  return (
    (1 - v) * ((1 - u) * at(top, left) + u * at(top, left + 1)) +
    v * ((1 - u) * at(top + 1, left) + u * at(top + 1, left + 1))
  );
}

function blended(share) {
  const at = share * (HEAT.length - 1);
  const low = Math.min(HEAT.length - 2, Math.floor(at));
  return HEAT[low].map((value, i) => value + (at - low) * (HEAT[low + 1][i] - value));
}
