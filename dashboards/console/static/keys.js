// The page of one key: score, providers, replies, events, each behind a link, so that the back button leads back.

import { el, icon, patch } from "./dom.js";
import * as choice from "./keys/choice.js";
import * as course from "./keys/course.js";
import * as events from "./keys/events.js";
import { hrefOf, pathOf, placeIn } from "./keys/place.js";
import * as providers from "./keys/providers.js";
import * as replies from "./keys/replies.js";
import { read } from "./answers.js";
import { connection, notice } from "./bar.js";
import * as words from "./words.js";

const EVERY_MS = 15_000;
const SPANS = [["1h", "1 hour"], ["24h", "24 hours"], ["7d", "7 days"]];
const NOUNS = { campaign: "Campaign", ip: "IP", ip_pool: "IP pool", domain: "Sending domain", provider: "Mailbox provider", tenant: "Tenant" };
const PARTS = ["course", "why", "providers", "replies", "events"];
let place = placeIn(location.search), score = null, timer = null, turn = 0;

const show = (name, isShown) => { document.getElementById(name).hidden = !isShown; };

/** The key's name, where it stands, and how far back the page looks. */
function heading() {
  const name = words.keyName(place.key), [tone, label] = score ? words.level(score) : ["quiet", "no score"];
  document.title = place.key ? `${name} · mailweir` : "Keys · mailweir";
  patch(document.getElementById("heading"), ...(place.key ? [
    el("div", {}, el("p", {}, el("a", { href: "/keys", "data-place": "" }, "Keys"), ` / ${NOUNS[place.kind] ?? place.kind} of ${place.tenant}`), el("h1", {}, name)),
    el("div", { class: "standing" }, score ? el("strong", {}, score.score.toFixed(0), el("small", {}, `${score.score_low.toFixed(0)} to ${score.score_high.toFixed(0)}`)) : null, el("span", { class: "chip", "data-tone": tone }, icon(words.shape(tone)), el("span", {}, label))),
    el("nav", { class: "tabs", "aria-label": "How far back" }, ...SPANS.map(([span, text]) => el("a", { href: hrefOf({ ...place, span }), "data-place": "", "data-key": span, "aria-current": span === place.span ? "true" : null }, text))),
  ] : [el("h1", {}, "Keys")]));
  const json = document.getElementById("json"), path = place.key ? pathOf(place) : choice.PATH;
  json.href = path;
  patch(json, path.split("?")[0]);
}

async function look() {
  clearTimeout(timer);
  const mine = ++turn, asked = place;
  const found = await (asked.key ? one(asked, mine) : any(mine));
  if (mine !== turn) return;
  connection(found.isAnswer ? "live" : "lost");
  notice(found.error);
  if (!document.hidden) timer = setTimeout(look, EVERY_MS);
}

async function any(mine) {
  const found = await read(choice.PATH);
  if (mine !== turn) return found;
  for (const name of PARTS) show(name, false);
  show("choice", true);
  if (found.data) choice.draw(found.data);
  return found;
}

async function one(asked, mine) {
  const found = await read(pathOf(asked));
  if (mine !== turn) return found;
  show("choice", false);
  if (!found.data) return gone(found);
  const { data } = found;
  score = data.score;
  heading();
  for (const name of PARTS.slice(0, 3)) show(name, true);
  course.draw(data, data.at_ms);
  providers.draw(data.providers, asked);
  const [said, behind] = await Promise.all([
    read(pathOf(asked, "/replies", ["tenant", "kind", "key", "span", "provider"])),
    read(pathOf(asked, "/events", ["tenant", "kind", "key", "span", "provider", "reply"])),
  ]);
  if (mine !== turn) return found;
  show("replies", Boolean(said.data));
  show("events", Boolean(behind.data));
  if (said.data) replies.draw(said.data, asked, data.at_ms);
  if (behind.data) events.draw(behind.data, asked, data.at_ms);
  return said.data && behind.data ? found : { ...found, error: said.error || behind.error };
}

/** A refusal says why; after silence the figures stay. */
function gone(found) {
  if (found.isAnswer) for (const name of PARTS) show(name, false);
  return found;
}

function go(href, isBack = false) {
  const before = place;
  if (!isBack) history.pushState(null, "", href);
  place = placeIn(location.search);
  if (hrefOf({ ...place, span: "", provider: "", reply: "" }) !== hrefOf({ ...before, span: "", provider: "", reply: "" })) score = null;
  heading();
  look();
  if (place.reply && place.reply !== before.reply) document.getElementById("events").scrollIntoView({ block: "start" });
  else if (place.provider !== before.provider && !isBack) document.getElementById("replies").scrollIntoView({ block: "nearest" });
}

document.getElementById("main").addEventListener("click", (event) => {
  const link = event.target.closest("a[data-place]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
addEventListener("popstate", () => go(location.href, true));
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
addEventListener("online", look);
heading();
look();
