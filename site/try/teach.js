// The section "Teach it a word": words with photos; train; try. The network stays as it is: a last layer is fitted on
// the 512 averages that it computes of each photo. Nothing leaves the device.

import { Stopped, exam } from "./exam.js";
import { drawQr, linkOf, openFile, prepare, saveFile } from "./keep.js";
import { photos } from "./photos.js";
import { PageError } from "./text.js";
import { tryout } from "./tryout.js";
import { fromLink } from "./words_link.js";

const SKELETON = `
  <h2 id="teach-title">Teach it a word</h2>
  <p class="intro">
    It has no word for your cup. Give it one: show it the cup, show it other things, and find out whether it
    learned what you meant. Your photos stay on this device, and are gone when this page is closed; the words can be kept.
  </p>
  <div class="desk">
    <section class="show-it" aria-labelledby="show-title">
      <h3 id="show-title">1. Show it</h3>
      <p class="quiet">Take each photo in another place or another light: each counts as a <b>scene</b> of its own. Five
        scenes of each word are a start.</p>
      <ul class="word-list"></ul>
      <p class="undo" hidden><span></span> <button type="button" class="second">Undo</button></p>
      <button type="button" class="add-word second">Add a word</button>
    </section>

    <section class="train-it" aria-labelledby="train-title">
      <h3 id="train-title">2. Train it</h3>
      <button type="button" class="train">Train</button>
      <p class="why-not quiet"></p>
      <div class="doing" hidden>
        <p class="doing-words" role="status"></p>
        <progress max="1" value="0" aria-label="How far it is"></progress>
        <button type="button" class="stop second">Stop</button>
      </div>
      <div class="result" hidden>
        <h4>Would it know one that it has not seen?</h4>
        <table class="exams">
          <caption>Right answers. The thin line: where the share would likely lie with many more photos (95 % interval)</caption>
          <thead class="unseen"><tr><th scope="col">Exam</th><th scope="col">Right</th><th scope="col">Bar</th><th scope="col">Share</th></tr></thead>
          <tbody class="exam-rows"></tbody>
        </table>
        <p class="verdict"></p>
        <p><button type="button" class="now-try second">Now try it</button></p>
        <details><summary>Why three?</summary>
          <p>On its own photos the questions were handed out beforehand. With one photo left out, its neighbours from the
            same scene give it away: that exam can be passed by copying. With the whole scene left out, nothing does. On
            simulated bursts the last bar is several points too low with two scenes of each word, and about right
            with five.</p></details>
        <p class="time quiet"></p>
        <h4>Is it the training that helps?</h4>
        <p><button type="button" class="compare second">Compare with no training</button></p>
        <div class="control" hidden>
          <table class="exams">
            <caption>The same photos, the strictest exam of the three</caption>
            <thead class="unseen"><tr><th scope="col">What it is fitted on</th><th scope="col">Right</th><th scope="col">Bar</th><th scope="col">Share</th></tr></thead>
            <tbody class="control-rows"></tbody>
          </table>
          <p class="control-words"></p>
        </div>
        <h4>What did it learn?</h4>
        <p><label>Evidence for <select class="map-word"></select></label></p>
        <div class="maps"></div>
        <button type="button" class="more second">More photos</button>
        <details><summary>Fool it</summary>
          <p>Take all photos of the cup on a red cloth, and the others without it. Train. Then show it the cloth
            alone. It learns whatever tells the words apart: what you showed, not what you meant.</p></details>
      </div>
    </section>

    <section class="try-it" aria-labelledby="try-title">
      <h3 id="try-title">3. Try it</h3>
      <p class="not-yet quiet">First train it, or open words that somebody kept.</p>
      <div class="ready" hidden>
        <div class="own">
          <button type="button" class="try-file">Try a photo</button>
          <button type="button" class="try-shot second">Take one</button>
          <button type="button" class="try-stage second">The picture above</button>
          <input type="file" class="pick-file" accept="image/*" hidden />
          <input type="file" class="pick-shot" accept="image/*" capture="environment" hidden />
        </div>
        <p class="trying quiet" role="status" hidden>The network computes …</p>
        <div class="tried" hidden>
          <p class="try-title quiet"></p>
          <table class="exams">
            <caption>Your words</caption>
            <thead class="unseen"><tr><th scope="col">Word</th><th scope="col">Probability</th><th scope="col">Bar</th></tr></thead>
            <tbody class="try-rows"></tbody>
          </table>
          <p class="try-words" aria-live="polite"></p>
          <figure><canvas class="try-picture" role="img" aria-label="The picture"></canvas></figure>
          <p><label>Evidence for <select class="try-word"></select></label></p>
          <p><label class="tick"><input type="checkbox" class="is-stranger" /> It is none of my words: a stranger</label></p>
        </div>
        <p class="strangers" aria-live="polite"></p>
        <p><label>“I don't know” below <output>80 %</output><input type="range" class="threshold" min="40" max="99" value="80" /></label></p>
        <p class="price quiet"></p>
        <h4>Keep it</h4>
        <p class="old quiet" hidden>The words or photos have changed since the training: what is kept is the state before
          that. Train again to keep the new one.</p>
        <div class="own">
          <button type="button" class="save">Save as a file</button>
          <button type="button" class="make-link second">Make a link</button>
        </div>
        <div class="link" hidden>
          <p><label>The link <input type="text" class="link-text" readonly /></label></p>
          <p class="quiet">It holds the words and their numbers, no photo. What stands behind # no server ever sees.</p>
          <button type="button" class="copy-link second">Copy</button>
          <figure><canvas class="qr" role="img" aria-label="QR code of the link"></canvas>
            <figcaption class="quiet qr-words"></figcaption></figure>
        </div>
      </div>
      <p class="own"><button type="button" class="open second">Open a file of words</button>
        <input type="file" class="pick-words" accept=".h5,.hdf5" hidden /></p>
      <details><summary>For the notebooks</summary>
        <p>Notebook 11 opens the file as well: <code>load_recogniser("my_words.h5")</code>; and this page opens what
          notebook 11 saves.</p></details>
    </section>
  </div>`;

export async function start(page) {
  const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "teach.css" });
  const styled = new Promise((done) => (style.onload = style.onerror = done));
  document.head.append(style);
  await styled;
  const { root, say } = page;
  root.innerHTML = SKELETON;
  root.setAttribute("aria-labelledby", "teach-title");
  const find = (selector) => root.querySelector(selector);
  const column = exam(find(".train-it"), page);
  const trial = tryout(find(".try-it"), page);
  const { words } = photos(find(".show-it"), { ...page, changed });
  let found = null; // what the last training gave
  let taught = null;
  let isBusy = false;
  let isOld = false; // whether something was changed after the last training

  function changed() {
    // After every change of the words or photos.
    isOld = Boolean(found);
    offer();
  }

  function offer() {
    const problem = column.problem(words);
    find(".train").disabled = isBusy || Boolean(problem);
    find(".compare").disabled = isBusy || isOld;
    find(".why-not").textContent = problem || (isOld ? "The words have changed: train again." : "");
    find(".old").hidden = !isOld;
  }

  async function guarded(work) {
    // Does what takes long, with the buttons off; tells the visitor what went wrong.
    isBusy = true;
    offer();
    try {
      if (await page.needNetwork()) await work();
    } catch (error) {
      if (error instanceof Stopped) say("Stopped; what was computed so far is kept.");
      else if (error instanceof PageError) say(error.message);
      else throw error;
    } finally {
      isBusy = false;
      offer();
    }
  }

  find(".train").addEventListener("click", () =>
    guarded(async () => {
      say("");
      isOld = false;
      found = await column.fit(words);
      use(found.taught);
      column.show(found);
      trial.show(taught, found.exams, found.sheet.numbers);
    }),
  );
  find(".compare").addEventListener("click", () => guarded(() => column.controls(found)));

  function use(layer) {
    taught = layer;
    find(".link").hidden = true;
  }

  function opened(layer, from) {
    // Words that somebody kept: they can be tried and kept again; their photos are not here.
    use(layer);
    found = null;
    isOld = false;
    column.forget();
    trial.show(layer, null, null);
    find(".try-it").scrollIntoView();
    say(`Opened from ${from}: ${layer.names.join(", ")}. They are in “Try it”.`);
  }

  find(".save").addEventListener("click", () =>
    told(async () => {
      await saveFile(taught);
      say("Saved as my_words.h5.");
    }),
  );
  find(".now-try").addEventListener("click", () => find(".try-it").scrollIntoView());
  // Photos are kept nowhere else: the browser asks before they are lost.
  addEventListener("beforeunload", (event) => words.some((word) => word.photos.length) && event.preventDefault());
  find(".open").addEventListener("click", () => find(".pick-words").click());
  find(".pick-words").addEventListener("change", () => {
    const [file] = find(".pick-words").files;
    find(".pick-words").value = "";
    if (file) told(async () => opened(await openFile(file), `the file ${file.name}`));
  });
  find(".make-link").addEventListener("click", () =>
    told(async () => {
      const { text, address } = linkOf(taught, page.hash);
      page.setWords(text);
      find(".link-text").value = address;
      find(".link").hidden = false;
      find(".qr").hidden = !(await drawQr(find(".qr"), address));
      find(".qr-words").textContent = find(".qr").hidden
        ? "So many words do not fit into a QR code: send the link."
        : "Point the camera of a phone at it.";
    }),
  );
  find(".copy-link").addEventListener("click", async () => {
    find(".link-text").select();
    try {
      await navigator.clipboard.writeText(find(".link-text").value);
      say("The link is copied.");
    } catch {
      say("Copy the link from its field: this browser does not let the page do it.");
    }
  });

  async function told(work) {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PageError)) throw error;
      say(error.message);
    }
  }

  offer();
  if (page.words) told(async () => opened(fromLink(page.words, page.hash), "the link"));
  page.whenLoaded(() => {
    // So that nothing needs to be fetched any more when words are kept.
    prepare();
    column.prepare();
    import("./qr/index.js").catch(() => {});
  });
}
