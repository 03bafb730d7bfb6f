// Processing again: how many there are, what follows, who asks and why; then how far it is.

import { el, patch } from "../dom.js";
import { ago, count } from "../format.js";
import { read } from "../answers.js";
import { me } from "../login/me.js";
import { name, remember } from "../login/name.js";

let asking = null, known = null, done = null; // asking: { what, body, found, wrong, isBusy }, the one open form

export function start(look) {
  done = look;
  const body = document.getElementById("replay-body");
  body.addEventListener("submit", (event) => { event.preventDefault(); say(event.target); });
  body.addEventListener("click", (event) => { if (event.target.closest("button[data-cancel]")) close(); });
  body.addEventListener("keydown", (event) => { if (event.key === "Escape" && !asking?.isBusy) close(); });
}

/** Open the form; the server says how many letters it is about. */
export async function ask(what, body) {
  const mine = asking = { what, body, found: null, wrong: "", isBusy: false };
  const card = document.getElementById("replay");
  card.hidden = false;
  form();
  card.scrollIntoView({ block: "nearest" });
  document.getElementById("replay-title").focus({ preventScroll: true });
  const { data, error } = await read("/api/dead-letters/replay", { ...body, dry_run: true });
  if (asking !== mine) return;
  Object.assign(mine, { found: data, wrong: error });
  form();
}

/** How far the latest replay is. */
export function draw(state, canReplay, now) {
  known = state;
  patch(document.getElementById("replay-state"), state ? el("p", {}, el("b", {}, sentence(state)), ` ${state.who}, ${ago(state.begun_at, now)}.${state.error ? ` It ended early: ${state.error}.` : ""}`,
    ...state.refused.map(({ reason, letters }) => ` ${count(letters)} cannot be: ${reason}.`)) : canReplay ? null : el("p", { class: "muted" }, "This console has no log, so nothing can be processed again from here."));
}

const sentence = ({ done: made, letters, is_under_way: isUnderWay }) => `${isUnderWay ? "Processing again: " : "Processed again: "}${count(made)} of ${count(letters)}.`;

function form() {
  if (!asking) return;
  const { what, found, wrong, isBusy } = asking;
  patch(document.getElementById("replay-body"), el("form", { class: "ruling", "aria-label": `Process again ${what}` },
    el("p", { role: "status" }, found ? `${count(found.letters)} dead ${found.letters === 1 ? "letter" : "letters"} (${what}) go through the pipeline again. What is known already is not counted twice.${found.is_cut ? " There are more; these are the newest." : ""}` : wrong ? what : `Counting ${what} …`),
    found?.consequences.length || found?.refused.length ? el("ul", {}, ...found.consequences.map((text) => el("li", {}, text)), ...found.refused.map(({ reason, letters }) => el("li", {}, `${count(letters)} cannot be processed again: ${reason}.`))) : null,
    me.is_known ? null : el("label", {}, el("span", {}, "Your name"), el("input", { name: "who", autocomplete: "name", maxlength: "200", required: true, value: name() })),
    el("label", {}, el("span", {}, "Reason"), el("textarea", { name: "why", rows: "2", maxlength: "2000", required: true })),
    el("p", { class: "wrong", role: "alert", hidden: !wrong }, wrong || " "),
    el("div", { class: "verbs" },
      el("button", { class: "button", "data-strong": true, disabled: isBusy || !found?.letters || known?.is_under_way }, isBusy ? "One moment …" : "Process again"),
      el("button", { type: "button", class: "button", "data-cancel": true, disabled: isBusy }, "Cancel"))));
}

async function say(given) {
  const mine = asking, who = me.is_known ? me.name : given.elements.who.value.trim(), why = given.elements.why.value.trim();
  if (!mine || mine.isBusy) return;
  if (!me.is_known) remember(who);
  Object.assign(mine, { isBusy: true, wrong: "" });
  form();
  const { data, error } = await read("/api/dead-letters/replay", { ...mine.body, who, why });
  Object.assign(mine, { isBusy: false, wrong: error });
  if (!data) return form();
  close();
  done();
}

function close() {
  asking = null;
  document.getElementById("replay").hidden = true;
  patch(document.getElementById("replay-body"));
}
