// Two charts on one time axis: the flow, and beneath it the trouble at its own scale. Decisions are marked on both.

import { RateChart } from "../charts.js";
import { el, empty, patch } from "../dom.js";
import { rate, time } from "../format.js";
import { timeline } from "../rates.js";
import * as words from "../words.js";

export const needs = ["event_rates", "decisions"];

const FLOW = [
  { name: "delivered", label: "Delivered", fill: true }, { name: "sent", label: "Sent", dash: "dashed" },
  { name: "opened", label: "Opened" }, { name: "clicked", label: "Clicked" },
];
const TROUBLE = [
  { name: "bounced", label: "Bounced", fill: true }, { name: "deferred", label: "Deferred", dash: "dashed" },
  { name: "complained", label: "Complained" }, { name: "rejected", label: "Rejected", dash: "dashed" },
  { name: "unsubscribed", label: "Unsubscribed", dash: "dotted" },
];
const MIN_SPAN_S = 120;
const TABLE_EVERY_MS = 15_000; // a reader in the middle of the table must not lose the place
let flow, trouble, written = 0;

export function start() {
  flow = new RateChart(document.getElementById("chart-flow"), document.getElementById("legend-flow"), FLOW);
  trouble = new RateChart(document.getElementById("chart-trouble"), document.getElementById("legend-trouble"), TROUBLE);
}

export function draw({ event_rates: rates, decisions }, now) {
  if (!rates) return;
  const { times, columns } = timeline(rates);
  document.getElementById("flow-charts").hidden = !times.length;
  patch(document.getElementById("flow-empty"), times.length ? null : empty("No events in the last 15 minutes", "Senders may be quiet, or their webhooks do not arrive: check the pipeline below and the gateway's log."));
  if (!times.length) return;
  const to = times.at(-1);
  const marks = (decisions?.records ?? []).map((row) => ({ time: row.decided_at / 1000, tone: words.tone(row.level) }));
  const span = [Math.min(times[0], to - MIN_SPAN_S), to];
  flow.set(times, columns, marks, span);
  trouble.set(times, columns, marks, span);
  if (now - written > TABLE_EVERY_MS) {
    written = now;
    patch(document.getElementById("flow-table"), table(times, columns));
  }
}

/** The charts for those who do not see them: one row a minute. */
function table(times, columns) {
  const series = [...FLOW, ...TROUBLE];
  const rows = times.filter((_, i) => i % 12 === 0).map((at, i) =>
    el("tr", {}, el("th", { scope: "row" }, time(at * 1000)), ...series.map(({ name }) => el("td", {}, rate(mean(columns[name].slice(i * 12, i * 12 + 12)))))));
  return el("table", {}, el("caption", {}, "Events per second by type, mean of each minute"),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Time"), ...series.map(({ label }) => el("th", { scope: "col" }, label)))),
    el("tbody", {}, ...rows));
}

const mean = (values) => values.reduce((sum, v) => sum + v, 0) / (values.length || 1);
