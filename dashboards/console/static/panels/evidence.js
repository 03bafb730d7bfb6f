// Why a key has its score: penalties with counts against limits, detectors against their thresholds.

import { el, sized } from "../dom.js";
import { count, share } from "../format.js";
import * as words from "../words.js";

/** `score`: a score record with parsed `penalties` and `signals`; `level`: the heading that fits the place. */
export function evidence(score, more = [], level = "h4") {
  return el("div", { class: "evidence" },
    el("div", {}, el(level, {}, `${score.score.toFixed(0)} points, ${score.score_low.toFixed(0)} to ${score.score_high.toFixed(0)} with 90\u202f% confidence`), penalties(score.penalties ?? []), outlook(score)),
    el("div", {}, el(level, {}, "Detectors"), signals(score.signals ?? [])),
    ...emulations(score.emulations ?? [], level),
    ...more);
}

const COUNTS = ["sent", "delivered", "deferred", "deferred_reputation", "bounced_address", "bounced_block", "bounced_content", "bounced_other", "refused_listed", "refused_auth", "rejected", "complained", "unsubscribed"];

/** `record`: what the detectors said of the key when the decision was made. */
export function verdict(record, more = []) {
  const counted = COUNTS.filter((name) => record[name] > 0);
  return el("div", { class: "evidence" },
    el("div", {}, el("h4", {}, "Detectors"), signals(record.signals ?? [])),
    counted.length ? el("div", {}, el("h4", {}, "Counted"), el("dl", {}, ...counted.flatMap((name) => [el("dt", {}, words.plain(name)), el("dd", {}, count(record[name]))]))) : null,
    el("div", {}, ...more));
}

/** How it moved in a day, and what would move it. */
function outlook({ trend = 0, advice = "" }) {
  const moved = Math.abs(trend) >= 0.5 ? `${trend > 0 ? "+" : "−"}${Math.abs(trend).toFixed(1)} points in 24 hours. ` : "";
  return moved || advice ? el("p", { class: "muted" }, moved + advice) : null;
}

const MARKS = { ok: "healthy", warn: "watch", bad: "paused" };

/** What others would say, by their own rules: never part of the score. */
function emulations(list, level) {
  if (!list.length) return [];
  return [el("div", {}, el(level, {}, "By the rules of others"), el("ul", {}, ...list.map((e) => el("li", {},
    el("span", {}, `${words.plain(e.name)} (${e.basis}): ${share(e.rate)}, ${e.limit < 1 ? `lines at ${share(e.warn)} and ${share(e.limit)}` : "any is a warning"}`, el("span", { class: "muted" }, `: ${e.note}`)),
    gauge(e.rate, e.limit, MARKS[e.mark] ?? "healthy")))))];
}

function penalties(list) {
  if (!list.length) return el("p", { class: "muted" }, "No penalties: nothing counts against it.");
  return el("ul", {}, ...list.map((p) => el("li", {},
    el("span", {}, `${words.plain(p.name)}: ${share(p.rate)} (${count(p.numerator)} of ${count(p.denominator)}), limit ${share(p.limit)}`),
    el("b", {}, `−${p.points.toFixed(1)}`),
    gauge(p.rate, p.limit, p.rate > p.limit ? "paused" : "healthy"))));
}

function signals(list) {
  if (!list.length) return el("p", { class: "muted" }, "No detector watches this key yet.");
  return el("ul", {}, ...list.map((s) => el("li", {},
    el("span", {}, s.detector, s.explanation ? el("span", { class: "muted" }, `: ${s.explanation}`) : null),
    el("b", {}, `${s.statistic.toFixed(1)} / ${s.pause.toFixed(1)}`),
    gauge(s.statistic, s.pause, words.tone(s.level)))));
}

/** How far a value is on the way to its limit; the mark is the limit. */
function gauge(value, limit, tone) {
  const top = Math.max(value, limit * 1.4, 1e-9);
  const at = (x) => `${(Math.min(1, Math.max(0, x / top)) * 100).toFixed(1)}%`;
  return el("div", { class: "gauge", "data-tone": tone, "aria-hidden": "true" }, sized(el("i"), { width: at(value) }), sized(el("u"), { left: at(limit) }));
}
