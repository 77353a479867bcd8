// What each key does: the name of a command of controls.js and what it is given.
export const KEYS = {
  ArrowUp: ["turn", -1], ArrowDown: ["turn", 1], PageUp: ["turn", -10], PageDown: ["turn", 10],
  "+": ["zoom", 1.25], "=": ["zoom", 1.25], "-": ["zoom", 0.8], 0: ["reset"],
  1: ["window", "bone"], 2: ["window", "soft"], 3: ["window", "narrow"], 4: ["window", "wide"],
  c: ["mode", "cross"], p: ["mode", "pan"], w: ["mode", "window"],
  m: ["toggle", "outlines"], r: ["toggle", "rois"], n: ["toggle", "names"], l: ["toggle", "lines"],
  v: ["next", 1], Escape: ["leave"],
  "Shift+v": ["next", -1],
};
