// The film viewer's numbers: window, zoom, coordinates, hits, keys.
import assert from "node:assert/strict";
import { test } from "node:test";

import { KEYS } from "../../../bmd/app/viewers/film/keys.js";
import {
  GREYS, START, fitScale, fitted, greyTable, greyWindow, keptView, panned, placedView, toFilm, toScreen, vertebraAt, zoomed,
} from "../../../bmd/app/viewers/film/view.js";
import { command } from "../../../bmd/app/viewers/shared/input.js";

const canvas = { width: 800, height: 600 };
const film = { width: 300, height: 400, scale: 0.5 };
const near = (a, b) => a.forEach((value, i) => assert.ok(Math.abs(value - b[i]) < 1e-9, `${a} is not ${b}`));
const grey = (word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255, word >>> 24];

test("the start window shows the film as it came", () => {
  assert.deepEqual(greyWindow(START), { width: 1, centre: 0.5 });
  const table = greyTable(START, false);
  assert.equal(table.length, GREYS);
  assert.deepEqual(grey(table[0]), [0, 0, 0, 255]);
  assert.deepEqual(grey(table[GREYS - 1]), [255, 255, 255, 255]);
  assert.deepEqual(grey(table[GREYS / 2]), [128, 128, 128, 255]);
});

test("more contrast narrows the window, more brightness lifts the greys, inverting turns them", () => {
  assert.equal(greyWindow({ level: 50, contrast: 100 }).width, 0.25);
  assert.equal(greyWindow({ level: 50, contrast: 0 }).width, 4);
  const quarter = GREYS / 4;
  assert.ok(greyTable({ level: 70, contrast: 50 }, false)[quarter] > greyTable(START, false)[quarter]);
  const [plain, turned] = [greyTable(START, false), greyTable(START, true)];
  for (const i of [0, 1000, 3000, 4095]) assert.equal(grey(plain[i])[0] + grey(turned[i])[0], 255);
});

test("a fitted film is whole and in the middle", () => {
  const view = fitted(canvas, film);
  assert.equal(view.scale, 1.5);
  assert.deepEqual([view.x, view.y], [175, 0]);
  assert.ok(view.fitted);
});

test("canvas and film coordinates are each other's inverse, pixel centres on whole numbers", () => {
  const view = { scale: 2.3, x: -40, y: 17 };
  near(toFilm(view, film, ...toScreen(view, film, 123, 456)), [123, 456]);
  near(toScreen({ scale: 1, x: 0, y: 0 }, { scale: 1 }, 0, 0), [0.5, 0.5]);
});

test("zooming keeps the point under the pointer", () => {
  const start = fitted(canvas, film);
  const point = [400, 300];
  const before = toFilm(start, film, ...point);
  const view = zoomed(start, canvas, film, 2, point);
  near(toFilm(view, film, ...point), before);
  assert.ok(!view.fitted);
});

test("zooming out ends fitted, zooming in ends at sixteen times", () => {
  const far = zoomed(fitted(canvas, film), canvas, film, 1000, [0, 0]);
  assert.equal(far.scale, 16 * fitScale(canvas, film));
  assert.deepEqual(zoomed(far, canvas, film, 1e-6, [0, 0]), fitted(canvas, film));
});

test("a film cannot be pushed out of sight", () => {
  for (const [dx, dy] of [[1e5, 1e5], [-1e5, -1e5]]) {
    const view = panned(fitted(canvas, film), canvas, film, dx, dy);
    assert.ok(view.x <= canvas.width * 0.75 && view.x + film.width * view.scale >= canvas.width * 0.25);
    assert.ok(view.y <= canvas.height * 0.75 && view.y + film.height * view.scale >= canvas.height * 0.25);
  }
});

test("a point hits the vertebra whose box holds it", () => {
  const vertebrae = [{ box: [10, 10, 50, 40] }, { box: [10, 60, 50, 90] }];
  assert.equal(vertebraAt(vertebrae, 30, 70), 1);
  assert.equal(vertebraAt(vertebrae, 10, 10), 0);
  assert.equal(vertebraAt(vertebrae, 30, 50), -1);
  assert.equal(vertebraAt([], 0, 0), -1);
});

test("keys give commands; capitals too, and nothing with Ctrl", () => {
  const key = (name, more = {}) => command(KEYS, { key: name, ...more });
  assert.deepEqual(key("+"), ["zoom", 1.25]);
  assert.deepEqual(key("ArrowLeft"), ["pan", 1, 0]);
  assert.deepEqual(key("I"), ["toggle", "invert"]);
  assert.deepEqual(key("0"), ["reset"]);
  assert.deepEqual(key("v"), ["next", 1]);
  assert.deepEqual(key("V", { shiftKey: true }), ["next", -1]);
  assert.deepEqual(key("{", { shiftKey: true }), ["change", "contrast", -4]);
  assert.equal(key("+", { ctrlKey: true }), null);
  assert.equal(key("Tab"), null);
});

test("a view comes back as it was, and on a canvas of another size with the same middle", () => {
  const view = panned(zoomed(fitted(canvas, film), canvas, film, 3, [200, 100]), canvas, film, 30, -20);
  const back = placedView(keptView(view, canvas, film), canvas, film);
  near([back.scale, back.x, back.y], [view.scale, view.x, view.y]);
  const large = { width: 1600, height: 1200 };
  const again = placedView(keptView(view, canvas, film), large, film);
  near(toFilm(again, film, 800, 600), toFilm(view, film, 400, 300));
  assert.equal(again.scale / fitScale(large, film), view.scale / fitScale(canvas, film));
});

test("a fitted view stays fitted", () => {
  assert.equal(keptView(fitted(canvas, film), canvas, film), null);
  assert.deepEqual(placedView(null, canvas, film), fitted(canvas, film));
});
