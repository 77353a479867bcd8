// What each key does: the name of a command of controls.js and what it is given. Arrows are in steps.
export const KEYS = {
  "+": ["zoom", 1.25], "=": ["zoom", 1.25], "-": ["zoom", 0.8], 0: ["reset"],
  ArrowLeft: ["pan", 1, 0], ArrowRight: ["pan", -1, 0], ArrowUp: ["pan", 0, 1], ArrowDown: ["pan", 0, -1],
  "[": ["change", "level", -4], "]": ["change", "level", 4],
  "{": ["change", "contrast", -4], "}": ["change", "contrast", 4],
  i: ["toggle", "invert"], m: ["toggle", "outlines"], b: ["toggle", "boxes"], n: ["toggle", "names"],
  p: ["mode", "pan"], w: ["mode", "window"], v: ["next", 1], Escape: ["leave"],
  "Shift+v": ["next", -1],
};
