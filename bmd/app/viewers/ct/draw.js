// Drawing the three planes and what was found on them.
import { only, remember } from "../shared/memory.js";
import {
  COLOURS, paintHeat, paintLabelBeside, pictureOf, pixelRatio, putPicture, strokeOutline,
} from "../shared/paint.js";
import { fill } from "../shared/words.js";
import { outline, wellCut } from "./outline.js";
import { KEPT, cut, greyTable, huAt, nearestHeat, toScreen } from "./view.js";

export function draw(state) {
  if (state.volume) {
    const centres = state.panes.map((pane) => pane.centre);
    remember(state.volume.volume, { settings: only(state, KEPT), centres });
  }
  cancelAnimationFrame(state.frame);
  state.frame = requestAnimationFrame(() => state.panes.forEach((pane) => paintPane(state, pane)));
}

function paintPane(state, pane) {
  const { canvas, context } = pane;
  const ratio = pixelRatio();
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  if (!state.volume) return;
  paintSlice(state, pane);
  const [x, y] = place(state, pane, -0.5, -0.5);
  const [right, bottom] = place(state, pane, pane.picture.width - 0.5, pane.picture.height - 0.5);
  context.imageSmoothingEnabled = right - x < pane.picture.width * 6;
  context.imageSmoothingQuality = "high";
  context.drawImage(pane.picture.canvas, x, y, right - x, bottom - y);
  if (pane.key === "axial") paintNearestHeat(state, pane);
  paintRegions(state, pane, ratio);
  if (state.lines) paintCross(state, pane, ratio);
  paintSides(pane, ratio);
  pane.slider.value = state.cursor[pane.plane.s];
  pane.tag.textContent = tagText(state, pane);
}

function paintSlice(state, pane) {
  const { plane, picture } = pane;
  const { volume, cursor, range } = state;
  const now = `${volume.volume} ${cursor[plane.s]} ${range}`;
  if (pane.painted === now) return;
  pane.painted = now;
  pictureOf(picture, volume.shape[plane.u], volume.shape[plane.v]);
  cut(volume, plane, cursor[plane.s], greyTable(volume.table, range), picture.words);
  putPicture(picture);
}

function paintNearestHeat(state, pane) {
  const heat = nearestHeat(state.heats, state.heatName, state.cursor[0], state.volume.spacing);
  if (heat) paintHeat(pane.context, heat, state.opacity, (x, y) => place(state, pane, x, y));
}

function paintRegions(state, pane, ratio) {
  const labels = [];
  for (const region of state.regions) {
    const lines = outline(region, pane.key, pane.plane, state.cursor[pane.plane.s]);
    if (!lines.length) continue;
    const colour = COLOURS[region.category] || COLOURS.none;
    const strong = state.hovered === region.level;
    const shown = region.kind === "roi" ? state.rois : state.outlines || strong;
    if (shown) {
      trace(state, pane, lines);
      if (region.kind === "body") strokeOutline(pane.context, colour, ratio, strong);
      else strokeRoi(pane.context, ratio);
    }
    if (region.kind === "body" && wellCut(region.shape, pane.plane, lines)) labels.push([region, lines, colour]);
  }
  if (state.names) labels.forEach(([region, lines, colour]) => paintName(state, pane, region, lines, colour, ratio));
}

function trace(state, pane, lines) {
  pane.context.beginPath();
  for (const [a, b, c, d] of lines) {
    pane.context.moveTo(...place(state, pane, a, b));
    pane.context.lineTo(...place(state, pane, c, d));
  }
}

function strokeRoi(context, ratio) {
  context.setLineDash([3 * ratio, 2.5 * ratio]);
  context.lineWidth = 1.4 * ratio;
  context.strokeStyle = "#ffffff";
  context.stroke();
  context.setLineDash([]);
}

function paintName(state, pane, region, lines, colour, ratio) {
  const points = lines.map(([a, b]) => place(state, pane, a, b));
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const sides = { left: Math.min(...xs), right: Math.max(...xs), y: (Math.min(...ys) + Math.max(...ys)) / 2, gap: 5 };
  paintLabelBeside(pane.context, region.level, sides, colour, ratio);
}

function paintCross(state, pane, ratio) {
  const { context, canvas, plane } = pane;
  const [x, y] = place(state, pane, state.cursor[plane.u], state.cursor[plane.v]);
  const gap = 14 * ratio;
  context.beginPath();
  for (const [a, b, c, d] of [
    [0, y, x - gap, y], [x + gap, y, canvas.width, y], [x, 0, x, y - gap], [x, y + gap, x, canvas.height],
  ]) {
    context.moveTo(a, b);
    context.lineTo(c, d);
  }
  context.strokeStyle = "rgba(120, 205, 220, .55)";
  context.lineWidth = ratio;
  context.stroke();
}

function paintSides(pane, ratio) {
  const { context, canvas } = pane;
  const [left, right, top, bottom] = pane.plane.sides;
  context.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  context.fillStyle = "rgba(198, 210, 214, .85)";
  context.textAlign = "center";
  context.textBaseline = "middle";
  const margin = 10 * ratio;
  context.fillText(left, margin, canvas.height / 2);
  context.fillText(right, canvas.width - margin, canvas.height / 2);
  context.fillText(top, canvas.width / 2, margin);
  context.fillText(bottom, canvas.width / 2, canvas.height - 2.6 * margin);
}

function tagText(state, pane) {
  const { volume, cursor, range, header } = state;
  const { words } = header;
  const first = fill(words.tag, {
    plane: words[pane.key], slice: cursor[pane.plane.s] + 1, slices: volume.shape[pane.plane.s],
  });
  if (pane.key !== state.main) return first;
  const zoom = state.zoom > 1 ? fill(words.tag_zoom, { zoom: Math.round(state.zoom * 100) }) : "";
  const window = fill(words.tag_window, { low: Math.round(range[0]), high: Math.round(range[1]) });
  return `${first}\n${window}${zoom}\n${fill(words.tag_hu, { hu: Math.round(huAt(volume, cursor)) })}`;
}

export function place(state, pane, a, b) {
  return toScreen(state.volume, pane, state.zoom, a, b);
}
