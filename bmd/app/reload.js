// One tab of a browser, across a reload: what lets it have its own session back waits in the tab's own storage only
// while the page is away, so that a copied tab finds nothing. See docs/decisions/0029.
const KEY = "osteolens-tab";
const HINT = "osteolens_left";

const tab = (globalThis.osteolensTab ??= { token: "", grace: 0, begun: false });

export default function ({ data, setTriggerValue }) {
  const left = tab.begun ? null : begin();
  tab.token = data.token;
  tab.grace = data.grace_s;
  if (data.asks || left?.token) setTriggerValue("left", left?.token ?? "nothing");
}

function begin() {
  tab.begun = true;
  globalThis.addEventListener("pagehide", leave);
  globalThis.addEventListener("pageshow", (event) => event.persisted && take());
  ["dragover", "drop"].forEach((name) => globalThis.addEventListener(name, keepPage));
  const left = take();
  globalThis.osteolensViews ??= new Map(left?.views ?? []);
  return left;
}

function leave() {
  const views = [...(globalThis.osteolensViews ?? [])];
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ token: tab.token, views }));
    document.cookie = `${HINT}=1; path=/; max-age=${tab.grace}; SameSite=Strict`;
  } catch { /* a browser that stores nothing forgets with the page */ }
}

function take() {
  try {
    const left = JSON.parse(sessionStorage.getItem(KEY));
    sessionStorage.removeItem(KEY);
    document.cookie = `${HINT}=; path=/; max-age=0; SameSite=Strict`;
    return left;
  } catch {
    return null;
  }
}

// A file let go of beside the field for files would be opened by the browser in place of this page.
function keepPage(event) {
  if (!event.dataTransfer?.types.includes("Files")) return;
  if (event.composedPath().some((part) => part.dataset?.testid === "stFileUploaderDropzone")) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "none";
}
