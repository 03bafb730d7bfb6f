// What every page's frame does: the theme, chosen before the page is drawn, so that the other one never flashes; and
// on a narrow screen, where the navigation scrolls, the page that is open stands in sight.
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
    const navigation = document.querySelector(".topbar nav"), here = navigation?.querySelector("[aria-current]");
    if (here) navigation.scrollLeft = here.offsetLeft - navigation.offsetLeft - (navigation.clientWidth - here.offsetWidth) / 2;
    document.getElementById("theme").addEventListener("click", () => {
      const next = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("theme", next); } catch { /* private windows may refuse; the theme lasts for this page */ }
      root.dataset.theme = next;
      tell();
    });
  });
})();
