// Why a recipient is in a segment or not. What is typed here is posted, never put into an address or kept.

import { el, icon, patch } from "../dom.js";
import { count, full } from "../format.js";
import { read } from "../answers.js";
import { pathOf, placeOf } from "./place.js";

const GROUPS = { all: "all of these", any: "at least one of these", not: "not this" };
let options = "";

export function start() {
  document.getElementById("explain-form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask(event.target);
  });
}

/** The segments to choose from; the choice stays. */
export function draw(segments) {
  const places = segments.filter((row) => row.status !== "archived").map(placeOf);
  if (places.join() === options) return;
  options = places.join();
  const tenants = new Set(places.map((place) => place.split("/")[0]));
  const all = tenants.size > 1 ? [...tenants].map((tenant) => [`${tenant}/`, `all of ${tenant}`]) : [["", "all of them"]];
  const select = document.getElementById("explain-segment"), before = select.value;
  const named = places.map((place) => [place, tenants.size > 1 ? place : place.slice(place.indexOf("/") + 1)]);
  patch(select, ...[...all, ...named].map(([value, label]) => el("option", { value, "data-key": value || "all" }, label)));
  if ([...select.options].some((option) => option.value === before)) select.value = before;
}

async function ask(form) {
  const recipient = form.elements.recipient.value.trim(), place = form.elements.segment.value;
  const body = document.getElementById("explain-body"), button = form.querySelector("button");
  if (!recipient || button.disabled) return;
  button.disabled = true;
  patch(body, el("p", { class: "muted" }, "Reading the events …"));
  const [tenant, id] = [place.split("/")[0], place.slice(place.indexOf("/") + 1)];
  const path = id ? pathOf(place, "/explain").split("?")[0] : "/api/segments/explain";
  const { data, error } = await read(path, tenant ? { recipient, tenant } : { recipient });
  button.disabled = false;
  patch(body, ...(data ? (id || data.segments.length === 1 ? one(data) : several(data)) : [el("p", { class: "wrong" }, error)]));
}

function one({ segments: [segment], ...page }) {
  const { is_member: isIn, since, until } = segment;
  const will = isIn ? "leaves" : "enters";
  return [
    el("p", { class: "verdict" }, `${isIn ? "In" : "Not in"} ${segment.id}${since ? ` since ${at(since)}` : isIn ? "" : ", and never was"}.`,
      el("small", {}, until ? `Without anything happening, ${will} on ${at(until)}.` : "Time alone does not change that.")),
    el("ul", { class: "reasons" }, reason(segment.node)),
    ...notes(page, segment.is_approximate),
  ];
}

function reason(node) {
  const times = [node.since && `since ${at(node.since)}`, node.until && `${node.holds ? "until" : "true from"} ${at(node.until)}`].filter(Boolean);
  return el("li", { "data-tone": node.holds ? "healthy" : "quiet" },
    el("p", {}, icon(node.holds ? "healthy" : "no"), el("span", {}, el("span", { class: "visually-hidden" }, node.holds ? "yes: " : "no: "), GROUPS[node.kind] ?? el("code", {}, node.rule), el("small", {}, times.join(", ")))),
    node.nodes.length ? el("ul", {}, ...node.nodes.map(reason)) : null);
}

function several({ segments, ...page }) {
  const rows = segments.toSorted((a, b) => b.is_member - a.is_member || a.id.localeCompare(b.id));
  const members = rows.filter((row) => row.is_member).length;
  return [
    el("p", { class: "verdict" }, `In ${count(members)} of ${count(rows.length)} segments.`, el("small", {}, "Choose one above to see why.")),
    el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Segments of the recipient" }, el("table", {},
      el("thead", {}, el("tr", {}, ...["Segment", "", "Since", "Until"].map((label, i) => el("th", { scope: "col", class: i > 2 ? "optional" : null }, label || el("span", { class: "visually-hidden" }, "Is in it"))))),
      el("tbody", {}, ...rows.map((row) => el("tr", { "data-key": row.id, "data-tone": row.is_member ? "healthy" : "quiet" },
        el("td", { class: "name" }, row.id),
        el("td", {}, el("span", { class: "chip" }, icon(row.is_member ? "healthy" : "no"), el("span", {}, row.is_member ? "in" : "out"))),
        el("td", {}, row.since ? at(row.since) : "–"),
        el("td", { class: "optional" }, row.until ? at(row.until) : "–")))))),
    ...notes(page, rows.some((row) => row.is_approximate)),
  ];
}

function notes({ recipient_key: key, tenant, events, is_cut: isCut }, isApproximate) {
  return [
    el("p", { class: "muted" }, "Recipient ", el("code", {}, key), ` of ${tenant}, by ${isCut ? "the newest " : ""}${count(events)} stored ${events === 1 ? "event" : "events"}.`),
    isApproximate ? el("p", { class: "muted" }, "Approximate: so much happened that the oldest of it is not kept.") : null,
  ];
}

const at = (text) => full(Date.parse(text));
