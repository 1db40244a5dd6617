// The arithmetic of a taught layer, held against notebook 11's steps written out.
import assert from "node:assert/strict";
import { test } from "node:test";

import { answers, best, DECAY, fitLayer, judge, leaveOut, RATE, softmax, STEPS, wilson } from "../../site/try/fit.js";

// A seeded stream of numbers, evenly from 0 to 1.
function numbersFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Photos in scenes of four, like features: not negative, many of them small.
function photos(count, words, size = 512, seed = 1) {
  const random = numbersFrom(seed);
  const kinds = Array.from({ length: words }, () => Array.from({ length: size }, () => 3 * random() ** 3));
  const places = Array.from({ length: count }, () => Array.from({ length: size }, () => 2 * random() ** 2));
  const numbers = Array.from({ length: count }, (_, i) => i % words);
  const scenes = numbers.map((word, i) => Math.floor(i / words / 4) * words + word);
  const x = numbers.map((word, i) =>
    Float32Array.from(kinds[word], (value, j) => value + places[scenes[i]][j] + random()),
  );
  return { x, numbers, scenes };
}

// Notebook 11's fit_layer, step for step, with its weights as they are.
function direct(x, numbers, words) {
  const [n, d] = [x.length, x[0].length];
  const mean = Array.from({ length: d }, (_, j) => x.reduce((sum, row) => sum + row[j], 0) / n);
  const spread = mean.map((m, j) => Math.sqrt(x.reduce((sum, row) => sum + (row[j] - m) ** 2, 0) / n) + 0.01);
  const z = x.map((row) => Array.from(row, (value, j) => (value - mean[j]) / spread[j]));
  const weights = Array.from({ length: d }, () => new Float64Array(words));
  const bias = new Float64Array(words);
  for (let step = 0; step < STEPS; step++) {
    const errors = z.map((row, i) =>
      softmax(bias.map((b, k) => row.reduce((sum, value, j) => sum + value * weights[j][k], b))).map(
        (share, k) => share - (numbers[i] === k ? 1 : 0),
      ),
    );
    for (let k = 0; k < words; k++) {
      for (let j = 0; j < d; j++) {
        const gradient = errors.reduce((sum, error, i) => sum + error[k] * z[i][j], 0) / n;
        weights[j][k] -= RATE * (gradient + DECAY * weights[j][k]);
      }
      bias[k] -= (RATE * errors.reduce((sum, error) => sum + error[k], 0)) / n;
    }
  }
  const kernel = weights.flatMap((row, j) => Array.from(row, (w) => w / spread[j]));
  const moved = bias.map((b, k) => mean.reduce((sum, m, j) => sum - m * kernel[j * words + k], b));
  return { kernel, bias: moved };
}

test("the fit among photos equals the fit among features", () => {
  const { x, numbers } = photos(12, 3, 96);
  const [ours, theirs] = [fitLayer(x, numbers, 3), direct(x, numbers, 3)];
  const off = (a, b) => Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));
  assert.ok(off(ours.kernel, theirs.kernel) < 1e-10);
  assert.ok(off(ours.bias, theirs.bias) < 1e-10);
});

test("each photo is answered by a layer that has not had its group", () => {
  const { x, numbers, scenes } = photos(24, 3, 64);
  const given = leaveOut(x, numbers, 3, scenes);
  for (const scene of new Set(scenes)) {
    const rest = scenes.flatMap((other, i) => (other === scene ? [] : [i]));
    const layer = fitLayer(
      rest.map((i) => x[i]),
      rest.map((i) => numbers[i]),
      3,
    );
    const expected = answers(x, layer);
    scenes.forEach((other, i) => {
      if (other === scene) given[i].forEach((share, k) => assert.ok(Math.abs(share - expected[i][k]) < 1e-9));
    });
  }
});

test("three exams with n and interval, on 60 photos of 3 words", () => {
  const { x, numbers, scenes } = photos(60, 3);
  const shares = [];
  const { own, photos: each, scenes: strict } = judge(x, numbers, 3, scenes, (share) => shares.push(share));
  for (const bar of [own, each, strict]) {
    assert.equal(bar.n, 60);
    assert.equal(bar.right, bar.answers.filter((row, i) => best(row) === numbers[i]).length);
    assert.ok(0 <= bar.low && bar.low <= bar.right / 60 && bar.right / 60 <= bar.high && bar.high <= 1);
  }
  assert.ok(own.right >= each.right && each.right >= strict.right);
  assert.equal(shares.at(-1), 1);
  assert.ok(shares.every((share, i) => i === 0 || share >= shares[i - 1]));
});

test("a word with one scene, or one photo, is not judged on what it never had", () => {
  const { x, numbers } = photos(9, 3, 32);
  const result = judge(x, numbers, 3, numbers);
  assert.equal(result.scenes, null);
  assert.equal(result.photos.n, 9);
  assert.equal(judge(x.slice(0, 4), [0, 0, 1, 2], 3, [0, 1, 2, 3]).photos, null);
});

test("Wilson's interval", () => {
  const [low, high] = wilson(48, 63);
  assert.ok(Math.abs(low - 0.6437) < 1e-3 && Math.abs(high - 0.8499) < 1e-3);
  assert.equal(wilson(0, 10)[0], 0);
  assert.equal(wilson(10, 10)[1], 1);
});
