// Third part of the CT viewer: bar, pointer, wheel and keys.

function goTo(state, cell) {
  state.moved = true;
  state.cursor = [...cell];
  state.panes.forEach((pane) => (pane.centre = [cell[pane.plane.u], cell[pane.plane.v]]));
  draw(state);
}

function moveCursor(state, axis, value) {
  state.moved = true;
  state.cursor[axis] = Math.max(0, Math.min(state.volume.shape[axis] - 1, Math.round(value)));
  draw(state);
}

function zoom(state, factor) {
  const before = state.zoom;
  state.zoom = Math.max(1, Math.min(12, before * factor));
  if (before === 1 && state.zoom > 1) {
    state.panes.forEach(({ plane }, i) => (state.panes[i].centre = [state.cursor[plane.u], state.cursor[plane.v]]));
  }
  draw(state);
}

function setWindow(state, name) {
  state.window = name;
  state.range = WINDOWS[name];
  sync(state);
}

function shiftWindow(state, level, width) {
  const [low, high] = state.range;
  const centre = (low + high) / 2 + level;
  const half = Math.max(5, ((high - low) / 2) * Math.exp(width));
  state.window = "";
  state.range = [Math.max(-1024, centre - half), Math.min(3071, centre + half)];
  sync(state);
}

function reset(state) {
  Object.assign(state, START, { heatName: state.heatName });
  state.panes.forEach((pane) => (pane.centre = null));
  sync(state);
}

function toggle(state, name) {
  state[name] = !state[name];
  sync(state);
}

function setMode(state, mode) {
  state.mode = mode;
  sync(state);
}

function setMain(state, key) {
  state.main = state.stage.dataset.main = key;
  draw(state);
}

// ---- input ------------------------------------------------------------------------------------------------------------

function listenToolbar(state) {
  const { root } = state;
  const on = (selector, use) => root.querySelectorAll(selector).forEach((b) => (b.onclick = () => state.volume && use(b)));
  const actions = { in: () => zoom(state, 1.4), out: () => zoom(state, 1 / 1.4), fit: () => reset(state) };
  on("[data-do]", (b) => (b.dataset.do === "help" ? help(state, b) : actions[b.dataset.do]()));
  on("[data-toggle]", (b) => toggle(state, b.dataset.toggle));
  on("[data-mode]", (b) => setMode(state, b.dataset.mode));
  on("[data-window]", (b) => setWindow(state, b.dataset.window));
  root.querySelector("[data-range]").oninput = (event) => { state.opacity = Number(event.target.value); draw(state); };
  root.querySelector("[data-heat]").onchange = (event) => { state.heatName = event.target.value; draw(state); };
}

function help(state, button) {
  const keys = state.root.querySelector(".keys");
  keys.hidden = !keys.hidden;
  button.setAttribute("aria-expanded", String(!keys.hidden));
}

function listenPane(state, pane) {
  const { canvas, slider, element } = pane;
  slider.oninput = () => state.volume && moveCursor(state, pane.plane.s, Number(slider.value));
  element.querySelector(".grow").onclick = () => setMain(state, pane.key);
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.addEventListener("wheel", (event) => wheel(state, pane, event), { passive: false });
  canvas.ondblclick = () => reset(state);
  canvas.onpointerdown = (event) => {
    if (!state.volume) return;
    canvas.setPointerCapture(event.pointerId);
    state.pointers.set(event.pointerId, position(pane, event));
    if (dragKind(state, event) === "cross") cross(state, pane, position(pane, event));
  };
  canvas.onpointermove = (event) => move(state, pane, event);
  canvas.onpointerup = canvas.onpointercancel = (event) => state.pointers.delete(event.pointerId);
  canvas.onpointerleave = () => hover(state, null);
  canvas.onkeydown = (event) => key(state, pane, event);
}

function position(pane, event) {
  const box = pane.canvas.getBoundingClientRect();
  const ratio = pane.canvas.width / box.width;
  return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
}

function dragKind(state, event) {
  if (event.buttons === 2 || event.shiftKey) return "window";
  return state.mode;
}

function wheel(state, pane, event) {
  if (!state.volume) return;
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) return zoom(state, Math.exp(-event.deltaY / 400));
  state.turn = (state.turn || 0) + (event.deltaMode === 1 ? event.deltaY * 34 : event.deltaY);
  const steps = Math.trunc(state.turn / 34);
  if (!steps) return;
  state.turn -= steps * 34;
  moveCursor(state, pane.plane.s, state.cursor[pane.plane.s] + Math.max(-5, Math.min(5, steps)));
}

function move(state, pane, event) {
  if (!state.volume) return;
  const now = position(pane, event);
  const before = state.pointers.get(event.pointerId);
  if (!before) return hover(state, pane, now);
  const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
  if (state.pointers.size === 2) pinch(state, event, now, before);
  else {
    const kind = dragKind(state, event);
    if (kind === "window") shiftWindow(state, (-dy / pane.canvas.height) * 600, (dx / pane.canvas.width) * 2);
    else if (kind === "pan") pan(state, pane, dx, dy);
    else cross(state, pane, now);
  }
  state.pointers.set(event.pointerId, now);
}

function pinch(state, event, now, before) {
  const other = [...state.pointers.entries()].find(([id]) => id !== event.pointerId)[1];
  const span = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
  zoom(state, span(now) / Math.max(1, span(before)));
}

function pan(state, pane, dx, dy) {
  if (state.zoom === 1) return;
  const k = pixelsPerMm(state, pane);
  const { spacing } = state.volume;
  const [a, b] = middle(state, pane);
  pane.centre = [a - dx / (k * spacing[pane.plane.u]), b - dy / (k * spacing[pane.plane.v])];
  draw(state);
}

function cross(state, pane, point) {
  const [a, b] = toCell(state, pane, ...point);
  moveCursor(state, pane.plane.u, a);
  moveCursor(state, pane.plane.v, b);
}

// ---- vertebrae under the pointer ----------------------------------------------------------------------------------------

function hover(state, pane, point) {
  const found = pane && state.volume && state.header ? under(state, pane, point) : null;
  const level = found ? found.level : null;
  if (level !== state.hovered) {
    state.hovered = level;
    draw(state);
  }
  const element = state.root.querySelector(".tip");
  if (!found) {
    element.hidden = true;
    return;
  }
  const box = pane.element.getBoundingClientRect();
  const stage = state.stage.getBoundingClientRect();
  const ratio = pane.canvas.width / box.width;
  fillTip(element, state.stage, found.lines, box.left - stage.left + point[0] / ratio + 16, box.top - stage.top + point[1] / ratio + 12);
}

function under(state, pane, point) {
  const cell = [...state.cursor];
  const [a, b] = toCell(state, pane, ...point);
  cell[pane.plane.u] = Math.round(a);
  cell[pane.plane.v] = Math.round(b);
  return state.regions.find(({ kind, origin, shape, cells }) => {
    const [z, y, x] = cell.map((value, i) => value - origin[i]);
    if (kind !== "body" || [z, y, x].some((value, i) => value < 0 || value >= shape[i])) return false;
    return cells[(z * shape[1] + y) * shape[2] + x] > 127;
  });
}

function nextVertebra(state, step) {
  const bodies = state.regions.filter((region) => region.kind === "body");
  if (!bodies.length) return;
  state.pinned = (state.pinned + step + bodies.length) % bodies.length;
  const body = bodies[state.pinned];
  const place = state.header.places.find(({ name }) => name === body.level);
  if (place) goTo(state, place.at);
  state.hovered = body.level;
  state.root.querySelector(".live").textContent = body.lines.join(", ");
}

function key(state, pane, event) {
  if (!state.volume || event.ctrlKey || event.metaKey || event.altKey) return;
  const turn = (step) => () => moveCursor(state, pane.plane.s, state.cursor[pane.plane.s] + step);
  const names = Object.keys(WINDOWS);
  const actions = {
    ArrowUp: turn(-1), ArrowDown: turn(1), PageUp: turn(-10), PageDown: turn(10),
    "+": () => zoom(state, 1.25), "=": () => zoom(state, 1.25), "-": () => zoom(state, 0.8), 0: () => reset(state),
    1: () => setWindow(state, names[0]), 2: () => setWindow(state, names[1]), 3: () => setWindow(state, names[2]),
    4: () => setWindow(state, names[3]), c: () => setMode(state, "cross"), p: () => setMode(state, "pan"),
    w: () => setMode(state, "window"), m: () => toggle(state, "outlines"), r: () => toggle(state, "rois"),
    n: () => toggle(state, "names"), l: () => toggle(state, "lines"), v: () => nextVertebra(state, event.shiftKey ? -1 : 1),
    Escape: () => hover(state, null),
  };
  const action = actions[event.key] || actions[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}
