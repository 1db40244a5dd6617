// The page's state in the address after "#": no server ever sees it. Never a photo.

const LONGEST = 300; // letters of a question
export const PARTS = ["guess", "map", "why", "cover", "teach"];

export function read() {
  const said = new URLSearchParams(location.hash.slice(1));
  const show = said.get("show")?.split(",").filter((part) => PARTS.includes(part));
  return {
    picture: said.get("picture"),
    show: show?.length ? show : null, // null: everything
    label: said.get("label"),
    against: said.get("against"),
    ask: said.get("ask")?.slice(0, LONGEST) || null,
    words: said.get("words"),
  };
}

export function address(state) {
  // The address of the page in this state.
  const said = Object.entries(state)
    .filter(([, value]) => value?.length)
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%2F", "/")}`);
  return `${location.origin}${location.pathname}${said.length ? "#" : ""}${said.join("&")}`;
}

export function write(state) {
  history.replaceState(null, "", address(state));
}
