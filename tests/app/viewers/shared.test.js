// What the viewers share: packets, words, colours, pointers.
import assert from "node:assert/strict";
import { test } from "node:test";

import { clamp, nextIndex, obey, pinch, wheelPixels } from "../../../bmd/app/viewers/shared/input.js";
import { only, recall, remember } from "../../../bmd/app/viewers/shared/memory.js";
import { mounted } from "../../../bmd/app/viewers/shared/mount.js";
import { inflate, pieces, unpack } from "../../../bmd/app/viewers/shared/packet.js";
import { heatColour, opaque } from "../../../bmd/app/viewers/shared/paint.js";
import { fill } from "../../../bmd/app/viewers/shared/words.js";

function packet(header, body) {
  const head = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  return Buffer.concat([length, head, Buffer.from(body)]);
}

test("a packet comes apart again, also from the middle of a larger buffer", () => {
  const whole = Buffer.concat([Buffer.from([9, 9, 9]), packet({ alt: "Wirbelsäule" }, [1, 2, 3])]);
  const [header, bytes] = unpack(new Uint8Array(whole.buffer, whole.byteOffset + 3, whole.length - 3));
  assert.deepEqual(header, { alt: "Wirbelsäule" });
  assert.deepEqual([...bytes], [1, 2, 3]);
});

test("packed bytes are unpacked", async () => {
  const packed = new Response(new Blob([Uint8Array.of(5, 6, 7)]).stream().pipeThrough(new CompressionStream("deflate")));
  assert.deepEqual([...new Uint8Array(await inflate(new Uint8Array(await packed.arrayBuffer())))], [5, 6, 7]);
});

test("pieces follow each other", () => {
  const take = pieces(Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
  assert.deepEqual([...take([2, 2])], [1, 2, 3, 4]);
  assert.deepEqual([...take([1, 1, 3])], [5, 6, 7]);
});

test("words are filled in; a place without a value stays", () => {
  assert.equal(fill("{zoom} % of {what}, {zoom}", { zoom: 140 }), "140 % of {what}, 140");
  assert.equal(fill("{hu}", { hu: 0 }), "0");
});

test("heat goes from dark to light", () => {
  const light = [0, 0.25, 0.5, 0.75, 1].map((value) => heatColour(value).reduce((a, b) => a + b));
  assert.deepEqual([...light].sort((a, b) => a - b), light);
  assert.deepEqual(heatColour(0), [0, 0, 4]);
  assert.deepEqual(heatColour(1), [252, 255, 164]);
  assert.equal(opaque(16), 0xff101010);
});

test("two fingers zoom by how far they go apart, around their middle", () => {
  const pointers = new Map([[1, [0, 0]], [2, [100, 0]]]);
  assert.deepEqual(pinch(pointers, 2, [200, 0]), { factor: 2, centre: [100, 0] });
  assert.equal(pinch(new Map([[1, [5, 5]], [2, [5, 5]]]), 1, [5, 15]).factor, 10);
});

test("wheels that count in lines are as fast as those that count in pixels", () => {
  assert.equal(wheelPixels({ deltaMode: 0, deltaY: 90 }), 90);
  assert.equal(wheelPixels({ deltaMode: 1, deltaY: 3 }), 90);
});

test("the next one goes around, and starts at either end", () => {
  assert.deepEqual([nextIndex(-1, 1, 5), nextIndex(-1, -1, 5), nextIndex(4, 1, 5), nextIndex(0, -1, 5)], [0, 4, 0, 4]);
  assert.deepEqual([clamp(7, 0, 5), clamp(-1, 0, 5), clamp(3, 0, 5)], [5, 0, 3]);
});

test("a key runs its command and goes no further; another one is left to the page", () => {
  const seen = [];
  const press = (key) => ({
    key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false,
    preventDefault: () => seen.push("kept"), stopPropagation: () => seen.push("stopped"),
  });
  const commands = { pan: (...given) => seen.push(given) };
  obey({ a: ["pan", 1, 2] }, commands, press("a"), "state", "pane");
  assert.deepEqual(seen, ["kept", "stopped", ["state", "pane", 1, 2]]);
  obey({ a: ["pan", 1, 2] }, commands, press("b"), "state");
  assert.equal(seen.length, 3);
});

test("an element keeps its state through new data; after it has gone it begins anew", () => {
  const seen = [];
  const create = () => ({ number: seen.length, observer: { disconnect: () => seen.push("disconnected") } });
  const show = mounted(create, (state, data) => seen.push([state.number, data]), (state) => seen.push(["left", state.number]));
  const [one, other] = [{}, {}];
  show({ data: "a", parentElement: one });
  const leave = show({ data: "b", parentElement: one });
  show({ data: "c", parentElement: other });
  leave();
  show({ data: "d", parentElement: one });
  assert.deepEqual(seen, [[0, "a"], [0, "b"], [2, "c"], "disconnected", ["left", 0], [5, "d"]]);
});

test("the last twelve pictures are remembered, by the start of their names", () => {
  for (let i = 0; i < 13; i++) remember(`${String(i).padStart(8, "0")}-long-name`, { zoom: i });
  assert.equal(recall("00000000-long-name"), null);
  assert.deepEqual(recall("00000012-long-name"), { zoom: 12 });
  assert.ok([...globalThis.osteolensViews.keys()].every((name) => name.length === 8));
  assert.deepEqual(only({ a: 1, b: 2 }, ["b"]), { b: 2 });
});
