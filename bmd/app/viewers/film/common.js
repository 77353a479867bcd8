// What the viewers share: colours, the packet (uint32 length, JSON header, bytes), heat maps.
const COLOURS = { normal: "#35c2a4", osteopenia: "#f0b541", osteoporosis: "#ff6b6b", none: "#7fb2e5" };

function unpack(data) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return [header, bytes.subarray(4 + length)];
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

function heatCanvas(values, w, h) {
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
const INFERNO = [[0, 0, 4], [51, 10, 95], [120, 28, 109], [188, 55, 84], [237, 105, 37], [251, 180, 26], [252, 255, 164]];
function heatColour(value) {
  const x = value * (INFERNO.length - 1);
  const i = Math.min(INFERNO.length - 2, Math.floor(x));
  return INFERNO[i].map((c, k) => c + (INFERNO[i + 1][k] - c) * (x - i));
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
function strokeOutline(context, colour, ratio, strong, dash = []) {
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

function fillTip(element, stage, lines, x, y) {
  const [title, ...facts] = lines;
  element.hidden = false;
  element.replaceChildren(Object.assign(document.createElement("b"), { textContent: title }));
  facts.forEach((line) => element.append(line, document.createElement("br")));
  element.style.left = `${Math.min(x, stage.clientWidth - element.offsetWidth - 8)}px`;
  element.style.top = `${Math.min(y, stage.clientHeight - element.offsetHeight - 8)}px`;
}
