// Column 1 of "Teach it a word": the words, their photos in scenes, and an undo for everything that is deleted.

import { PageError } from "./text.js";
import { camera, newScene } from "./camera.js";
import { MOST_CHARACTERS, MOST_WORDS, nameProblem } from "./words_link.js";

const SMALL = 144; // pixels, the side of a small picture

export function photos(root, { network, say, changed }) {
  // root: the element of the column. changed(): called after every change of words or photos.
  // Returns { words }: a list of { name, photos }, each photo { scene, pixels, thumbnail, small, title }.
  const list = root.querySelector(".word-list");
  const words = [];
  const undone = []; // what can be undone: { text, back }

  function add(name, place = words.length) {
    const word = { name, photos: [], card: null };
    words.splice(place, 0, word);
    word.card = card(word);
    list.insertBefore(word.card, list.children[place] ?? null);
    return word;
  }

  function card(word) {
    const item = document.createElement("li");
    item.className = "word";
    item.innerHTML = `
      <div class="name"><label><span class="unseen">Word</span><input type="text" /></label>
        <button type="button" class="remove icon" title="Delete this word">×</button></div>
      <p class="problem" hidden></p>
      <div class="own">
        <button type="button" class="files second">Add photos</button>
        <button type="button" class="shoot second">Camera</button>
        <input type="file" accept="image/*" multiple hidden />
      </div>
      <div class="camera" hidden></div>
      <div class="scenes"></div>
      <p class="count quiet"></p>`;
    const find = (selector) => item.querySelector(selector);
    const input = find("input[type=text]");
    input.value = word.name;
    input.placeholder = "Name, like “my cup”";
    input.maxLength = MOST_CHARACTERS;
    input.addEventListener("input", () => {
      word.name = input.value.trim();
      labelled(word);
      changed();
    });
    find(".remove").addEventListener("click", () => removeWord(word));
    const files = find("input[type=file]");
    find(".files").addEventListener("click", () => files.click());
    files.addEventListener("change", async () => {
      const chosen = [...files.files];
      files.value = "";
      for (const file of chosen) await take(word, file, file.name, newScene());
    });
    const film = camera(find(".camera"), {
      shoot: (blob, scene) => take(word, blob, "a photo of the camera", scene),
      say,
      closed: () => find(".shoot").focus(),
    });
    find(".shoot").addEventListener("click", () => film.toggle());
    word.film = film;
    return item;
  }

  function labelled(word) {
    // What screen readers say of a word's buttons; and what is wrong with its name.
    const name = word.name || "this word";
    const find = (selector) => word.card.querySelector(selector);
    find(".remove").setAttribute("aria-label", `Delete the word ${name} with its photos`);
    find(".files").setAttribute("aria-label", `Add photos of ${name}`);
    find(".shoot").setAttribute("aria-label", `Camera for ${name}`);
    const problem = word.name ? nameProblem(word.name) : "";
    find(".problem").hidden = !problem;
    find(".problem").textContent = problem;
  }

  async function take(word, blob, title, scene) {
    // Opens a picture and adds it to a word. Each file is a scene of its own, and so is each press of the camera.
    try {
      const { pixels, thumbnail, display } = await network.open(blob, title);
      const small = await reduced(display);
      display.close();
      word.photos.push({ scene, pixels, thumbnail, small, title });
      show(word);
      changed();
    } catch (error) {
      if (!(error instanceof PageError)) throw error;
      say(error.message);
    }
  }

  function show(word) {
    labelled(word);
    const kinds = [...new Set(word.photos.map((photo) => photo.scene))];
    word.card.querySelector(".scenes").replaceChildren(
      ...kinds.map((scene, number) => {
        const group = document.createElement("ul");
        const inside = word.photos.filter((photo) => photo.scene === scene);
        group.setAttribute(
          "aria-label",
          `Scene ${number + 1} of ${word.name || "this word"}, ${photosOf(inside.length)}`,
        );
        group.append(
          ...inside.map((photo, place) => thumbnail(word, photo, `photo ${place + 1} of scene ${number + 1}`)),
        );
        return group;
      }),
    );
    word.card.querySelector(".count").textContent = word.photos.length
      ? `${photosOf(word.photos.length)} in ${kinds.length} ${kinds.length === 1 ? "scene" : "scenes"}`
      : "No photo yet.";
  }

  function thumbnail(word, photo, which) {
    const item = document.createElement("li");
    photo.small.alt = `${word.name}: ${which}`;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "icon";
    remove.textContent = "×";
    remove.setAttribute("aria-label", `Delete ${which} of ${word.name}`);
    remove.addEventListener("click", () => {
      const place = word.photos.indexOf(photo);
      word.photos.splice(place, 1);
      show(word);
      undoable(`A photo of ${word.name || "a word"} is deleted.`, () => {
        word.photos.splice(place, 0, photo);
        show(word);
      });
    });
    item.append(photo.small, remove);
    return item;
  }

  function removeWord(word) {
    const place = words.indexOf(word);
    word.film.close();
    words.splice(place, 1);
    word.card.remove();
    undoable(`The word ${word.name || "without a name"} is deleted, with ${photosOf(word.photos.length)}.`, () => {
      words.splice(place, 0, word);
      list.insertBefore(word.card, list.children[place] ?? null);
    });
  }

  const bar = root.querySelector(".undo");
  function undoable(text, back) {
    undone.push({ text, back });
    tellUndo();
    changed();
    bar.querySelector("button").focus({ preventScroll: true });
  }
  function tellUndo() {
    bar.hidden = !undone.length;
    bar.querySelector("span").textContent = undone.at(-1)?.text ?? "";
  }
  bar.querySelector("button").addEventListener("click", () => {
    undone.pop().back();
    tellUndo();
    changed();
    (undone.length ? bar.querySelector("button") : root.querySelector(".add-word")).focus();
  });

  root.querySelector(".add-word").addEventListener("click", () => {
    if (words.length >= MOST_WORDS) return say(`${MOST_WORDS} words are the most.`);
    const word = add("", words.length - (words.at(-1)?.name === "something else" ? 1 : 0));
    show(word);
    changed();
    word.card.querySelector("input").focus();
  });
  for (const name of ["", "something else"]) show(add(name));
  return { words };
}

function reduced(display) {
  // A small picture of a photo as an <img>: a canvas for each of 200 photos would take 100 MB.
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SMALL;
  canvas.getContext("2d").drawImage(display, 0, 0, SMALL, SMALL);
  const image = new Image(SMALL, SMALL);
  return new Promise((resolve) =>
    canvas.toBlob((blob) => {
      image.src = URL.createObjectURL(blob);
      canvas.width = canvas.height = 0; // at once, not when the browser tidies up
      resolve(image);
    }),
  );
}

export const photosOf = (count) => `${count} ${count === 1 ? "photo" : "photos"}`;
