// The page of one recipient. What is typed here is posted, never put into a URL; in the URL is at most a key.

import { read } from "./answers.js";
import { connection } from "./bar.js";
import { el, patch } from "./dom.js";
import { known, me } from "./login/me.js";
import { name, remember } from "./login/name.js";
import * as profile from "./recipients/profile.js";
import * as segments from "./recipients/segments.js";
import * as standing from "./recipients/standing.js";
import * as timeline from "./recipients/timeline.js";

const PARTS = ["profile", "standing", "segments", "journeys", "timeline"];
const form = document.getElementById("find-form"), said = document.getElementById("find-said");
let asked = null, isBusy = false;

const show = (name, isShown) => { document.getElementById(name).hidden = !isShown; };

async function look() {
  const given = Object.fromEntries(["recipient", "tenant", "who", "why"].map((name) => [name, form.elements[name].value.trim()]));
  if (!given.recipient || !given.who || isBusy) return;
  busy(true);
  if (!me.is_known) remember(given.who);
  for (const name of PARTS) show(name, false);
  patch(said, el("span", { class: "muted" }, "Looking …"));
  timeline.clear();
  await all(given);
  busy(false);
}

/** Parts one after the other: the store answers few questions of people at a time. */
async function all(given) {
  const stands = await read("/api/recipients/standing", given);
  connection(stands.isAnswer ? "live" : "lost", stands.isAnswer ? "Live" : "No answer");
  if (!stands.data) return patch(said, el("span", { class: "wrong" }, stands.error));
  const { recipient_key: recipient, tenant } = stands.data;
  asked = { ...given, recipient, tenant };
  history.replaceState(null, "", `#${encodeURIComponent(tenant)}/${encodeURIComponent(recipient)}`);
  standing.draw(stands.data);
  for (const name of ["standing", "journeys"]) show(name, true);
  const page = await read("/api/recipients/timeline", asked);
  show("timeline", Boolean(page.data));
  patch(said, page.data ? "" : el("span", { class: "wrong" }, page.error));
  if (!page.data) return;
  timeline.add(page.data);
  const is = await read("/api/recipients", asked);
  show("profile", Boolean(is.data));
  if (is.data) profile.draw(is.data);
  show("segments", true);
  const known = await read(`/api/segments?limit=1000&tenant=${encodeURIComponent(tenant)}`);
  const has = known.data?.segments.some((row) => row.status !== "archived");
  segments.draw(has ? await read("/api/segments/explain", { recipient, tenant }) : { data: known.data && { segments: [] }, error: known.error });
}

async function older(after) {
  if (isBusy) return;
  busy(true);
  const page = await read("/api/recipients/timeline", { ...asked, after });
  if (page.data) timeline.add(page.data);
  patch(said, page.data ? "" : el("span", { class: "wrong" }, page.error));
  busy(false);
}

function busy(is) {
  isBusy = is;
  form.querySelector("button").disabled = is;
}

/** A link may name a key; the look itself is a person's to begin. */
function fill() {
  try {
    const [tenant, recipient] = location.hash.slice(1).split("/").map(decodeURIComponent);
    if (recipient && !recipient.includes("@")) [form.elements.tenant.value, form.elements.recipient.value] = [tenant, recipient];
  } catch { /* no key of ours is written like that */ }
  form.elements.who.value ||= name();
}

/** Who is logged in is not asked for a name. */
known.then(() => {
  if (!me.is_known) return;
  form.elements.who.value = me.name;
  form.elements.who.closest("label").hidden = true;
});
form.addEventListener("submit", (event) => { event.preventDefault(); look(); });
addEventListener("hashchange", fill);
timeline.start(older);
fill();
connection("live", "Ready");
