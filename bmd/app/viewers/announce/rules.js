// What a change of the page asks for. `awaited`: the visitor opened something, and its result is not there yet.
const DONE = ["result", "refused", "problem"];

export function reaction(before, now) {
  if (!before || before.page !== now.page) return { focus: "", words: "", awaited: now.state === "working" };
  const opened = before.subject !== now.subject;
  if (!now.subject) return { focus: opened ? "page" : "", words: "", awaited: false };
  const awaited = opened || before.awaited;
  if (awaited && DONE.includes(now.state)) return { focus: "result", words: "", awaited: false };
  const changed = before.state !== now.state || before.words !== now.words;
  return { focus: "", words: changed ? now.words : "", awaited };
}
