// Bar, pointer, wheel and keys of the CT viewer. Every command is given the state, then the plane it was called on.
import { canvasPoint, clamp, help, nextIndex, obey, pinch, press, wheelPixels } from "../shared/input.js";
import { fillTip } from "../shared/paint.js";
import { fill } from "../shared/words.js";
import { draw } from "./draw.js";
import { KEYS } from "./keys.js";
import { START, WINDOWS, bodyAt, cellOf, draggedCentre, shifted, toCell, zoomedBy } from "./view.js";

const WHEEL_STEP = 34;
const FASTEST_TURN = 5;

// ---- changing the view ----------------------------------------------------------------------------------------------

function goTo(state, cell) {
  state.moved = true;
  state.cursor = [...cell];
  state.panes.forEach((pane) => (pane.centre = [cell[pane.plane.u], cell[pane.plane.v]]));
  draw(state);
}

function moveCursor(state, axis, value) {
  state.moved = true;
  state.cursor[axis] = cellOf(state.volume.shape, axis, value);
  draw(state);
}

function zoom(state, factor) {
  const before = state.zoom;
  state.zoom = zoomedBy(before, factor);
  if (before === 1 && state.zoom > 1) {
    state.panes.forEach((pane) => (pane.centre = [state.cursor[pane.plane.u], state.cursor[pane.plane.v]]));
  }
  draw(state);
}

function setWindow(state, name) {
  change(state, { window: name, range: WINDOWS[name] });
}

function reset(state) {
  state.panes.forEach((pane) => (pane.centre = null));
  change(state, { ...START, heatName: state.heatName });
}

function toggle(state, name) {
  change(state, { [name]: !state[name] });
}

function change(state, changes) {
  Object.assign(state, changes);
  sync(state);
}

const COMMANDS = {
  turn: (state, pane, steps) => moveCursor(state, pane.plane.s, state.cursor[pane.plane.s] + steps),
  zoom: (state, pane, factor) => zoom(state, factor),
  reset: (state) => reset(state),
  window: (state, pane, name) => setWindow(state, name),
  mode: (state, pane, mode) => change(state, { mode }),
  toggle: (state, pane, name) => toggle(state, name),
  next: (state, pane, step) => nextVertebra(state, step),
  leave: (state) => hover(state, null),
};

// ---- the bar and the sliders show the state ---------------------------------------------------------------------------

export function sync(state) {
  const { root, header, volume } = state;
  root.querySelector(".loading").hidden = Boolean(volume);
  press(root, "toggle", (name) => state[name]);
  press(root, "mode", (name) => state.mode === name);
  press(root, "window", (name) => state.window === name);
  root.querySelector(".overlays").hidden = !header?.regions.length;
  syncPlaces(state);
  syncHeat(state);
  syncReduced(state);
  state.panes.forEach((pane) => {
    const { words, alt } = header ?? { words: { plane_alt: "" }, alt: "" };
    pane.canvas.setAttribute("aria-label", fill(words.plane_alt, { plane: words[pane.key], alt }));
    pane.canvas.className = state.mode === "cross" ? "" : state.mode;
    if (volume) pane.slider.max = volume.shape[pane.plane.s] - 1;
  });
  draw(state);
}

function syncReduced({ root, header, volume }) {
  const reduced = root.querySelector(".reduced");
  reduced.hidden = !header?.reduced || !volume;
  if (reduced.hidden) return;
  const size = ([d, h, w]) => `${w} × ${h} × ${d}`;
  reduced.textContent = fill(header.words.reduced, { shown: size(volume.shape), whole: size(volume.full) });
}

function syncPlaces(state) {
  const box = state.root.querySelector(".places");
  const places = state.header?.places ?? [];
  const names = places.map((place) => place.name).join();
  if (box.dataset.names === names) return;
  box.dataset.names = names;
  box.replaceChildren(...places.map((place) => {
    const button = Object.assign(document.createElement("button"), { textContent: place.name });
    button.onclick = () => state.volume && goTo(state, place.at);
    return button;
  }));
}

function syncHeat(state) {
  const names = [...new Set(state.heats.map((heat) => heat.name))];
  state.root.querySelector(".heat").hidden = !names.length;
  const select = state.root.querySelector("[data-heat]");
  if (select.dataset.names !== names.join()) {
    select.dataset.names = names.join();
    select.replaceChildren(...names.map((name) => new Option(name, name)));
  }
  select.value = state.heatName;
  state.root.querySelector("[data-range]").value = state.opacity;
}

// ---- input ------------------------------------------------------------------------------------------------------------

export function listen(state) {
  const { root } = state;
  const on = (name, use) =>
    root.querySelectorAll(`[data-${name}]`).forEach((b) => (b.onclick = () => state.volume && use(b.dataset[name], b)));
  const actions = { in: () => zoom(state, 1.4), out: () => zoom(state, 1 / 1.4), fit: () => reset(state) };
  on("do", (name, button) => (name === "help" ? help(root, button) : actions[name]()));
  on("toggle", (name) => toggle(state, name));
  on("mode", (mode) => change(state, { mode }));
  on("window", (name) => setWindow(state, name));
  root.querySelector("[data-range]").oninput = (event) => change(state, { opacity: Number(event.target.value) });
  root.querySelector("[data-heat]").onchange = (event) => change(state, { heatName: event.target.value });
  state.panes.forEach((pane) => listenPane(state, pane));
}

function listenPane(state, pane) {
  const { canvas, slider, element } = pane;
  slider.oninput = () => state.volume && moveCursor(state, pane.plane.s, Number(slider.value));
  element.querySelector(".grow").onclick = () => {
    state.main = state.stage.dataset.main = pane.key;
    draw(state);
  };
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.addEventListener("wheel", (event) => wheel(state, pane, event), { passive: false });
  canvas.ondblclick = () => reset(state);
  canvas.onpointerdown = (event) => {
    if (!state.volume) return;
    canvas.setPointerCapture(event.pointerId);
    state.pointers.set(event.pointerId, canvasPoint(canvas, event));
    if (dragKind(state, event) === "cross") cross(state, pane, canvasPoint(canvas, event));
  };
  canvas.onpointermove = (event) => move(state, pane, event);
  canvas.onpointerup = canvas.onpointercancel = (event) => state.pointers.delete(event.pointerId);
  canvas.onpointerleave = () => hover(state, null);
  canvas.onkeydown = (event) => state.volume && obey(KEYS, COMMANDS, event, state, pane);
}

function dragKind(state, event) {
  return event.buttons === 2 || event.shiftKey ? "window" : state.mode;
}

function wheel(state, pane, event) {
  if (!state.volume) return;
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) {
    zoom(state, Math.exp(-event.deltaY / 400));
    return;
  }
  state.turn += wheelPixels(event, WHEEL_STEP);
  const steps = Math.trunc(state.turn / WHEEL_STEP);
  if (!steps) return;
  state.turn -= steps * WHEEL_STEP;
  COMMANDS.turn(state, pane, clamp(steps, -FASTEST_TURN, FASTEST_TURN));
}

function move(state, pane, event) {
  if (!state.volume) return;
  const { canvas } = pane;
  const now = canvasPoint(canvas, event);
  const before = state.pointers.get(event.pointerId);
  if (!before) {
    hover(state, pane, now);
    return;
  }
  const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
  const kind = state.pointers.size === 2 ? "pinch" : dragKind(state, event);
  if (kind === "pinch") zoom(state, pinch(state.pointers, event.pointerId, now).factor);
  else if (kind === "window") {
    change(state, { window: "", range: shifted(state.range, (-dy / canvas.height) * 600, (dx / canvas.width) * 2) });
  } else if (kind === "pan") pan(state, pane, dx, dy);
  else cross(state, pane, now);
  state.pointers.set(event.pointerId, now);
}

function pan(state, pane, dx, dy) {
  if (state.zoom === 1) return;
  pane.centre = draggedCentre(state.volume, pane, state.zoom, dx, dy);
  draw(state);
}

function cross(state, pane, point) {
  const [a, b] = toCell(state.volume, pane, state.zoom, ...point);
  moveCursor(state, pane.plane.u, a);
  moveCursor(state, pane.plane.v, b);
}

// ---- vertebrae under the pointer ----------------------------------------------------------------------------------------

export function hover(state, pane, point) {
  const found = pane && state.volume && state.header ? under(state, pane, point) : null;
  const level = found ? found.level : null;
  if (level !== state.hovered) {
    state.hovered = level;
    draw(state);
  }
  const element = state.root.querySelector(".tip");
  element.hidden = !found;
  if (!found) return;
  const box = pane.element.getBoundingClientRect();
  const stage = state.stage.getBoundingClientRect();
  const ratio = pane.canvas.width / box.width;
  const [x, y] = [box.left - stage.left + point[0] / ratio, box.top - stage.top + point[1] / ratio];
  fillTip(element, state.stage, found.lines, x + 16, y + 12);
}

function under(state, pane, point) {
  const cell = [...state.cursor];
  const [a, b] = toCell(state.volume, pane, state.zoom, ...point);
  cell[pane.plane.u] = Math.round(a);
  cell[pane.plane.v] = Math.round(b);
  return bodyAt(state.regions, cell);
}

function nextVertebra(state, step) {
  const bodies = state.regions.filter((region) => region.kind === "body");
  if (!bodies.length) return;
  state.pinned = nextIndex(state.pinned, step, bodies.length);
  const body = bodies[state.pinned];
  const place = state.header.places.find(({ name }) => name === body.level);
  if (place) goTo(state, place.at);
  state.hovered = body.level;
  state.root.querySelector(".live").textContent = body.lines.join(", ");
}
