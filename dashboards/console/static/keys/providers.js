// A key's mail by mailbox provider: counts, and beneath each the share over its own denominator.

import { el, empty, patch } from "../dom.js";
import { count, share } from "../format.js";
import * as words from "../words.js";
import { hrefOf } from "./place.js";

const COLUMNS = [
  ["delivered", "Delivered", "delivered_share"], ["bounced_address", "Unknown users", "bounced_address_share"], ["blocked", "Blocked", "blocked_share"],
  ["bounced_other", "Other refusals", null], ["deferred", "Deferred", "deferred_share"], ["complained", "Complaints", "complained_share"],
];
const SUMS = ["delivered", "bounced_address", "blocked", "bounced_other", "deferred", "complained", "settled", "attempts"];

export function draw(rows, place) {
  patch(document.getElementById("providers-body"), ...(rows.length ? [
    el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of mailbox providers" }, table(rows, place)),
    el("p", { class: "muted" }, "Delivered, unknown users and blocked are shares of what was settled: delivered or refused for good. Deferred is a share of all attempts, complaints of what was delivered."),
  ] : [empty("No deliveries in this span", "Delivered, refused and deferred mail of this key is counted here by mailbox provider.")]));
}

function table(rows, place) {
  return el("table", {},
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Provider"), ...COLUMNS.map(([, label]) => el("th", { scope: "col", class: "num" }, label)))),
    el("tbody", {}, ...(rows.length > 1 ? [whole(rows), ...rows] : rows).map((row) => line(row, place))));
}

/** All providers together. */
function whole(rows) {
  const all = Object.fromEntries(SUMS.map((name) => [name, rows.reduce((sum, row) => sum + row[name], 0)]));
  const part = (n, of) => (of ? n / of : null);
  return {
    ...all, provider: "", delivered_share: part(all.delivered, all.settled), bounced_address_share: part(all.bounced_address, all.settled),
    blocked_share: part(all.blocked, all.settled), deferred_share: part(all.deferred, all.attempts), complained_share: part(all.complained, all.delivered),
  };
}

function line(row, place) {
  const isHere = row.provider === place.provider;
  return el("tr", { "data-key": row.provider || "all", "aria-current": isHere ? "true" : null },
    el("td", { class: "name" }, el("a", { href: hrefOf({ ...place, provider: row.provider, reply: "" }), "data-place": "", "aria-current": isHere ? "true" : null }, row.provider ? words.provider(row.provider) : "All of them")),
    ...COLUMNS.map(([name, , part]) => el("td", { class: "num" }, count(row[name]), el("small", {}, part ? share(row[part]) : share(row.settled ? row[name] / row.settled : null)))));
}
