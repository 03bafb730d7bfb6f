// Runs before the page is drawn, so that a chosen theme never flashes the other one.
"use strict";
(() => {
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => { root.dataset.theme = stored() || (dark.matches ? "dark" : "light"); };
  const tell = () => dispatchEvent(new Event("themechange"));
  apply();
  dark.addEventListener("change", () => { apply(); tell(); });
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const next = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("theme", next); } catch { /* private windows may refuse; the theme lasts for this page */ }
      root.dataset.theme = next;
      tell();
    });
  });
})();
