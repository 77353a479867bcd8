// Drawing the film, its heat maps and what was found.
import { only, remember } from "../shared/memory.js";
import {
  COLOURS, fillTip, paintHeat, paintLabelBeside, pictureOf, pixelRatio, putPicture, strokeOutline,
} from "../shared/paint.js";
import { fill } from "../shared/words.js";
import { KEPT, fitScale, greyTable, greyWindow, keptView, placedView, toScreen } from "./view.js";

export function paintFilm(state) {
  if (!state.grey) return;
  const { picture, grey, header } = state;
  pictureOf(picture, header.width, header.height);
  const table = greyTable(state, state.invert !== header.inverted);
  for (let i = 0; i < grey.length; i++) picture.words[i] = table[grey[i]];
  putPicture(picture);
}

export function resize(state) {
  const { canvas } = state;
  if (state.printing) return; // a new size empties the canvas
  const width = Math.round(canvas.clientWidth * pixelRatio());
  const height = Math.round(canvas.clientHeight * pixelRatio());
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
    if (state.view?.fitted) Object.assign(state, { view: null, wanted: null });
  }
  if (!state.view && state.header) state.view = placedView(state.wanted, canvas, state.header);
  draw(state);
}

// A film that is fitted fills the paper: the style sheet crops the canvas to the film. A canvas of a new size prints black.
export function fitToPaper({ canvas, header, view }) {
  const { style } = canvas.parentElement;
  const names = ["ratio", "width", "left", "top"];
  names.forEach((name) => style.removeProperty(`--paper-${name}`));
  if (!header || !view?.fitted) return;
  const [width, height] = [header.width * view.scale, header.height * view.scale];
  const shares = [canvas.width / width, -view.x / width, -view.y / height].map((share) => `${100 * share}%`);
  [width / height, ...shares].forEach((value, i) => style.setProperty(`--paper-${names[i]}`, value));
}

export function draw(state) {
  if (state.grey && state.view) {
    remember(state.film, { settings: only(state, KEPT), view: keptView(state.view, state.canvas, state.header) });
  }
  cancelAnimationFrame(state.frame);
  state.frame = requestAnimationFrame(() => paint(state));
}

function paint(state) {
  const { context, canvas, view, header, picture } = state;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!picture.words || !view) return;
  context.imageSmoothingEnabled = view.scale < 3;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.canvas, view.x, view.y, header.width * view.scale, header.height * view.scale);
  state.heats.forEach((heat) => paintHeat(context, heat, state.heat, (x, y) => place(state, x, y)));
  header.vertebrae.forEach((vertebra, i) => paintVertebra(state, vertebra, i === state.hovered));
  paintNumbers(state);
  canvas.style.touchAction = view.fitted ? "pan-y" : "none";
}

function paintNumbers(state) {
  const { words } = state.header;
  const { width, centre } = greyWindow(state);
  const numbers = {
    zoom: Math.round((state.view.scale / fitScale(state.canvas, state.header)) * 100),
    centre: (centre * 100).toFixed(0),
    width: (width * 100).toFixed(0),
  };
  state.root.querySelector(".hud").textContent = fill(state.invert ? words.hud_inverted : words.hud, numbers);
}

function paintVertebra(state, vertebra, strong) {
  const { context } = state;
  const ratio = pixelRatio();
  const colour = COLOURS[vertebra.category] || COLOURS.none;
  if (vertebra.contour.length > 2 && (state.outlines || strong)) {
    trace(state, vertebra.contour);
    if (strong) {
      context.fillStyle = `${colour}33`;
      context.fill();
    }
    strokeOutline(context, colour, ratio, strong, vertebra.dashed ? [3 * ratio, 4 * ratio] : []);
  }
  if (state.boxes) {
    const [x1, y1, x2, y2] = vertebra.box;
    trace(state, [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]);
    strokeOutline(context, colour, ratio, strong, [6 * ratio, 4 * ratio]);
  }
  if (state.names) paintName(state, vertebra, colour, ratio);
}

function trace(state, points) {
  state.context.beginPath();
  points.forEach(([x, y], i) => {
    const at = place(state, x, y);
    if (i) state.context.lineTo(...at);
    else state.context.moveTo(...at);
  });
  state.context.closePath();
}

function paintName(state, vertebra, colour, ratio) {
  const [x1, y1, x2, y2] = vertebra.box;
  const [right, y] = place(state, x2, (y1 + y2) / 2);
  const [left] = place(state, x1, y1);
  paintLabelBeside(state.context, vertebra.level, { left, right, y, gap: 7 }, colour, ratio);
}

// The facts of a vertebra beside a canvas point, or none for index -1.
export function tip(state, index, point) {
  const element = state.root.querySelector(".tip");
  element.hidden = index < 0;
  if (index < 0) return;
  const [x, y] = point.map((value) => value / pixelRatio());
  fillTip(element, state.canvas.parentElement, state.header.vertebrae[index].lines, x + 16, y + 12);
}

export function place(state, x, y) {
  return toScreen(state.view, state.header, x, y);
}
