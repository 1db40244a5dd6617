// The section "Cover it": what the map forecasts, what the visitor says, and what the network then answers.

import { board } from "./board.js";
import { drawMap, drawPixels } from "./heat.js";
import { PLACES, SIDE, compare, forecast, logit } from "./maps.js";
import { signed } from "./text.js";

const SIZE = 224;
const CELL = SIZE / SIDE;

export function filled(pixels, how) {
  // What stands where a picture is covered: a picture of the same size, all grey, its mean colour, or blurred.
  const out = new Uint8Array(pixels.length);
  if (how === "grey") return out.fill(128);
  if (how === "mean") {
    for (let colour = 0; colour < 3; colour++) {
      let sum = 0;
      for (let at = colour; at < pixels.length; at += 3) sum += pixels[at];
      for (let at = colour; at < pixels.length; at += 3) out[at] = Math.round((3 * sum) / pixels.length);
    }
    return out;
  }
  // Three averages over 25 x 25 pixels one after the other come close to a Gaussian.
  let from = Float64Array.from(pixels);
  for (let pass = 0; pass < 3; pass++) from = averaged(averaged(from, 3, SIZE * 3), SIZE * 3, 3);
  return out.map((_, at) => Math.round(from[at]));
}

function averaged(values, step, other, reach = 12) {
  // The average of each number and its neighbours `step` apart, at the edges of fewer.
  const out = new Float64Array(values.length);
  for (let line = 0; line < SIZE; line++) {
    for (let colour = 0; colour < 3; colour++) {
      const start = line * other + colour;
      let [sum, count] = [0, 0];
      for (let at = -reach; at < SIZE; at++) {
        if (at + reach < SIZE) [sum, count] = [sum + values[start + (at + reach) * step], count + 1];
        if (at - reach - 1 >= 0) [sum, count] = [sum - values[start + (at - reach - 1) * step], count - 1];
        if (at >= 0) out[start + at * step] = sum / count;
      }
    }
  }
  return out;
}

export function coveredPixels(pixels, covered, how) {
  // The picture with its covered places (196 times true or false) filled.
  const fill = filled(pixels, how);
  return pixels.map((value, at) => {
    const pixel = Math.floor(at / 3);
    const place = Math.floor(pixel / SIZE / CELL) * SIDE + Math.floor((pixel % SIZE) / CELL);
    return covered[place] ? fill[at] : value;
  });
}

export function cover(page) {
  const root = document.getElementById("cover");
  const find = (name) => root.querySelector(`.${name}`);
  const tally = { tries: 0, map: 0, visitor: 0 };
  let covered = new Array(PLACES).fill(false);
  let shown = null; // { current, found, names, labels }
  let run = 0; // counts paintings: an answer to an older one is not shown

  const reach = () => Number(root.querySelector("[name=brush]:checked").value);
  const how = () => root.querySelector("[name=fill]:checked").value;
  const stage = board(find("stage"), {
    name: "The picture to cover. Arrow keys move the brush, Space paints.",
    drag: true,
    pick(place, { moved }) {
      stage.mark(place, reach());
      if (!moved) paint(place);
    },
    key(event, place) {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      stage.mark(place, reach());
      paint(place);
    },
  });

  function paint(place) {
    const [row, column] = [Math.floor(place / SIDE), place % SIDE];
    const covers = root.querySelector("[name=deed]:checked").value === "cover";
    for (let y = Math.max(0, row - reach()); y <= Math.min(SIDE - 1, row + reach()); y++) {
      for (let x = Math.max(0, column - reach()); x <= Math.min(SIDE - 1, column + reach()); x++) {
        covered[y * SIDE + x] = covers;
      }
    }
    update();
  }

  function update() {
    // After each change of the painting: the picture, and the map's forecast.
    run++;
    const { current, found, names } = shown;
    drawPixels(stage.picture, coveredPixels(current.pixels, covered, how()));
    const count = covered.filter(Boolean).length;
    stage.picture.setAttribute("aria-label", `${current.title}, ${count} of ${PLACES} places covered.`);
    find("truth").textContent = "";
    for (const button of root.querySelectorAll(".guess button")) button.disabled = count === 0;
    const [first, second] = names;
    if (!count) {
      find("forecast").textContent =
        `${first} leads ${second} by ${signed(found.lead)} points. Paint over a part of the picture: where does the lead come from?`;
      return;
    }
    const left = forecast(found, covered);
    find("forecast").textContent =
      `You cover ${Math.round((100 * count) / PLACES)} %. The map's forecast: the lead goes from ` +
      `${signed(found.lead)} to ${signed(left)} points, so of these two ${left > 0 ? first : second} is ahead.`;
  }

  async function test(stays) {
    if (!(await page.needNetwork())) return;
    const { found, names, labels } = shown;
    const [mine, at] = [forecast(found, covered) > 0, ++run];
    find("truth").textContent = "The network computes …";
    const answer = await page.compute(coveredPixels(shown.current.pixels, covered, how()));
    if (!answer || at !== run) return;
    const truth = logit(answer, page.bias, labels[0]) - logit(answer, page.bias, labels[1]);
    const really = truth > 0;
    tally.tries++;
    tally.map += mine === really;
    tally.visitor += stays === really;
    const best = answer.probabilities.indexOf(Math.max(...answer.probabilities));
    find("truth").textContent =
      `The network itself: the lead is now ${signed(truth)} points, so of these two ${really ? names[0] : names[1]} is ahead. ` +
      `You were ${stays === really ? "right" : "wrong"}, the map was ${mine === really ? "right" : "wrong"}. ` +
      (labels.includes(best)
        ? `Its first answer to the covered picture: ${page.names[best]}.`
        : `But a third answer has passed both: ${page.names[best]}.`);
    find("tally").textContent =
      `So far the map was right ${tally.map} of ${tally.tries} ${tally.tries === 1 ? "time" : "times"}, you ${tally.visitor}.`;
    // One guess for one painting: the next needs another one.
    for (const button of root.querySelectorAll(".guess button")) button.disabled = true;
  }

  root.querySelector(".stays").addEventListener("click", () => test(true));
  root.querySelector(".falls").addEventListener("click", () => test(false));
  root.querySelector(".clear").addEventListener("click", () => {
    covered.fill(false);
    update();
  });
  for (const input of root.querySelectorAll("[name=fill]")) input.addEventListener("change", () => shown && update());
  find("with-map").addEventListener("change", (event) => (stage.map.hidden = !event.target.checked));

  function draw({ current, answer, bias, names, label, against }) {
    let [first, second] = [label, against];
    let found = compare(answer, bias, first, second);
    if (found.lead < 0) {
      // The question is whether the one that is ahead stays there.
      [first, second] = [second, first];
      found = compare(answer, bias, first, second);
    }
    const labels = [answer.labels[first], answer.labels[second]];
    if (shown?.current !== current) {
      covered = new Array(PLACES).fill(false);
      stage.mark(null);
    }
    shown = { current, found, labels, names: labels.map((number) => names[number]) };
    root.querySelector(".stays").textContent = `${shown.names[0]} stays ahead`;
    root.querySelector(".falls").textContent = `${shown.names[1]} overtakes it`;
    drawMap(stage.map, found.map, true);
    stage.map.hidden = !find("with-map").checked;
    update();
  }

  return { draw };
}
