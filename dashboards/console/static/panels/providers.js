// How each mailbox provider takes the mail.

import { el, empty, patch, sized } from "../dom.js";
import { count, share } from "../format.js";
import * as words from "../words.js";

export const needs = ["mailbox_providers"];
const SHARES = [
  ["bounced_address_share", "Unknown users", "bounced"], ["blocked_share", "Blocked", "complained"],
  ["deferred_share", "Deferred", "deferred"], ["complained_share", "Complaints", "clicked"],
];

export function draw({ mailbox_providers: providers }) {
  if (!providers) return;
  const rows = providers.records;
  patch(document.getElementById("providers-body"), rows.length ? el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of mailbox providers" }, table(rows))
    : empty("No deliveries in the last 15 minutes", "Delivered, bounced and deferred mail is counted here by mailbox provider."));
}

function table(rows) {
  const top = Object.fromEntries(SHARES.map(([name]) => [name, Math.max(...rows.map((row) => row[name] ?? 0), 1e-9)]));
  return el("table", {},
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Provider"), el("th", { scope: "col", class: "num optional" }, "Settled"), el("th", { scope: "col", class: "num" }, "Delivered"),
      ...SHARES.map(([, label]) => el("th", { scope: "col", class: "num" }, label)))),
    el("tbody", {}, ...rows.map((row) => el("tr", { "data-key": row.provider },
      el("td", { class: "name" }, words.provider(row.provider)),
      el("td", { class: "num optional muted" }, count(row.delivered + row.bounced)),
      el("td", { class: "num" }, share(row.delivered_share)),
      ...SHARES.map(([name, , series]) => el("td", { class: "num" }, bar(row[name], top[name], series)))))));
}

function bar(value, top, series) {
  const node = el("span", { class: "share" }, share(value), el("span", { "aria-hidden": "true" }, sized(el("i"), { width: `${(((value ?? 0) / top) * 100).toFixed(1)}%` })));
  node.style.setProperty("--series", `var(--s-${series})`);
  return node;
}
