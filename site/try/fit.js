// Fits the last layer for new words, as notebook 11 does, and judges it on photos it has not had.
// Pure arithmetic in double precision: no page, no network. helpers/teach.py is the same in Python.

// The settings of notebook 11's `fit_layer`.
export const DECAY = 0.1;
export const STEPS = 200;
export const RATE = 0.02;

// Softmax regression by gradient descent on standardised features; the standardising is folded back.
//
// x: n arrays of d features. numbers: n whole numbers, each photo's word, 0 to words - 1.
// Returns {kernel, bias}: Float64Array of d x words, a row for each feature, and of words.
export function fitLayer(x, numbers, words) {
  const all = x.map((_, i) => i);
  return folded(descend(x, numbers, words, all), words);
}

// What a layer answers: for each of n arrays of features a Float64Array of probabilities, one a word.
export function answers(x, { kernel, bias }) {
  const words = bias.length;
  return x.map((features) => {
    const scores = Float64Array.from(bias);
    for (let d = 0; d < features.length; d++) {
      for (let k = 0; k < words; k++) scores[k] += features[d] * kernel[d * words + k];
    }
    return softmax(scores);
  });
}

// The answers to photos that the layer has not had: for each group in turn, those of a layer that was fitted
// on all the others.
//
// groups: n values; photos with the same one are left out together.
// told: called with the share that is done, 0 to 1, after each group.
// Returns n Float64Arrays of probabilities.
export function leaveOut(x, numbers, words, groups, told = () => {}) {
  const result = new Array(x.length);
  const kinds = [...new Set(groups)];
  kinds.forEach((kind, done) => {
    const rest = [];
    groups.forEach((group, i) => group !== kind && rest.push(i));
    const { gram, alpha, bias } = descend(x, numbers, words, rest);
    groups.forEach((group, i) => {
      if (group === kind) result[i] = softmax(scoresOf(gram, alpha, bias, i, rest, x.length, words));
    });
    told((done + 1) / kinds.length);
  });
  return result;
}

// The gradient descent, in the space of the photos: weights that begin at zero and move along features only
// are always a sum of the photos' standardised features, each times a number. These numbers, `alpha`, are
// what is moved: the same steps as in notebook 11, and for n photos of d > n features far fewer products.
//
// rest: the photos to fit on. The others' features are standardised as well: they can be asked about.
function descend(x, numbers, words, rest) {
  const n = x.length;
  const { z, mean, spread } = standardised(x, rest);
  const gram = products(z, n);
  const m = rest.length;
  const alpha = new Float64Array(words * m); // a row for each word
  const bias = new Float64Array(words);
  const errors = new Float64Array(words * m);
  const inner = new Float64Array(m * m);
  for (let a = 0; a < m; a++) for (let b = 0; b < m; b++) inner[a * m + b] = gram[rest[a] * n + rest[b]];
  const scores = new Float64Array(words);
  const last = words - 1;
  for (let step = 0; step < STEPS; step++) {
    for (let a = 0; a < m; a++) {
      // The errors of a photo add up to zero, so do its alphas, and so do the scores: the last need no products.
      scores[last] = 0;
      for (let k = 0; k < last; k++) {
        scores[k] = bias[k] + dot(inner, a * m, alpha, k * m, m);
        scores[last] -= scores[k];
      }
      softmax(scores);
      for (let k = 0; k < words; k++) errors[k * m + a] = scores[k];
      errors[numbers[rest[a]] * m + a] -= 1;
    }
    for (let k = 0; k < words; k++) {
      let sum = 0;
      for (let a = k * m; a < (k + 1) * m; a++) {
        sum += errors[a];
        alpha[a] -= RATE * (errors[a] / m + DECAY * alpha[a]);
      }
      bias[k] -= (RATE * sum) / m;
    }
  }
  return { alpha, bias, z, gram, mean, spread, rest };
}

// Each feature less its mean, divided by its spread plus 0.01; both taken from `rest` alone. One flat array.
function standardised(x, rest) {
  const n = x.length;
  const d = x[0].length;
  const mean = new Float64Array(d);
  const spread = new Float64Array(d);
  for (const i of rest) for (let j = 0; j < d; j++) mean[j] += x[i][j] / rest.length;
  for (const i of rest) for (let j = 0; j < d; j++) spread[j] += (x[i][j] - mean[j]) ** 2 / rest.length;
  for (let j = 0; j < d; j++) spread[j] = Math.sqrt(spread[j]) + 0.01;
  const z = new Float64Array(n * d);
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) z[i * d + j] = (x[i][j] - mean[j]) / spread[j];
  return { z, mean, spread };
}

// The inner product of each photo with each: n x n.
function products(z, n) {
  const d = z.length / n;
  const gram = new Float64Array(n * n);
  for (let a = 0; a < n; a++) {
    for (let b = a; b < n; b++) {
      gram[a * n + b] = gram[b * n + a] = dot(z, a * d, z, b * d, d);
    }
  }
  return gram;
}

// The sum of products of `length` numbers of two arrays, from two places on. Four sums side by side: the
// processor adds them at the same time, and everything else here waits for this one.
function dot(a, from, b, at, length) {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    first += a[from + i] * b[at + i];
    second += a[from + i + 1] * b[at + i + 1];
    third += a[from + i + 2] * b[at + i + 2];
    fourth += a[from + i + 3] * b[at + i + 3];
  }
  for (; i < length; i++) first += a[from + i] * b[at + i];
  return first + second + third + fourth;
}

function scoresOf(gram, alpha, bias, i, rest, n, words) {
  const scores = Float64Array.from(bias);
  rest.forEach((other, b) => {
    for (let k = 0; k < words; k++) scores[k] += gram[i * n + other] * alpha[k * rest.length + b];
  });
  return scores;
}

// The weights for plain features: the photos' sum, divided by the spread; the mean goes into the bias.
function folded({ alpha, bias, z, mean, spread, rest }, words) {
  const d = mean.length;
  const kernel = new Float64Array(d * words);
  const moved = Float64Array.from(bias);
  for (let j = 0; j < d; j++) {
    for (let k = 0; k < words; k++) {
      let sum = 0;
      rest.forEach((i, a) => (sum += z[i * d + j] * alpha[k * rest.length + a]));
      kernel[j * words + k] = sum / spread[j];
      moved[k] -= mean[j] * kernel[j * words + k];
    }
  }
  return { kernel, bias: moved };
}

// Turns scores into probabilities, in place, and returns them.
export function softmax(scores) {
  let highest = -Infinity;
  let sum = 0;
  for (let k = 0; k < scores.length; k++) highest = Math.max(highest, scores[k]);
  for (let k = 0; k < scores.length; k++) sum += scores[k] = Math.exp(scores[k] - highest);
  for (let k = 0; k < scores.length; k++) scores[k] /= sum;
  return scores;
}

// The place of the highest number.
export function best(probabilities) {
  return probabilities.reduce((top, share, k) => (share > probabilities[top] ? k : top), 0);
}

// Wilson's 95 % interval for `right` of `n`: [low, high], each 0 to 1.
export function wilson(right, n) {
  const z = 1.96;
  const middle = (right + (z * z) / 2) / (n + z * z);
  const half = (z / (n + z * z)) * Math.sqrt((right * (n - right)) / n + (z * z) / 4);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

// Three exams of the same photos: own photos, photos left out, scenes left out.
//
// scenes: n values; photos of one scene have the same one.
// told: called with the share that is done, 0 to 1.
// Returns {own, photos, scenes}: each {right, n, low, high, answers}, or null where a word would lose its only
// photo (or scene): what a layer was never shown it cannot answer.
export function judge(x, numbers, words, scenes, told = () => {}) {
  const photos = x.map((_, i) => i);
  const own = exam(answers(x, fitLayer(x, numbers, words)), numbers);
  const each = fair(numbers, words, photos)
    ? exam(
        leaveOut(x, numbers, words, photos, (share) => told(share * 0.8)),
        numbers,
      )
    : null;
  const strict = fair(numbers, words, scenes)
    ? exam(
        leaveOut(x, numbers, words, scenes, (share) => told(0.8 + share * 0.2)),
        numbers,
      )
    : null;
  told(1);
  return { own, photos: each, scenes: strict };
}

// Whether every word has photos in two groups or more.
function fair(numbers, words, groups) {
  const found = Array.from({ length: words }, () => new Set());
  numbers.forEach((word, i) => found[word].add(groups[i]));
  return found.every((kinds) => kinds.size >= 2);
}

function exam(given, numbers) {
  const right = given.filter((shares, i) => best(shares) === numbers[i]).length;
  const [low, high] = wilson(right, numbers.length);
  return { right, n: numbers.length, low, high, answers: given };
}
