// A taught layer as a link, and what is no such link.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PageError } from "../../site/try/text.js";
import { fromLink, MOST_WORDS, nameProblem, toLink } from "../../site/try/words_link.js";

const LAYERS = "0123456789abcdef".repeat(4);

function layer(names) {
  const kernel = Float32Array.from({ length: 512 * names.length }, (_, i) => Math.sin(i * i) / 9);
  return { kernel, bias: Float32Array.from(names, (_, k) => k - 0.7), names };
}

const refused = (work, words) =>
  assert.throws(work, (error) => {
    assert.ok(error instanceof PageError, String(error));
    assert.match(error.message, words);
    assert.equal(error.message.split("\n").length, 1);
    return true;
  });

function changed(text, at, byte) {
  const bytes = Buffer.from(text, "base64url");
  bytes[at] = byte;
  return bytes.toString("base64url");
}

test("a layer comes back from its link, up to what all words have in common", () => {
  const names = ["my cup", "Löwe 🦁", "something else"];
  const original = layer(names);
  const text = toLink(original, LAYERS);
  assert.match(text, /^[\w-]+$/);
  const { kernel, bias, names: back } = fromLink(text, LAYERS);
  assert.deepEqual(back, names);
  const difference = (values, row, k) => values[row * 3 + k] - values[row * 3 + 2];
  for (let d = 0; d < 512; d++) {
    for (const k of [0, 1]) {
      assert.ok(Math.abs(difference(kernel, d, k) - difference(original.kernel, d, k)) < 0.005);
    }
  }
  for (const k of [0, 1]) assert.ok(Math.abs(difference(bias, 0, k) - difference(original.bias, 0, k)) < 1e-6);
  const again = fromLink(toLink({ kernel, bias, names }, LAYERS), LAYERS);
  kernel.forEach((weight, i) => assert.ok(Math.abs(weight - again.kernel[i]) < 1e-6));
});

test("two words take less than 0.8 kB", () => assert.ok(toLink(layer(["cup", "something else"]), LAYERS).length < 800));

test("what is wrong with a link is said in one sentence", () => {
  const text = toLink(layer(["cup", "pear"]), LAYERS);
  refused(() => fromLink("", LAYERS), /damaged/);
  refused(() => fromLink("<script>alert(1)</script>", LAYERS), /damaged/);
  refused(() => fromLink(text.slice(0, -5), LAYERS), /not whole/);
  refused(() => fromLink(`${text}AAAA`, LAYERS), /not whole/);
  refused(() => fromLink("A".repeat(1e6), LAYERS), /damaged/);
  refused(() => fromLink(changed(text, 0, 2), LAYERS), /version 2/);
  refused(() => fromLink(changed(text, 1, 1), LAYERS), /claims 1 words/);
  refused(() => fromLink(changed(text, 1, 200), LAYERS), /claims 200 words/);
  refused(() => fromLink(text, "f".repeat(64)), /other layers/);
  refused(() => fromLink(changed(text, 11, "<".charCodeAt(0)), LAYERS), /< or >/);
  refused(() => fromLink(changed(text, 11, 0xff), LAYERS), /damaged/);
  const biases = Buffer.from(text, "base64url").length - 516 - 8;
  refused(() => fromLink(changed(changed(text, biases + 3, 0x7f), biases + 2, 0xc0), LAYERS), /not finite/);
});

test("names that a link does not take", () => {
  for (const name of ["", "  ", "a".repeat(41), "<b>", "new\nline", "\u202eback", "nul\0"]) {
    assert.match(nameProblem(name), /^A word .*[.:]/);
    refused(() => toLink(layer([name, "pear"]), LAYERS), /word/);
  }
  for (const name of ["a".repeat(40), "Löwe 🦁", 'it\'s & "me"', "日本語"]) assert.equal(nameProblem(name), "");
  refused(() => toLink(layer(["cup", "cup"]), LAYERS), /same name/);
  refused(() => toLink(layer(Array.from({ length: MOST_WORDS + 1 }, (_, k) => `word ${k}`)), LAYERS), /2 to 20/);
});
