// The film viewer. One state per mounted element; the default export runs again whenever the data or theme changes.
const STATES = new WeakMap();
const COLOURS = { normal: "#35c2a4", osteopenia: "#f0b541", osteoporosis: "#ff6b6b", none: "#7fb2e5" };
const START = { level: 50, contrast: 50, heat: 55 };

export default function (component) {
  const { data, parentElement } = component;
  let state = STATES.get(parentElement);
  if (!state) {
    state = create(parentElement);
    STATES.set(parentElement, state);
  }
  receive(state, data);
  return () => {
    state.observer.disconnect();
    STATES.delete(parentElement);
  };
}

function create(root) {
  const canvas = root.querySelector("canvas");
  const state = {
    root, canvas, context: canvas.getContext("2d"), film: null, header: null, grey: null, picture: null, heats: [],
    view: null, mode: "pan", invert: false, outlines: true, boxes: false, names: true, ...START,
    pointers: new Map(), hovered: -1, frame: 0, pinned: -1,
  };
  state.observer = new ResizeObserver(() => resize(state));
  state.observer.observe(canvas);
  listenToolbar(state);
  listenPointer(state);
  canvas.onkeydown = (event) => key(state, event);
  return state;
}

// ---- data ---------------------------------------------------------------------------------------------------------

async function receive(state, data) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const start = 4 + length;
  const isNew = state.film !== header.film;
  state.header = header;
  state.hovered = state.pinned = -1;
  tip(state, -1);
  state.canvas.setAttribute("aria-label", header.alt);
  state.heats = readHeats(header, bytes.subarray(start + header.film_bytes));
  if (isNew) {
    state.film = header.film;
    const grey = await inflate(bytes.subarray(start, start + header.film_bytes));
    if (state.film !== header.film) return;
    Object.assign(state, START, { grey, invert: false, view: null, picture: null });
  }
  syncToolbar(state);
  paintFilm(state);
  resize(state);
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint16Array(await new Response(stream).arrayBuffer());
}

function readHeats(header, bytes) {
  let at = 0;
  return header.heats.map((heat) => {
    const [h, w] = heat.shape;
    const canvas = document.createElement("canvas");
    canvas.width = w;
    canvas.height = h;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(w, h);
    for (let i = 0; i < w * h; i++) {
      const value = bytes[at + i] / 255;
      const [r, g, b] = heatColour(value);
      pixels.data.set([r, g, b, 255 * Math.min(1, value * 1.6)], i * 4);
    }
    context.putImageData(pixels, 0, 0);
    at += w * h;
    return { ...heat, canvas };
  });
}

// Dark purple through orange to pale yellow ("inferno"), readable for the colour-blind and in grey.
const INFERNO = [[0, 0, 4], [51, 10, 95], [120, 28, 109], [188, 55, 84], [237, 105, 37], [251, 180, 26], [252, 255, 164]];
function heatColour(value) {
  const x = value * (INFERNO.length - 1);
  const i = Math.min(INFERNO.length - 2, Math.floor(x));
  return INFERNO[i].map((c, k) => c + (INFERNO[i + 1][k] - c) * (x - i));
}

// ---- drawing ------------------------------------------------------------------------------------------------------

// Brightness 0..100 and contrast 0..100 to a window: 50/50 shows 0..1 as it is, as the film came.
function greyWindow(state) {
  const width = Math.pow(4, (50 - state.contrast) / 50);
  const centre = 0.5 + (50 - state.level) / 50 * 0.75;
  return { width, centre };
}

function paintFilm(state) {
  if (!state.grey) return;
  const { width, height } = state.header;
  if (!state.picture || state.picture.width !== width || state.picture.height !== height) {
    state.picture = document.createElement("canvas");
    state.picture.width = width;
    state.picture.height = height;
    state.pixels = state.picture.getContext("2d").createImageData(width, height);
    state.words = new Uint32Array(state.pixels.data.buffer);
  }
  const { width: span, centre } = greyWindow(state);
  const table = new Uint32Array(4096);
  for (let i = 0; i < 4096; i++) {
    let v = Math.max(0, Math.min(255, Math.round(((i / 4095 - centre) / span + 0.5) * 255)));
    if (state.invert !== state.header.inverted) v = 255 - v;
    table[i] = (255 << 24) | (v << 16) | (v << 8) | v;
  }
  for (let i = 0; i < state.grey.length; i++) state.words[i] = table[state.grey[i]];
  state.picture.getContext("2d").putImageData(state.pixels, 0, 0);
}

function resize(state) {
  const { canvas } = state;
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) {
    const before = state.view && { ...state.view };
    canvas.width = width;
    canvas.height = height;
    if (before && before.fitted) state.view = null;
  }
  if (!state.view) fit(state);
  draw(state);
}

function fitScale(state) {
  return Math.min(state.canvas.width / state.header.width, state.canvas.height / state.header.height);
}

function fit(state) {
  if (!state.header) return;
  const scale = fitScale(state);
  state.view = {
    scale, fitted: true,
    x: (state.canvas.width - state.header.width * scale) / 2,
    y: (state.canvas.height - state.header.height * scale) / 2,
  };
}

function draw(state) {
  cancelAnimationFrame(state.frame);
  state.frame = requestAnimationFrame(() => paint(state));
}

function paint(state) {
  const { context, canvas, view, header } = state;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!state.picture || !view) return;
  context.imageSmoothingEnabled = view.scale < 3;
  context.imageSmoothingQuality = "high";
  context.drawImage(state.picture, view.x, view.y, header.width * view.scale, header.height * view.scale);
  for (const heat of state.heats) {
    const [x1, y1] = toScreen(state, heat.box[0], heat.box[1]);
    const [x2, y2] = toScreen(state, heat.box[2], heat.box[3]);
    context.globalAlpha = state.heat / 100;
    context.imageSmoothingEnabled = true;
    context.drawImage(heat.canvas, x1, y1, x2 - x1, y2 - y1);
    context.globalAlpha = 1;
  }
  header.vertebrae.forEach((vertebra, i) => paintVertebra(state, vertebra, i === state.hovered));
  const zoom = Math.round(view.scale / fitScale(state) * 100);
  const { width, centre } = greyWindow(state);
  state.root.querySelector(".hud").textContent =
    `zoom ${zoom} %   window ${(centre * 100).toFixed(0)} / ${(width * 100).toFixed(0)}${state.invert ? "   inverted" : ""}`;
  canvas.style.touchAction = view.fitted ? "pan-y" : "none";
}

function paintVertebra(state, vertebra, strong) {
  const { context } = state;
  const ratio = window.devicePixelRatio || 1;
  const colour = COLOURS[vertebra.category] || COLOURS.none;
  context.lineJoin = "round";
  const stroke = (dash) => {
    context.setLineDash(dash);
    context.strokeStyle = "rgba(0,0,0,.55)";
    context.lineWidth = (strong ? 5 : 3.4) * ratio;
    context.stroke();
    context.strokeStyle = colour;
    context.lineWidth = (strong ? 3 : 1.7) * ratio;
    context.stroke();
    context.setLineDash([]);
  };
  if (vertebra.contour.length > 2 && (state.outlines || strong)) {
    trace(state, vertebra.contour);
    if (strong) {
      context.fillStyle = colour + "33";
      context.fill();
    }
    stroke([]);
  }
  if (state.boxes) {
    const [x1, y1, x2, y2] = vertebra.box;
    trace(state, [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]);
    stroke([6 * ratio, 4 * ratio]);
  }
  if (state.names) paintName(state, vertebra, colour, ratio);
}

function trace(state, points) {
  state.context.beginPath();
  points.forEach(([x, y], i) => {
    const [sx, sy] = toScreen(state, x, y);
    if (i) state.context.lineTo(sx, sy);
    else state.context.moveTo(sx, sy);
  });
  state.context.closePath();
}

// Beside the body, so that the bone and its heat map stay free.
function paintName(state, vertebra, colour, ratio) {
  const { context, canvas } = state;
  const [x1, y1, x2, y2] = vertebra.box;
  const [right, y] = toScreen(state, x2, (y1 + y2) / 2);
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const half = context.measureText(vertebra.level).width / 2 + 5 * ratio;
  const fits = right + 2 * half + 10 * ratio < canvas.width;
  const x = fits ? right + half + 7 * ratio : toScreen(state, x1, y1)[0] - half - 7 * ratio;
  context.fillStyle = "rgba(6,10,12,.72)";
  context.beginPath();
  context.roundRect(x - half, y - 10 * ratio, half * 2, 20 * ratio, 5 * ratio);
  context.fill();
  context.fillStyle = colour;
  context.fillText(vertebra.level, x, y + ratio);
}

// ---- coordinates: film pixels <-> canvas pixels (a film pixel's centre is its integer coordinate) ---------------------

function toScreen(state, x, y) {
  const k = state.header.scale * state.view.scale;
  return [state.view.x + (x + 0.5) * k, state.view.y + (y + 0.5) * k];
}

function toFilm(state, sx, sy) {
  const k = state.header.scale * state.view.scale;
  return [(sx - state.view.x) / k - 0.5, (sy - state.view.y) / k - 0.5];
}

function at(state, event) {
  const box = state.canvas.getBoundingClientRect();
  const ratio = state.canvas.width / box.width;
  return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
}

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
  const [title, ...lines] = state.header.vertebrae[index].lines;
  element.replaceChildren(Object.assign(document.createElement("b"), { textContent: title }));
  lines.forEach((line) => element.append(line, document.createElement("br")));
  const ratio = window.devicePixelRatio || 1;
  const stage = state.canvas.parentElement;
  const x = point[0] / ratio + 16;
  const y = point[1] / ratio + 12;
  element.style.left = `${Math.min(x, stage.clientWidth - element.offsetWidth - 8)}px`;
  element.style.top = `${Math.min(y, stage.clientHeight - element.offsetHeight - 8)}px`;
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
