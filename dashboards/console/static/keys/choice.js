// Where no key is named: those that were scored lately, by kind, worst first.

import { el, empty, icon, patch } from "../dom.js";
import * as words from "../words.js";
import { ofScore } from "./place.js";

export const PATH = "/api/queries/scores?since_minutes=10080&limit=50";

export function draw({ columns, rows }) {
  const all = rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
  const tenants = new Set(all.map((row) => row.tenant));
  const kinds = words.KIND_ORDER.filter((kind) => all.some((row) => row.kind === kind));
  patch(document.getElementById("choice-body"), ...(kinds.length ? kinds.map((kind) => group(kind, all, tenants.size > 1))
    : [empty("No scores yet", "A key gets its first score within a second of its first events.")]));
}

function group(kind, all, isMany) {
  return el("div", { class: "key-group", "data-key": kind },
    el("h3", {}, words.kind(kind)),
    el("ul", {}, ...all.filter((row) => row.kind === kind).map((row) => {
      const [tone, label] = words.level(row);
      return el("li", { "data-key": `${row.tenant}/${row.key}`, "data-tone": tone },
        el("a", { href: ofScore(row), "data-place": "" }, icon(words.shape(tone)),
          el("span", {}, isMany && row.kind !== "tenant" ? `${row.tenant}: ` : "", words.keyName(row.key), el("span", { class: "visually-hidden" }, `, ${label}, score`)),
          el("b", {}, row.score.toFixed(0))));
    })));
}
