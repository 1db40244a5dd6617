// Pillow's way to resize a picture, bit for bit: the browser's own way changes answers.
// Two passes, along the rows and along the columns, each rounded to whole numbers and cut to 0 to 255.
// Pixels are red, green, blue from 0 to 255, row by row.

const BITS = 22; // Pillow computes with whole numbers: a weight of 1 is 2 ** 22

function bicubic(x) {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function weights(length, start, end, size) {
  // For each of `size` new pixels: the first old one that counts, and the weights from there on.
  const scale = (end - start) / size;
  const shrink = Math.max(scale, 1);
  const reach = 2 * shrink;
  const all = [];
  for (let i = 0; i < size; i++) {
    const centre = start + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const last = Math.min(length, Math.trunc(centre + reach + 0.5));
    const shares = [];
    let sum = 0;
    for (let x = first; x < last; x++) {
      shares.push(bicubic((x - centre + 0.5) * (1 / shrink)));
      sum += shares.at(-1);
    }
    const whole = shares.map((share) => Math.trunc((share / sum) * 2 ** BITS + (share / sum < 0 ? -0.5 : 0.5)));
    all.push({ first, whole: Int32Array.from(whole) });
  }
  return all;
}

function pass(pixels, from, to, across) {
  // One pass over pixels of from = [width, height]; `across`: along the rows. Returns pixels of size `to`.
  const [width, height] = to;
  const out = new Uint8ClampedArray(width * height * 3);
  const step = across.rows ? 3 : from[0] * 3;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, whole } = across.weights[across.rows ? x : y];
      let at = across.rows ? (y * from[0] + first) * 3 : (first * from[0] + x) * 3;
      let red = 1 << (BITS - 1);
      let green = red;
      let blue = red;
      for (let k = 0; k < whole.length; k++, at += step) {
        red += pixels[at] * whole[k];
        green += pixels[at + 1] * whole[k];
        blue += pixels[at + 2] * whole[k];
      }
      const target = (y * width + x) * 3;
      out[target] = red >> BITS;
      out[target + 1] = green >> BITS;
      out[target + 2] = blue >> BITS;
    }
  }
  return out;
}

export function square(pixels, width, height, size = 224) {
  // The middle square of a picture, size x size: `fit(picture, "crop")` of helpers/pictures.py.
  const side = Math.min(width, height);
  const [left, top] = [(width - side) / 2, (height - side) / 2];
  const rows = { rows: true, weights: weights(width, left, left + side, size) };
  const columns = { rows: false, weights: weights(height, top, top + side, size) };
  const keeps = (length, start) => length === size && start === 0;
  const along = (picture, from) => (keeps(width, left) ? picture : pass(picture, from, [size, from[1]], rows));
  const down = (picture, from) => (keeps(height, top) ? picture : pass(picture, from, [from[0], size], columns));
  // From version 13 on Pillow takes the columns of tall pictures first. The rule was found by trying.
  const tall = height > size && height + size > 2 * width;
  return tall
    ? along(down(pixels, [width, height]), [width, size])
    : down(along(pixels, [width, height]), [size, height]);
}

export function reduce(pixels, width, height, factor) {
  // Pillow's `reduce`: each block of factor x factor pixels becomes its average; smaller blocks at the edges.
  const [across, down] = [Math.ceil(width / factor), Math.ceil(height / factor)];
  const out = new Uint8ClampedArray(across * down * 3);
  for (let y = 0; y < down; y++) {
    const bottom = Math.min(height, (y + 1) * factor);
    for (let x = 0; x < across; x++) {
      const right = Math.min(width, (x + 1) * factor);
      const count = (bottom - y * factor) * (right - x * factor);
      const inverse = Math.trunc(Math.fround(2 ** 24 / count));
      for (let colour = 0; colour < 3; colour++) {
        let sum = count >> 1;
        for (let row = y * factor; row < bottom; row++) {
          for (let column = x * factor; column < right; column++) sum += pixels[(row * width + column) * 3 + colour];
        }
        out[(y * across + x) * 3 + colour] = Math.floor((sum * inverse) / 2 ** 24);
      }
    }
  }
  return out;
}
