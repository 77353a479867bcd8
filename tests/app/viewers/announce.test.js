import assert from "node:assert/strict";
import test from "node:test";
import { reaction } from "../../../bmd/app/viewers/announce/rules.js";

const at = (state, subject = "film", words = state) => ({ page: "film", state, subject, words });
// What each change asks for, one after the other.
function walk(...steps) {
  let before;
  return steps.map((now) => {
    const { focus, words, awaited } = reaction(before, now);
    before = { ...now, awaited };
    return focus || words;
  });
}

test("a case that is opened is said to be worked on, then its result gets the focus", () => {
  assert.deepEqual(walk(at("choose", ""), at("working"), at("working"), at("result")), ["", "working", "", "result"]);
  assert.deepEqual(walk(at("choose", ""), at("refused")), ["", "result"]);
});

test("the picker gets the focus back, once", () => {
  assert.deepEqual(walk(at("result"), at("choose", ""), at("choose", "")), ["", "page", ""]);
});

test("the study may become another one of the same upload while it is worked on", () => {
  assert.deepEqual(walk(at("choose", ""), at("working", "a"), at("result", "b")), ["", "working", "result"]);
});

test("a result that is computed anew is said, and the focus stays where the visitor works", () => {
  assert.deepEqual(walk(at("result"), at("working"), at("result")), ["", "working", "result"]);
  assert.equal(reaction({ ...at("working"), awaited: false }, at("result")).focus, "");
  assert.deepEqual(walk(at("result", "form", "a"), at("result", "form", "b"), at("result", "form", "b")), ["", "b", ""]);
});

test("nothing is moved or said on another page, or at first sight", () => {
  assert.deepEqual(walk(at("result"), { ...at("result"), page: "ct" }, at("result")), ["", "", ""]);
});
