// The page's side of the worker in which pictures are opened and the network runs.

import { PageError } from "./text.js";

const PATIENCE = 20_000; // milliseconds: a network that takes longer has run away
const EXACT = 1e-3; // how far the probabilities of a known answer may be off,
const EXACT_MAP = 1e-2; // and its maps, in which errors show that a sure answer hides

let worker = null;
let waiting = new Map();
let count = 0;
let loaded = null; // the promise of the first load that has not failed
let isReady = false;

function start() {
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data: { id, progress, result, error } }) => {
    const job = waiting.get(id);
    if (progress) return job?.progress?.(progress);
    waiting.delete(id);
    if (!error) return job?.resolve(result);
    job?.reject(error.plain ? new PageError(error.message) : unexpected(error.message));
  };
  worker.onerror = (event) => stop(unexpected(event.message));
}

function stop(error) {
  // Ends the worker; whoever waits for it gets the error. The next job starts a new one.
  worker?.terminate();
  worker = null;
  loaded = null;
  isReady = false;
  for (const job of waiting.values()) job.reject(error);
  waiting = new Map();
}

const isOffline = (message) => !navigator.onLine || /failed to fetch|load failed|imported module|module script/i.test(message ?? "");
const unexpected = (message) =>
  isOffline(message)
    ? new PageError("The network cannot be fetched: check the connection, and try again.")
    : new PageError(`The network cannot run in this browser (${message || "the worker does not start"}); the stored pictures work.`);

function ask(job, data, { progress, patience } = {}) {
  if (!worker) start();
  const id = ++count;
  return new Promise((resolve, reject) => {
    const clock = patience && setTimeout(() => stop(tooSlow()), patience);
    const ended = (settle) => (value) => {
      clearTimeout(clock);
      settle(value);
    };
    waiting.set(id, { progress, resolve: ended(resolve), reject: ended(reject) });
    worker.postMessage({ id, job, ...data });
  });
}

const tooSlow = () =>
  new PageError(
    `The network gave no answer within ${PATIENCE / 1000} seconds and was stopped: close other tabs and try again; ` +
      "the stored pictures work.",
  );

export function open(blob, name) {
  // { pixels, display }: the 224 x 224 pixels for the network, and the same square for people.
  return ask("open", { blob, name });
}

export const ready = () => isReady;

export function load(progress, known) {
  // Fetches the network and lets it answer one picture whose answer is known; once, however often it is called.
  // known: { pixels, labels, probabilities, maps }.
  loaded ??= (async () => {
    await ask("load", {}, { progress });
    progress?.({ doing: "testing" });
    const answer = await ask("answer", { pixels: known.pixels }, { patience: PATIENCE });
    const places = known.maps.length / known.labels.length;
    const off = known.labels.map((label, i) => Math.abs(answer.probabilities[label] - known.probabilities[i]));
    const mapsOff = known.maps.map((value, at) =>
      Math.abs(answer.labelMaps[known.labels[Math.floor(at / places)] * places + (at % places)] - value),
    );
    if (!(Math.max(...off) <= EXACT && Math.max(...mapsOff) <= EXACT_MAP)) {
      const error = new PageError(
        "This browser computes wrongly: a picture whose answer is known got another one, so the network stays " +
          "switched off; the stored pictures work.",
      );
      stop(error);
      throw error;
    }
    isReady = true;
  })();
  loaded.catch(() => (loaded = null));
  return loaded;
}

let line = Promise.resolve(); // one at a time, so that the watchdog measures only one

function inLine(job, data) {
  const turn = line.then(() => {
    if (!isReady) throw new PageError("The network is not there yet: fetch it first.");
    return ask(job, data, { patience: PATIENCE });
  });
  line = turn.catch(() => {});
  return turn;
}

export function answer(pixels) {
  // { probabilities (195), labelMaps (195 x 196), maps (196 x 512), averages (512), seconds } of a picture.
  return inLine("answer", { pixels });
}

export function features(pixels) {
  // { maps (halved), averages }: what a layer of one's own is taught on. Nothing else comes: it would add up.
  return inLine("answer", { pixels, outputs: ["maps", "averages"], half: true });
}

export function withRandom(seed, work) {
  // One turn in the line: with random kernels work(answer) is done, then Oxford's come back, whatever happened.
  // So nobody else gets an answer of random kernels.
  const turn = line.then(async () => {
    if (!isReady) throw new PageError("The network is not there yet: fetch it first.");
    await ask("random", { seed }, { patience: PATIENCE });
    try {
      return await work((pixels) => ask("answer", { pixels, outputs: ["averages"] }, { patience: PATIENCE }));
    } finally {
      if (isReady) await ask("random", { seed: null }, { patience: PATIENCE });
    }
  });
  line = turn.catch(() => {});
  return turn;
}

export function random(seed) {
  // From now on the network has random kernels, the same ones for the same seed; null: Oxford's again.
  return inLine("random", { seed });
}
