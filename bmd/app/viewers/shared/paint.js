// What the viewers draw alike: colours, heat maps, names, outlines, the box with facts.
import { clamp } from "./input.js";

export const COLOURS = { normal: "#35c2a4", osteopenia: "#f0b541", osteoporosis: "#ff6b6b", none: "#7fb2e5" };

// Heat maps with their pixels drawn; `take` gives the values of each.
export function heatCanvases(heats, take) {
  return heats.map((heat) => ({ ...heat, canvas: heatCanvas(take(heat.shape), heat.shape) }));
}

function heatCanvas(values, [h, w]) {
  const canvas = document.createElement("canvas");
  canvas.width = w;
  canvas.height = h;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(w, h);
  for (let i = 0; i < w * h; i++) {
    const value = values[i] / 255;
    const [r, g, b] = heatColour(value);
    pixels.data.set([r, g, b, 255 * Math.min(1, value * 1.6)], i * 4);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// Dark purple through orange to pale yellow ("inferno"), readable for the colour-blind and in grey.
const INFERNO = [
  [0, 0, 4], [51, 10, 95], [120, 28, 109], [188, 55, 84], [237, 105, 37], [251, 180, 26], [252, 255, 164],
];
export function heatColour(value) {
  const x = value * (INFERNO.length - 1);
  const i = clamp(Math.floor(x), 0, INFERNO.length - 2);
  return INFERNO[i].map((c, k) => c + (INFERNO[i + 1][k] - c) * (x - i));
}

// A heat map over its box; `at` gives the canvas point of a corner.
export function paintHeat(context, { canvas, box: [left, top, right, bottom] }, opacity, at) {
  const [x1, y1] = at(left, top);
  const [x2, y2] = at(right, bottom);
  context.globalAlpha = opacity / 100;
  context.imageSmoothingEnabled = true;
  context.drawImage(canvas, x1, y1, x2 - x1, y2 - y1);
  context.globalAlpha = 1;
}

// A name right of a bone that reaches from `left` to `right`, so that it stays free; left of it where there is no room.
export function paintLabelBeside(context, name, { left, right, y, gap }, colour, ratio) {
  const half = labelHalf(context, name, ratio);
  const fits = right + 2 * half + 10 * ratio < context.canvas.width;
  paintLabel(context, name, fits ? right + half + gap * ratio : left - half - gap * ratio, y, colour, ratio);
}

// Half the width of a name with its margin.
function labelHalf(context, name, ratio) {
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  return context.measureText(name).width / 2 + 5 * ratio;
}

function paintLabel(context, name, x, y, colour, ratio) {
  const half = labelHalf(context, name, ratio);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = "rgba(6,10,12,.72)";
  context.beginPath();
  context.roundRect(x - half, y - 10 * ratio, half * 2, 20 * ratio, 5 * ratio);
  context.fill();
  context.fillStyle = colour;
  context.fillText(name, x, y + ratio);
}

// A line in a colour with a dark edge, so that it stands out on bone and on air.
export function strokeOutline(context, colour, ratio, strong, dash = []) {
  context.setLineDash(dash);
  context.lineJoin = "round";
  context.strokeStyle = "rgba(0,0,0,.55)";
  context.lineWidth = (strong ? 5 : 3.4) * ratio;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = (strong ? 3 : 1.7) * ratio;
  context.stroke();
  context.setLineDash([]);
}

export function fillTip(element, stage, lines, x, y) {
  const [title, ...facts] = lines;
  element.hidden = false;
  element.replaceChildren(Object.assign(document.createElement("b"), { textContent: title }));
  facts.forEach((line) => element.append(line, document.createElement("br")));
  element.style.left = `${Math.min(x, stage.clientWidth - element.offsetWidth - 8)}px`;
  element.style.top = `${Math.min(y, stage.clientHeight - element.offsetHeight - 8)}px`;
}

// A grey 0..255 as a pixel of a Uint32Array over RGBA bytes.
export function opaque(grey) {
  return ((255 << 24) | (grey << 16) | (grey << 8) | grey) >>> 0;
}

// A canvas of this size with its pixels as words, made anew only when the size is another one.
export function pictureOf(picture, width, height) {
  if (picture.width === width && picture.height === height && picture.words) return;
  Object.assign(picture.canvas, { width, height });
  const pixels = picture.canvas.getContext("2d").createImageData(width, height);
  Object.assign(picture, { width, height, pixels, words: new Uint32Array(pixels.data.buffer) });
}

export function newPicture() {
  return { canvas: document.createElement("canvas"), width: 0, height: 0, pixels: null, words: null };
}

export function putPicture(picture) {
  picture.canvas.getContext("2d").putImageData(picture.pixels, 0, 0);
}

export const pixelRatio = () => window.devicePixelRatio || 1;
