// Draws the figures of a chart from the data beside them. Without it, or without uPlot, the tables say the same.
"use strict";
(() => {
  if (typeof uPlot === "undefined") return;
  const color = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const two = (number) => String(number).padStart(2, "0");
  const day = (zone) => (_, ticks) => ticks.map((tick) => {
    const at = uPlot.tzDate(new Date(tick * 1000), zone);
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  });
  const axes = (data) => {
    const look = { stroke: color("--pico-color"), grid: { stroke: color("--edge"), width: 1 }, ticks: { stroke: color("--edge"), width: 1 } };
    const down = { ...look, size: 64, label: data.unit || undefined, labelSize: data.unit ? 20 : 0 };
    if (data.levels.length) {
      down.splits = () => data.levels.map(([place]) => place);
      down.values = () => data.levels.map(([, level]) => level);
    }
    return [{ ...look, space: 90, values: day(data.zone) }, down];
  };
  const range = (data) => {
    const places = data.levels.map(([place]) => place);
    if (places.length) return () => [Math.min(...places), Math.max(...places)];
    return (_, low, high) => (low === null ? [0, 1] : [Math.min(0, low), high > 0 ? high * 1.08 : 1]);
  };
  const draw = (figure) => {
    const data = JSON.parse(document.getElementById(figure.dataset.figure).textContent);
    const series = { stroke: color("--calm"), width: 2, points: { show: !data.steps, size: 7, fill: color("--calm") } };
    if (data.steps) series.paths = uPlot.paths.stepped({ align: 1 });
    const height = data.steps ? 240 : 170;
    const plot = new uPlot({
      width: Math.max(figure.clientWidth, 200), height, axes: axes(data), series: [{}, series],
      scales: { y: { range: range(data) } }, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), data.zone),
      legend: { show: false }, cursor: { show: false },
    }, [data.times, data.values], figure);
    new ResizeObserver(() => plot.setSize({ width: Math.max(figure.clientWidth, 200), height })).observe(figure);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw());
  };
  for (const figure of document.querySelectorAll("[data-figure]")) {
    figure.hidden = false;
    draw(figure);
  }
})();
