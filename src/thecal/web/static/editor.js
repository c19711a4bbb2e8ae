// The program editor: shows the fields of the mode that is chosen, works out what was typed, and draws the steps as bars that can
// be dragged. The table is the truth and everything works without this file; the bars are for eyes and a pointer only.
(() => {
  "use strict";
  const form = document.getElementById("order-form");
  const preview = document.getElementById("preview");
  if (!form || !preview) return;
  const DAY = 1440, WIDE = 480, HIGH = 112, GRID = 15; // minutes, picture units, minutes to which a dragged time falls
  const NS = "http://www.w3.org/2000/svg";

  const showMode = () => {
    const mode = form.elements.mode.value;
    for (const part of form.querySelectorAll("[data-mode]")) part.hidden = part.dataset.mode !== mode;
  };

  let waiting = 0, running = null;
  const workOut = async () => {
    if (running) running.abort();
    running = new AbortController();
    const data = new URLSearchParams(new FormData(form));
    data.delete("once"); // it belongs to saving
    data.delete("csrf");
    try {
      const answer = await fetch("/order/preview", { method: "POST", body: data, signal: running.signal });
      preview.innerHTML = answer.ok ? await answer.text() : "<p role=\"alert\">Not worked out. Press the button to see why.</p>";
    } catch (error) {
      if (error.name !== "AbortError") preview.innerHTML = "<p role=\"alert\">The clinic does not answer. Nothing was written.</p>";
    }
  };
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(workOut, 450); };

  const minutes = (text) => {
    const found = /^(\d{1,2}):(\d{2})$/.exec(text.trim());
    return found && +found[2] < 60 && +found[1] * 60 + +found[2] <= DAY ? +found[1] * 60 + +found[2] : null;
  };
  const clock = (minute) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  const rowsOf = (group) => [...form.querySelectorAll(`table[data-group="${group}"] tbody tr`)].map((row) => {
    const [from, to, dose] = row.querySelectorAll("input");
    const begin = minutes(from.value), end = minutes(to.value), mcg = Number.parseFloat(dose.value.replaceAll(",", ""));
    const spans = begin === null || end === null || !(mcg >= 0) ? [] : end > begin ? [[begin, end]] : [[begin, DAY], [0, end]];
    const length = spans.reduce((sum, [a, b]) => sum + b - a, 0);
    return { from, to, dose, spans: spans.filter(([a, b]) => b > a), hourly: length ? mcg * 60 / length : 0, hours: length / 60 };
  });

  const put = (svg, name, attributes, text) => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    svg.append(made);
    return made;
  };
  let scale = {}; // of each group: the dose an hour at the top, kept while a bar is dragged
  const draw = (group, keep) => {
    const svg = form.querySelector(`svg[data-bars="${group}"]`);
    const rows = rowsOf(group);
    if (!keep) scale[group] = 1.25 * Math.max(...rows.map((row) => row.hourly), 0.001);
    svg.replaceChildren();
    rows.forEach((row, number) => {
      for (const [begin, end] of row.spans) {
        const high = Math.min(row.hourly / scale[group], 1) * HIGH;
        const edges = `${begin === minutes(row.from.value) ? "from " : ""}${end === (minutes(row.to.value) || DAY) ? "to" : ""}`;
        put(svg, "rect", { class: "bar", "data-row": number, "data-edges": edges, x: begin * WIDE / DAY, y: HIGH - high + 4, width: (end - begin) * WIDE / DAY - 1, height: high });
      }
    });
    put(svg, "line", { class: "ground", x1: 0, y1: HIGH + 4, x2: WIDE, y2: HIGH + 4 });
    for (let hour = 0; hour <= 24; hour += 6) {
      const anchor = hour === 0 ? "start" : hour === 24 ? "end" : "middle";
      put(svg, "text", { x: hour * WIDE / 24, y: HIGH + 20, "text-anchor": anchor }, `${clock(hour * 60)}`);
    }
  };
  const drawAll = () => { for (const svg of form.querySelectorAll("svg[data-bars]")) draw(svg.dataset.bars, false); };

  const place = (svg, event) => {
    const box = svg.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    return { minute: Math.round(share * DAY / GRID) * GRID, high: 1 - ((event.clientY - box.top) * 140 / box.height - 4) / HIGH };
  };
  const grab = (svg) => {
    const group = svg.dataset.bars;
    svg.addEventListener("pointerdown", (event) => {
      const number = event.target.dataset ? event.target.dataset.row : undefined;
      if (number === undefined) return;
      event.preventDefault();
      svg.setPointerCapture(event.pointerId);
      const rows = rowsOf(group), row = rows[number], box = event.target.getBoundingClientRect();
      const near = event.clientX > box.right - 8 ? "to" : event.clientX < box.left + 8 ? "from" : "dose";
      const edge = event.target.dataset.edges.includes(near) ? near : "dose";
      const neighbor = edge === "dose" ? null : rows.find((other) => other !== row && minutes((edge === "to" ? other.from : other.to).value) === minutes(row[edge].value));
      const move = (moved) => {
        const { minute, high } = place(svg, moved);
        if (edge === "dose") {
          row.dose.value = String(Math.max(Math.round(Math.min(Math.max(high, 0), 1) * scale[group] * row.hours), 1));
        } else {
          if (!neighbor) return;
          const [left, right] = edge === "to" ? [row, neighbor] : [neighbor, row];
          const begin = minutes(left.from.value), end = minutes(right.to.value) || DAY;
          const [first, last] = begin < end ? [begin, end] : edge === "to" === begin < minutes(left.to.value) ? [begin, DAY] : [0, end];
          if (minute <= first || minute >= last) return; // a step that runs over midnight stays so
          row[edge].value = neighbor[edge === "to" ? "from" : "to"].value = clock(minute);
        }
        draw(group, true);
      };
      const end = () => {
        svg.removeEventListener("pointermove", move);
        draw(group, false);
        soon();
      };
      svg.addEventListener("pointermove", move);
      svg.addEventListener("pointerup", end, { once: true });
      svg.addEventListener("pointercancel", end, { once: true });
    });
  };

  form.addEventListener("input", (event) => {
    if (preview.contains(event.target)) return; // a reason changes nothing of what is worked out
    showMode();
    drawAll();
    soon();
  });
  showMode();
  drawAll();
  form.querySelectorAll("svg[data-bars]").forEach(grab);
})();
