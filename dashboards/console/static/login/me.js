// Who is logged in: a name and the way out in the bar; and back to the login when the session has ended.

import { el } from "../dom.js";

const TIMEOUT_MS = 15_000;
const EVERY_MS = 30_000; // a session that has ended is noticed so soon while the page is looked at
export const me = { name: "", role: "admin", tenants: ["*"], is_known: false };

/** May they say something to a decision? */
export const mayRule = () => me.role !== "viewer";

async function look() {
  try {
    const answer = await fetch("/api/me", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (answer.status === 401) return leave();
    if (answer.ok) Object.assign(me, await answer.json());
  } catch { /* the page itself says when the console is away */ }
  return me;
}

function leave() {
  location.replace(`/login?to=${encodeURIComponent(location.pathname + location.search + location.hash)}`);
}

async function logout() {
  try {
    await fetch("/api/logout", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}", signal: AbortSignal.timeout(TIMEOUT_MS) });
  } finally {
    location.replace("/login");
  }
}

function show() {
  const tenants = me.tenants.includes("*") ? "all tenants" : me.tenants.join(", ");
  const out = el("button", { type: "button", class: "button" }, "Log out");
  out.addEventListener("click", logout);
  document.getElementById("theme").before(el("span", { class: "me", title: `${me.name}: ${me.role}, ${tenants}` },
    el("span", {}, el("b", {}, me.name), el("span", { class: "visually-hidden" }, `, ${me.role}, ${tenants}`)), out));
}

/** Settled once it is known who is logged in, or that nobody has to be. */
export const known = look().then(() => {
  if (!me.is_known) return;
  show();
  setInterval(() => { if (!document.hidden) look(); }, EVERY_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
});
