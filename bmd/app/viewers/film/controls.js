// Second half of viewer.js, joined to it when the component is registered: changing the view, tools, pointer, keys.

// ---- changing the view ---------------------------------------------------------------------------------------------

function zoom(state, factor, sx = state.canvas.width / 2, sy = state.canvas.height / 2) {
  const least = fitScale(state);
  const scale = Math.max(least, Math.min(least * 16, state.view.scale * factor));
  const k = scale / state.view.scale;
  state.view = { scale, x: sx - (sx - state.view.x) * k, y: sy - (sy - state.view.y) * k, fitted: false };
  if (scale <= least * 1.001) fit(state);
  else keepInSight(state);
  draw(state);
}

function pan(state, dx, dy) {
  state.view.x += dx;
  state.view.y += dy;
  state.view.fitted = false;
  keepInSight(state);
  draw(state);
}

function keepInSight(state) {
  const { canvas, header, view } = state;
  const margin = 0.25;
  const w = header.width * view.scale;
  const h = header.height * view.scale;
  view.x = Math.min(canvas.width * (1 - margin), Math.max(canvas.width * margin - w, view.x));
  view.y = Math.min(canvas.height * (1 - margin), Math.max(canvas.height * margin - h, view.y));
}

function setRange(state, name, value) {
  state[name] = Math.max(0, Math.min(100, value));
  if (name !== "heat") paintFilm(state);
  syncToolbar(state);
  draw(state);
}

function reset(state) {
  Object.assign(state, START, { invert: false });
  fit(state);
  paintFilm(state);
  syncToolbar(state);
  draw(state);
}

function toggle(state, name) {
  state[name] = !state[name];
  if (name === "invert") paintFilm(state);
  syncToolbar(state);
  draw(state);
}

function setMode(state, mode) {
  state.mode = mode;
  syncToolbar(state);
}

// ---- input ----------------------------------------------------------------------------------------------------------

function listenToolbar(state) {
  state.root.querySelectorAll("[data-do]").forEach((button) => {
    const actions = {
      in: () => zoom(state, 1.4), out: () => zoom(state, 1 / 1.4), fit: () => reset(state), help: () => help(state, button),
    };
    button.onclick = () => state.view && actions[button.dataset.do]();
  });
  state.root.querySelectorAll("[data-toggle]").forEach((button) => {
    button.onclick = () => toggle(state, button.dataset.toggle);
  });
  state.root.querySelectorAll("[data-mode]").forEach((button) => {
    button.onclick = () => setMode(state, button.dataset.mode);
  });
  state.root.querySelectorAll("[data-range]").forEach((input) => {
    input.oninput = () => setRange(state, input.dataset.range, Number(input.value));
  });
}

function syncToolbar(state) {
  const { root, header } = state;
  root.querySelectorAll("[data-toggle]").forEach((b) => b.setAttribute("aria-pressed", state[b.dataset.toggle]));
  root.querySelectorAll("[data-mode]").forEach((b) => b.setAttribute("aria-pressed", state.mode === b.dataset.mode));
  root.querySelectorAll("[data-range]").forEach((i) => (i.value = state[i.dataset.range]));
  root.querySelector(".overlays").hidden = !header || !header.vertebrae.length;
  root.querySelector(".heat").hidden = !state.heats.length;
  state.canvas.classList.toggle("window", state.mode === "window");
}

function help(state, button) {
  const keys = state.root.querySelector(".keys");
  keys.hidden = !keys.hidden;
  button.setAttribute("aria-expanded", String(!keys.hidden));
}

function listenPointer(state) {
  const { canvas, pointers } = state;
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.addEventListener("wheel", (event) => wheel(state, event), { passive: false });
  canvas.ondblclick = () => reset(state);
  canvas.onpointerdown = (event) => {
    if (!state.view) return;
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(state, event));
  };
  canvas.onpointermove = (event) => move(state, event);
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    pointers.delete(event.pointerId);
    if (event.pointerType === "touch") hover(state, at(state, event));
  };
  canvas.onpointerleave = () => hover(state, null);
}

function wheel(state, event) {
  if (!state.view || (event.deltaY > 0 && state.view.fitted)) return;
  event.preventDefault();
  const step = event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY;
  zoom(state, Math.exp(-step / 500), ...at(state, event));
}

function move(state, event) {
  const { pointers } = state;
  if (!state.view) return;
  const now = at(state, event);
  const before = pointers.get(event.pointerId);
  if (!before) return hover(state, now);
  if (pointers.size === 2) {
    const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)[1];
    const span = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
    zoom(state, span(now) / Math.max(1, span(before)), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  } else if (state.mode === "window" || event.buttons === 2 || event.shiftKey) {
    const k = 100 / state.canvas.height;
    setRange(state, "level", state.level - (now[1] - before[1]) * k);
    setRange(state, "contrast", state.contrast + (now[0] - before[0]) * k);
  } else if (!(event.pointerType === "touch" && state.view.fitted)) {
    pan(state, now[0] - before[0], now[1] - before[1]);
  }
  pointers.set(event.pointerId, now);
}

function hover(state, point) {
  if (!state.header || !state.view) return;
  const found = point ? find(state, ...toFilm(state, ...point)) : -1;
  if (found === state.hovered && found < 0) return;
  if (found !== state.hovered) {
    state.hovered = found;
    draw(state);
  }
  tip(state, found, point);
}

function find(state, x, y) {
  return state.header.vertebrae.findIndex(({ box: [x1, y1, x2, y2] }) => x >= x1 && x <= x2 && y >= y1 && y <= y2);
}

function tip(state, index, point) {
  const element = state.root.querySelector(".tip");
  element.hidden = index < 0;
  if (index < 0) return;
  const ratio = window.devicePixelRatio || 1;
  const lines = state.header.vertebrae[index].lines;
  fillTip(element, state.canvas.parentElement, lines, point[0] / ratio + 16, point[1] / ratio + 12);
}

function nextVertebra(state, step) {
  const { vertebrae } = state.header;
  if (!vertebrae.length) return;
  state.hovered = state.pinned = (state.pinned + step + vertebrae.length) % vertebrae.length;
  const { box, lines } = vertebrae[state.pinned];
  const [x, y] = toScreen(state, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
  const { width, height } = state.canvas;
  if (x < 0 || y < 0 || x > width || y > height) pan(state, width / 2 - x, height / 2 - y);
  tip(state, state.pinned, toScreen(state, box[2], (box[1] + box[3]) / 2));
  state.root.querySelector(".live").textContent = lines.join(", ");
  draw(state);
}

function key(state, event) {
  if (!state.view || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = 40 * (window.devicePixelRatio || 1);
  const actions = {
    "+": () => zoom(state, 1.25), "=": () => zoom(state, 1.25), "-": () => zoom(state, 0.8), 0: () => reset(state),
    ArrowLeft: () => pan(state, step, 0), ArrowRight: () => pan(state, -step, 0),
    ArrowUp: () => pan(state, 0, step), ArrowDown: () => pan(state, 0, -step),
    "[": () => setRange(state, "level", state.level - 4), "]": () => setRange(state, "level", state.level + 4),
    "{": () => setRange(state, "contrast", state.contrast - 4), "}": () => setRange(state, "contrast", state.contrast + 4),
    i: () => toggle(state, "invert"), m: () => toggle(state, "outlines"), b: () => toggle(state, "boxes"),
    n: () => toggle(state, "names"), p: () => setMode(state, "pan"), w: () => setMode(state, "window"),
    v: () => nextVertebra(state, event.shiftKey ? -1 : 1), Escape: () => hover(state, null),
  };
  const action = actions[event.key] || actions[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}
