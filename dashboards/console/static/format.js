// Numbers, shares and times as people read them. A missing value is a dash, never a zero.

const DASH = "–";
const NARROW = "\u202f";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const whenever = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export const count = (n) => (known(n) ? whole.format(n) : DASH);
export const brief = (n) => (known(n) ? (Math.abs(n) < 10_000 ? whole.format(n) : short.format(n)) : DASH);
export const rate = (n) => (known(n) ? (n >= 100 ? whole.format(n) : n >= 10 ? n.toFixed(1) : n.toFixed(n ? 1 : 0)) : DASH);

export const tick = (n) => (n >= 10_000 ? short.format(n) : String(+n.toFixed(2)));

/** A share in [0, 1] as per cent, with the digits that matter at its size. */
export function share(value) {
  if (!known(value)) return DASH;
  const percent = value * 100;
  const digits = percent === 0 || percent === 100 ? 0 : percent < 1 ? 2 : 1;
  return `${percent.toFixed(digits)}${NARROW}%`;
}

export function duration(ms) {
  if (!known(ms)) return DASH;
  if (ms < 1000) return `${Math.round(ms)}${NARROW}ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)}${NARROW}s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)}${NARROW}min`;
  return `${(ms / 3_600_000).toFixed(1)}${NARROW}h`;
}

export const time = (ms) => (known(ms) && ms > 0 ? clock.format(ms) : DASH);

/** A time with its day and year, past or future. */
export const full = (ms) => (known(ms) && ms > 0 ? whenever.format(ms) : DASH);

/** A time of today as 14:02:11, an older one with its day. */
export function moment(ms, now) {
  return known(ms) && ms > 0 && dayOf(ms) !== dayOf(now) ? day.format(ms) : time(ms);
}

const dayOf = (ms) => new Date(ms).toDateString();

export function ago(ms, now) {
  if (!known(ms) || ms <= 0) return DASH;
  const age = Math.max(0, now - ms);
  return age < 5_000 ? "just now" : `${duration(age)} ago`;
}
