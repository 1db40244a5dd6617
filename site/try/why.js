// The section "Why this, and not that?": the difference of two labels' maps.

import { board } from "./board.js";
import { drawMap, drawPicture } from "./heat.js";
import { PLACES, compare, position, seenFrom, strongest } from "./maps.js";
import { signed } from "./text.js";

export function why(page) {
  const root = document.getElementById("why");
  const find = (name) => root.querySelector(`.${name}`);
  let shown = null;
  const stage = board(find("stage"), {
    name: "Map of the difference. Arrow keys pick a place, Escape lets it go.",
    pick: tell,
    key: (event) => event.key === "Escape" && release(),
  });

  function release() {
    stage.mark(null);
    stage.frame(null);
    find("place").textContent = "Tap a place of the map, or move there with the arrow keys.";
  }

  function tell(place) {
    stage.mark(place);
    stage.frame(seenFrom(place));
    const value = shown.map[place] / PLACES;
    const side = value >= 0 ? shown.names[0] : shown.names[1];
    find("place").textContent = `The place in ${position(place)} gives ${side} ${signed(Math.abs(value), 3)} points of lead.`;
  }

  function draw({ current, answer, bias, names, label, against }) {
    const found = compare(answer, bias, label, against);
    shown = { ...found, names: [names[answer.labels[label]], names[answer.labels[against]]] };
    drawPicture(stage.picture, current.display, true);
    drawMap(stage.map, found.map, true);
    const [first, second] = shown.names;
    const words =
      `Orange speaks for ${first}, strongest ${strongest(found.map)}; ` +
      `violet for ${second}, strongest ${strongest(found.map.map((value) => -value))}.`;
    stage.picture.setAttribute("aria-label", `${current.title}: map of the difference. ${words}`);
    find("words").textContent = words;
    release();

    const rows = [
      ["The places of the map, on average", found.places],
      ["A head start, the same for every picture (the biases)", found.biases],
      [`The lead of ${first}`, found.lead],
    ];
    const most = Math.max(...rows.map(([, value]) => Math.abs(value)), 1e-9);
    find("sums").replaceChildren(
      ...rows.map(([name, value], number) => {
        const row = document.createElement("tr");
        row.innerHTML = "<th scope=row></th><td class=balance><span></span></td><td class=number></td>";
        row.children[0].textContent = name;
        const bar = row.querySelector("span");
        bar.style.width = `${(50 * Math.abs(value)) / most}%`;
        bar.className = value >= 0 ? "for" : "against";
        row.children[2].textContent = signed(value);
        row.className = number === 2 ? "total" : "";
        return row;
      }),
    );
    find("sides").textContent = `← ${second}   ${first} →`;
    const times = Math.exp(Math.abs(found.lead));
    const ahead = found.lead >= 0 ? [first, second] : [second, first];
    find("odds").textContent =
      `So the network gives ${ahead[0]} ${many(times)} the probability of ${ahead[1]}: ` +
      "e = 2.718… to the power of the lead.";
  }

  return { draw };
}

function many(times) {
  if (times < 1.05) return "the same as";
  if (times >= 1e6) return "over a million times";
  return `${times < 10 ? times.toFixed(1) : Math.round(times).toLocaleString("en")} times`;
}
