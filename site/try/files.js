// The network's files: fetched in parts, each checked by its hash, kept where the browser keeps such things.
// What has arrived is never fetched again: after a break it goes on from there.

import { sha256 } from "./hashes/sha2.js";
import { PageError } from "./text.js";

const STORE = "pocket-network";
const PAGE = "pocket-page"; // what offline.js keeps
const memory = new Map(); // where there is no Cache API (a page without https), parts are kept until it closes

const address = (file) => new URL(`network/${file}`, import.meta.url).href;
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const store = async () => (globalThis.caches ? caches.open(STORE) : null);

let known = null; // what files.json says, once it is read

async function list() {
  if (known) return known;
  let response;
  try {
    response = await fetch(address("files.json"), { cache: "no-cache" });
  } catch {
    response = await (await store())?.match(address("files.json"));
  }
  if (!response?.ok) throw new PageError("The network cannot be fetched: check the connection, and try again.");
  await (await store())?.put(address("files.json"), response.clone());
  return (known = await response.json());
}

export async function fetchAll(progress) {
  // All files: name -> Uint8Array. progress({ bytes, all }) is called as bytes arrive.
  const files = await list();
  const parts = Object.values(files).flat();
  const all = parts.reduce((sum, part) => sum + part.bytes, 0);
  let bytes = 0;
  const arrived = (count) => progress({ bytes: (bytes += count), all });
  const whole = {};
  for (const [name, list] of Object.entries(files)) {
    whole[name] = new Uint8Array(list.reduce((sum, part) => sum + part.bytes, 0));
    let at = 0;
    for (const [number, part] of list.entries()) {
      whole[name].set(await one(part, `Part ${number + 1} of ${list.length} of ${name}`, arrived), at);
      at += part.bytes;
    }
  }
  return whole;
}

async function one(part, title, arrived) {
  const kept = await (await store())?.match(key(part));
  const old = kept ? new Uint8Array(await kept.arrayBuffer()) : memory.get(key(part));
  if (old && hex(sha256(old)) === part.sha256) {
    arrived(part.bytes);
    return old;
  }
  const content = await download(part, title, arrived);
  if (hex(sha256(content)) !== part.sha256) {
    arrived(-content.length);
    throw new PageError(`${title} arrived damaged: try again; what has come so far is kept.`);
  }
  try {
    const target = await store();
    if (target) await target.put(key(part), new Response(content));
    else memory.set(key(part), content);
  } catch {
    memory.set(key(part), content); // the browser's store is full or closed
  }
  return content;
}

// By its hash: a part of another version is another part.
const key = (part) => `${address(part.file)}?${part.sha256}`;

async function download(part, title, arrived) {
  const content = new Uint8Array(part.bytes);
  let at = 0;
  try {
    const response = await fetch(address(part.file), { cache: "no-store" });
    if (!response.ok) throw new Error(response.status);
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      if (at + value.length > part.bytes) throw new Error("too long");
      content.set(value, at);
      at += value.length;
      arrived(value.length);
    }
    if (at < part.bytes) throw new Error("too short");
  } catch {
    arrived(-at);
    throw new PageError(`${title} did not arrive: check the connection, and try again; what has come so far is kept.`);
  }
  return content;
}

export async function forget() {
  // Deletes everything that the page has kept on this device.
  memory.clear();
  for (const name of [STORE, PAGE]) await globalThis.caches?.delete(name);
}
