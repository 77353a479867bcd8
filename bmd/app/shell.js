// What style sheets cannot do: the phone's navigation closes once a page was chosen, and charts fit the paper.
(() => {
  if (globalThis.osteolensShell) return;
  globalThis.osteolensShell = true;

  document.addEventListener("click", ({ target }) => {
    if (!target.closest("[data-testid=stSidebarNavLink]")) return;
    setTimeout(() => document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click(), 0);
  });

  // A chart is drawn for the screen's pixels; with a view box it can be scaled to the width of the page.
  globalThis.addEventListener("beforeprint", () => {
    for (const chart of document.querySelectorAll(".stPlotlyChart .svg-container")) {
      const { offsetWidth, offsetHeight } = chart;
      if (!offsetWidth) continue;
      chart.style.setProperty("--ol-width", `${offsetWidth}px`);
      chart.style.setProperty("--ol-ratio", `${offsetWidth} / ${offsetHeight}`);
      const box = `0 0 ${offsetWidth} ${offsetHeight}`;
      for (const svg of chart.querySelectorAll(":scope > .main-svg")) svg.setAttribute("viewBox", box);
    }
  });
  globalThis.addEventListener("afterprint", () => {
    for (const chart of document.querySelectorAll(".stPlotlyChart .svg-container")) {
      chart.style.removeProperty("--ol-width");
      for (const svg of chart.querySelectorAll(":scope > .main-svg")) svg.removeAttribute("viewBox");
    }
  });
})();
