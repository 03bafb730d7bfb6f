// The page of connectors: every source with its week, and one of them by the hour.

import { spark } from "./charts.js";
import { el, empty, icon, patch } from "./dom.js";
import { ago, count, moment, share } from "./format.js";
import { read } from "./answers.js";
import { connection, notice } from "./bar.js";

const EVERY_MS = 15_000, DAY_HOURS = 24;
const HEAD = [["Source"], ["State"], ["Requests", "num"], ["By the hour", "optional"], ["Events", "num optional"], ["Failed", "num"], ["Last", "optional"]];
let timer = null, rows = [], chosen = new URLSearchParams(location.search).get("source") ?? "", skew = 0;
const now = () => Date.now() - skew;
const placeOf = ({ tenant, source }) => `${tenant}/${source}`;

async function look() {
  clearTimeout(timer);
  const { data, error, isAnswer } = await read("/api/connectors");
  connection(data ? "live" : "lost");
  notice(isAnswer ? error : "");
  if (data) {
    skew = Date.now() - data.at_ms;
    rows = data.connectors;
    draw();
  }
  if (!document.hidden) timer = setTimeout(look, EVERY_MS);
}

function draw() {
  patch(document.getElementById("sources-body"), rows.length
    ? el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of sources" }, table())
    : empty("No sources yet", "A source is an entry under ", el("code", {}, "sources"), " in mailweir.yaml; senders post to ", el("code", {}, "/webhooks/"), " and its name."));
  const row = rows.find((each) => placeOf(each) === chosen);
  document.getElementById("source").hidden = !row;
  if (!row) return;
  patch(document.getElementById("source-title"), row.source);
  patch(document.getElementById("source-note"), `${row.provider}, tenant ${row.tenant}`);
  patch(document.getElementById("source-body"), ...whole(row));
}

function table() {
  const isMany = new Set(rows.map((row) => row.tenant)).size > 1;
  return el("table", {},
    el("thead", {}, el("tr", {}, ...HEAD.map(([label, name]) => el("th", { scope: "col", class: name }, label)))),
    el("tbody", {}, ...rows.map((row) => line(row, isMany))));
}

function line(row, isMany) {
  const isChosen = placeOf(row) === chosen;
  return el("tr", { "data-key": placeOf(row), "aria-current": isChosen ? "true" : null },
    el("td", { class: "name" },
      el("button", { type: "button", class: "row-button", "data-place": placeOf(row), "aria-controls": "source", "aria-expanded": String(isChosen) }, icon("chevron"), isMany ? placeOf(row) : row.source),
      el("small", {}, row.provider)),
    el("td", {}, chip(row)),
    el("td", { class: "num" }, count(row.requests)),
    el("td", { class: "optional" }, row.requests ? spark(row.requests_by_hour) : null),
    el("td", { class: "num optional" }, count(row.events)),
    el("td", { class: "num" }, row.failed ? letters(row, share(row.failed_share)) : share(row.failed_share)),
    el("td", { class: "optional" }, row.last_seen_at ? moment(row.last_seen_at, now()) : "–"));
}

const letters = (row, ...words) => el("a", { href: `/dead-letters?${new URLSearchParams({ stage: "normalise", source: row.source, tenant: row.tenant })}` }, ...words);

function chip(row) {
  const [tone, label] = !row.is_configured ? ["quiet", "not configured"] : !row.last_seen_at ? ["quiet", "nothing yet"] : row.silent_since ? ["watch", "silent"] : row.failed_share > 0.05 ? ["paused", "failing"] : ["healthy", "well"];
  return el("span", { class: "chip", "data-tone": tone }, icon(tone === "quiet" ? "no" : tone), el("span", {}, label));
}

function whole(row) {
  const failure = row.last_failure;
  const facts = [
    ["State", el("span", {}, chip(row), row.silent_since ? ` nothing since ${moment(row.silent_since, now())} (${ago(row.silent_since, now())}), which is longer than ever in these days` : "")],
    ["Signatures", row.is_signed ? "verified" : row.is_configured ? "none: the source is unsigned" : "unknown"],
    ["Could not be processed", row.failed ? el("span", {}, letters(row, `${count(row.failed)} dead ${row.failed === 1 ? "letter" : "letters"}`), ` (${share(row.failed_share)})`) : "nothing"],
    failure ? ["Last failure", el("span", {}, `${moment(failure.failed_at, now())}: `, el("a", { href: `/dead-letters?id=${encodeURIComponent(failure.dead_letter_id)}` }, failure.reason))] : null,
    ["To read", el("code", {}, `docs/connectors/${row.provider}.md`)],
  ];
  return [
    el("dl", { class: "about" }, ...facts.filter(Boolean).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    el("details", {}, el("summary", {}, icon("chevron"), "The last day by the hour"), hours(row)),
  ];
}

function hours(row) {
  const last = row.hours.map((at, index) => index).slice(-DAY_HOURS).reverse();
  return el("table", {},
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Hour"), el("th", { scope: "col", class: "num" }, "Requests"), el("th", { scope: "col", class: "num" }, "Events"))),
    el("tbody", {}, ...last.map((index) => el("tr", { "data-key": String(row.hours[index]) }, el("td", {}, moment(row.hours[index], now())), el("td", { class: "num" }, count(row.requests_by_hour[index])), el("td", { class: "num" }, count(row.events_by_hour[index]))))));
}

document.getElementById("sources-body").addEventListener("click", (event) => {
  const button = event.target.closest("button[data-place]");
  if (!button) return;
  chosen = button.dataset.place === chosen ? "" : button.dataset.place;
  history.replaceState(null, "", chosen ? `?${new URLSearchParams({ source: chosen })}` : location.pathname);
  draw();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
addEventListener("online", look);
look();
