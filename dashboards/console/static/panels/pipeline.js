// Whether the pipeline keeps up.

import { el, patch } from "../dom.js";
import { ago, brief, duration } from "../format.js";

export const needs = ["pipeline", "pulse"];

export function draw({ pipeline, pulse }, now) {
  if (!pipeline) return;
  const p = pipeline.records[0];
  const facts = [
    ["Rows stored", brief(p.rows_stored), null],
    ["Newest event", p.newest_event_at ? ago(p.newest_event_at, now) : "none in 15 min", null],
    ["Newest batch", p.newest_batch_at > 0 ? ago(p.newest_batch_at, now) : "none in 15 min", null],
    ["Webhook to row", duration(p.post_to_row_p50_ms), p.post_to_row_p99_ms],
    ["Webhook to score", duration(p.post_to_score_p50_ms), p.post_to_score_p99_ms],
    ["Dead letters kept", brief(p.dead_letters), null],
    ["Store", pulse?.store.is_well === false ? "away" : "answers", null],
  ];
  patch(document.getElementById("pipeline-body"), el("dl", { class: "facts" }, ...facts.map(([name, value, p99]) =>
    el("div", { "data-key": name }, el("dt", {}, name), el("dd", {}, value, p99 === null || p99 === undefined ? null : el("small", {}, ` · p99 ${duration(p99)}`))))));
}
