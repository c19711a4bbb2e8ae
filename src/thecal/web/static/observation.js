// Counts the minutes of an observation on, from the server's clock. Without it the page shows them as they were when it was read.
"use strict";
(() => {
  const sheet = document.querySelector("[data-observation]");
  if (!sheet) return;
  const now = Number(sheet.dataset.now), begun = performance.now();
  const minutes = (seconds) => Math.floor(seconds / 60);
  const count = () => {
    const at = now + (performance.now() - begun) / 1000;
    for (const cell of sheet.querySelectorAll("[data-since]")) cell.textContent = `${minutes(at - Number(cell.dataset.since))} min`;
    for (const cell of sheet.querySelectorAll("[data-due]")) {
      const left = Number(cell.dataset.due) - at;
      cell.textContent = left > 0 ? `in ${Math.ceil(left / 60)} min` : `due since ${minutes(-left)} min`;
    }
  };
  count();
  window.setInterval(count, 5000);
})();
