// What refusals and deferrals say, grouped; one that is pressed shows its events below.

import { el, empty, patch, sized } from "../dom.js";
import { count, moment } from "../format.js";
import * as words from "../words.js";
import { hrefOf } from "./place.js";

export function draw({ replies, is_cut: isCut }, place, now) {
  const where = place.provider ? `at ${words.provider(place.provider)}` : "at all mailbox providers";
  patch(document.getElementById("replies-note"), `${where}; addresses are masked, what differs in numbers only is one`);
  const top = Math.max(...replies.map((row) => row.events), 1);
  patch(document.getElementById("replies-body"), ...(replies.length ? [
    el("ul", { class: "replies" }, ...replies.map((row) => line(row, place, top, now))),
    isCut ? el("p", { class: "muted" }, `The ${count(replies.length)} most frequent ones.`) : null,
  ] : [empty("Nothing was refused or put off", `No refusals and deferrals of this key ${where} in this span.`)]));
}

function line(row, place, top, now) {
  const where = place.provider ? [] : [row.providers > 1 ? `${words.provider(row.main_provider)} and ${row.providers - 1} more` : words.provider(row.main_provider)];
  const meta = [[row.event_type, row.enhanced_status].filter(Boolean).join(" "), ...where, `last ${moment(row.newest_at, now)}`].join(" · ");
  const bar = el("div", { class: "bar", "aria-hidden": "true" }, sized(el("i"), { width: `${((row.events / top) * 100).toFixed(1)}%` }));
  bar.style.setProperty("--series", `var(--s-${row.event_type === "deferred" ? "deferred" : "bounced"})`);
  const isHere = row.reply === place.reply;
  return el("li", { "data-key": row.reply, "aria-current": isHere ? "true" : null },
    el("h3", {}, el("a", { href: hrefOf({ ...place, reply: isHere ? "" : row.reply }), "data-place": "", "aria-current": isHere ? "true" : null }, words.plain(row.bounce_reason || "unclassified")), el("small", {}, meta)),
    el("b", {}, count(row.events)), bar, row.example ? el("q", {}, row.example) : el("span", { class: "muted" }, "no text"));
}
