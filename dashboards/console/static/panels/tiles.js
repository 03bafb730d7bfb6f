// Six figures that say whether mail gets through. Shares follow mailbox_providers.sql: settled = delivered + bounced.

import { el, patch } from "../dom.js";
import { spark } from "../charts.js";
import { brief, count, duration, rate, share } from "../format.js";
import { timeline } from "../rates.js";

export const needs = ["totals", "event_rates", "pipeline"];
const over = (a, b) => (b > 0 ? a / b : null);

export function draw({ totals, event_rates: rates, pipeline }) {
  if (!totals) return;
  const t = totals.records[0];
  const { columns, all } = timeline(rates);
  const settled = t.delivered + t.bounced;
  const flow = pipeline?.records[0] ?? {};
  patch(document.getElementById("tiles"),
    tile("Events per second", rate(all.at(-1) ?? null), `${brief(t.events)} in 15 min`, spark(all, "opened")),
    tile("Delivered", share(over(t.delivered, settled)), `${brief(t.delivered)} of ${brief(settled)} settled`, spark(columns.delivered, "delivered")),
    tile("Bounced", share(over(t.bounced, settled)), `${count(t.bounced)} refused for good`, spark(columns.bounced, "bounced")),
    tile("Deferred", share(over(t.deferred, settled + t.deferred)), `${count(t.deferred)} put off for now`, spark(columns.deferred, "deferred")),
    tile("Complaints", share(over(t.complained, t.delivered)), `${count(t.complained)} of ${brief(t.delivered)} delivered`, spark(columns.complained, "complained")),
    tile("Webhook to score", duration(flow.post_to_score_p99_ms), `p99, median ${duration(flow.post_to_score_p50_ms)}`, null));
}

function tile(title, figure, note, line) {
  return el("article", { class: "tile", "data-key": title }, el("h2", {}, title), el("strong", {}, figure), el("small", {}, note), line);
}
