// How a picture was looked at, for when it is drawn again after another page: the page holds the last few, reload.js carries
// them over a reload. Only the start of the picture's name is held.
const MOST = 12;

const short = (id) => String(id).slice(0, 8);

export function remember(id, how) {
  const views = (globalThis.osteolensViews ??= new Map());
  views.delete(short(id));
  views.set(short(id), how);
  if (views.size > MOST) views.delete(views.keys().next().value);
}

export function recall(id) {
  return globalThis.osteolensViews?.get(short(id)) ?? null;
}

// Those fields of the state that are remembered.
export const only = (state, names) => Object.fromEntries(names.map((name) => [name, state[name]]));
