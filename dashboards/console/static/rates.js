// The rows of event_rates.sql as aligned columns: every bucket present, quiet ones zero, the unfinished one left out.

const TYPES = ["queued", "sent", "delivered", "deferred", "bounced", "rejected", "failed", "opened", "clicked", "unsubscribed", "complained"];
const STEP_MS = 5_000;
const SETTLE_MS = 2_500; // what a batch takes to arrive; a bucket drawn before that would seem to dip
let last = { panel: null, value: null };

/** {times: [s], columns: {type: [per second]}, all: [per second]}; queued counts as sent, failed as rejected. */
export function timeline(panel) {
  if (last.panel !== panel || !panel) last = { panel, value: align(panel) };
  return last.value;
}

function align(panel) {
  const columns = Object.fromEntries(TYPES.map((type) => [type, []]));
  if (!panel?.records.length) return { times: [], columns, all: [] };
  const first = panel.records[0].time;
  const buckets = Math.max(1, Math.floor((panel.at_ms - SETTLE_MS - first) / STEP_MS));
  const zeros = () => new Array(buckets).fill(0);
  for (const type of TYPES) columns[type] = zeros();
  const all = zeros();
  for (const { time, event_type: type, events_per_s: n } of panel.records) {
    const i = Math.round((time - first) / STEP_MS);
    if (i >= buckets) continue;
    all[i] += n;
    const name = type === "queued" ? "sent" : type === "failed" ? "rejected" : type;
    if (columns[name]) columns[name][i] += n;
  }
  return { times: all.map((_, i) => (first + i * STEP_MS) / 1000), columns, all };
}
