// Words come from the server, with their places for numbers: fill("zoom {zoom} %", { zoom: 140 }).
export function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}
