// Column 3 of "Teach it a word": the taught words answer a picture; strangers, and two ways to say "I don't know".

import { mapOf } from "./exam.js";
import { answers, best } from "./fit.js";
import { drawMap, drawPicture } from "./heat.js";
import { strongest } from "./maps.js";
import { PageError, percent } from "./text.js";

const ELSE = "something else";

export function tryout(root, page) {
  // root: the element of the column. Returns { show(taught, exams), forget() }.
  const find = (selector) => root.querySelector(selector);
  const { network } = page;
  let taught = null;
  let own = []; // what the strictest exam answered to the photos of words that are not "something else"
  let strangers = []; // what was answered to pictures of neither word
  let subject = null; // { title, display, averages, maps }
  let turn = 0;

  const threshold = () => Number(find(".threshold").value) / 100;

  function show(layer, exams, numbers) {
    // What was a stranger to these words still is one after another training.
    const isSame = exams && taught && `${layer.names}` === `${taught.names}`;
    strangers = isSame ? strangers : [];
    if (subject && !isSame) subject.isStranger = false;
    taught = layer;
    const strict = exams?.scenes ?? exams?.photos;
    own = (strict?.answers ?? []).filter((_, i) => taught.names[numbers[i]] !== ELSE);
    find(".ready").hidden = false;
    find(".not-yet").hidden = true;
    find(".try-word").replaceChildren(...taught.names.map((name, k) => new Option(name, k)));
    tellStrangers();
    if (subject) tell();
    else fromStage();
  }

  function forget() {
    taught = null;
    find(".ready").hidden = true;
    find(".not-yet").hidden = false;
  }

  async function take(open, title) {
    const mine = ++turn;
    try {
      if (!(await page.needNetwork())) return;
      find(".trying").hidden = false;
      const { pixels, display } = await open();
      const { averages, maps } = await network.features(pixels);
      if (mine !== turn) return;
      subject = { title, display, averages, maps, isStranger: false };
      tell(true);
    } catch (error) {
      if (mine === turn) page.say(error instanceof PageError ? error.message : "This picture could not be tried.");
      if (!(error instanceof PageError)) throw error;
    } finally {
      if (mine === turn) find(".trying").hidden = true;
    }
  }

  function fromStage() {
    const current = page.current();
    if (current && network.ready()) take(async () => current, current.name);
  }

  function tell(isNew = false) {
    const [shares] = answers([subject.averages], taught);
    const top = best(shares);
    find(".tried").hidden = false;
    find(".try-title").textContent = subject.title;
    find(".try-rows").replaceChildren(
      ...taught.names.map((name, k) => {
        const row = document.createElement("tr");
        row.innerHTML = "<th scope=row></th><td class=number></td><td class=bar><span class=share></span></td>";
        row.querySelector("th").textContent = name;
        row.querySelector(".number").textContent = percent(shares[k]);
        row.querySelector(".share").style.width = `${100 * shares[k]}%`;
        row.className = k === top ? "top" : "";
        return row;
      }),
    );
    const sure = shares[top] >= threshold();
    find(".try-words").textContent = sure
      ? `It answers “${taught.names[top]}”.`
      : `Below the threshold of ${percent(threshold())}: it says “I don't know”.`;
    find(".is-stranger").checked = subject.isStranger;
    if (isNew) find(".try-word").value = top;
    drawTry();
  }

  function drawTry() {
    const word = Number(find(".try-word").value);
    const values = mapOf(subject.maps, taught, word);
    const picture = find(".try-picture");
    drawPicture(picture, subject.display, true);
    const over = document.createElement("canvas");
    drawMap(over, values);
    picture.getContext("2d").drawImage(over, 0, 0, picture.width, picture.height);
    picture.setAttribute("aria-label", `${subject.title}: evidence for ${taught.names[word]} ${strongest(values)}`);
  }

  function tellStrangers() {
    const count = strangers.length;
    find(".price").textContent = own.length
      ? `The price: it also says “I don't know” to ${own.filter((shares) => Math.max(...shares) < threshold()).length} ` +
        `of the ${own.length} photos of your own words, each asked about while it was left out.`
      : "";
    if (!count) {
      find(".strangers").textContent =
        "Show it things that are none of your words, and tick the box: how sure is it all the same?";
      return;
    }
    const sureness = strangers.map((subject) => answers([subject.averages], taught)[0]);
    const over = (limit) => sureness.filter((shares) => Math.max(...shares) >= limit).length;
    const other = taught.names.indexOf(ELSE);
    const caught = sureness.filter((shares) => best(shares) === other).length;
    find(".strangers").textContent =
      `Strangers so far: ${count}. It gave ${over(0.8)} of them 80 % or more for one of the words. ` +
      `The threshold turns ${count - over(threshold())} away` +
      (other >= 0 ? `; the word “${ELSE}” catches ${caught}.` : `; there is no word “${ELSE}”.`);
  }

  find(".is-stranger").addEventListener("change", (event) => {
    subject.isStranger = event.target.checked;
    strangers = strangers.filter((other) => other !== subject);
    if (subject.isStranger) strangers.push(subject);
    tellStrangers();
  });
  find(".threshold").addEventListener("input", () => {
    find("output").textContent = `${find(".threshold").value} %`;
    tellStrangers();
    if (subject) tell();
  });
  find(".try-word").addEventListener("change", () => subject && drawTry());
  for (const [button, input] of [
    [".try-file", ".pick-file"],
    [".try-shot", ".pick-shot"],
  ]) {
    find(button).addEventListener("click", () => find(input).click());
    find(input).addEventListener("change", () => {
      const [file] = find(input).files;
      find(input).value = "";
      if (file) take(() => network.open(file, file.name), file.name || "your photo");
    });
  }
  find(".try-stage").addEventListener("click", () => {
    const current = page.current();
    if (current) take(async () => current, current.name);
  });
  page.listen(() => taught && fromStage());

  return { show, forget };
}
