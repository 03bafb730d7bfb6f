// What a recipient's own opens, clicks and words say.

import { el, patch } from "../dom.js";
import { count, full } from "../format.js";
import * as words from "../words.js";

const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

export function draw(data) {
  const { last_messages: last, consent, traits, hours } = data;
  const facts = [
    ["Engagement", data.engagement.toPrecision(3)],
    ["Last messages", `${count(last.delivered)} delivered, ${count(last.opened)} opened, ${count(last.clicked)} clicked`],
    ["Best hours, UTC", hours.length ? hours.map(({ weekday, hour }) => `${DAYS[weekday - 1]} ${String(hour).padStart(2, "0")}:00`).join(", ") : "nobody opened or clicked in 90 days"],
    ["Mailbox provider", data.mailbox_provider ? words.provider(data.mailbox_provider) : "not known"],
    ["First seen", full(Date.parse(data.first_seen_at))],
    ["Last seen", full(Date.parse(data.last_seen_at))],
    ...Object.entries(consent).map(([purpose, word]) => [`Consent to ${purpose}`, word]),
    ...Object.entries(traits).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
  ];
  patch(document.getElementById("profile-note"), el("code", {}, data.recipient_key), ` of ${data.tenant}`);
  patch(document.getElementById("profile-body"), el("dl", { class: "facts" }, ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))));
}
