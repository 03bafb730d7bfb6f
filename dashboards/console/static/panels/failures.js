// Dead letters: what could not be processed, why, and where the original lies.

import { el, empty, patch } from "../dom.js";
import { count, moment } from "../format.js";
import * as words from "../words.js";

export const needs = ["dead_letters_by_code", "dead_letters_latest"];
const SHOWN = 6;

export function draw({ dead_letters_by_code: codes, dead_letters_latest: latest }, now) {
  if (!codes || !latest) return;
  patch(document.getElementById("failures-body"), ...(codes.records.length ? [
    el("ul", { class: "codes" }, ...codes.records.map((row) => el("li", { "data-key": `${row.stage}/${row.code}` }, `${words.plain(row.code)} in ${row.stage}`, el("b", {}, count(row.records))))),
    el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Latest dead letters" }, table(latest.records.slice(0, SHOWN), now)),
  ] : [empty("No dead letters", "Every record of the last 24 hours was understood. What cannot be is kept here with its bytes, ready for a replay.")]));
}

function table(rows, now) {
  return el("table", {},
    el("thead", {}, el("tr", {}, ...["Time", "Source", "Reason"].map((label) => el("th", { scope: "col" }, label)), el("th", { scope: "col", class: "optional" }, "Original"))),
    el("tbody", {}, ...rows.map((row) => el("tr", { "data-key": row.dead_letter_id },
      el("td", {}, moment(row.received_at, now)),
      el("td", {}, row.source, row.provider && row.provider !== row.source ? el("small", {}, row.provider) : null),
      el("td", { class: "why" }, row.reason, el("small", {}, words.plain(row.code))),
      el("td", { class: "optional" }, el("code", {}, `${row.origin_partition}@${row.origin_offset}${row.item_index >= 0 ? `#${row.item_index}` : ""}`), el("small", {}, `${row.origin_topic}, ${count(row.size_bytes)} bytes`))))));
}
