// What happened with a recipient, newest first; older pages come beneath when they are asked for.

import { el, empty, patch } from "../dom.js";
import { count, full } from "../format.js";
import * as words from "../words.js";

const TONES = { bounced: "paused", rejected: "paused", failed: "paused", complained: "paused", deferred: "watch", unsubscribed: "watch", delivered: "healthy", opened: "recovering", clicked: "recovering" };
const MOST = 2_000; // events on the page; the newest give way to older ones that are asked for
let events = [], next = null;

export function start(older) {
  document.getElementById("timeline-body").addEventListener("click", (event) => {
    if (event.target.closest("button[data-older]") && next) older(next);
  });
}

export function clear() {
  [events, next] = [[], null];
}

export function add(page) {
  events = [...events, ...page.events].slice(-MOST);
  next = page.next;
  patch(document.getElementById("timeline-note"), `mail and activities, newest first; ${count(events.length)}${next ? " of more" : ""}`);
  patch(document.getElementById("timeline-body"), ...(events.length ? [
    el("ol", { class: "happened" }, ...events.map(line)),
    next ? el("div", { class: "verbs" }, el("button", { type: "button", class: "button", "data-older": "" }, "Older")) : null,
  ] : [empty("Nothing is stored of this recipient", "Is it the right tenant?")]));
}

function line(event) {
  const title = event.origin === "mail" ? event.what : event.name || words.plain(event.what);
  const about = event.origin === "mail"
    ? [event.campaign_id && `campaign ${event.campaign_id}`, event.subject && `“${event.subject}”`, event.mailbox_provider && words.provider(event.mailbox_provider), event.sending_ip, event.machine === "machine" && "by software"]
    : [words.plain(event.what), event.source];
  const codes = [event.smtp_code || "", event.enhanced_status, event.bounce_reason && words.plain(event.bounce_reason)].filter(Boolean).join(" ");
  return el("li", { "data-key": event.event_id, "data-tone": TONES[event.what] ?? "quiet", "data-origin": event.origin },
    el("time", { datetime: new Date(event.at).toISOString() }, full(event.at)),
    el("div", {},
      el("p", {}, el("b", {}, title), el("small", {}, [...about, codes, event.page].filter(Boolean).join(" · "))),
      event.reply ? el("q", {}, event.reply) : null,
      event.raw_topic ? el("small", { class: "raw" }, `raw: ${event.raw_topic} ${event.raw_partition}/${event.raw_offset}`) : null));
}
