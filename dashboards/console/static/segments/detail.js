// One segment: its rule, its size over time, who came and went last.

import { el, empty, icon, patch } from "../dom.js";
import { count, full, moment } from "../format.js";
import { read } from "../answers.js";
import { pathOf, placeOf } from "./place.js";
import { SizeChart } from "./chart.js";

const MOST_LINES = 25; // of the table behind the chart
const CAUSES = { "": "time alone", rule: "the rule was changed" };
const HOUR_MS = 3_600_000;
let place = "", span = null, chart = null, clock = null, asked = 0;

export const chosen = () => place;

export function start(now) {
  clock = now;
  chart = new SizeChart(document.getElementById("detail-chart"));
  place = decodeURIComponent(location.hash.startsWith("#segment=") ? location.hash.slice(9) : "");
  document.getElementById("detail-spans").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-span]");
    if (button) show(button.dataset.span);
  });
}

export function choose(wanted) {
  place = wanted;
  history.replaceState(null, "", `#segment=${encodeURIComponent(wanted)}`);
  document.getElementById("detail").scrollIntoView({ block: "nearest" });
}

function show(wanted) {
  span = wanted;
  for (const each of document.getElementById("detail-spans").children) each.setAttribute("aria-pressed", String(each.dataset.span === span));
  look();
}

/** Keep up with the list: the first segment where none is chosen; of a new one the last minutes. */
export function follow(segments) {
  if (!segments.some((row) => placeOf(row) === place)) place = segments.length ? placeOf(segments[0]) : "";
  document.getElementById("detail").hidden = !place;
  if (!place) return;
  const { live_since: since } = segments.find((row) => placeOf(row) === place);
  if (span) look();
  else show(since && clock() - since < HOUR_MS ? "15m" : "7d");
}

async function look() {
  const turn = ++asked;
  const { data } = await read(`${pathOf(place)}&span=${span}&limit=10`);
  if (data && turn === asked) draw(data.segment);
}

function draw(segment) {
  patch(document.getElementById("detail-title"), segment.id);
  patch(document.getElementById("detail-note"), `${count(segment.size)} ${segment.size === 1 ? "recipient" : "recipients"}${segment.live_since ? `, live since ${full(segment.live_since)}` : ""}`);
  chart.set(segment.times.map((ms) => ms / 1000), segment.sizes);
  patch(document.getElementById("detail-table"), table(segment));
  patch(document.getElementById("detail-body"),
    segment.rule ? el("code", { class: "rule" }, segment.rule) : null,
    el("h3", {}, "Who came and went last"),
    segment.transitions.length ? el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Latest entries and exits" }, transitions(segment.transitions, clock()))
      : empty("Nobody has entered yet", "When the service keeps this segment, each entry and exit stands here within a second."));
}

/** The chart for those who do not see it. */
function table({ id, times, sizes }) {
  const every = Math.ceil(times.length / MOST_LINES);
  const rows = times.map((at, i) => [at, sizes[i]]).filter((_, i) => (times.length - 1 - i) % every === 0);
  return el("table", {}, el("caption", {}, `Recipients in ${id} over time`),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Time"), el("th", { scope: "col" }, "Recipients"))),
    el("tbody", {}, ...rows.map(([at, size]) => el("tr", {}, el("th", { scope: "row" }, full(at)), el("td", {}, count(size))))));
}

function transitions(rows, now) {
  return el("table", {},
    el("thead", {}, el("tr", {}, ...["When", "What", "Recipient"].map((label) => el("th", { scope: "col" }, label)), el("th", { scope: "col", class: "optional" }, "Because of"))),
    el("tbody", {}, ...rows.map((row) => el("tr", { "data-key": row.transition_id, "data-tone": row.is_member ? "healthy" : "quiet" },
      el("td", {}, el("time", { datetime: new Date(row.effective_at).toISOString() }, moment(row.effective_at, now))),
      el("td", {}, el("span", { class: "chip" }, icon(row.is_member ? "healthy" : "no"), el("span", {}, row.is_member ? "entered" : "left"))),
      el("td", {}, el("code", {}, row.recipient_key)),
      el("td", { class: "optional" }, CAUSES[row.cause] ?? el("code", {}, row.cause))))));
}
