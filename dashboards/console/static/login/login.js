// The login page: which ways in there are, name and password by fetch, and in a sentence why one did not lead in.

const TIMEOUT_MS = 20_000;
const SILENCE = "The console did not answer. Try again.";
const WHY = { // what the console says of a login at the identity provider
  denied: "The login was not granted there.",
  late: "That took longer than ten minutes, or it began in another browser. Try again.",
  refused: "What the identity provider said could not be believed; the console's log says why.",
  role: "You have no role here. Ask whoever gives people access.",
  tenants: "No tenant of yours is known here. Ask whoever gives people access.",
  away: "The identity provider does not answer. Try again in a minute.",
};
const form = document.getElementById("login-form"), wrong = document.getElementById("login-wrong");
const or = document.getElementById("login-or"), provider = document.getElementById("login-provider");
const asked = new URLSearchParams(location.search);

/** The page that was wanted: a path of this console, and nothing else. */
function wanted() {
  const to = asked.get("to") ?? "/";
  try { return new URL(to, location.origin).origin === location.origin && to.startsWith("/") ? to : "/"; } catch { return "/"; }
}

function tell(sentence) {
  wrong.textContent = sentence;
  wrong.hidden = !sentence;
}

async function begin() {
  tell(asked.has("why") ? WHY[asked.get("why")] ?? WHY.refused : "");
  try {
    const ways = await (await fetch("/api/login", { signal: AbortSignal.timeout(TIMEOUT_MS) })).json();
    form.hidden = !ways.password;
    provider.hidden = !ways.provider;
    or.hidden = !ways.password || !ways.provider;
    provider.textContent = `Continue with ${ways.provider}`;
    provider.href = `/login/oidc?to=${encodeURIComponent(wanted())}`;
    if (ways.password) form.elements.name.focus();
  } catch {
    tell(SILENCE);
  }
}

async function enter() {
  const button = form.querySelector("button");
  const { name, password } = form.elements;
  button.disabled = true;
  button.textContent = "One moment …";
  tell("");
  try {
    const answer = await fetch("/api/login", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: name.value.trim(), password: password.value }), signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.ok) return location.replace(wanted());
    tell((await answer.json()).error);
    password.value = "";
    password.focus();
  } catch {
    tell(SILENCE);
  }
  button.disabled = false;
  button.textContent = "Log in";
}

form.addEventListener("submit", (event) => { event.preventDefault(); enter(); });
begin();
