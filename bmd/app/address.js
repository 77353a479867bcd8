// Names in the address what is shown, where a link of the navigation led here without saying it; no new step.
export default function ({ data }) {
  if (location.search) return;
  history.replaceState(history.state, "", `${location.pathname}?${data.query}${location.hash}`);
}
