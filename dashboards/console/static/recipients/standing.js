// Whether a recipient may be mailed and why not; the journeys they are or were on.

import { el, icon, patch } from "../dom.js";
import { count, full } from "../format.js";
import * as words from "../words.js";

const HEAD = ["Journey", "Entered", "Where", "Calls"];

export function draw({ suppressions, journeys }) {
  const inForce = suppressions.filter((fact) => fact.in_force), before = suppressions.filter((fact) => !fact.in_force);
  patch(document.getElementById("standing-body"),
    el("p", { class: "verdict", "data-tone": inForce.length ? "paused" : "healthy" }, icon(inForce.length ? "paused" : "healthy"),
      el("span", {}, inForce.length ? `No: suppressed from ${[...new Set(inForce.map(scope))].join(", ")}.` : "Yes: nothing on the suppression list stands against it.")),
    facts(inForce),
    before.length ? el("details", { "data-key": "before" }, el("summary", {}, icon("chevron"), "What was said before"), facts(before)) : null);
  patch(document.getElementById("journeys-body"), journeys.length ? el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Journeys of the recipient" }, table(journeys))
    : el("p", { class: "muted" }, "On none, and was on none."));
}

const scope = (fact) => (fact.scope === "tenant" ? "all mail" : `the stream ${fact.scope}`);

function facts(list) {
  return el("ul", { class: "suppressed" }, ...list.map((fact) => el("li", { "data-key": `${fact.scope}/${fact.cause}/${fact.since}/${fact.status}` },
    el("b", {}, `${words.plain(fact.cause)}${fact.status === "removed" ? ", taken back" : ""}`), ` ${scope(fact)}, ${full(fact.since)}${fact.until ? `, until ${full(fact.until)}` : ""}`,
    el("small", {}, [fact.reason, fact.who && `by ${fact.who}`, fact.source && `from ${fact.source}`].filter(Boolean).join("; ")))));
}

function table(runs) {
  return el("table", {},
    el("thead", {}, el("tr", {}, ...HEAD.map((label) => el("th", { scope: "col" }, label)))),
    el("tbody", {}, ...runs.map((run) => el("tr", { "data-key": run.run_id, "data-tone": run.ended ? "quiet" : "recovering" },
      el("td", { class: "name" }, run.journey_id),
      el("td", {}, full(run.entered_at)),
      el("td", {}, run.ended ? `ended: ${words.plain(run.ended)}` : el("code", {}, run.last_place || "at its beginning")),
      el("td", {}, count(run.calls))))));
}
