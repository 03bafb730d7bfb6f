// A campaign's report in the console: the theme that was chosen there, and the button that prints.
"use strict";
(() => {
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch { /* private windows may refuse; the system's theme then */ }
  addEventListener("DOMContentLoaded", () => document.getElementById("print")?.addEventListener("click", () => print()));
})();
