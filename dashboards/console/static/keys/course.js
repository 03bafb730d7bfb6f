// The course of a key's score with its decisions, a table of both for those who do not see it, and the reckoning.

import { el, empty, icon, patch } from "../dom.js";
import { full, moment } from "../format.js";
import { evidence } from "../panels/evidence.js";
import * as words from "../words.js";
import { ScoreChart } from "./chart.js";

const MOST_LINES = 25; // of the table behind the chart
const SHOWN = 8; // decisions
let chart = null;

export function draw(data, now) {
  chart ??= new ScoreChart(document.getElementById("course-chart"));
  const { history, decisions } = data;
  const marks = decisions.map((row) => ({ time: row.decided_at / 1000, tone: words.tone(row.level) }));
  document.getElementById("course-chart").classList.toggle("chart", history.length > 0);
  if (history.length) chart.set(history, marks, [data.at_ms / 1000 - data.span_s, data.at_ms / 1000]);
  patch(document.getElementById("course-note"), "out of 100, with its 90\u00a0% interval; upright lines are decisions");
  patch(document.getElementById("course-table"), history.length ? table(history, decisions) : null);
  patch(document.getElementById("course-body"),
    history.length ? null : empty("No score in this span", data.score ? `The last one is of ${full(data.score.as_of)}; look further back.` : "This key has not been scored yet."),
    el("h3", {}, "Decisions"),
    decisions.length ? list(decisions, now) : el("p", { class: "muted" }, "None in this span."));
  patch(document.getElementById("why-body"), data.score ? evidence(data.score, [], "h3") : el("p", { class: "muted" }, "No score, so nothing is counted against it."));
}

function table(history, decisions) {
  const every = Math.ceil(history.length / MOST_LINES);
  const rows = history.filter((_, i) => (history.length - 1 - i) % every === 0);
  return el("div", {},
    el("table", {}, el("caption", {}, "Score over time"),
      el("thead", {}, el("tr", {}, ...["Time", "Score", "From", "To", "Level"].map((label) => el("th", { scope: "col" }, label)))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, el("th", { scope: "row" }, full(row.time)), ...[row.score, row.low, row.high].map((n) => el("td", {}, n.toFixed(0))), el("td", {}, words.level(row)[1]))))),
    el("p", {}, decisions.length ? "The decisions follow below." : "No decisions."));
}

function list(decisions, now) {
  const shown = decisions.slice(0, SHOWN);
  return el("ul", { class: "said-list" }, ...shown.map((row) => {
    const [tone, state] = words.state(row);
    return el("li", { "data-key": row.decision_id, "data-tone": words.tone(row.level) },
      icon(words.shape(words.tone(row.level))),
      el("span", {}, el("b", {}, words.action(row.action, words.isDone(row.state))), ` ${words.keyName(row.key)}: ${row.reason}`,
        el("small", {}, el("time", { datetime: new Date(row.decided_at).toISOString() }, moment(row.decided_at, now)), ", ", el("span", { class: "chip", "data-tone": tone }, el("span", {}, state)))));
  }), decisions.length > SHOWN ? el("li", {}, el("span", { class: "muted" }, `and ${decisions.length - SHOWN} more`)) : null);
}
