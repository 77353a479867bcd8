// The CT's planes in numbers: cutting slices, windows, cells of the volume <-> canvas pixels. Nothing here touches the page.
import { clamp } from "../shared/input.js";
import { opaque } from "../shared/paint.js";

// Axes of the volume (z, y, x) that go right (u) and down (v) on a plane and through it (s).
export const PLANES = {
  axial: { u: 2, v: 1, s: 0, sides: ["R", "L", "A", "P"] },
  coronal: { u: 2, v: 0, s: 1, sides: ["R", "L", "H", "F"] },
  sagittal: { u: 1, v: 0, s: 2, sides: ["A", "P", "H", "F"] },
};
export const WINDOWS = { bone: [-300, 1000], soft: [-160, 240], narrow: [-128, 1024], wide: [-450, 1024] };
export const START = { zoom: 1, window: "bone", range: WINDOWS.bone, heatName: "", opacity: 55 };
export const KEPT = [
  ...Object.keys(START), "cursor", "moved", "mode", "main", "outlines", "rois", "names", "lines",
];
const LARGEST_ZOOM = 12;
const ROOM = 0.97;
const HEAT_REACH_MM = 3;
const LOWEST_HU = -1024;
const HIGHEST_HU = 3071;

export const stridesOf = (shape) => [shape[1] * shape[2], shape[2], 1];

// Pixel of each code of the volume's table in a window [low, high] HU.
export function greyTable(table, [low, high]) {
  return Uint32Array.from(table, (hu) => opaque(clamp(Math.round(((hu - low) / (high - low)) * 255), 0, 255)));
}

// Writes one slice of a plane into `words`, row by row.
export function cut({ shape, codes }, { u, v, s }, slice, greys, words) {
  const strides = stridesOf(shape);
  let at = 0;
  for (let row = 0; row < shape[v]; row++) {
    let from = slice * strides[s] + row * strides[v];
    for (let column = 0; column < shape[u]; column++, from += strides[u]) words[at++] = greys[codes[from]];
  }
}

export function huAt({ shape, codes, table }, [z, y, x]) {
  return table[codes[(z * shape[1] + y) * shape[2] + x]];
}

// A window moved by `level` HU and made exp(width) times as wide.
export function shifted([low, high], level, width) {
  const centre = (low + high) / 2 + level;
  const half = Math.max(5, ((high - low) / 2) * Math.exp(width));
  return [Math.max(LOWEST_HU, centre - half), Math.min(HIGHEST_HU, centre + half)];
}

export const zoomedBy = (zoom, factor) => clamp(zoom * factor, 1, LARGEST_ZOOM);

export const cellOf = (shape, axis, value) => clamp(Math.round(value), 0, shape[axis] - 1);

export function pixelsPerMm({ shape, spacing }, { u, v }, canvas, zoom) {
  const fit = Math.min(canvas.width / (shape[u] * spacing[u]), canvas.height / (shape[v] * spacing[v]));
  return fit * ROOM * zoom;
}

// The cell in the middle of the canvas: of the whole slice, or where a zoomed plane was moved to.
export function middle({ shape }, { u, v }, zoom, centre) {
  return zoom > 1 && centre ? centre : [(shape[u] - 1) / 2, (shape[v] - 1) / 2];
}

// The centre of a cell is its integer coordinate. `pane` has plane, canvas and centre.
export function toScreen(volume, pane, zoom, a, b) {
  const { plane, canvas } = pane;
  const k = pixelsPerMm(volume, plane, canvas, zoom);
  const [ca, cb] = middle(volume, plane, zoom, pane.centre);
  const { spacing } = volume;
  return [canvas.width / 2 + (a - ca) * spacing[plane.u] * k, canvas.height / 2 + (b - cb) * spacing[plane.v] * k];
}

export function toCell(volume, pane, zoom, x, y) {
  const { plane, canvas } = pane;
  const k = pixelsPerMm(volume, plane, canvas, zoom);
  const [ca, cb] = middle(volume, plane, zoom, pane.centre);
  const { spacing } = volume;
  return [ca + (x - canvas.width / 2) / (spacing[plane.u] * k), cb + (y - canvas.height / 2) / (spacing[plane.v] * k)];
}

// The centre after the picture was dragged by canvas pixels.
export function draggedCentre(volume, pane, zoom, dx, dy) {
  const { plane, canvas } = pane;
  const k = pixelsPerMm(volume, plane, canvas, zoom);
  const [a, b] = middle(volume, plane, zoom, pane.centre);
  return [a - dx / (k * volume.spacing[plane.u]), b - dy / (k * volume.spacing[plane.v])];
}

// A heat map belongs to one slice; it stays up for the slices near it.
export function nearestHeat(heats, name, slice, spacing) {
  const reach = Math.max(0.5, HEAT_REACH_MM / spacing[0]);
  return heats.find((heat) => heat.name === name && Math.abs(heat.z - slice) <= reach);
}

// The body that covers more than half of a cell.
export function bodyAt(regions, cell) {
  return regions.find(({ kind, origin, shape, cells }) => {
    const [z, y, x] = cell.map((value, i) => value - origin[i]);
    if (kind !== "body" || [z, y, x].some((value, i) => value < 0 || value >= shape[i])) return false;
    return cells[(z * shape[1] + y) * shape[2] + x] > 127;
  });
}
