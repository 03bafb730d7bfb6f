// What was decided, why, where it stands, who said what; and the way to say something.

import { el, empty, icon, patch } from "../dom.js";
import { count, duration, moment } from "../format.js";
import * as words from "../words.js";
import { evidence, verdict } from "./evidence.js";
import * as ruling from "./ruling.js";

export const needs = ["decisions"];

export function start(redraw) {
  ruling.start(document.getElementById("decisions-body"), document.getElementById("decisions-said"), redraw);
}

export function draw({ decisions }, now) {
  if (!decisions) return;
  const rows = decisions.records.map(ruling.current);
  const waiting = rows.filter((row) => row.state === "waiting");
  patch(document.getElementById("decisions-note"), waiting.length
    ? el("a", { href: `#decision-${waiting[0].decision_id}`, class: "chip", "data-tone": "watch" }, icon("watch"), `${count(waiting.length)} ${waiting.length === 1 ? "waits" : "wait"} for you`)
    : "last 24 hours");
  patch(document.getElementById("decisions-body"), rows.length
    ? el("ol", { class: "timeline" }, ...rows.map((row) => card(row, now)))
    : empty("Nothing had to be decided", "When a campaign, IP or domain leaves its limits, the decision appears here with its evidence."));
}

function card(row, now) {
  return el("li", { class: "event", id: `decision-${row.decision_id}`, "data-key": row.decision_id, "data-tone": words.tone(row.level) },
    icon(words.shape(row.level)),
    el("time", { class: "when", datetime: new Date(row.decided_at).toISOString() }, moment(row.decided_at, now)),
    el("h3", {}, `${words.action(row.action, words.isDone(row.state))} ${words.keyName(row.key)}`),
    el("p", {}, row.reason),
    el("div", { class: "done" }, state(row), ...row.statuses.map((status, i) => (status === "waiting" ? null : outcome(row, i)))),
    ...row.ruling_verbs.map((verb, i) => el("p", { class: "said" }, el("b", {}, row.ruling_people[i]), ` ${words.verb(verb)} (${moment(row.ruling_times[i], now)}): `, el("q", {}, row.ruling_reasons[i]))),
    ruling.part(row),
    el("details", { "data-key": "evidence" }, el("summary", {}, icon("chevron"), "Evidence"), explained(row, now)));
}

function state(row) {
  const [tone, label] = words.state(row);
  return el("span", { class: "chip", "data-tone": tone }, icon(words.shape(tone)), label);
}

function outcome(row, i) {
  return el("span", {}, `${row.sources[i] || row.drivers[i]}: ${row.details[i] || words.plain(row.statuses[i])}`);
}

function explained(row, now) {
  const facts = [
    ["First signal", row.first_signal_at > 0 ? `${duration(row.decided_at - row.first_signal_at)} before the decision` : null],
    ["Carried out", row.last_executed_at > 0 && words.isDone(row.state) ? `${duration(row.last_executed_at - row.decided_at)} after it` : null],
    ["Level", `${row.previous_level || "none"} → ${row.level}`],
    ["Cause", words.plain(row.cause)],
    ["Let through", row.share < 1 ? `${+(100 * row.share).toPrecision(3)}\u202f% of the usual rate` : null],
    ["Approve until", row.state === "waiting" && row.expires_at > 0 ? moment(row.expires_at, now) : null],
    ["Policy", `version ${row.policy_version}, mode ${row.mode}`],
    ["Decision", row.decision_id],
    ["Takes back", row.reverts],
    ["Taken back by", row.reverted_by],
  ].filter(([, value]) => value);
  const list = [el("h4", {}, "Course of events"), el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]))];
  const record = parsed(row.evidence);
  if (typeof record?.score === "number") return evidence(record, list);
  return record ? verdict(record, list) : el("div", { class: "evidence" }, el("div", {}, ...list));
}

/** The record the decision was made from, or null when it is none. */
function parsed(text) {
  try {
    const record = JSON.parse(text);
    return record && typeof record === "object" ? record : null;
  } catch {
    return null;
  }
}
