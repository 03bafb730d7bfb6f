// What every page says above its content: whether the console answers, and a sentence when something is wrong.

import { patch } from "./dom.js";

const STATES = { live: "Live", polling: "Live, every 5 s", lost: "Connection lost, trying again" };

/** `live` or `lost`; `text` where the page does not try again by itself. */
export function connection(state, text = STATES[state]) {
  const link = document.getElementById("link");
  link.dataset.state = state;
  link.lastElementChild.textContent = text;
}

/** An empty text hides it. */
export function notice(text) {
  const box = document.getElementById("notice");
  box.hidden = !text;
  patch(box, text || "");
}
