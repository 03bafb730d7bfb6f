// The vocabulary of the pipeline in people's words. Unknown words are shown as they came.

const LEVELS = { healthy: "healthy", watch: "watch", throttled: "slow down", paused: "pause advised", recovering: "recovering" };
const TONES = new Set(["healthy", "watch", "throttled", "paused", "recovering"]);
const KINDS = {
  campaign: "Campaigns", campaign_provider: "Campaign × provider", ip: "IPs", ip_provider: "IP × provider", domain: "Domains",
  domain_provider: "Domain × provider", ip_pool: "IP pools", provider: "Mailbox providers", tenant: "Tenants",
};
const ACTIONS = {
  pause_campaign: ["Paused campaign", "Pause campaign"], resume_campaign: ["Resumed campaign", "Resume campaign"],
  throttle: ["Throttled", "Throttle"], rest_ip: ["Rested IP", "Rest IP"], return_ip: ["Returned IP", "Return IP"],
  move_pool: ["Moved to another pool:", "Move to another pool:"], alert: ["Alerted about", "Alert about"],
};
const STATES = {
  open: ["quiet", "on its way"], waiting: ["watch", "waits for approval"], approved: ["recovering", "approved, on its way"],
  done: ["healthy", "done"], dry_run: ["quiet", "dry run, nothing was sent"], suggested: ["watch", "suggested, up to you"],
  unsupported: ["throttled", "not supported by this sender"], failed: ["paused", "failed"], rejected: ["quiet", "rejected"],
  expired: ["quiet", "expired, nobody approved it"], reverting: ["recovering", "being reverted"], reverted: ["quiet", "reverted"],
  revert_failed: ["paused", "reverting failed"],
};
const VERBS = { waiting: ["approve", "reject"], done: ["revert"], dry_run: ["revert"], failed: ["revert"] }; // schemas/rulings.py
const SAID = { approve: ["approved", "Approve"], reject: ["rejected", "Reject"], revert: ["reverted", "Revert"] };
const WOULD = {
  approve: "mailweir carries it out at the sender at once.", reject: "Nothing is done at the sender.",
  revert: "mailweir takes it back at the sender.",
};
const PROVIDERS = { gmail: "Gmail", google: "Gmail", microsoft: "Microsoft", yahoo: "Yahoo", icloud: "iCloud", apple: "iCloud", gmx: "GMX", aol: "AOL", other: "Other" };

/** The icon of a tone; tones without one share a neutral shape. */
export const shape = (name) => (TONES.has(name) ? name : "healthy");

export const KIND_ORDER = Object.keys(KINDS);
export const kind = (name) => KINDS[name] ?? name;

/** [tone, words] of a score's level. A level is advice until the sender has confirmed the pause (campaign_states.sql). */
export function level(row, states = new Map()) {
  const isPaused = row.kind === "campaign" && (states.get(row.key) ?? []).includes("done");
  return isPaused ? ["paused", "paused"] : [tone(row.level), LEVELS[row.level] ?? row.level];
}

export const pauseStates = (panel) => new Map((panel?.records ?? []).map((row) => [row.campaign_id, row.statuses]));
export const tone = (name) => (TONES.has(name) ? name : "quiet");
export const isDone = (state) => ["done", "reverting", "reverted", "revert_failed"].includes(state);
export const verb = (name) => SAID[name]?.[0] ?? name;
export const wish = (name) => SAID[name]?.[1] ?? name;
export const would = (name) => WOULD[name] ?? "";
export const provider = (name) => PROVIDERS[name] ?? name;
export const plain = (name) => name.replaceAll("_", " ");
export const keyName = (key) => key.split("|").join(" × ");

/** [tone, words] of where a decision stands. */
export function state(row) {
  if (row.state === "dry_run" && row.mode === "observe") return ["quiet", "observed only, by policy"];
  return STATES[row.state] ?? ["quiet", plain(row.state)];
}

/** What a person can say to the decision; the server has the last word. */
export function verbs(row) {
  const changesNothing = row.action === "alert" || row.mode === "observe";
  return (VERBS[row.state] ?? []).filter((name) => name !== "revert" || !changesNothing);
}

/** "Paused campaign" when it was done, "Pause campaign" while it is only wanted. */
export function action(name, isDone) {
  const [past, wish] = ACTIONS[name] ?? [plain(name), plain(name)];
  return isDone ? past : wish;
}
