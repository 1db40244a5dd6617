// Arithmetic on maps: 14 x 14 numbers in rows, what each place of the picture adds to a label's logit.

export const SIDE = 14;
export const PLACES = SIDE * SIDE;
const PIXELS = 16; // of the 224, from one place to the next
const SEEN = 196; // pixels, the side of the square that a place of block5_conv3 computes from

export const mean = (map) => map.reduce((sum, value) => sum + value, 0) / map.length;

export function packed(text) {
  // float32 numbers that Python packed into base 64.
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

export function best(answer, count = 5) {
  // The first answers of the network: { labels, probabilities, maps, seconds }, best first.
  const order = Array.from(answer.probabilities.keys()).sort((a, b) => answer.probabilities[b] - answer.probabilities[a]);
  const labels = order.slice(0, count);
  return {
    labels,
    probabilities: labels.map((label) => answer.probabilities[label]),
    maps: labels.map((label) => answer.labelMaps.slice(label * PLACES, (label + 1) * PLACES)),
    seconds: answer.seconds,
  };
}

export function logit(answer, bias, label) {
  // A label's logit from the network's whole answer: the average of its map, and its bias.
  return mean(answer.labelMaps.subarray(label * PLACES, (label + 1) * PLACES)) + bias[label];
}

export function compare(answer, bias, first, second) {
  // Why the label `first` and not `second` (their places in the answer): the difference of their maps, its
  // average, the difference of their biases, and the lead: the difference of their logits.
  const map = answer.maps[first].map((value, place) => value - answer.maps[second][place]);
  const places = mean(map);
  const biases = bias[answer.labels[first]] - bias[answer.labels[second]];
  return { map, places, biases, lead: places + biases };
}

export function forecast({ map, biases }, covered) {
  // The lead that is left if the covered places add nothing any more. covered: 196 times true or false.
  return biases + map.reduce((sum, value, place) => sum + (covered[place] ? 0 : value), 0) / PLACES;
}

export function seenFrom(place) {
  // The square of pixels that a place computes from: { left, top, right, bottom }, cut at the edges.
  const reach = (at) => [PIXELS * at + PIXELS / 2 - SEEN / 2, PIXELS * at + PIXELS / 2 + SEEN / 2];
  const cut = ([from, to]) => [Math.max(0, from), Math.min(SIDE * PIXELS, to)];
  const [left, right] = cut(reach(place % SIDE));
  const [top, bottom] = cut(reach(Math.floor(place / SIDE)));
  return { left, top, right, bottom };
}

const WHERE = [
  ["at the upper left", "at the top", "at the upper right"],
  ["at the left", "in the middle", "at the right"],
  ["at the lower left", "at the bottom", "at the lower right"],
];

export function strongest(map) {
  // Where a map is strongest, in words; the strongest 3 x 3 places decide.
  let [found, most] = ["", -Infinity];
  for (let row = 1; row < SIDE - 1; row++) {
    for (let column = 1; column < SIDE - 1; column++) {
      let sum = 0;
      for (let y = -1; y <= 1; y++) for (let x = -1; x <= 1; x++) sum += map[(row + y) * SIDE + column + x];
      const third = (at) => (at < 4.5 ? 0 : at > 8.5 ? 2 : 1);
      if (sum > most) [most, found] = [sum, WHERE[third(row)][third(column)]];
    }
  }
  return found;
}

export const position = (place) => `row ${Math.floor(place / SIDE) + 1}, column ${(place % SIDE) + 1}`;

// The upper half of each 32-bit number: 8 bits of precision, enough for a map that is looked at, in half the memory.
export const halved = (maps) =>
  Uint16Array.from(new Uint32Array(maps.buffer, maps.byteOffset, maps.length), (bits) => (bits + 0x8000) >>> 16);
export const doubled = (halves) => new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer);
