// In which segments a recipient is, by the rules as they are now.

import { el, icon, patch } from "../dom.js";
import { full } from "../format.js";

export function draw({ data, error }) {
  const body = document.getElementById("segments-body");
  if (!data) return patch(body, el("p", { class: "muted" }, error));
  const rows = data.segments.toSorted((a, b) => b.is_member - a.is_member || a.id.localeCompare(b.id));
  patch(body, rows.length ? el("ul", { class: "suppressed" }, ...rows.map((row) => el("li", { "data-key": row.id, "data-tone": row.is_member ? "healthy" : "quiet" },
    icon(row.is_member ? "healthy" : "no"), el("span", {}, el("b", {}, row.id), row.is_member ? " in" : " out", row.since ? ` since ${full(Date.parse(row.since))}` : ""))))
    : el("p", { class: "muted" }, "There are no segments."));
}
