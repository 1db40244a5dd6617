// Column 2 of "Teach it a word": fitting with progress and stop, three exams, the controls, and the maps.

import { drawMap, drawPixels } from "./heat.js";
import { PLACES, doubled, strongest } from "./maps.js";
import { photosOf } from "./photos.js";

const FEATURES = 512;
const SHOWN = 12; // maps at once

export class Stopped extends Error {}

export function exam(root, { network }) {
  // root: the element of the column.
  // Returns { prepare, problem, fit, controls, show, forget }; fit and controls throw Stopped if the visitor stops them.
  const find = (selector) => root.querySelector(selector);
  let stopped = false;
  let map = { photos: [], taught: null, shown: SHOWN };

  const bar = find(".doing");
  find(".stop").addEventListener("click", () => {
    stopped = true;
    find(".doing-words").textContent = "Stopping …";
  });

  async function busy(work) {
    // Shows progress and the stop button while work(told) is done; told(text, share) throws when it is to stop.
    stopped = false;
    bar.hidden = false;
    bar.scrollIntoView({ block: "nearest" });
    const told = (text, share) => {
      if (stopped) throw new Stopped();
      find(".doing-words").textContent = text;
      find("progress").value = share;
    };
    try {
      return await work(told);
    } finally {
      bar.hidden = true;
    }
  }

  async function features(photos, told) {
    // What the layer is fitted on: computed once for each photo, and kept with it.
    const missing = photos.filter((photo) => !photo.averages);
    for (const [done, photo] of missing.entries()) {
      told(`The network computes photo ${done + 1} of ${missing.length}, about a second each.`, done / missing.length);
      const { averages, maps } = await network.features(photo.pixels);
      Object.assign(photo, { averages, maps });
    }
  }

  let worker = null; // started beforehand: nothing is fetched later
  const prepare = () => (worker ??= new Worker(new URL("judge_worker.js", import.meta.url), { type: "module" }));

  function judged(x, { numbers, scenes, words }, told, text) {
    const judge = prepare();
    return new Promise((resolve, reject) => {
      const fail = (error) => {
        judge.terminate();
        worker = null;
        prepare();
        reject(error);
      };
      judge.onerror = (event) => fail(new Error(event.message));
      judge.onmessage = ({ data }) => {
        try {
          if (data.exams) resolve(data);
          else told(text, data.share);
        } catch (error) {
          fail(error);
        }
      };
      judge.postMessage({ x, numbers, words, scenes });
    });
  }

  const sheet = (words) => {
    // All photos in one list, with each one's word and scene.
    const photos = words.flatMap((word) => word.photos);
    const numbers = words.flatMap((word, number) => word.photos.map(() => number));
    return { photos, numbers, scenes: photos.map((photo) => photo.scene), words: words.length };
  };

  async function fit(words) {
    // { taught, exams, sheet, milliseconds }
    return busy(async (told) => {
      const all = sheet(words);
      await features(all.photos, told);
      const start = performance.now();
      const x = all.photos.map((photo) => photo.averages);
      const { layer, exams } = await judged(x, all, told, "The layer is fitted, and judged …");
      const milliseconds = performance.now() - start;
      return { taught: { ...layer, names: words.map((word) => word.name) }, exams, sheet: all, milliseconds };
    });
  }

  async function controls({ sheet: all, exams }) {
    // The strictest exam that could be held, with random kernels and with small pictures: a row for each.
    return busy(async (told) => {
      await network.withRandom(1, async (answer) => {
        const missing = all.photos.filter((photo) => !photo.random);
        for (const [done, photo] of missing.entries()) {
          told(`A network with random numbers computes photo ${done + 1} of ${missing.length}.`, done / missing.length);
          photo.random = (await answer(photo.pixels)).averages;
        }
      });
      const rows = [["Trained kernels", strictest(exams)]];
      for (const [name, x] of [
        ["Random numbers instead of Oxford's", all.photos.map((photo) => photo.random)],
        ["16 × 16 pixels, no network", all.photos.map((photo) => Float32Array.from(photo.thumbnail))],
      ]) {
        const found = await judged(x, all, told, `${name}: the layer is fitted, and judged …`);
        rows.push([name, strictest(found.exams)]);
      }
      fill(find(".control-rows"), rows);
      const [trained, random, small] = rows.map(([, { right }]) => right);
      const gain = trained - Math.max(random, small);
      find(".control-words").textContent =
        gain > 0
          ? `Oxford's training is worth ${photosOf(gain)} here; the rest is colour and rough shape.`
          : "Your words differ in colour and rough shape: for these photos nobody needs a trained network.";
      find(".control").hidden = false;
      return rows;
    });
  }

  function show({ exams, sheet: all, taught, milliseconds }) {
    find(".result").hidden = false;
    find(".control").hidden = true;
    fill(find(".exam-rows"), [
      ["Its own photos, which it learned from", exams.own],
      ["Photos it had not had", exams.photos, "needs two photos of each word"],
      ["Whole scenes it had not had", exams.scenes, "needs two scenes of each word"],
    ]);
    find(".verdict").textContent = verdict(exams, all);
    find(".time").textContent = `Fitted and judged in ${(milliseconds / 1000).toFixed(2)} seconds.`;
    map = { photos: all.photos, numbers: all.numbers, taught, shown: SHOWN };
    find(".map-word").replaceChildren(
      new Option("each photo's own word", -1),
      ...taught.names.map((name, k) => new Option(name, k)),
    );
    maps();
  }

  function maps() {
    const { photos, numbers, taught, shown } = map;
    const chosen = Number(find(".map-word").value);
    find(".maps").replaceChildren(
      ...photos.slice(0, shown).map((photo, i) => {
        const word = chosen < 0 ? numbers[i] : chosen;
        const values = mapOf(photo.maps, taught, word);
        const figure = document.createElement("figure");
        const picture = document.createElement("canvas");
        drawPixels(picture, greyed(photo.pixels));
        const over = document.createElement("canvas");
        drawMap(over, values);
        picture.getContext("2d").drawImage(over, 0, 0);
        const words = `${taught.names[numbers[i]]}: evidence for ${taught.names[word]} ${strongest(values)}`;
        picture.setAttribute("role", "img");
        picture.setAttribute("aria-label", words);
        figure.append(picture, document.createElement("figcaption"));
        figure.lastChild.textContent = taught.names[numbers[i]];
        return figure;
      }),
    );
    find(".more").hidden = shown >= photos.length;
  }
  find(".map-word").addEventListener("change", maps);
  find(".more").addEventListener("click", () => {
    map.shown += SHOWN;
    maps();
  });

  function problem(words) {
    // Why these words cannot be taught yet: a sentence, or "".
    if (words.length < 2) return "Two words are needed: what it is, and something else.";
    const nameless = words.find((word) => !word.name);
    if (nameless) return "A word has no name yet: write one.";
    if (new Set(words.map((word) => word.name.toLowerCase())).size < words.length) return "Two words have the same name: change one.";
    const few = words.find((word) => word.photos.length < 2);
    if (few) return `“${few.name}” has ${photosOf(few.photos.length)}: two are the least, five are a start.`;
    return "";
  }

  return { prepare, problem, fit, controls, show, forget: () => (find(".result").hidden = true) };
}

const strictest = (exams) => exams.scenes ?? exams.photos ?? exams.own;

function verdict(exams, { words, photos }) {
  // The page's only advice is one more scene.
  const strict = exams.scenes ?? exams.photos;
  if (!exams.scenes) return "One more scene of each word, and it can be asked about scenes that it has not had.";
  const chance = 1 / words;
  const told = strict.low <= chance ? "With so few photos this may still be guessing" : "That is better than guessing";
  return `${told} (${whole(chance)}). The last bar is the one to believe. What helps: one more scene. ${modest(photos, words, strict)}`;
}

const modest = (photos, words, { right, n }) =>
  photos.length < 10 * words && right < n ? "It is rather too low: the layer that you keep has learned from all scenes." : "";

function fill(body, rows) {
  body.replaceChildren(
    ...rows.map(([name, bar, missing]) => {
      const row = document.createElement("tr");
      row.innerHTML =
        "<th scope=row></th><td class=number></td><td class=bar><span class=share></span><span class=range></span></td><td class=interval></td>";
      row.querySelector("th").textContent = name;
      if (!bar) {
        row.querySelector(".interval").textContent = missing;
        row.className = "missing";
        return row;
      }
      row.querySelector(".number").textContent = `${bar.right} of ${bar.n}`;
      row.querySelector(".interval").textContent =
        `${whole(bar.right / bar.n)}, likely ${whole(bar.low)} to ${whole(bar.high)}`;
      row.querySelector(".share").style.width = `${(100 * bar.right) / bar.n}%`;
      Object.assign(row.querySelector(".range").style, {
        left: `${100 * bar.low}%`,
        width: `${100 * (bar.high - bar.low)}%`,
      });
      return row;
    }),
  );
}

const whole = (share) => `${Math.round(100 * share)} %`;

export function mapOf(maps, { kernel, bias }, word) {
  // What each place adds to a word's score: 196 numbers whose average and the bias are the score. maps: halved.
  const words = bias.length;
  const values = new Float32Array(PLACES);
  const column = Float32Array.from({ length: FEATURES }, (_, c) => kernel[c * words + word]);
  const full = doubled(maps);
  for (let place = 0; place < PLACES; place++) {
    let sum = 0;
    for (let c = 0; c < FEATURES; c++) sum += full[place * FEATURES + c] * column[c];
    values[place] = sum;
  }
  return values;
}

function greyed(pixels) {
  const out = new Uint8Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 3) {
    out.fill(80 + 0.6 * (0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2]), at, at + 3);
  }
  return out;
}
