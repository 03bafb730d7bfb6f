// One dead letter: why, what to do, where it lies, its bytes, and what was done about it.

import { el, patch } from "../dom.js";
import { count, moment } from "../format.js";
import { read } from "../answers.js";
import * as words from "../words.js";
import { chip } from "./list.js";

let shown = null, now = () => Date.now(), wish = null;

export function start(clock, again) {
  [now, wish] = [clock, again];
  document.getElementById("letter-body").addEventListener("click", (event) => {
    if (event.target.closest("button[data-again]")) wish("this one", { ids: [shown.dead_letter_id] });
  });
}

export async function show(id) {
  const card = document.getElementById("letter"), { data, error } = await read(`/api/dead-letters/${encodeURIComponent(id)}`);
  card.hidden = false;
  shown = data;
  if (data) draw();
  else patch(document.getElementById("letter-body"), el("p", { class: "wrong" }, error));
  card.scrollIntoView({ block: "nearest" });
  document.getElementById("letter-title").focus({ preventScroll: true });
}

/** The list has newer word of the letter that is open. */
export function refresh(rows) {
  const row = shown && rows.find((each) => each.dead_letter_id === shown.dead_letter_id);
  if (!row || row.state === shown.state) return;
  Object.assign(shown, row);
  draw();
}

function draw() {
  patch(document.getElementById("letter-note"), `${words.plain(shown.code)} in ${shown.stage}`);
  patch(document.getElementById("letter-body"),
    el("p", { class: "verdict" }, shown.reason),
    shown.to_do ? el("div", { class: "advice" }, el("p", {}, ...marked(shown.meaning)), el("p", {}, el("b", {}, "What to do: "), ...marked(shown.to_do))) : null,
    about(),
    el("h3", {}, "Original"), ...original(shown.original),
    shown.objection
      ? el("p", { class: "muted" }, `It cannot be processed again: ${shown.objection}.`)
      : el("div", { class: "verbs" }, el("button", { type: "button", class: "button", "data-again": true }, shown.replays ? "Process once more" : "Process again")));
}

function about() {
  const facts = [
    ["State", chip(shown)], ["Source", shown.source || "–"], ["Provider", shown.provider || "–"], ["Tenant", shown.tenant || "–"],
    ["Received", shown.received_at ? moment(shown.received_at, now()) : "unknown"],
    ["Lies in", el("code", {}, `${shown.origin_topic} ${shown.origin_partition}@${shown.origin_offset}${shown.item_index >= 0 ? `, item ${shown.item_index}` : ""}`)],
    ["Id", el("code", {}, shown.dead_letter_id)],
    shown.replays ? ["Processed again", `${moment(shown.replayed_at, now())} by ${shown.replayed_by}: ${shown.replayed_why}`] : null,
  ];
  return el("dl", { class: "about" }, ...facts.filter(Boolean).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function original(found) {
  if (!found) return [el("p", { class: "muted" }, "The store has its bytes no more.")];
  const what = { json: "JSON", text: "text", base64: "not text; shown as base64" }[found.form];
  return [
    el("p", { class: "muted" }, `${count(found.size_bytes)} bytes, ${what}${found.is_cut ? "; the first part of it" : ""}. It may hold addresses.`),
    el("pre", { class: "original", tabindex: "0", "aria-label": "Original" }, found.text),
  ];
}

/** Words between backquotes are names. */
const marked = (text) => text.split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));
