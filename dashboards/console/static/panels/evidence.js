// Why a key has its score: penalties with counts against limits, detectors against their thresholds.

import { el, sized } from "../dom.js";
import { count, share } from "../format.js";
import * as words from "../words.js";

/** `score`: a score record with parsed `penalties` and `signals`; `level`: the heading that fits the place. */
export function evidence(score, more = [], level = "h4") {
  return el("div", { class: "evidence" },
    el("div", {}, el(level, {}, `${score.score.toFixed(0)} points, ${score.score_low.toFixed(0)} to ${score.score_high.toFixed(0)} with 90\u202f% confidence`), penalties(score.penalties ?? [])),
    el("div", {}, el(level, {}, "Detectors"), signals(score.signals ?? [])),
    ...more);
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
