// The film's view in numbers: window, zoom, and film pixels <-> canvas pixels. Nothing here touches the page.
import { clamp } from "../shared/input.js";
import { opaque } from "../shared/paint.js";

export const START = { level: 50, contrast: 50, heat: 55 };
export const KEPT = [...Object.keys(START), "invert", "mode", "outlines", "boxes", "names"];
export const GREYS = 4096;
const LARGEST_ZOOM = 16;
const IN_SIGHT = 0.25;

// Brightness 0..100 and contrast 0..100 to a window: 50/50 shows 0..1 as it is, as the film came.
export function greyWindow({ level, contrast }) {
  return { width: 4 ** ((50 - contrast) / 50), centre: 0.5 + ((50 - level) / 50) * 0.75 };
}

// Pixel of each of the film's greys.
export function greyTable(settings, inverted) {
  const { width, centre } = greyWindow(settings);
  return Uint32Array.from({ length: GREYS }, (_, i) => {
    const grey = clamp(Math.round(((i / (GREYS - 1) - centre) / width + 0.5) * 255), 0, 255);
    return opaque(inverted ? 255 - grey : grey);
  });
}

export function fitScale(canvas, film) {
  return Math.min(canvas.width / film.width, canvas.height / film.height);
}

export function fitted(canvas, film) {
  const scale = fitScale(canvas, film);
  return { scale, fitted: true, x: (canvas.width - film.width * scale) / 2, y: (canvas.height - film.height * scale) / 2 };
}

// Zoomed around a canvas point, which stays where it is; fitted again where the film would get smaller than the canvas.
export function zoomed(view, canvas, film, factor, [sx, sy]) {
  const least = fitScale(canvas, film);
  const scale = clamp(view.scale * factor, least, least * LARGEST_ZOOM);
  if (scale <= least * 1.001) return fitted(canvas, film);
  const k = scale / view.scale;
  return inSight({ scale, x: sx - (sx - view.x) * k, y: sy - (sy - view.y) * k, fitted: false }, canvas, film);
}

export function panned(view, canvas, film, dx, dy) {
  return inSight({ ...view, x: view.x + dx, y: view.y + dy, fitted: false }, canvas, film);
}

// A quarter of the canvas always shows film.
function inSight(view, canvas, film) {
  const keep = (at, size, room) => clamp(at, room * IN_SIGHT - size, room * (1 - IN_SIGHT));
  return {
    ...view,
    x: keep(view.x, film.width * view.scale, canvas.width),
    y: keep(view.y, film.height * view.scale, canvas.height),
  };
}

// The view without the canvas: how much larger than fitted, and which point of the film lies in the middle.
export function keptView(view, canvas, film) {
  if (view.fitted) return null;
  const middle = [(canvas.width / 2 - view.x) / view.scale, (canvas.height / 2 - view.y) / view.scale];
  return { zoom: view.scale / fitScale(canvas, film), middle };
}

// The same on a canvas of perhaps another size.
export function placedView(kept, canvas, film) {
  if (!kept) return fitted(canvas, film);
  const scale = fitScale(canvas, film) * kept.zoom;
  const [x, y] = [canvas.width / 2 - kept.middle[0] * scale, canvas.height / 2 - kept.middle[1] * scale];
  return inSight({ scale, x, y, fitted: false }, canvas, film);
}

// A film pixel's centre is its integer coordinate; `film.scale` is how much smaller the film that was sent is.
export function toScreen(view, film, x, y) {
  const k = film.scale * view.scale;
  return [view.x + (x + 0.5) * k, view.y + (y + 0.5) * k];
}

export function toFilm(view, film, sx, sy) {
  const k = film.scale * view.scale;
  return [(sx - view.x) / k - 0.5, (sy - view.y) / k - 0.5];
}

// Index of the vertebra whose box holds a film pixel, or -1.
export function vertebraAt(vertebrae, x, y) {
  return vertebrae.findIndex(({ box: [x1, y1, x2, y2] }) => x >= x1 && x <= x2 && y >= y1 && y <= y2);
}
