// Where the reader is: which key, how far back, which provider and reply. All of it stands in the URL, and no address.

const NAMES = ["tenant", "kind", "key", "span", "provider", "reply"];
const SPANS = ["1h", "24h", "7d"];

/** The place that a URL's query names; `key` is "" where none is chosen. */
export function placeIn(search) {
  const given = new URLSearchParams(search);
  const place = Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ""]));
  return { ...place, span: SPANS.includes(place.span) ? place.span : "24h" };
}

export const hrefOf = (place) => `/keys?${query(place, NAMES)}`;
export const pathOf = (place, part = "", names = NAMES.slice(0, 4)) => `/api/keys${part}?${query(place, names)}`;

/** Of a row of scores; a key of two parts is its first part, with the mailbox provider chosen. */
export function ofScore({ tenant, kind, key }) {
  const cut = kind.endsWith("_provider") ? key.lastIndexOf("|") : -1;
  if (cut < 0) return hrefOf({ tenant, kind, key });
  return hrefOf({ tenant, kind: kind.slice(0, -"_provider".length), key: key.slice(0, cut), provider: key.slice(cut + 1) });
}

function query(place, names) {
  return new URLSearchParams(names.filter((name) => place[name]).map((name) => [name, place[name]])).toString();
}
