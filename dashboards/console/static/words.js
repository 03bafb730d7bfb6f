// The vocabulary of the pipeline in people's words. Unknown words are shown as they came.

const LEVELS = { healthy: "healthy", watch: "watch", throttled: "slow down", paused: "pause advised", recovering: "recovering" };
const TONES = new Set(["healthy", "watch", "throttled", "paused", "recovering"]);
const KINDS = {
  campaign: "Campaigns", campaign_provider: "Campaign × provider", ip: "IPs", ip_provider: "IP × provider", domain: "Domains",
  domain_provider: "Domain × provider", ip_pool: "IP pools", provider: "Mailbox providers", tenant: "Tenants",
};
const ACTIONS = {
  pause_campaign: ["Paused campaign", "Pause campaign"], resume_campaign: ["Resumed campaign", "Resume campaign"],
  throttle: ["Throttled", "Throttle"], rest_ip: ["Rested IP", "Rest IP"], alert: ["Alerted about", "Alert about"],
};
const STATUSES = {
  done: ["healthy", "done"], dry_run: ["quiet", "dry run"], suggested: ["watch", "waits for a person"],
  unsupported: ["throttled", "not supported by this sender"], failed: ["paused", "failed"],
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
export const status = (name) => STATUSES[name] ?? ["quiet", name];
export const provider = (name) => PROVIDERS[name] ?? name;
export const plain = (name) => name.replaceAll("_", " ");
export const keyName = (key) => key.split("|").join(" × ");

/** "Paused campaign" when it was done, "Pause campaign" while it is only wanted. */
export function action(name, isDone) {
  const [past, wish] = ACTIONS[name] ?? [plain(name), plain(name)];
  return isDone ? past : wish;
}
