// The letters themselves, newest first, under the chosen filter.

import { el, empty, icon, patch } from "../dom.js";
import { moment } from "../format.js";
import * as words from "../words.js";
import { nameOf } from "./groups.js";

const HEAD = [["Time"], ["Why"], ["Source", "optional"], ["Tenant", "optional"], ["State"]];
export const STATES = { open: ["watch", "open"], replayed: ["healthy", "processed again"], failed_again: ["paused", "failed again"] };

export function start(open, filter, more) {
  document.getElementById("list-body").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-letter]");
    if (button) open(button.dataset.letter);
  });
  document.getElementById("list").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button && "state" in button.dataset) filter({ state: button.dataset.state });
    else if (button && "clear" in button.dataset) filter({ stage: "", code: "", source: "", tenant: "", state: "" });
    else if (button && "more" in button.dataset) more();
  });
}

export function draw(rows, asked, next, now) {
  for (const button of document.querySelectorAll("#list-states button")) button.setAttribute("aria-pressed", String(button.dataset.state === (asked.state ?? "")));
  const isFiltered = asked.stage || asked.code || asked.source || asked.tenant;
  patch(document.getElementById("list-note"), isFiltered ? `${asked.code ? nameOf({ stage: asked.stage ?? "", code: asked.code, source: asked.source }) : `of ${asked.source || asked.tenant || asked.stage}`}` : "of every stage and source");
  patch(document.getElementById("list-body"), rows.length
    ? el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Dead letters" }, table(rows, asked, now))
    : empty("None here", "No dead letter is like that."));
  patch(document.getElementById("list-more"),
    next ? el("button", { type: "button", class: "button", "data-more": true, "data-key": "more" }, "Show more") : null,
    isFiltered ? el("button", { type: "button", class: "button", "data-clear": true, "data-key": "clear" }, "Show all groups") : null);
}

export function chip(row) {
  const [tone, label] = STATES[row.state] ?? ["quiet", row.state];
  return el("span", { class: "chip", "data-tone": tone }, icon(tone), el("span", {}, label));
}

function table(rows, asked, now) {
  return el("table", {},
    el("thead", {}, el("tr", {}, ...HEAD.map(([label, name]) => el("th", { scope: "col", class: name }, label)))),
    el("tbody", {}, ...rows.map((row) => el("tr", { "data-key": row.dead_letter_id, "aria-current": asked.id === row.dead_letter_id ? "true" : null },
      el("td", { class: "at" }, el("button", { type: "button", class: "row-button", "data-letter": row.dead_letter_id, "aria-controls": "letter" }, icon("chevron"), moment(row.failed_at, now))),
      el("td", { class: "why" }, row.reason, el("small", {}, `${words.plain(row.code)} in ${row.stage}`)),
      el("td", { class: "optional" }, row.source || "–"),
      el("td", { class: "optional" }, row.tenant || "–"),
      el("td", {}, chip(row))))));
}
