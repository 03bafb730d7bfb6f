// A person's word on a decision: the buttons, the form that asks who and why, the call, and what it answered.

import { el } from "../dom.js";
import { me, mayRule } from "../login/me.js";
import { name, remember } from "../login/name.js";
import * as words from "../words.js";

const TIMEOUT_MS = 20_000; // the broker's patience and the store's together
let asking = null; // { id, verb, key, would, wrong, isBusy }: the one open form
const told = new Map(); // decision id -> what was said here and the store may not know yet
let body, live, redraw;

export function start(element, status, draw) {
  [body, live, redraw] = [element, status, draw];
  body.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-verb]");
    if (button) ask(button.closest("li").dataset.key, button.dataset.verb);
    else if (event.target.closest("button[data-cancel]")) cancel();
  });
  body.addEventListener("keydown", (event) => { if (event.key === "Escape" && asking && !asking.isBusy) cancel(); });
  body.addEventListener("submit", (event) => { event.preventDefault(); say(event.target); });
}

/** The row as it will be once the store knows what was said here. */
export function current(row) {
  const said = told.get(row.decision_id);
  if (!said) return row;
  if (!words.verbs(row).includes(said.verb)) { told.delete(row.decision_id); return row; }
  return { ...row, state: said.state, ruling_verbs: [...row.ruling_verbs, said.verb], ruling_people: [...row.ruling_people, said.who],
    ruling_reasons: [...row.ruling_reasons, said.why], ruling_times: [...row.ruling_times, said.ruled_at] };
}

/** The buttons, or the form when one was pressed; null when nothing can be said. */
export function part(row) {
  const verbs = words.verbs(row);
  if (!verbs.length || !mayRule()) return null;
  if (asking?.id === row.decision_id && verbs.includes(asking.verb)) return form(row);
  return el("div", { class: "verbs", "data-key": "verbs" }, ...verbs.map((verb) => el("button", { type: "button", class: "button", "data-verb": verb, "data-key": verb },
    words.wish(verb), el("span", { class: "visually-hidden" }, ` ${what(row)}`))));
}

function what(row) {
  return `${words.action(row.action, false).toLowerCase()} ${words.keyName(row.key)}`;
}

function form(row) {
  const { verb, wrong, isBusy, would } = asking;
  return el("form", { class: "ruling", "data-key": `${verb}-form`, "aria-label": `${words.wish(verb)}: ${what(row)}` },
    el("p", { class: "would" }, would),
    me.is_known ? null : el("label", {}, el("span", {}, "Your name"), el("input", { name: "who", autocomplete: "name", maxlength: "200", required: true, value: name() })),
    el("label", {}, el("span", {}, "Reason"), el("textarea", { name: "why", rows: "2", maxlength: "2000", required: true })),
    el("p", { class: "wrong", role: "alert", hidden: !wrong }, wrong || " "),
    el("div", { class: "verbs" },
      el("button", { class: "button", "data-strong": true, disabled: isBusy }, isBusy ? "One moment …" : words.wish(verb)),
      el("button", { type: "button", class: "button", "data-cancel": true, disabled: isBusy }, "Cancel")));
}

function ask(id, verb) {
  asking = { id, verb, key: key(), would: words.would(verb), wrong: "", isBusy: false };
  redraw();
  const fields = field(id, "form").elements;
  (me.is_known || fields.who.value ? fields.why : fields.who).focus();
  if (verb === "revert") look(asking);
}

function cancel() {
  const { id, verb } = asking;
  asking = null;
  redraw();
  field(id, `button[data-verb="${verb}"]`)?.focus();
}

/** What a revert would do is the server's to say. */
async function look(asked) {
  try {
    const answer = await fetch(`/api/decisions/${encodeURIComponent(asked.id)}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) return;
    asked.would = (await answer.json()).revert.would;
    redraw();
  } catch { /* the sentence that stands there is true as well */ }
}

async function say(form) {
  const asked = asking;
  const who = me.is_known ? me.name : form.elements.who.value.trim(), why = form.elements.why.value.trim();
  if (!asked || asked.isBusy) return;
  if (!who || !why) return fail(asked, form, who ? "Say why; the reason is kept." : "Say who you are.");
  if (!me.is_known) remember(who);
  Object.assign(asked, { isBusy: true, wrong: "" });
  redraw();
  try {
    const answer = await fetch(`/api/decisions/${encodeURIComponent(asked.id)}/${asked.verb}`, {
      method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": asked.key },
      body: JSON.stringify({ who, why }), signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const said = await answer.json();
    if (!answer.ok) return fail(asked, form, said.error);
    told.set(asked.id, said);
    asking = null;
    live.textContent = `${words.verb(said.verb)}; ${words.state({ state: said.state })[1]}.`;
    redraw();
    field(asked.id, "summary")?.focus();
  } catch {
    fail(asked, form, "The console did not answer. Try again; nothing is done twice.");
  }
}

function fail(asked, form, sentence) {
  Object.assign(asked, { isBusy: false, wrong: sentence });
  redraw();
  form.elements.why.focus();
}

const field = (id, selector) => document.getElementById(`decision-${id}`)?.querySelector(selector);
const key = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
