// Scores by kind of key: level, score with interval, trend, main reason; a row opens to show the whole reckoning.

import { spark } from "../charts.js";
import { el, empty, icon, patch, sized } from "../dom.js";
import { count, share } from "../format.js";
import { ofScore } from "../keys/place.js";
import * as words from "../words.js";
import { evidence } from "./evidence.js";

export const needs = ["scores", "score_trends", "campaign_states"];
const SHOWN = 12;
const opened = new Set();
let chosen = null, isLong = false;

export function start(redraw) {
  document.getElementById("reputation-body").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.kind) chosen = button.dataset.kind;
    else if (button.dataset.row && !opened.delete(button.dataset.row)) opened.add(button.dataset.row);
    else if (button.dataset.more) isLong = !isLong;
    redraw();
  });
  document.getElementById("reputation-body").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.target.getAttribute("role") !== "tab") return;
    const tabs = [...event.target.parentNode.children];
    tabs.at((tabs.indexOf(event.target) + step) % tabs.length).focus();
  });
}

export function draw({ scores, score_trends: trends, campaign_states: paused }) {
  if (!scores) return;
  const kinds = words.KIND_ORDER.filter((kind) => scores.records.some((row) => row.kind === kind));
  if (!kinds.includes(chosen)) chosen = kinds[0] ?? null;
  const rows = scores.records.filter((row) => row.kind === chosen);
  const shown = isLong ? rows : rows.slice(0, SHOWN);
  const runs = new Map((trends?.records ?? []).filter((row) => row.kind === chosen).map((row) => [`${row.tenant}/${row.key}`, row.scores]));
  const states = words.pauseStates(paused);
  patch(document.getElementById("reputation-body"), ...(rows.length ? [
    el("div", { class: "tabs", role: "tablist", "aria-label": "What is scored" }, ...kinds.map((kind) => tab(kind, scores.records))),
    el("div", { class: "wide", role: "tabpanel", tabindex: "0", "aria-label": words.kind(chosen) }, table(shown, runs, states)),
    rows.length > SHOWN ? el("p", { class: "muted" }, el("button", { type: "button", class: "row-button", "data-more": "1" }, isLong ? "Show fewer" : `Show all ${rows.length}`)) : null,
  ] : [empty("No scores yet", "A key gets its first score within a second of its first events.")]));
}

function tab(kind, all) {
  const rows = all.filter((row) => row.kind === kind);
  const worst = rows[0]?.level;
  return el("button", { type: "button", role: "tab", "data-key": kind, "data-kind": kind, "aria-selected": String(kind === chosen), tabindex: kind === chosen ? "0" : "-1" },
    words.kind(kind), el("span", {}, String(rows.length)),
    worst && worst !== "healthy" ? el("i", { class: "alarm", "data-tone": words.tone(worst), title: `worst: ${words.plain(worst)}` }) : null);
}

function table(rows, runs, states) {
  const head = [["Level"], ["Name"], ["Score"], ["15 min", "optional"], ["Main reason", "optional"], ["Delivered", "num optional"], ["Unknown users", "num optional"], ["Blocked", "num optional"], ["Complaints", "num optional"]];
  return el("table", {},
    el("thead", {}, el("tr", {}, ...head.map(([label, name]) => el("th", { scope: "col", class: name }, label)))),
    el("tbody", {}, ...rows.flatMap((row) => lines(row, runs.get(`${row.tenant}/${row.key}`) ?? [], states, head.length))));
}

function lines(row, values, states, width) {
  const id = `${row.tenant}/${row.kind}/${row.key}`;
  const isOpen = opened.has(id);
  const penalties = JSON.parse(row.penalties), signals = JSON.parse(row.signals), emulations = JSON.parse(row.emulations ?? "[]");
  const worst = penalties.toSorted((a, b) => b.points - a.points)[0];
  const reason = worst && worst.points >= 1 ? worst.reason : null;
  const refused = row.bounced_address + row.bounced_block + row.bounced_rest;
  const line = el("tr", { "data-key": id, "data-tone": words.tone(row.level) },
    el("td", {}, chip(row, states)),
    el("td", { class: "name" }, el("button", { type: "button", class: "row-button", "data-row": id, "aria-expanded": String(isOpen) }, icon("chevron"), words.keyName(row.key)), row.kind === "campaign" ? el("a", { class: "report-link", href: `/campaigns/${encodeURIComponent(row.key)}?tenant=${encodeURIComponent(row.tenant)}` }, "Report") : null, el("a", { class: "whole-key", href: ofScore(row), "aria-label": `Details of ${words.keyName(row.key)}` }, "Details"), el("small", { class: "narrow" }, reason)),
    el("td", {}, score(row)),
    el("td", { class: "optional" }, values.length > 1 ? spark(values, null, bounds(values)) : null),
    el("td", { class: "why optional" }, reason ?? el("span", { class: "muted" }, "nothing of weight")),
    figure(count(row.delivered)),
    figure(share(row.delivered + refused ? row.bounced_address / (row.delivered + refused) : null)),
    figure(share(row.delivered + refused ? row.bounced_block / (row.delivered + refused) : null)),
    figure(share(row.delivered ? row.complained / row.delivered : null)));
  if (!isOpen) return [line];
  return [line, el("tr", { class: "more", "data-key": `${id}/more` }, el("td", { colspan: width }, evidence({ ...row, penalties, signals, emulations }, [], "h3")))];
}

function chip(row, states) {
  const [tone, label] = words.level(row, states);
  return el("span", { class: "chip", "data-tone": tone }, icon(words.shape(tone)), el("span", {}, label));
}

function score({ score: value, score_low: low, score_high: high }) {
  return el("div", { class: "score", title: `${value.toFixed(1)}, with 90 % confidence between ${low.toFixed(1)} and ${high.toFixed(1)}` },
    el("b", {}, value.toFixed(0)),
    el("div", { class: "interval", role: "img", "aria-label": `between ${low.toFixed(0)} and ${high.toFixed(0)}` },
      sized(el("i"), { left: `${low}%`, width: `${Math.max(1, high - low)}%` }), sized(el("u"), { left: `${value}%` })));
}

const figure = (text) => el("td", { class: "num optional" }, text);
const bounds = (values) => ({ low: Math.min(...values, 90) - 8, high: 104 });
