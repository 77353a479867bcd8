// Pointer, wheel and keys, in canvas pixels.

export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

export function canvasPoint(canvas, event) {
  const box = canvas.getBoundingClientRect();
  const ratio = canvas.width / box.width;
  return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
}

// Pixels a wheel event stands for; some browsers count in lines.
export function wheelPixels(event, line = 30) {
  return event.deltaMode === 1 ? event.deltaY * line : event.deltaY;
}

// Two fingers: how much they went apart, and the point between them. `pointers` still holds where they were.
export function pinch(pointers, id, now) {
  const before = pointers.get(id);
  const [, other] = [...pointers.entries()].find(([key]) => key !== id);
  const span = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
  return { factor: span(now) / Math.max(1, span(before)), centre: [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2] };
}

// The command of a key in a table of [name, ...arguments], or null; keys with Ctrl, Alt or Meta belong to the browser.
export function command(table, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const key = event.key.toLowerCase();
  return (event.shiftKey && table[`Shift+${key}`]) || table[event.key] || table[key] || null;
}

// Runs the command of a key, given these things first; the page then does not see the key.
export function obey(keys, commands, event, ...things) {
  const found = command(keys, event);
  if (!found) return;
  event.preventDefault();
  event.stopPropagation();
  const [name, ...given] = found;
  commands[name](...things, ...given);
}

// The next one of so many, around the ends; -1 is none yet.
export function nextIndex(index, step, count) {
  if (index < 0) return step > 0 ? 0 : count - 1;
  return (index + step + count) % count;
}

export function press(root, name, isPressed) {
  root.querySelectorAll(`[data-${name}]`).forEach((b) => b.setAttribute("aria-pressed", isPressed(b.dataset[name])));
}

export function help(root, button) {
  const keys = root.querySelector(".keys");
  keys.hidden = !keys.hidden;
  button.setAttribute("aria-expanded", String(!keys.hidden));
}
