// The film viewer: state and data.
import { recall } from "../shared/memory.js";
import { mounted } from "../shared/mount.js";
import { inflate, pieces, unpack } from "../shared/packet.js";
import { heatCanvases, newPicture } from "../shared/paint.js";
import { listen, syncToolbar } from "./controls.js";
import { fitToPaper, paintFilm, resize, tip } from "./draw.js";
import { START } from "./view.js";

export default mounted(create, receive, (state) => {
  globalThis.removeEventListener("beforeprint", state.onPrint);
  globalThis.removeEventListener("afterprint", state.onPrinted);
});

function create(root) {
  const canvas = root.querySelector("canvas");
  const state = {
    root, canvas, context: canvas.getContext("2d"), film: null, header: null, grey: null, picture: newPicture(), heats: [],
    view: null, mode: "pan", invert: false, outlines: true, boxes: false, names: true, ...START,
    pointers: new Map(), hovered: -1, frame: 0, pinned: -1,
  };
  state.observer = new ResizeObserver(() => resize(state));
  state.observer.observe(canvas);
  state.onPrint = () => {
    state.printing = true;
    fitToPaper(state);
  };
  state.onPrinted = () => {
    state.printing = false;
    resize(state);
  };
  globalThis.addEventListener("beforeprint", state.onPrint);
  globalThis.addEventListener("afterprint", state.onPrinted);
  listen(state);
  return state;
}

async function receive(state, data) {
  const [header, rest] = unpack(data);
  const isNew = state.film !== header.film;
  const wanted = recall(header.film);
  state.header = header;
  state.hovered = state.pinned = -1;
  tip(state, -1);
  state.canvas.setAttribute("aria-label", header.alt);
  const take = pieces(rest.subarray(header.film_bytes));
  state.heats = heatCanvases(header.heats, take);
  if (isNew) {
    Object.assign(state, { film: header.film, grey: null });
    const grey = new Uint16Array(await inflate(rest.subarray(0, header.film_bytes)));
    if (state.film !== header.film) return;
    Object.assign(state, START, { invert: false }, wanted?.settings, { grey, view: null, wanted: wanted?.view });
  }
  syncToolbar(state);
  paintFilm(state);
  resize(state);
}
