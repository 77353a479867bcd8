// The outline of a mask on one slice, by marching squares at half cover.
import { stridesOf } from "./view.js";

const HALF = 127.5;
// Which edges (top, right, bottom, left) a line joins, by which of the four corners are covered.
const EDGES = [
  [], [[3, 2]], [[2, 1]], [[3, 1]], [[0, 1]], [[0, 3], [2, 1]], [[0, 2]], [[0, 3]],
  [[0, 3]], [[0, 2]], [[0, 1], [3, 2]], [[0, 1]], [[3, 1]], [[2, 1]], [[3, 2]], [],
];

// Segments [u1, v1, u2, v2] in cells; kept with the region for the last slice of each plane.
export function outline(region, key, plane, slice) {
  const kept = region.paths[key];
  if (kept && kept.slice === slice) return kept.lines;
  const lines = marched(region, plane, slice);
  region.paths[key] = { slice, lines };
  return lines;
}

export function marched({ cells, shape, origin }, { u, v, s }, slice) {
  const strides = stridesOf(shape);
  const index = slice - origin[s];
  if (index < 0 || index >= shape[s]) return [];
  const at = (a, b) => cells[index * strides[s] + b * strides[v] + a * strides[u]];
  const lines = [];
  for (let b = 0; b + 1 < shape[v]; b++) {
    for (let a = 0; a + 1 < shape[u]; a++) {
      const corners = [at(a, b), at(a + 1, b), at(a + 1, b + 1), at(a, b + 1)];
      const which = corners.reduce((sum, value) => sum * 2 + (value > HALF ? 1 : 0), 0);
      for (const [from, to] of EDGES[which]) {
        const [p, q] = [crossing(corners, from, a, b), crossing(corners, to, a, b)];
        lines.push([p[0] + origin[u], p[1] + origin[v], q[0] + origin[u], q[1] + origin[v]]);
      }
    }
  }
  return lines;
}

// Where the outline crosses one edge of the square whose first corner is (a, b).
function crossing([topLeft, topRight, bottomRight, bottomLeft], edge, a, b) {
  const part = (p, q) => (HALF - p) / (q - p);
  if (edge === 0) return [a + part(topLeft, topRight), b];
  if (edge === 1) return [a + 1, b + part(topRight, bottomRight)];
  if (edge === 2) return [a + part(bottomLeft, bottomRight), b + 1];
  return [a, b + part(topLeft, bottomLeft)];
}

// A body that the plane only grazes is outlined but not named: its name would lie on its neighbour's.
export function wellCut(shape, { u, v }, lines) {
  const span = (axis) => Math.max(...lines.map((l) => l[axis])) - Math.min(...lines.map((l) => l[axis]));
  return span(0) > 0.4 * (shape[u] - 3) && span(1) > 0.4 * (shape[v] - 3);
}
