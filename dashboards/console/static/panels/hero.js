// The state of the sending in one sentence.

import { el, icon, patch } from "../dom.js";
import { ago, moment } from "../format.js";
import * as words from "../words.js";

export const needs = ["pulse", "scores", "campaign_states"];
const ICONS = { empty: "empty", quiet: "empty" };
const WAITING = { tone: "quiet", title: "Waiting for the store", detail: "Figures appear as soon as it answers", at_ms: 0 };
const ORDER = ["paused", "throttled", "recovering", "watch", "healthy"];

export function draw({ pulse, scores, campaign_states: paused }, now) {
  const headline = pulse?.headline ?? (pulse?.store.is_well === false ? WAITING : null);
  if (!headline) return;
  const box = document.getElementById("hero");
  box.dataset.tone = headline.tone;
  patch(box,
    el("div", { class: "hero-sign" }, icon(ICONS[headline.tone] ?? headline.tone)),
    el("div", { class: "hero-words" }, el("h1", { "aria-live": "polite" }, headline.title), headline.tone === "empty" ? howToStart(pulse) : why(headline, now)),
    el("div", { class: "tally" }, ...tally(scores?.records ?? [], words.pauseStates(paused))));
  document.title = headline.tone === "healthy" || headline.tone === "empty" ? "mailweir" : `${headline.title} · mailweir`;
}

function why({ detail, at_ms: at }, now) {
  if (!detail && !at) return null;
  const sentence = detail ? `${detail[0].toUpperCase()}${detail.slice(1)}` : "";
  const since = at ? [sentence ? ", " : "Since ", el("time", { datetime: new Date(at).toISOString() }, moment(at, now)), minutes(at, now)] : [];
  return el("p", {}, sentence, ...since);
}

/** Whole minutes only: a headline is read, not watched. */
function minutes(at, now) {
  return now - at < 60_000 ? "" : ` (${ago(now - Math.floor((now - at) / 60_000) * 60_000, now)})`;
}

function howToStart({ gateway_url: gateway }) {
  const url = `${gateway || "http://127.0.0.1:8610"}/webhooks/<source>`;
  return el("p", {}, "Point your provider's webhook at ", el("code", {}, url), " or try ", el("code", {}, "make demo"), ". Figures appear here within seconds.");
}

/** How many campaigns there are of each level, worst first. */
function tally(scores, states) {
  const found = new Map();
  for (const row of scores) {
    if (row.kind !== "campaign") continue;
    const [tone, label] = words.level(row, states);
    found.set(label, [tone, (found.get(label)?.[1] ?? 0) + 1]);
  }
  return [...found].sort(([, [a]], [, [b]]) => ORDER.indexOf(a) - ORDER.indexOf(b))
    .map(([label, [tone, n]]) => el("span", { class: "chip", "data-tone": tone, "data-key": label }, icon(words.shape(tone)), `${n} ${label}`));
}
