// A square picture on which places of the 14 x 14 map can be picked: by tapping, or with the arrow keys.

import { PLACES, SIDE } from "./maps.js";

export function board(root, { name, drag = false, pick, key }) {
  // root: the element that becomes the board. name: for screen readers. pick(place, { down }): a place was
  // tapped or reached; drag: also while a finger paints. key(event, place): other keys.
  // Returns { picture, map, mark(place), frame(square) }: two canvases, and ways to mark.
  root.classList.add("board");
  const [picture, map] = [0, 1].map(() => root.appendChild(document.createElement("canvas")));
  picture.setAttribute("role", "img");
  map.setAttribute("aria-hidden", "true");
  const [seen, cell] = ["seen", "cell"].map((kind) => {
    const mark = root.appendChild(document.createElement("div"));
    mark.className = kind;
    mark.hidden = true;
    return mark;
  });
  const button = root.appendChild(document.createElement("button"));
  button.type = "button";
  button.setAttribute("aria-label", name);
  let at = Math.floor(PLACES / 2) + SIDE / 2;
  let isDown = false;

  const under = (event) => {
    const box = button.getBoundingClientRect();
    const step = (offset, size) => Math.min(SIDE - 1, Math.max(0, Math.floor((offset / size) * SIDE)));
    return step(event.clientY - box.top, box.height) * SIDE + step(event.clientX - box.left, box.width);
  };
  button.addEventListener("pointerdown", (event) => {
    isDown = true;
    if (drag) button.setPointerCapture(event.pointerId);
    pick((at = under(event)), { down: true });
  });
  button.addEventListener("pointermove", (event) => {
    if (isDown && drag && under(event) !== at) pick((at = under(event)), { down: false });
  });
  for (const end of ["pointerup", "pointercancel"]) button.addEventListener(end, () => (isDown = false));
  button.addEventListener("keydown", (event) => {
    const [row, column] = [Math.floor(at / SIDE), at % SIDE];
    const moved = {
      ArrowUp: row > 0 && at - SIDE,
      ArrowDown: row < SIDE - 1 && at + SIDE,
      ArrowLeft: column > 0 && at - 1,
      ArrowRight: column < SIDE - 1 && at + 1,
    }[event.key];
    if (moved === undefined) return key?.(event, at);
    event.preventDefault();
    if (moved !== false) pick((at = moved), { moved: true });
  });

  const share = (value, all) => `${(100 * value) / all}%`;
  const place = (mark, left, top, right, bottom, all) => {
    mark.hidden = false;
    Object.assign(mark.style, {
      left: share(left, all),
      top: share(top, all),
      width: share(right - left, all),
      height: share(bottom - top, all),
    });
  };
  return {
    picture,
    map,
    button,
    mark(at, reach = 0) {
      // Marks a place, and those around it; null: none.
      if (at === null) return void (cell.hidden = true);
      const [row, column] = [Math.floor(at / SIDE), at % SIDE];
      const clip = (value) => Math.min(SIDE, Math.max(0, value));
      place(cell, clip(column - reach), clip(row - reach), clip(column + reach + 1), clip(row + reach + 1), SIDE);
    },
    frame(square) {
      // Draws the square of pixels that a place computes from; null: none.
      if (!square) return void (seen.hidden = true);
      place(seen, square.left, square.top, square.right, square.bottom, SIDE * 16);
    },
  };
}
