// Which segment is meant, and where it is asked for.

export const placeOf = ({ tenant, id }) => `${tenant}/${id}`;

/** The path of a segment; `place` is "tenant/id". */
export function pathOf(place, tail = "") {
  const at = place.indexOf("/");
  return `/api/segments/${encodeURIComponent(place.slice(at + 1))}${tail}?tenant=${encodeURIComponent(place.slice(0, at))}`;
}
