// The film viewer. One state per mounted element; the default export runs again whenever the data or theme changes.
const STATES = new WeakMap();
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
  const [header, rest] = unpack(data);
  const isNew = state.film !== header.film;
  state.header = header;
  state.hovered = state.pinned = -1;
  tip(state, -1);
  state.canvas.setAttribute("aria-label", header.alt);
  state.heats = readHeats(header, rest.subarray(header.film_bytes));
  if (isNew) {
    state.film = header.film;
    const grey = new Uint16Array(await inflate(rest.subarray(0, header.film_bytes)));
    if (state.film !== header.film) return;
    Object.assign(state, START, { grey, invert: false, view: null, picture: null });
  }
  syncToolbar(state);
  paintFilm(state);
  resize(state);
}

function readHeats(header, bytes) {
  let at = 0;
  return header.heats.map((heat) => {
    const [h, w] = heat.shape;
    const canvas = heatCanvas(bytes.subarray(at, at + w * h), w, h);
    at += w * h;
    return { ...heat, canvas };
  });
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
  const stroke = (dash) => strokeOutline(context, colour, ratio, strong, dash);
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
  const half = labelHalf(context, vertebra.level, ratio);
  const fits = right + 2 * half + 10 * ratio < canvas.width;
  const x = fits ? right + half + 7 * ratio : toScreen(state, x1, y1)[0] - half - 7 * ratio;
  paintLabel(context, vertebra.level, x, y, colour, ratio);
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
