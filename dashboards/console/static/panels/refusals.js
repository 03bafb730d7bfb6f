// The mailbox providers' own words behind bounces and deferrals.

import { el, empty, patch, sized } from "../dom.js";
import { count } from "../format.js";
import * as words from "../words.js";

export const needs = ["refusals"];
const SHOWN = 5;

export function draw({ refusals }) {
  if (!refusals) return;
  const rows = refusals.records.slice(0, SHOWN);
  const top = Math.max(...rows.map((row) => row.events), 1);
  patch(document.getElementById("refusals-body"), rows.length ? el("ul", { class: "replies" }, ...rows.map((row) => reply(row, top)))
    : empty("No refusals in the last 15 minutes", "Replies to bounced and deferred mail are grouped here by what they mean."));
}

function reply(row, top) {
  const where = row.providers > 1 ? `${words.provider(row.main_provider)} and ${row.providers - 1} more` : words.provider(row.main_provider);
  const bar = el("div", { class: "bar", "aria-hidden": "true" }, sized(el("i"), { width: `${((row.events / top) * 100).toFixed(1)}%` }));
  bar.style.setProperty("--series", `var(--s-${row.event_type === "deferred" ? "deferred" : "bounced"})`);
  return el("li", { "data-key": `${row.event_type}/${row.bounce_reason}/${row.bounce_scope}/${row.enhanced_status}` },
    el("h3", {}, `${words.plain(row.bounce_reason || "unclassified")}`, el("small", {}, `${row.event_type} ${row.enhanced_status} · ${where}`)),
    el("b", {}, count(row.events)), bar, row.example ? el("q", {}, row.example) : null);
}
