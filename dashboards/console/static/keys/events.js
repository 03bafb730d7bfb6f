// Single events: who they are about stands there as a key, and where the raw request lies.

import { el, empty, patch } from "../dom.js";
import { count, moment } from "../format.js";
import * as words from "../words.js";

const HEAD = [["When"], ["What"], ["Code", "num"], ["Status"], ["Campaign", "optional"], ["IP", "optional"], ["Recipient"], ["Raw request", "optional"]];

export function draw({ events, is_cut: isCut }, place, now) {
  const what = place.reply ? "behind this reply" : place.provider ? `at ${words.provider(place.provider)}` : "of this key";
  patch(document.getElementById("events-note"), isCut ? `the newest ${count(events.length)} ${what}` : `all ${count(events.length)} ${what}`);
  patch(document.getElementById("events-body"), events.length
    ? el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of events" }, table(events, place, now))
    : empty("No events in this span", "Look further back."));
}

function table(rows, place, now) {
  return el("table", {},
    el("thead", {}, el("tr", {}, ...HEAD.map(([label, name]) => el("th", { scope: "col", class: name }, label)))),
    el("tbody", {}, ...rows.map((row) => el("tr", { "data-key": row.event_id },
      el("td", {}, el("time", { datetime: new Date(row.occurred_at).toISOString() }, moment(row.occurred_at, now))),
      el("td", {}, row.event_type, row.bounce_reason ? el("small", {}, words.plain(row.bounce_reason)) : null),
      el("td", { class: "num" }, row.smtp_code ? String(row.smtp_code) : "–"),
      el("td", {}, row.enhanced_status || "–"),
      el("td", { class: "optional" }, row.campaign_id || "–"),
      el("td", { class: "optional" }, row.sending_ip || "–"),
      el("td", {}, row.recipient_key ? el("a", { href: `/recipients#${encodeURIComponent(place.tenant)}/${encodeURIComponent(row.recipient_key)}`, title: row.recipient_key }, el("code", {}, row.recipient_key.slice(0, 10))) : "–"),
      el("td", { class: "optional" }, row.raw_topic ? el("code", {}, `${row.raw_topic} ${row.raw_partition}/${row.raw_offset}`) : "–")))));
}
