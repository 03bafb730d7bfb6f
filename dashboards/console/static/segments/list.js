// All segments: how many are in each, how that moved in a day, who came and went.

import { spark } from "../charts.js";
import { el, empty, icon, patch } from "../dom.js";
import { count, moment } from "../format.js";
import { placeOf } from "./place.js";

const STATUSES = { live: ["healthy", "live"], building: ["recovering", "building"], archived: ["quiet", "archived"] };
const HEAD = [["Segment"], ["Status"], ["Recipients", "num"], ["24 h", "optional"], ["Entered", "num optional"], ["Left", "num optional"], ["Last change", "optional"]];

export function start(choose) {
  document.getElementById("list-body").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-place]");
    if (button) choose(button.dataset.place);
  });
}

export function draw({ segments, next }, chosen, now) {
  const tenants = new Set(segments.map((row) => row.tenant));
  patch(document.getElementById("list-note"), `recipients that the rules mean now${next ? `; the first ${count(segments.length)}` : ""}`);
  patch(document.getElementById("list-body"), segments.length
    ? el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of segments" }, table(segments, chosen, now, tenants.size > 1))
    : empty("No segments yet", "Try a rule below and see whom it means. A folder with such files, named under ", el("code", {}, "segments"), " in mailweir.yaml, makes segments of them."));
}

function table(rows, chosen, now, isMany) {
  return el("table", {},
    el("thead", {}, el("tr", {}, ...HEAD.map(([label, name]) => el("th", { scope: "col", class: name }, label)))),
    el("tbody", {}, ...rows.map((row) => line(row, placeOf(row) === chosen, now, isMany))));
}

function line(row, isChosen, now, isMany) {
  const [tone, label] = STATUSES[row.status] ?? ["quiet", row.status];
  return el("tr", { "data-key": placeOf(row), "aria-current": isChosen ? "true" : null },
    el("td", { class: "name" },
      el("button", { type: "button", class: "row-button", "data-place": placeOf(row), "aria-controls": "detail", "aria-expanded": String(isChosen) }, icon("chevron"), isMany ? placeOf(row) : row.id),
      row.description ? el("small", {}, row.description) : null),
    el("td", {}, el("span", { class: "chip", "data-tone": tone }, icon(tone === "quiet" ? "no" : tone), el("span", {}, label))),
    el("td", { class: "num" }, count(row.size)),
    el("td", { class: "optional" }, row.trend.length ? spark(row.trend) : null),
    el("td", { class: "num optional" }, count(row.entered)),
    el("td", { class: "num optional" }, count(row.exited)),
    el("td", { class: "optional" }, moment(row.last_change_at, now)));
}
