// The camera: each press is a scene, and while the button is held, more photos of the same scene.

const PAUSE = 450; // milliseconds between the photos of a burst
const LONGEST = 10; // photos in a burst
let scenes = 0;
let shutOther = () => {}; // closes the camera that is open: there is only one lens

export const newScene = () => ++scenes; // every scene has its own number

export function camera(root, { shoot, say, closed }) {
  // root: where it is shown. shoot(blob, scene): a photo was taken. closed(): the camera was closed by hand.
  // Returns { toggle, close }.
  root.innerHTML = `
    <video playsinline muted aria-label="What the camera sees"></video>
    <div class="own">
      <button type="button" class="press">Take a photo</button>
      <button type="button" class="turn second">Other lens</button>
      <button type="button" class="done second">Close</button>
    </div>
    <p class="quiet">Each press is a scene of its own: move, turn it, change the background. Hold for a burst.</p>`;
  const video = root.querySelector("video");
  const press = root.querySelector(".press");
  let stream = null;
  let lens = "environment";
  let held = null; // the scene while the button is held
  let pressed = false; // a press was answered already: the click that follows is the same one

  async function open() {
    if (shutOther !== close) shutOther();
    shutOther = close;
    root.hidden = false;
    try {
      if (!navigator.mediaDevices) throw new DOMException("no https", "NotSupportedError");
      const found = await navigator.mediaDevices.getUserMedia({ video: { facingMode: lens, width: { ideal: 1280 } } });
      if (root.hidden) return found.getTracks().forEach((track) => track.stop());
      stop();
      stream = found;
      video.srcObject = stream;
      await video.play();
      press.focus();
    } catch (error) {
      close();
      say(SENTENCES[error.name] ?? "The camera cannot be opened: add photos from files.");
    }
  }

  function stop() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
  }

  function close() {
    held = null;
    root.hidden = true;
    stop();
    video.srcObject = null;
  }

  async function photo(scene) {
    if (!video.videoWidth) return;
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d").drawImage(video, 0, 0);
    root.classList.add("flash");
    setTimeout(() => root.classList.remove("flash"), 120);
    await shoot(await canvas.convertToBlob({ type: "image/png" }), scene);
  }

  async function burst() {
    const scene = (held = newScene());
    for (let count = 0; held === scene && count < LONGEST; count++) {
      await Promise.all([photo(scene), new Promise((done) => setTimeout(done, PAUSE))]);
    }
  }

  const isKey = (event) => event.key === " " || event.key === "Enter";
  press.addEventListener("pointerdown", () => ((pressed = true), burst()));
  press.addEventListener("keydown", (event) => {
    if (!isKey(event)) return;
    event.preventDefault();
    if (!event.repeat) burst();
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave", "keyup", "blur", "contextmenu"]) {
    press.addEventListener(end, () => (held = null));
  }
  // Screen readers and programs click without a pointer.
  press.addEventListener("click", () => (pressed ? (pressed = false) : photo(newScene())));
  root.querySelector(".turn").addEventListener("click", () => {
    lens = lens === "environment" ? "user" : "environment";
    open();
  });
  root.querySelector(".done").addEventListener("click", () => {
    close();
    closed();
  });
  return { toggle: () => (root.hidden ? open() : close()), close };
}

const SENTENCES = {
  NotAllowedError:
    "The camera is not allowed on this page: allow it in the browser's settings, or add photos from files.",
  NotFoundError: "There is no camera on this device: add photos from files.",
  NotReadableError: "The camera is in use by another program: close that, or add photos from files.",
  NotSupportedError: "The camera works only on a page with https: add photos from files.",
};
