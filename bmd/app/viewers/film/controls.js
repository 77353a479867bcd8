// Tools, pointer and keys of the film viewer. Every command is given the state first.
import { canvasPoint, clamp, help, nextIndex, obey, pinch, press, wheelPixels } from "../shared/input.js";
import { pixelRatio } from "../shared/paint.js";
import { draw, paintFilm, place, tip } from "./draw.js";
import { KEYS } from "./keys.js";
import { START, fitted, panned, toFilm, vertebraAt, zoomed } from "./view.js";

const KEY_STEP = 40;

// ---- changing the view ---------------------------------------------------------------------------------------------

function zoom(state, factor, point = [state.canvas.width / 2, state.canvas.height / 2]) {
  state.view = zoomed(state.view, state.canvas, state.header, factor, point);
  draw(state);
}

function pan(state, dx, dy) {
  state.view = panned(state.view, state.canvas, state.header, dx, dy);
  draw(state);
}

function setRange(state, name, value) {
  state[name] = clamp(value, 0, 100);
  if (name !== "heat") paintFilm(state);
  show(state);
}

function reset(state) {
  Object.assign(state, START, { invert: false, view: fitted(state.canvas, state.header) });
  paintFilm(state);
  show(state);
}

function toggle(state, name) {
  state[name] = !state[name];
  if (name === "invert") paintFilm(state);
  show(state);
}

function setMode(state, mode) {
  state.mode = mode;
  show(state);
}

function show(state) {
  syncToolbar(state);
  draw(state);
}

const COMMANDS = {
  zoom, reset, toggle, mode: setMode, next: nextVertebra,
  pan: (state, x, y) => pan(state, x * KEY_STEP * pixelRatio(), y * KEY_STEP * pixelRatio()),
  change: (state, name, step) => setRange(state, name, state[name] + step),
  leave: (state) => hover(state, null),
};

// ---- the bar --------------------------------------------------------------------------------------------------------

export function listen(state) {
  const { root } = state;
  const on = (name, use) => root.querySelectorAll(`[data-${name}]`).forEach((b) => (b.onclick = () => use(b.dataset[name], b)));
  const actions = { in: () => zoom(state, 1.4), out: () => zoom(state, 1 / 1.4), fit: () => reset(state) };
  on("do", (name, button) => (name === "help" ? help(root, button) : state.view && actions[name]()));
  on("toggle", (name) => toggle(state, name));
  on("mode", (name) => setMode(state, name));
  root.querySelectorAll("[data-range]").forEach((input) => {
    input.oninput = () => setRange(state, input.dataset.range, Number(input.value));
  });
  listenPointer(state);
  state.canvas.onkeydown = (event) => state.view && obey(KEYS, COMMANDS, event, state);
}

export function syncToolbar(state) {
  const { root, header } = state;
  press(root, "toggle", (name) => state[name]);
  press(root, "mode", (name) => state.mode === name);
  root.querySelectorAll("[data-range]").forEach((input) => (input.value = state[input.dataset.range]));
  root.querySelector(".overlays").hidden = !header?.vertebrae.length;
  root.querySelector(".heat").hidden = !state.heats.length;
  state.canvas.classList.toggle("window", state.mode === "window");
}

// ---- pointer and keys -------------------------------------------------------------------------------------------------

function listenPointer(state) {
  const { canvas, pointers } = state;
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.addEventListener("wheel", (event) => wheel(state, event), { passive: false });
  canvas.ondblclick = () => state.view && reset(state);
  canvas.onpointerdown = (event) => {
    if (!state.view) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, canvasPoint(canvas, event));
  };
  canvas.onpointermove = (event) => move(state, event);
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    pointers.delete(event.pointerId);
    if (event.pointerType === "touch") hover(state, canvasPoint(canvas, event));
  };
  canvas.onpointerleave = () => hover(state, null);
}

function wheel(state, event) {
  if (!state.view || (event.deltaY > 0 && state.view.fitted)) return;
  event.preventDefault();
  zoom(state, Math.exp(-wheelPixels(event) / 500), canvasPoint(state.canvas, event));
}

function move(state, event) {
  if (!state.view) return;
  const { canvas, pointers } = state;
  const now = canvasPoint(canvas, event);
  const before = pointers.get(event.pointerId);
  if (!before) {
    hover(state, now);
    return;
  }
  const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
  if (pointers.size === 2) {
    const { factor, centre } = pinch(pointers, event.pointerId, now);
    zoom(state, factor, centre);
  } else if (state.mode === "window" || event.buttons === 2 || event.shiftKey) {
    setRange(state, "level", state.level - (dy * 100) / canvas.height);
    setRange(state, "contrast", state.contrast + (dx * 100) / canvas.height);
  } else if (!(event.pointerType === "touch" && state.view.fitted)) {
    pan(state, dx, dy);
  }
  pointers.set(event.pointerId, now);
}

export function hover(state, point) {
  if (!state.header || !state.view) return;
  const found = point ? vertebraAt(state.header.vertebrae, ...toFilm(state.view, state.header, ...point)) : -1;
  if (found === state.hovered && found < 0) return;
  if (found !== state.hovered) {
    state.hovered = found;
    draw(state);
  }
  tip(state, found, point);
}

function nextVertebra(state, step) {
  const { vertebrae } = state.header;
  if (!vertebrae.length) return;
  state.hovered = state.pinned = nextIndex(state.pinned, step, vertebrae.length);
  const { box, lines } = vertebrae[state.pinned];
  const [x, y] = place(state, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
  const { width, height } = state.canvas;
  if (x < 0 || y < 0 || x > width || y > height) pan(state, width / 2 - x, height / 2 - y);
  tip(state, state.pinned, place(state, box[2], (box[1] + box[3]) / 2));
  state.root.querySelector(".live").textContent = lines.join(", ");
  draw(state);
}
