"""Which of several segments is meant, and of which tenant."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.errors import Misconfigured
from schemas.segments.rules import Segment

_LISTED = 10  # ids in an error


def chosen(segments: Sequence[Segment], id_: str) -> Segment:
    """The segment with that id; "" is enough where there is only one. Raises Misconfigured."""
    found = [segment for segment in segments if id_ in ("", segment.id)]
    if len(found) == 1:
        return found[0]
    ids = sorted({segment.id for segment in segments})
    listed = ", ".join(ids[:_LISTED]) + (", ..." if len(ids) > _LISTED else "")
    if not ids:
        raise Misconfigured("no segment is there; name a file or folder with segments")
    if not found:
        raise Misconfigured(f"no segment has the id {id_}; there are {listed}")
    raise Misconfigured(f"more than one segment is meant; choose with --id one of {listed}")
