// The CT viewer: state and data.
import { recall } from "../shared/memory.js";
import { mounted } from "../shared/mount.js";
import { inflate, pieces, unpack } from "../shared/packet.js";
import { heatCanvases, newPicture } from "../shared/paint.js";
import { hover, listen, sync } from "./controls.js";
import { draw } from "./draw.js";
import { PLANES, START } from "./view.js";

export default mounted(create, receive, (state) => {
  globalThis.removeEventListener("osteolens-volume", state.onVolume);
});

function create(root) {
  const state = {
    root, header: null, volume: null, regions: [], heats: [], cursor: null, moved: false, mode: "cross", main: "sagittal",
    outlines: true, rois: true, names: true, lines: true, ...START, pointers: new Map(), hovered: null, pinned: -1, frame: 0,
    turn: 0, stage: root.querySelector(".planes"),
  };
  state.panes = [...root.querySelectorAll(".pane")].map((element) => ({
    element, plane: PLANES[element.dataset.plane], key: element.dataset.plane, canvas: element.querySelector("canvas"),
    context: element.querySelector("canvas").getContext("2d"), slider: element.querySelector(".slice"),
    tag: element.querySelector(".tag"), centre: null, picture: newPicture(), painted: "",
  }));
  state.observer = new ResizeObserver(() => draw(state));
  state.panes.forEach((pane) => state.observer.observe(pane.canvas));
  state.onVolume = () => takeVolume(state);
  globalThis.addEventListener("osteolens-volume", state.onVolume);
  listen(state);
  return state;
}

async function receive(state, data) {
  const [header, bytes] = unpack(data);
  state.header = header;
  const take = pieces(new Uint8Array(await inflate(bytes)));
  if (state.header !== header) return;
  state.regions = header.regions.map((region) => ({ ...region, cells: take(region.shape), paths: {} }));
  state.heats = heatCanvases(header.heats, take);
  if (!state.heats.some((heat) => heat.name === state.heatName)) state.heatName = state.heats[0]?.name ?? "";
  hover(state, null);
  takeVolume(state);
}

function takeVolume(state) {
  const volume = globalThis.osteolensVolume;
  if (!volume || !state.header || volume.volume !== state.header.volume) {
    if (state.header && state.volume?.volume !== state.header.volume) state.volume = null;
    sync(state);
    return;
  }
  if (state.volume !== volume) {
    const isNew = state.volume?.volume !== volume.volume;
    state.volume = volume;
    if (isNew) {
      const { heatName } = state;
      Object.assign(state, START, { heatName, moved: false, cursor: volume.shape.map((n) => Math.floor(n / 2)) });
      const wanted = recall(volume.volume);
      if (wanted) Object.assign(state, wanted.settings);
      state.stage.dataset.main = state.main;
      state.panes.forEach((pane, i) => Object.assign(pane, { centre: wanted?.centres[i] ?? null, painted: "" }));
    }
  }
  const { places } = state.header;
  const start = places.find((place) => place.name === "L3") || places[Math.floor(places.length / 2)];
  if (!state.moved && start) state.cursor = [...start.at];
  sync(state);
}
