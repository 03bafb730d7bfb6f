// What was decided, why, what came of it and when.

import { el, empty, icon, patch } from "../dom.js";
import { duration, moment } from "../format.js";
import * as words from "../words.js";
import { evidence } from "./evidence.js";

export const needs = ["decisions"];

export function draw({ decisions }, now) {
  if (!decisions) return;
  const rows = decisions.records;
  patch(document.getElementById("decisions-body"), rows.length
    ? el("ol", { class: "timeline" }, ...rows.map((row) => card(row, now)))
    : empty("Nothing had to be decided", "When a campaign, IP or domain leaves its limits, the decision appears here with its evidence."));
}

function card(row, now) {
  const isDone = row.statuses.includes("done");
  return el("li", { class: "event", "data-key": row.decision_id, "data-tone": words.tone(row.level) },
    icon(words.shape(row.level)),
    el("time", { class: "when", datetime: new Date(row.decided_at).toISOString() }, moment(row.decided_at, now)),
    el("h3", {}, `${words.action(row.action, isDone)} ${words.keyName(row.key)}`),
    el("p", {}, row.reason),
    el("div", { class: "done" }, ...(row.statuses.length ? row.statuses.map((status, i) => outcome(row, status, i)) : [pending(row)])),
    el("details", {}, el("summary", {}, icon("chevron"), "Evidence"), explained(row)));
}

function outcome(row, name, i) {
  const [tone, label] = words.status(name);
  return el("span", {}, el("span", { class: "chip", "data-tone": tone }, icon(words.shape(tone)), label), ` ${row.sources[i]}: ${row.details[i] || row.drivers[i]}`);
}

function pending(row) {
  const text = { observe: "observed only, by policy", suggest: "waits for a person", act: "on its way to the sender" }[row.mode] ?? row.mode;
  return el("span", { class: "chip", "data-tone": "quiet" }, icon("recovering"), text);
}

function explained(row) {
  const score = parsed(row.evidence);
  const facts = [
    ["First signal", row.first_signal_at ? `${duration(row.decided_at - row.first_signal_at)} before the decision` : null],
    ["Carried out", row.last_executed_at > 0 && row.statuses.length ? `${duration(row.last_executed_at - row.decided_at)} after it` : null],
    ["Level", `${row.previous_level || "none"} → ${row.level}`],
    ["Policy", `version ${row.policy_version}, mode ${row.mode}`],
    ["Decision", row.decision_id],
  ].filter(([, value]) => value);
  const list = el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  return score ? evidence(score, [el("h4", {}, "Course of events"), list]) : el("div", { class: "evidence" }, list);
}

/** The score record the decision was made from, or null when it is not one. */
function parsed(text) {
  try {
    const score = JSON.parse(text);
    return typeof score?.score === "number" ? score : null;
  } catch {
    return null;
  }
}
