// Second part of the CT viewer: cutting planes out of the volume and drawing on them.

function draw(state) {
  cancelAnimationFrame(state.frame);
  state.frame = requestAnimationFrame(() => state.panes.forEach((pane) => paintPane(state, pane)));
}

function paintPane(state, pane) {
  const { canvas, context } = pane;
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  if (!state.volume) return;
  paintSlice(state, pane);
  const [x, y] = toScreen(state, pane, -0.5, -0.5);
  const [right, bottom] = toScreen(state, pane, pane.picture.width - 0.5, pane.picture.height - 0.5);
  context.imageSmoothingEnabled = right - x < pane.picture.width * 6;
  context.imageSmoothingQuality = "high";
  context.drawImage(pane.picture, x, y, right - x, bottom - y);
  paintHeat(state, pane);
  paintRegions(state, pane, ratio);
  if (state.lines) paintCross(state, pane, ratio);
  paintSides(pane, ratio);
  pane.slider.value = state.cursor[pane.plane.s];
  pane.tag.textContent = tagText(state, pane);
}

// ---- the slice -------------------------------------------------------------------------------------------------------

function paintSlice(state, pane) {
  const { u, v, s } = pane.plane;
  const { shape, codes } = state.volume;
  const strides = [shape[1] * shape[2], shape[2], 1];
  const now = `${state.volume.volume} ${state.cursor[s]} ${state.range}`;
  if (pane.painted === now) return;
  pane.painted = now;
  const [width, height] = [shape[u], shape[v]];
  if (pane.picture.width !== width || pane.picture.height !== height) {
    Object.assign(pane.picture, { width, height });
    pane.pixels = pane.picture.getContext("2d").createImageData(width, height);
    pane.words = new Uint32Array(pane.pixels.data.buffer);
  }
  const greys = greyTable(state);
  let at = 0;
  for (let row = 0; row < height; row++) {
    let from = state.cursor[s] * strides[s] + row * strides[v];
    for (let column = 0; column < width; column++, from += strides[u]) pane.words[at++] = greys[codes[from]];
  }
  pane.picture.getContext("2d").putImageData(pane.pixels, 0, 0);
}

function greyTable(state) {
  const [low, high] = state.range;
  return Uint32Array.from(state.volume.table, (hu) => {
    const grey = Math.max(0, Math.min(255, Math.round(((hu - low) / (high - low)) * 255)));
    return ((255 << 24) | (grey << 16) | (grey << 8) | grey) >>> 0;
  });
}

// ---- coordinates: cells of the volume <-> canvas pixels (the centre of a cell is its integer coordinate) ---------------

function pixelsPerMm(state, pane) {
  const { shape, spacing } = state.volume;
  const { u, v } = pane.plane;
  const room = 0.97;
  const fit = Math.min(pane.canvas.width / (shape[u] * spacing[u]), pane.canvas.height / (shape[v] * spacing[v]));
  return fit * room * state.zoom;
}

function middle(state, pane) {
  const { shape } = state.volume;
  const { u, v } = pane.plane;
  return state.zoom > 1 && pane.centre ? pane.centre : [(shape[u] - 1) / 2, (shape[v] - 1) / 2];
}

function toScreen(state, pane, a, b) {
  const { spacing } = state.volume;
  const k = pixelsPerMm(state, pane);
  const [ca, cb] = middle(state, pane);
  return [
    pane.canvas.width / 2 + (a - ca) * spacing[pane.plane.u] * k,
    pane.canvas.height / 2 + (b - cb) * spacing[pane.plane.v] * k,
  ];
}

function toCell(state, pane, x, y) {
  const { spacing } = state.volume;
  const k = pixelsPerMm(state, pane);
  const [ca, cb] = middle(state, pane);
  return [
    ca + (x - pane.canvas.width / 2) / (spacing[pane.plane.u] * k),
    cb + (y - pane.canvas.height / 2) / (spacing[pane.plane.v] * k),
  ];
}

// ---- what is drawn on it ----------------------------------------------------------------------------------------------

function paintHeat(state, pane) {
  if (pane.plane !== PLANES.axial) return;
  const heat = nearestHeat(state);
  if (!heat) return;
  const [x1, y1] = toScreen(state, pane, heat.box[0], heat.box[1]);
  const [x2, y2] = toScreen(state, pane, heat.box[2], heat.box[3]);
  pane.context.globalAlpha = state.opacity / 100;
  pane.context.imageSmoothingEnabled = true;
  pane.context.drawImage(heat.canvas, x1, y1, x2 - x1, y2 - y1);
  pane.context.globalAlpha = 1;
}

// The heat map belongs to one slice; it stays up for the slices within 3 mm of it.
function nearestHeat(state) {
  const reach = Math.max(0.5, 3 / state.volume.spacing[0]);
  return state.heats.find((heat) => heat.name === state.heatName && Math.abs(heat.z - state.cursor[0]) <= reach);
}

function paintRegions(state, pane, ratio) {
  const { context } = pane;
  const labels = [];
  for (const region of state.regions) {
    const lines = outline(region, pane, state.cursor[pane.plane.s]);
    if (!lines.length) continue;
    const colour = COLOURS[region.category] || COLOURS.none;
    const strong = state.hovered === region.level;
    const shown = region.kind === "roi" ? state.rois : state.outlines || strong;
    if (shown) {
      context.beginPath();
      for (const [a, b, c, d] of lines) {
        context.moveTo(...toScreen(state, pane, a, b));
        context.lineTo(...toScreen(state, pane, c, d));
      }
      if (region.kind === "body") strokeOutline(context, colour, ratio, strong);
      else strokeRoi(context, ratio);
    }
    if (region.kind === "body" && wellCut(region, pane.plane, lines)) labels.push([region, lines, colour]);
  }
  if (state.names) labels.forEach(([region, lines, colour]) => paintRegionName(state, pane, region, lines, colour, ratio));
}

// A body that the plane only grazes is outlined but not named: its name would lie on its neighbour's.
function wellCut(region, { u, v }, lines) {
  const span = (axis) => Math.max(...lines.map((l) => l[axis])) - Math.min(...lines.map((l) => l[axis]));
  return span(0) > 0.4 * (region.shape[u] - 3) && span(1) > 0.4 * (region.shape[v] - 3);
}

function strokeRoi(context, ratio) {
  context.setLineDash([3 * ratio, 2.5 * ratio]);
  context.lineWidth = 1.4 * ratio;
  context.strokeStyle = "#ffffff";
  context.stroke();
  context.setLineDash([]);
}

function paintRegionName(state, pane, region, lines, colour, ratio) {
  const points = lines.map(([a, b]) => toScreen(state, pane, a, b));
  const right = Math.max(...points.map((p) => p[0]));
  const top = Math.min(...points.map((p) => p[1]));
  const bottom = Math.max(...points.map((p) => p[1]));
  const left = Math.min(...points.map((p) => p[0]));
  const half = labelHalf(pane.context, region.level, ratio);
  const fits = right + 2 * half + 10 * ratio < pane.canvas.width;
  const x = fits ? right + half + 5 * ratio : left - half - 5 * ratio;
  paintLabel(pane.context, region.level, x, (top + bottom) / 2, colour, ratio);
}

// Marching squares at half cover. Segments [u1, v1, u2, v2] in cells, kept for the last slice of each plane.
function outline(region, pane, slice) {
  const kept = region.paths[pane.key];
  if (kept && kept.slice === slice) return kept.lines;
  const lines = marched(region, pane.plane, slice);
  region.paths[pane.key] = { slice, lines };
  return lines;
}

const EDGES = [[], [[3, 2]], [[2, 1]], [[3, 1]], [[0, 1]], [[0, 3], [2, 1]], [[0, 2]], [[0, 3]],
  [[0, 3]], [[0, 2]], [[0, 1], [3, 2]], [[0, 1]], [[3, 1]], [[2, 1]], [[3, 2]], []];

function marched(region, { u, v, s }, slice) {
  const { cells, shape, origin } = region;
  const strides = [shape[1] * shape[2], shape[2], 1];
  const index = slice - origin[s];
  if (index < 0 || index >= shape[s]) return [];
  const at = (a, b) => cells[index * strides[s] + b * strides[v] + a * strides[u]];
  const half = 127.5;
  const part = (p, q) => (half - p) / (q - p);
  const lines = [];
  for (let b = 0; b + 1 < shape[v]; b++) {
    for (let a = 0; a + 1 < shape[u]; a++) {
      const corner = [at(a, b), at(a + 1, b), at(a + 1, b + 1), at(a, b + 1)];
      const which = (corner[0] > half) * 8 + (corner[1] > half) * 4 + (corner[2] > half) * 2 + (corner[3] > half);
      for (const pair of EDGES[which]) {
        const [p, q] = pair.map((edge) => [
          [a + part(corner[0], corner[1]), b], [a + 1, b + part(corner[1], corner[2])],
          [a + part(corner[3], corner[2]), b + 1], [a, b + part(corner[0], corner[3])],
        ][edge]);
        lines.push([p[0] + origin[u], p[1] + origin[v], q[0] + origin[u], q[1] + origin[v]]);
      }
    }
  }
  return lines;
}

function paintCross(state, pane, ratio) {
  const { context, canvas, plane } = pane;
  const [x, y] = toScreen(state, pane, state.cursor[plane.u], state.cursor[plane.v]);
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
  const { volume, cursor, range } = state;
  const { s, name } = pane.plane;
  const first = `${name}  ${cursor[s] + 1} / ${volume.shape[s]}`;
  if (pane.key !== state.main) return first;
  const [z, y, x] = cursor;
  const hu = volume.table[volume.codes[(z * volume.shape[1] + y) * volume.shape[2] + x]];
  const zoom = state.zoom > 1 ? `   zoom ${Math.round(state.zoom * 100)} %` : "";
  return `${first}\nwindow ${Math.round(range[0])} to ${Math.round(range[1])} HU${zoom}\nat the crosshair about ${Math.round(hu)} HU`;
}
