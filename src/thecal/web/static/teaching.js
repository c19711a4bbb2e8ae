// Draws the bands of the teaching page from the data beside them. Without it, or without uPlot, the tables say the same.
"use strict";
(() => {
  if (typeof uPlot === "undefined") return;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const faint = (name) => `${color(name)}2e`;
  const line = (label, name, dash, width) => ({ label, stroke: () => color(name), width, dash, points: { show: false } });
  const draw = (figure) => {
    const data = JSON.parse(document.getElementById(figure.dataset.bands).textContent);
    const look = { stroke: () => color("--pico-color"), grid: { stroke: () => color("--edge"), width: 1 }, ticks: { stroke: () => color("--edge"), width: 1 } };
    const day = (_, ticks) => ticks.map((tick) => `day ${Math.round((tick / 24) * 10) / 10}`);
    const plot = new uPlot({
      width: Math.max(figure.clientWidth, 200), height: 230,
      axes: [{ ...look, space: 80, incrs: [24, 48, 72], values: day }, { ...look, size: 60, label: data.unit || undefined, labelSize: data.unit ? 20 : 0 }],
      series: [{},
        line("as it runs, high", "--calm", [2, 4], 1), line("as it runs, middle", "--calm", [], 2), line("as it runs, low", "--calm", [2, 4], 1),
        line("changed, high", "--amber", [6, 4], 1), line("changed, middle", "--amber", [10, 5], 2.5), line("changed, low", "--amber", [6, 4], 1)],
      bands: [{ series: [1, 3], fill: () => faint("--calm") }, { series: [4, 6], fill: () => faint("--amber") }],
      scales: { x: { time: false }, y: { range: (_, low, high) => [data.least, Math.max(high * 1.06, data.least + 1)] } },
      legend: { show: false }, cursor: { show: false },
    }, [data.hours, data.now[2], data.now[1], data.now[0], data.then[2], data.then[1], data.then[0]], figure);
    new ResizeObserver(() => plot.setSize({ width: Math.max(figure.clientWidth, 200), height: 230 })).observe(figure);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw());
  };
  for (const figure of document.querySelectorAll("[data-bands]")) {
    figure.hidden = false;
    draw(figure);
  }
})();
