// Dead letters in groups: the same stage, code and source mostly means the same cause, and the same cure.

import { el, empty, patch } from "../dom.js";
import { count, moment } from "../format.js";
import * as words from "../words.js";

const HEAD = [["Why"], ["Stage", "optional"], ["Source", "optional"], ["Open", "num"], ["All", "num optional"], ["Last", "optional"], [""]];
let known = [];

export function start(filter, again) {
  document.getElementById("groups-body").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-group]"), row = known[Number(button?.dataset.group)];
    if (!row) return;
    const { stage, code, source } = row;
    if (button.dataset.act === "show") filter({ stage, code, source, state: "" });
    else again(`every open one: ${nameOf(row)}`, { stage, code, ...(source ? { source } : {}) });
  });
}

export const nameOf = ({ stage, code, source }) => `${words.plain(code)} in ${stage}${source ? ` from ${source}` : ""}`;

export function draw({ groups, can_replay: canReplay }, asked, now) {
  known = groups;
  patch(document.getElementById("groups-body"), groups.length
    ? el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Groups of dead letters" }, table(asked, canReplay, now))
    : empty("No dead letters", "Every record was understood. What cannot be is kept here with its bytes, and can be processed again."));
}

function table(asked, canReplay, now) {
  return el("table", {},
    el("thead", {}, el("tr", {}, ...HEAD.map(([label, name]) => (label ? el("th", { scope: "col", class: name }, label) : el("td", {}))))),
    el("tbody", {}, ...known.map((row, at) => line(row, at, asked, canReplay, now))));
}

function line(row, at, asked, canReplay, now) {
  const isChosen = ["stage", "code", "source"].every((name) => (asked[name] ?? "") === row[name]);
  return el("tr", { "data-key": `${row.stage}/${row.code}/${row.source}`, "aria-current": isChosen ? "true" : null },
    el("td", { class: "name" }, el("button", { type: "button", class: "row-button", "data-group": at, "data-act": "show" }, words.plain(row.code)), el("small", {}, row.reason), row.source ? el("small", { class: "narrow" }, row.source) : null),
    el("td", { class: "optional" }, row.stage),
    el("td", { class: "optional" }, row.source || "–", row.provider && row.provider !== row.source ? el("small", {}, row.provider) : null),
    el("td", { class: "num" }, count(row.open)),
    el("td", { class: "num optional" }, count(row.records)),
    el("td", { class: "optional" }, moment(row.last_at, now)),
    el("td", {}, row.open && canReplay ? el("button", { type: "button", class: "button", "data-group": at, "data-act": "again" }, "Process again", el("span", { class: "visually-hidden" }, `: ${nameOf(row)}`)) : null));
}
