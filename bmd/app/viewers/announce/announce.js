// Says aloud what has changed and gives the focus a place; one state for all pages, since a page's element comes and goes.
import { reaction } from "./rules.js";

const PLACES = {
  page: ["main h1"],
  result: ["main h2.ol-category", "main .ol-refusal h2", "main [data-testid=stAlert]", "main h1"],
};
const LOOK_EVERY_MS = 100;
const LONGEST_LOOKS = 300;

export default function ({ data }) {
  const before = globalThis.osteolensAnnounced;
  const { focus, words, awaited } = reaction(before, data);
  globalThis.osteolensAnnounced = { ...data, awaited };
  if (words || focus) say(words);
  if (focus) whenCalm(() => globalThis.osteolensAnnounced.state === data.state && give(PLACES[focus]));
}

// A region that is there before its words are: only then they are read out.
function say(words) {
  let region = document.getElementById("ol-live");
  if (!region) {
    region = Object.assign(document.createElement("div"), { id: "ol-live", className: "ol-live" });
    region.setAttribute("role", "status");
    document.body.append(region);
  }
  setTimeout(() => (region.textContent = words), LOOK_EVERY_MS);
}

// Once the script has run: until then parts of the last page stand there, and parts of this one are missing.
function whenCalm(act, looks = 0) {
  const running = !document.querySelector("[data-test-script-state=notRunning]");
  if ((looks === 0 || running) && looks < LONGEST_LOOKS) setTimeout(() => whenCalm(act, looks + 1), LOOK_EVERY_MS);
  else act();
}

// Only where nothing has the focus: a visitor who has gone on is not called back.
function give(places) {
  if (document.activeElement && document.activeElement !== document.body) return;
  const place = places.map((one) => document.querySelector(one)).find(Boolean);
  if (!place) return;
  place.setAttribute("tabindex", "-1");
  place.focus({ preventScroll: true });
}
