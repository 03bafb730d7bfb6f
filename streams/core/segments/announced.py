"""Rules as the log announces them, and what is to be announced next.

A new segment, and one that means something else, is built first: facts are kept for it, those of the past come from
the store, and once they are there everybody is asked at once. Until then the segment as it was goes on.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from schemas.announcements import RulesAnnounced, SegmentStatus
from schemas.segments.canonical import rule_version
from schemas.segments.references import named_by
from schemas.segments.rules import Segment
from streams.core.segments.program import Program

BUILDING, LIVE, ENDED = "building", "live", "ended"
_LARGEST_BYTES = 1 << 28  # unpacked: ten thousand segments of two hundred nodes


def packed(segments: Iterable[Segment]) -> bytes:
    """Segments as bytes, sorted by id: the same for the same segments."""
    texts = [each.model_dump_json(by_alias=True, exclude_defaults=True) for each in _sorted(segments)]
    return zlib.compress(msgspec.msgpack.encode(texts), 9) if texts else b""


@lru_cache(maxsize=256)  # partitions of a process have the same rules
def unpacked(data: bytes) -> tuple[Segment, ...]:
    """What `packed` has packed. Raises ValueError for anything else, and for rules of a newer language."""
    if not data:
        return ()
    plain = zlib.decompressobj()
    texts = msgspec.msgpack.decode(plain.decompress(data, _LARGEST_BYTES), type=list[str])
    return tuple(map(Segment.model_validate_json, texts))


@lru_cache(maxsize=256)
def program_of(live: bytes, building: bytes) -> Program:
    """The program of announced rules. Raises ValueError as `unpacked` does."""
    return Program(unpacked(live), unpacked(building))


def next_rules(
    tenant: str, last: RulesAnnounced | None, wanted: Sequence[Segment], now: int, *, has_past: bool
) -> RulesAnnounced | None:
    """What to announce so that `wanted` come into force; None if nothing is to be said now.

    `has_past`: whether there are stored events, from which new segments are built; else these are live at once. While
    segments are being built it is None: `built` is what follows. `now` (ms) becomes the number, if it is higher.
    """
    live = [] if last is None else list(unpacked(last.live))
    building = [] if last is None else list(unpacked(last.building))
    versions = {each.id: rule_version(each) for each in wanted}
    followed = {each.id: rule_version(each) for each in live}
    new = [each for each in wanted if followed.get(each.id) != versions[each.id]] if has_past else []
    named = set().union(*(named_by(each.rule) for each in live))
    stays = [each for each in live if each.id in versions or each.id in named] if new else list(wanted)
    is_said = last is not None and _versions(stays) == _versions(live) and _versions(new) == _versions(building)
    if is_said or (last is None and not wanted):
        return None
    number = now if last is None else max(now, last.number + 1)
    return RulesAnnounced(tenant=tenant, number=number, live=packed(stays), building=packed(new))


def built(last: RulesAnnounced, now: int) -> RulesAnnounced:
    """The past of what is being built is there: everything is live."""
    building = unpacked(last.building)
    new = {each.id for each in building}
    live = [each for each in unpacked(last.live) if each.id not in new]
    return RulesAnnounced(tenant=last.tenant, number=max(now, last.number + 1), live=packed([*live, *building]))


def past_of(rules: RulesAnnounced) -> Program:
    """What of the past is needed: by those that are being built alone, for the others have theirs."""
    return Program((), unpacked(rules.building))


def statuses(last: RulesAnnounced | None, rules: RulesAnnounced, now: int) -> list[SegmentStatus]:
    """What the announcement changes for each segment and version."""
    was = {} if last is None else _by_status(last)
    will = _by_status(rules)
    gone = {key: ENDED for key in was if key not in will}
    return [
        SegmentStatus(tenant=rules.tenant, segment_id=id_, rule_version=version, status=status, since=now)
        for (id_, version), status in sorted({**will, **gone}.items())
        if was.get((id_, version)) != status
    ]


def _by_status(rules: RulesAnnounced) -> dict[tuple[str, str], str]:
    """By id and version; what is live may have a next version that is being built."""
    found = {(each.id, rule_version(each)): LIVE for each in unpacked(rules.live)}
    return found | {(each.id, rule_version(each)): BUILDING for each in unpacked(rules.building)}


def _versions(segments: Iterable[Segment]) -> dict[str, str]:
    return {each.id: rule_version(each) for each in segments}


def _sorted(segments: Iterable[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda each: each.id)
