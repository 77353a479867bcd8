// The CT viewer's numbers: slices, windows, coordinates, outlines, hits, keys.
import assert from "node:assert/strict";
import { test } from "node:test";

import { KEYS } from "../../../bmd/app/viewers/ct/keys.js";
import { marched, outline, wellCut } from "../../../bmd/app/viewers/ct/outline.js";
import {
  PLANES, WINDOWS, bodyAt, cellOf, cut, draggedCentre, greyTable, huAt, nearestHeat, shifted, toCell, toScreen, zoomedBy,
} from "../../../bmd/app/viewers/ct/view.js";
import { command } from "../../../bmd/app/viewers/shared/input.js";

const SHAPE = [2, 3, 4];
const codes = Uint8Array.from({ length: 24 }, (_, i) => i);
const table = Array.from({ length: 256 }, (_, i) => 10 * i);
const volume = { shape: SHAPE, spacing: [5, 2, 1], codes, table };
const same = Uint32Array.from({ length: 256 }, (_, i) => i);
const near = (a, b) => a.forEach((value, i) => assert.ok(Math.abs(value - b[i]) < 1e-9, `${a} is not ${b}`));

function slice(plane, index) {
  const words = new Uint32Array(SHAPE[PLANES[plane].u] * SHAPE[PLANES[plane].v]);
  cut(volume, PLANES[plane], index, same, words);
  return [...words];
}

test("each plane is cut out of the volume the right way round", () => {
  assert.deepEqual(slice("axial", 1), [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]);
  assert.deepEqual(slice("coronal", 2), [8, 9, 10, 11, 20, 21, 22, 23]);
  assert.deepEqual(slice("sagittal", 3), [3, 7, 11, 15, 19, 23]);
  assert.equal(huAt(volume, [1, 2, 3]), 230);
});

test("a window spreads its HU over the greys", () => {
  const greys = greyTable([-300, 0, 350, 1000, 2000], WINDOWS.bone);
  assert.deepEqual([...greys].map((word) => word & 255), [0, 59, 128, 255, 255]);
  assert.ok([...greys].every((word) => word >>> 24 === 255));
});

test("a window moves and widens, and stays in what a CT can hold", () => {
  near(shifted([-160, 240], 50, 0), [-110, 290]);
  near(shifted([-160, 240], 0, Math.log(2)), [-360, 440]);
  assert.deepEqual(shifted([-160, 240], 0, 100), [-1024, 3071]);
  near(shifted([-160, 240], 0, -100), [35, 45]);
});

test("zoom and cursor keep their limits", () => {
  assert.equal(zoomedBy(1, 0.5), 1);
  assert.equal(zoomedBy(10, 2), 12);
  assert.equal(cellOf(SHAPE, 0, 9), 1);
  assert.equal(cellOf(SHAPE, 2, -3), 0);
  assert.equal(cellOf(SHAPE, 2, 1.6), 2);
});

test("cells and canvas pixels are each other's inverse, in true proportions", () => {
  for (const plane of Object.values(PLANES)) {
    const pane = { plane, canvas: { width: 400, height: 300 }, centre: [1, 1] };
    for (const zoom of [1, 3]) near(toCell(volume, pane, zoom, ...toScreen(volume, pane, zoom, 0.7, 1.2)), [0.7, 1.2]);
    const [origin, right, down] = [[0, 0], [1, 0], [0, 1]].map(([a, b]) => toScreen(volume, pane, 1, a, b));
    const ratio = (right[0] - origin[0]) / (down[1] - origin[1]);
    near([ratio], [volume.spacing[plane.u] / volume.spacing[plane.v]]);
  }
});

test("a dragged picture follows the pointer", () => {
  const pane = { plane: PLANES.axial, canvas: { width: 400, height: 300 }, centre: [2, 1] };
  const before = toCell(volume, pane, 3, 100, 100);
  pane.centre = draggedCentre(volume, pane, 3, 25, -10);
  near(toCell(volume, pane, 3, 125, 90), before);
});

const block = (size, inside) => Uint8Array.from({ length: size ** 3 }, (_, i) => {
  const cell = [Math.floor(i / size ** 2), Math.floor(i / size) % size, i % size];
  return cell.every((value) => inside.includes(value)) ? 255 : 0;
});
const region = { kind: "body", level: "L3", origin: [10, 20, 30], shape: [6, 6, 6], cells: block(6, [2, 3]), paths: {} };

test("an outline runs half way between covered and free cells and closes", () => {
  const lines = marched(region, PLANES.axial, 12);
  const xs = lines.flatMap(([a, , c]) => [a, c]);
  const ys = lines.flatMap(([, b, , d]) => [b, d]);
  near([Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)], [31.5, 33.5, 21.5, 23.5]);
  const ends = new Map();
  for (const [a, b, c, d] of lines) for (const end of [`${a},${b}`, `${c},${d}`]) ends.set(end, (ends.get(end) ?? 0) + 1);
  assert.ok([...ends.values()].every((count) => count === 2), "every end belongs to two segments");
  assert.deepEqual(marched(region, PLANES.axial, 10), []);
  assert.deepEqual(marched(region, PLANES.axial, 99), []);
});

test("every pattern of covered corners gives lines that part covered from free", () => {
  for (let which = 1; which < 15; which++) {
    const corners = [8, 4, 2, 1].map((bit) => (which & bit ? 255 : 0));
    const cells = Uint8Array.from([corners[0], corners[1], corners[3], corners[2]]);
    const lines = marched({ cells, shape: [1, 2, 2], origin: [0, 0, 0] }, PLANES.axial, 0);
    const changes = corners.filter((value, i) => value !== corners[(i + 1) % 4]).length;
    assert.equal(lines.length, changes / 2, `pattern ${which}`);
    for (const [a, b, c, d] of lines) for (const [x, y] of [[a, b], [c, d]]) assert.ok(x % 1 !== 0 || y % 1 !== 0);
  }
});

test("outlines are kept for the last slice of each plane", () => {
  const first = outline(region, "axial", PLANES.axial, 12);
  assert.equal(outline(region, "axial", PLANES.axial, 12), first);
  assert.notEqual(outline(region, "axial", PLANES.axial, 13), first);
});

test("a grazed body is not named", () => {
  assert.ok(wellCut([12, 12, 12], PLANES.axial, [[0, 0, 9, 9], [9, 9, 0, 0]]));
  assert.ok(!wellCut([12, 12, 12], PLANES.axial, [[0, 0, 1, 1], [1, 1, 0, 0]]));
});

test("a cell hits the body that covers it, not the region that was measured in it", () => {
  assert.equal(bodyAt([{ ...region, kind: "roi" }, region], [12, 22, 32]), region);
  assert.equal(bodyAt([region], [11, 22, 32]), undefined);
  assert.equal(bodyAt([region], [0, 0, 0]), undefined);
});

test("a heat map stays up for slices within 3 mm", () => {
  const heats = [{ name: "a", z: 10 }, { name: "b", z: 10 }];
  assert.equal(nearestHeat(heats, "b", 12, [1.5, 1, 1]), heats[1]);
  assert.equal(nearestHeat(heats, "b", 13, [1.5, 1, 1]), undefined);
  assert.equal(nearestHeat(heats, "b", 10, [8, 1, 1]), heats[1]);
});

test("keys give commands", () => {
  const key = (name, more = {}) => command(KEYS, { key: name, ...more });
  assert.deepEqual(key("ArrowDown"), ["turn", 1]);
  assert.deepEqual(key("PageUp"), ["turn", -10]);
  assert.deepEqual(key("2"), ["window", "soft"]);
  assert.deepEqual(key("V", { shiftKey: true }), ["next", -1]);
  assert.equal(key("c", { metaKey: true }), null);
  const windows = Object.values(KEYS).filter(([name]) => name === "window");
  assert.deepEqual(windows.map(([, name]) => name), Object.keys(WINDOWS));
});
