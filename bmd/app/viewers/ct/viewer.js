// The CT viewer: state, data and layout. One state per mounted element; the default export runs again on new data.
const STATES = new WeakMap();
const PLANES = {
  axial: { u: 2, v: 1, s: 0, name: "Axial", sides: ["R", "L", "A", "P"] },
  coronal: { u: 2, v: 0, s: 1, name: "Coronal", sides: ["R", "L", "H", "F"] },
  sagittal: { u: 1, v: 0, s: 2, name: "Sagittal", sides: ["A", "P", "H", "F"] },
};
const WINDOWS = { bone: [-300, 1000], soft: [-160, 240], narrow: [-128, 1024], wide: [-450, 1024] };
const START = { zoom: 1, window: "bone", range: WINDOWS.bone, heatName: "", opacity: 55 };

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
    globalThis.removeEventListener("osteolens-volume", state.onVolume);
    STATES.delete(parentElement);
  };
}

function create(root) {
  const state = {
    root, header: null, volume: null, regions: [], heats: [], cursor: null, moved: false, mode: "cross", main: "sagittal",
    outlines: true, rois: true, names: true, lines: true, ...START, pointers: new Map(), hovered: null, pinned: -1, frame: 0,
  };
  state.stage = root.querySelector(".planes");
  state.panes = [...root.querySelectorAll(".pane")].map((element) => ({
    element, plane: PLANES[element.dataset.plane], key: element.dataset.plane, canvas: element.querySelector("canvas"),
    context: element.querySelector("canvas").getContext("2d"), slider: element.querySelector(".slice"),
    tag: element.querySelector(".tag"), centre: null, picture: document.createElement("canvas"), painted: "",
  }));
  state.observer = new ResizeObserver(() => draw(state));
  state.panes.forEach((pane) => state.observer.observe(pane.canvas));
  state.onVolume = () => takeVolume(state);
  globalThis.addEventListener("osteolens-volume", state.onVolume);
  listenToolbar(state);
  state.panes.forEach((pane) => listenPane(state, pane));
  return state;
}

// ---- data ---------------------------------------------------------------------------------------------------------

async function receive(state, data) {
  const [header, bytes] = unpack(data);
  state.header = header;
  const blocks = new Uint8Array(await inflate(bytes));
  if (state.header !== header) return;
  let at = 0;
  const take = (shape) => blocks.subarray(at, (at += shape.reduce((a, b) => a * b, 1)));
  state.regions = header.regions.map((region) => ({ ...region, cells: take(region.shape), paths: {} }));
  state.heats = header.heats.map((heat) => ({ ...heat, canvas: heatCanvas(take(heat.shape), heat.shape[1], heat.shape[0]) }));
  const names = [...new Set(state.heats.map((heat) => heat.name))];
  if (!names.includes(state.heatName)) state.heatName = names[0] || "";
  hover(state, null);
  takeVolume(state);
}

function takeVolume(state) {
  const volume = globalThis.osteolensVolume;
  if (!volume || !state.header || volume.volume !== state.header.volume) {
    if (state.volume && state.header && state.volume.volume !== state.header.volume) state.volume = null;
    return sync(state);
  }
  if (state.volume !== volume) {
    const isNew = state.volume?.volume !== volume.volume;
    state.volume = volume;
    if (isNew) {
      Object.assign(state, START, { moved: false, cursor: volume.shape.map((n) => Math.floor(n / 2)) });
      state.panes.forEach((pane) => Object.assign(pane, { centre: null, painted: "" }));
    }
  }
  const { places } = state.header;
  const start = places.find((place) => place.name === "L3") || places[Math.floor(places.length / 2)];
  if (!state.moved && start) state.cursor = [...start.at];
  sync(state);
}

// ---- the bar and the sliders show the state -------------------------------------------------------------------------

function sync(state) {
  const { root, header, volume } = state;
  root.querySelector(".loading").hidden = Boolean(volume);
  root.querySelectorAll("[data-toggle]").forEach((b) => b.setAttribute("aria-pressed", state[b.dataset.toggle]));
  root.querySelectorAll("[data-mode]").forEach((b) => b.setAttribute("aria-pressed", state.mode === b.dataset.mode));
  root.querySelectorAll("[data-window]").forEach((b) => b.setAttribute("aria-pressed", state.window === b.dataset.window));
  root.querySelector(".overlays").hidden = !header || !header.regions.length;
  syncPlaces(state);
  syncHeat(state);
  const reduced = root.querySelector(".reduced");
  reduced.hidden = !header?.reduced || !volume;
  if (volume) {
    const [d, h, w] = volume.full;
    const [a, b, c] = volume.shape;
    reduced.textContent = `Shown reduced, ${c} × ${b} × ${a} of ${w} × ${h} × ${d} voxels; measured on the whole CT.`;
  }
  state.panes.forEach((pane) => {
    pane.canvas.setAttribute("aria-label", `${pane.plane.name} plane. ${header?.alt ?? ""}`);
    pane.canvas.className = state.mode === "cross" ? "" : state.mode;
    if (volume) pane.slider.max = volume.shape[pane.plane.s] - 1;
  });
  draw(state);
}

function syncPlaces(state) {
  const box = state.root.querySelector(".places");
  const names = (state.header?.places ?? []).map((place) => place.name).join();
  if (box.dataset.names === names) return;
  box.dataset.names = names;
  box.replaceChildren(...(state.header?.places ?? []).map((place) => {
    const button = Object.assign(document.createElement("button"), { textContent: place.name });
    button.onclick = () => goTo(state, place.at);
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
