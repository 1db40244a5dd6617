// The page: which picture is on the stage, which label is looked at, and what is shown of it.

import { board } from "./board.js";
import { cover } from "./cover.js";
import { drawMap, drawPicture } from "./heat.js";
import * as link from "./link.js";
import { PLACES, best, mean, packed, position, seenFrom, strongest } from "./maps.js";
import * as network from "./network.js";
import { PageError, megabytes, percent, signed } from "./text.js";
import { why } from "./why.js";

const byId = (id) => document.getElementById(id);
const state = link.read();
let labels = null; // labels.json: names, wnids, bias; and how many bytes the network has
let pictures = []; // pictures.json
let current = null; // what is on the stage: { file, title, credit, pixels, display, answer, full }
let chosen = { label: 0, against: 1 }; // places among the first answers
let turn = 0; // counts pictures: what arrives for an older one is not shown
const listeners = [];

// What the sections get

const page = {
  network,
  root: byId("teach"),
  words: state.words,
  get names() {
    return labels.names;
  },
  get bias() {
    return labels.bias;
  },
  say,
  needNetwork,
  compute,
  // Called once the network is there.
  whenLoaded: (callback) => (network.ready() ? callback() : waiting.push(callback)),
  get hash() {
    return labels.hash; // of the layers
  },
  current: () => current && { name: current.title, ...current },
  listen: (callback) => listeners.push(callback),
  setWords(words) {
    state.words = words;
    remember();
  },
};
const sections = [why(page), cover(page)];

function say(sentence) {
  // Tells the visitor one sentence; "" takes it away.
  byId("note").hidden = !sentence;
  byId("message").textContent = sentence;
}

// A sentence stays until the visitor does the next thing.
addEventListener("click", (event) => event.target.closest("button, select, summary") && say(""), true);

const told = (error) => {
  if (!(error instanceof PageError)) console.error(error);
  say(error instanceof PageError ? error.message : "Something went wrong on this page: load it again.");
};

// Pictures

async function json(file) {
  const response = await fetch(file);
  if (!response.ok) throw new PageError("This page is not complete: load it again.");
  return response.json();
}

async function stored(picture) {
  // A picture of the course with its stored answer: { file, title, credit, pixels, display, answer, known }.
  picture.ready ??= (async () => {
    const [known, file] = await Promise.all([json(`pictures/${picture.file}.json`), fetch(`pictures/${picture.file}`)]);
    const opened = await network.open(await file.blob(), picture.title);
    const maps = packed(known.maps);
    const answer = {
      labels: known.labels,
      probabilities: known.probabilities,
      maps: known.labels.map((_, i) => maps.slice(i * PLACES, (i + 1) * PLACES)),
      seconds: null,
    };
    return { ...picture, ...opened, answer, known: { ...known, maps, pixels: opened.pixels } };
  })();
  picture.ready.catch(() => (picture.ready = null));
  return picture.ready;
}

async function pick(picture) {
  const mine = ++turn;
  try {
    const found = await stored(picture);
    if (mine !== turn) return;
    state.picture = picture.file;
    say("");
    show(found);
    return true;
  } catch (error) {
    told(error);
  }
}

async function take(file) {
  // A visitor's own photo.
  const mine = ++turn;
  try {
    const opened = await network.open(file, file.name);
    if (mine !== turn) return;
    say("");
    state.picture = null;
    show({ title: file.name || "Your photo", credit: "On this device only.", ...opened, answer: null });
    lookAt("guess");
    await answerCurrent();
  } catch (error) {
    if (mine === turn) told(error);
  }
}

async function answerCurrent() {
  const subject = current;
  if (!network.ready() || !subject || subject.answer) return;
  byId("time").textContent = "The network computes …";
  const full = await compute(subject.pixels);
  if (!full || subject !== current) return;
  show({ ...subject, full, answer: best(full) });
}

async function compute(pixels) {
  // The network's whole answer, or null after a sentence to the visitor.
  try {
    return await network.answer(pixels);
  } catch (error) {
    told(error);
    refreshOffer();
    return null;
  }
}

const lookAt = (id, block = "nearest") => byId(id).scrollIntoView({ block });

// The stage

const stage = board(document.querySelector("#map .stage"), {
  name: "Map. Arrow keys pick a place, Escape lets it go.",
  pick: tellPlace,
  key: (event) => event.key === "Escape" && releasePlace(),
});

function tellPlace(place) {
  if (!current?.answer) return;
  const { answer } = current;
  const number = answer.labels[chosen.label];
  const map = answer.maps[chosen.label];
  stage.mark(place);
  stage.frame(seenFrom(place));
  document.querySelector("#map .place").textContent =
    `The place in ${position(place)} gives ${signed(map[place] / PLACES, 3)} points to ${labels.names[number]}, which has ` +
    `${signed(mean(map) + labels.bias[number])} in all. The outlined square is what this place depends on.`;
}

function releasePlace() {
  stage.mark(null);
  stage.frame(null);
  document.querySelector("#map .place").textContent = "Tap a place of the map, or move there with the arrow keys.";
}

function show(picture) {
  current = picture;
  const wanted = (name) => picture.answer?.labels.findIndex((label) => labels.names[label] === name) ?? -1;
  chosen.label = Math.max(0, wanted(state.label));
  chosen.against = wanted(state.against);
  if (chosen.against < 0 || chosen.against === chosen.label) chosen.against = chosen.label === 0 ? 1 : 0;
  drawPicture(byId("photo"), picture.display);
  byId("photo").setAttribute("aria-label", picture.title);
  byId("credit").textContent = `${picture.title}. ${picture.credit}`;
  byId("answer").classList.toggle("open", !picture.answer);
  for (const button of byId("shelf").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", button.dataset.file === picture.file);
  }
  listAnswers();
  look();
  refreshOffer();
  for (const callback of listeners) callback(page.current());
}

function listAnswers() {
  const { answer } = current;
  byId("time").textContent = !answer
    ? isKept
      ? "The photo is here, and stays here. To answer it, start the network."
      : `The photo is here, and stays here. To answer it, the network must come, too: ${megabytes(labels.bytes)}, once.`
    : answer.seconds === null
      ? "A stored answer: the same network gave it when this page was built."
      : `Computed on this device in ${answer.seconds.toFixed(2)} seconds.`;
  byId("answers").parentElement.hidden = !answer;
  byId("answers").replaceChildren(
    ...(answer?.labels ?? []).map((label, i) => {
      const row = document.createElement("tr");
      row.innerHTML =
        "<th scope=row><label><input type=radio name=label><span></span></label></th>" +
        "<td class=bar><span></span></td><td class=number></td>";
      const input = row.querySelector("input");
      row.querySelector("label span").textContent = labels.names[label];
      row.querySelector(".bar span").style.width = `${100 * answer.probabilities[i]}%`;
      row.querySelector(".number").textContent = percent(answer.probabilities[i]);
      input.checked = i === chosen.label;
      input.addEventListener("change", () => choose("label", i));
      row.addEventListener("click", () => input.click());
      return row;
    }),
  );
}

function choose(which, place) {
  const other = which === "label" ? "against" : "label";
  if (chosen[other] === place) chosen[other] = chosen[which];
  chosen[which] = place;
  state.label = labels.names[current.answer.labels[chosen.label]];
  state.against = labels.names[current.answer.labels[chosen.against]];
  [...document.getElementsByName("label")].forEach((input, i) => (input.checked = i === chosen.label));
  look();
}

function look() {
  // Everything that depends on the chosen labels.
  const { answer } = current;
  for (const id of ["map", "why", "cover"]) byId(id).hidden = !answer || !isShown(id);
  tellJumps();
  remember();
  if (!answer) return;
  const name = labels.names[answer.labels[chosen.label]];
  drawPicture(stage.picture, current.display, true);
  drawMap(stage.map, answer.maps[chosen.label]);
  const words = `The brighter, the more speaks for ${name}: strongest ${strongest(answer.maps[chosen.label])}.`;
  stage.picture.setAttribute("aria-label", `${current.title}, in grey under a map. ${words}`);
  document.querySelector("#map .words").textContent = words;
  releasePlace();
  for (const [kind, which] of [["first", "label"], ["second", "against"]]) {
    const select = document.querySelector(`#why .${kind}`);
    select.replaceChildren(...answer.labels.map((label, i) => new Option(labels.names[label], i)));
    select.value = chosen[which];
  }
  for (const section of sections) section.draw({ current, answer, ...labels, ...chosen });
}

for (const [kind, which] of [["first", "label"], ["second", "against"]]) {
  document.querySelector(`#why .${kind}`).addEventListener("change", (event) => choose(which, Number(event.target.value)));
}

// The network

async function needNetwork() {
  // Resolves true when the network is there; asks the visitor to fetch it first.
  if (network.ready()) return true;
  const asking = document.activeElement;
  byId("fetch").scrollIntoView({ block: "center" });
  byId("load").focus({ preventScroll: true });
  say(`For this the network must be here: ${isKept ? "start it first." : `fetch it first, ${megabytes(labels.bytes)}, once.`}`);
  await new Promise((resolve) => waiting.push(resolve));
  asking.scrollIntoView({ block: "center" }); // back to what the visitor was doing
  asking.focus({ preventScroll: true });
  return true;
}
const waiting = [];
let isKept = false; // whether the network was fetched in an earlier visit

async function load() {
  say("");
  byId("load").hidden = true;
  byId("progress").hidden = byId("progress-words").hidden = false;
  try {
    const first = await stored(pictures[0]);
    await network.load(progress, first.known);
    keep();
    waiting.splice(0).forEach((resolve) => resolve(true));
    await answerCurrent();
  } catch (error) {
    told(error);
  }
  refreshOffer();
}

function progress({ doing, bytes, all }) {
  const share = doing === "fetching" ? bytes / all : 1;
  byId("progress").setAttribute("aria-valuenow", Math.round(100 * share));
  [...byId("progress").children].forEach((block, i) => {
    block.style.setProperty("--full", `${100 * Math.min(1, Math.max(0, 6 * share - i))}%`);
  });
  byId("progress-words").textContent = {
    fetching: `${megabytes(bytes ?? 0)} of ${megabytes(all ?? 0)}`,
    preparing: "It is here; it is being put together …",
    testing: "It answers a picture whose answer is known …",
  }[doing];
}

function refreshOffer() {
  const isReady = network.ready();
  byId("load").hidden = isReady;
  byId("load-too").hidden = isReady || Boolean(current?.answer);
  byId("progress").hidden = byId("progress-words").hidden = true;
  byId("fetch").classList.toggle("done", isReady);
  byId("fetch-title").textContent = isReady ? "The network is here" : "Let it answer your own photos";
  if (isReady) {
    byId("fetch-words").textContent =
      "It has answered a known picture rightly, and computes on this device: even without the internet.";
  } else if (isKept) {
    byId("fetch-words").textContent = "The network is on this device already, from your last visit.";
    byId("load").textContent = byId("load-too").textContent = "Start the network";
  }
}

function keep() {
  // From now on the page opens without a network, too.
  navigator.serviceWorker?.register("offline.js").catch(() => {}); // without https there is none: it works all the same
}

byId("load").addEventListener("click", load);
byId("load-too").addEventListener("click", () => {
  byId("fetch").scrollIntoView({ block: "center" });
  load();
});
byId("forget").addEventListener("click", async () => {
  const { forget } = await import("./files.js");
  await forget();
  for (const worker of (await navigator.serviceWorker?.getRegistrations()) ?? []) await worker.unregister();
  isKept = false;
  say("The network is deleted from this device; in this window it works until you close it.");
});

// Ways to bring a picture

for (const [button, input] of [["choose", "file"], ["camera", "shot"]]) {
  byId(button).addEventListener("click", () => byId(input).click());
  byId(input).addEventListener("change", () => {
    const [file] = byId(input).files;
    byId(input).value = "";
    if (file) take(file);
  });
}
addEventListener("paste", (event) => {
  const [file] = event.clipboardData.files;
  if (file) take(file);
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("drop").hidden = false;
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) byId("drop").hidden = true;
});
addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").hidden = true;
  const [file] = event.dataTransfer.files;
  if (file) take(file);
  else say("What was dropped is not a file: save the picture first, and drop the file.");
});

// The page's state in its address

const isShown = (part) => !state.show || state.show.includes(part);

function remember() {
  link.write(state);
  byId("link").value = link.address(state);
}

function applyLink() {
  tellQuestion();
  byId("question").value = state.ask ?? "";
  byId("guess").hidden = !isShown("guess");
  byId("teach").hidden = !isShown("teach") || !byId("teach").childElementCount;
  for (const input of byId("parts").querySelectorAll("input")) input.checked = isShown(input.value);
  tellJumps();
}

function tellQuestion() {
  byId("asked").hidden = !state.ask;
  byId("ask").textContent = state.ask ?? "";
  byId("go").hidden = !experiment();
}

// Where a prepared question is answered: the last part that the link shows, if it is not at the top anyway.
const experiment = () => link.PARTS.slice(2).findLast((part) => state.show?.includes(part));
byId("go").addEventListener("click", () => lookAt(experiment(), "start"));

function tellJumps() {
  for (const button of byId("jumps").children) button.hidden = byId(button.dataset.to).hidden;
}
for (const button of byId("jumps").children) button.addEventListener("click", () => lookAt(button.dataset.to, "start"));
byId("quiet").addEventListener("click", () => say(""));

byId("question").addEventListener("input", () => {
  state.ask = byId("question").value || null;
  tellQuestion();
  remember();
});
byId("parts").addEventListener("change", () => {
  const parts = [...byId("parts").querySelectorAll("input:checked")].map((input) => input.value);
  // The page itself stays whole while it is prepared; the link shows these parts.
  state.show = parts.length === link.PARTS.length || !parts.length ? null : parts;
  remember();
});
byId("copy").addEventListener("click", async () => {
  byId("link").select();
  try {
    await navigator.clipboard.writeText(byId("link").value);
    say("The link is copied.");
  } catch {
    say("Copy the link from its field: this browser does not let the page do it.");
  }
});
addEventListener("hashchange", () => location.reload());

// The beginning

async function start() {
  [labels, pictures] = await Promise.all([json("labels.json"), json("pictures/pictures.json")]);
  const count = { size: megabytes(labels.bytes), count: labels.names.length };
  for (const [name, value] of Object.entries(count)) {
    for (const place of document.getElementsByClassName(name)) place.textContent = value;
  }
  byId("shelf").replaceChildren(
    ...pictures.map((picture) => {
      const item = document.createElement("li");
      item.innerHTML = "<button type=button aria-pressed=false><img alt='' width=72 height=72></button>";
      const button = item.firstChild;
      button.dataset.file = picture.file;
      button.title = picture.title;
      button.setAttribute("aria-label", picture.title);
      button.firstChild.src = `pictures/${picture.small}`;
      button.addEventListener("click", async () => (await pick(picture)) && lookAt("guess"));
      return item;
    }),
  );
  isKept = await kept();
  const stem = (file) => file.split("/").at(-1).split(".")[0];
  const wanted = pictures.find(({ file }) => [file, stem(file)].includes(state.picture));
  const unknown = state.picture && !wanted;
  await pick(wanted ?? pictures[0]);
  if (unknown) say("The link names a picture that this page does not have: here is another one.");
  applyLink();
  await startTeaching();
  document.documentElement.dataset.ready = "";
  // The other pictures, so that nothing is left to fetch.
  for (const picture of pictures) await stored(picture).catch(() => {});
  document.documentElement.dataset.whole = "";
}

async function kept() {
  // Whether all parts of the network are on this device: files.js keeps them, and their list.
  if (!globalThis.caches || !(await caches.has("pocket-network"))) return false;
  return (await (await caches.open("pocket-network")).keys()).length > labels.parts;
}

async function startTeaching() {
  // Only where it is part of the page.
  if (!(await json("page.json")).includes("teach.js")) return;
  const teach = await import("./teach.js");
  await teach.start(page);
  applyLink();
}

start().catch(told);
