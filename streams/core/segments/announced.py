"""Rules as the log announces them, and what is to be announced next.

A new segment, and one that means something else, is built first: facts are kept for it, those of the past come from
the store, and once they are there everybody is asked at once. Until then the segment as it was goes on.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import msgspec

from schemas.announcements import RulesAnnounced, SegmentStatus
from schemas.journeys.canonical import as_json, from_json, journey_version
from schemas.journeys.journey import Journey
from schemas.segments.canonical import rule_version
from schemas.segments.references import named_by
from schemas.segments.rules import Segment
from schemas.segments.written import plain
from streams.core.journeys.flows import Flows, is_hidden
from streams.core.segments.program import Program

BUILDING, LIVE, ENDED = "building", "live", "ended"
_MOST_EARLIER = 100  # versions of journeys: the runs of those beyond end
_LARGEST_BYTES = 1 << 28  # unpacked: ten thousand segments of two hundred nodes


def packed(segments: Iterable[Segment]) -> bytes:
    """Segments as bytes, sorted by id: the same for the same segments."""
    return _pack(json.dumps(plain(each), sort_keys=True) for each in _sorted(segments))


@lru_cache(maxsize=256)  # partitions of a process have the same rules
def unpacked(data: bytes) -> tuple[Segment, ...]:
    """What `packed` has packed. Raises ValueError for anything else, and for rules of a newer language."""
    return tuple(map(_segment, _unpack(data)))


def _segment(text: str) -> Segment:
    """A segment; that of a journey's own rule has an id that no segment in a file can have."""
    data = json.loads(text)
    id_ = data["id"]
    found = Segment.model_validate(data | ({"id": "hidden"} if is_hidden(id_) else {}))
    return found.model_copy(update={"id": id_})


def packed_journeys(journeys: Iterable[Journey]) -> bytes:
    """Journeys as bytes, the same for the same journeys."""
    return _pack(sorted(map(as_json, journeys)))


@lru_cache(maxsize=256)
def unpacked_journeys(data: bytes) -> tuple[Journey, ...]:
    """What `packed_journeys` has packed. Raises ValueError or Misconfigured for anything else."""
    return tuple(map(from_json, _unpack(data)))


def _pack(texts: Iterable[str]) -> bytes:
    found = list(texts)
    return zlib.compress(msgspec.msgpack.encode(found), 9) if found else b""


def _unpack(data: bytes) -> list[str]:
    if not data:
        return []
    return msgspec.msgpack.decode(zlib.decompressobj().decompress(data, _LARGEST_BYTES), type=list[str])


@lru_cache(maxsize=256)
def flows_of(journeys: bytes, earlier: bytes) -> Flows:
    """Announced journeys, ready to be gone on. Raises as `unpacked_journeys` does."""
    return Flows(unpacked_journeys(journeys), unpacked_journeys(earlier))


@lru_cache(maxsize=256)
def program_of(live: bytes, building: bytes) -> Program:
    """The program of announced rules. Raises ValueError as `unpacked` does."""
    return Program(unpacked(live), unpacked(building))


class Wanted(NamedTuple):
    """What the files have for a tenant."""

    segments: Sequence[Segment] = ()
    journeys: Sequence[Journey] = ()


def next_rules(
    tenant: str, last: RulesAnnounced | None, wanted: Wanted, now: int, *, has_past: bool
) -> RulesAnnounced | None:
    """What to announce so that `wanted` comes into force; None if nothing is to be said now.

    `has_past`: whether there are stored events, from which new segments are built; else these are live at once. While
    segments are being built it is None: `built` is what follows. Journeys that are new wait for them, since they may
    ask for them; of one that is changed the version before stays for its runs. `now` (ms) becomes the number, if it is
    higher.
    """
    was = RulesAnnounced(tenant=tenant, number=0, live=b"") if last is None else last
    ids = {each.id for each in wanted.journeys}
    earlier = _earlier(was, wanted.journeys)
    asked = [*wanted.segments, *_own_rules(tenant, wanted.journeys, earlier)]
    live, versions = unpacked(was.live), _versions(asked)
    new = [each for each in asked if _versions(live).get(each.id) != versions[each.id]] if has_past else []
    named = set[str]().union(*(named_by(each.rule) for each in live))
    stays = [each for each in live if each.id in versions or each.id in named] if new else asked
    if new:
        journeys, earlier = _still(was.journeys, ids), _still(was.earlier, ids)
    else:
        journeys = list(wanted.journeys)
    rules = RulesAnnounced(
        tenant=tenant, number=max(now, was.number + 1), live=packed(stays), building=packed(new),
        journeys=packed_journeys(journeys), earlier=packed_journeys(earlier),
    )  # fmt: skip
    return None if _means(rules) == _means(was) else rules


def _still(data: bytes, ids: Collection[str]) -> list[Journey]:
    return [each for each in unpacked_journeys(data) if each.id in ids]


def _earlier(was: RulesAnnounced, journeys: Sequence[Journey]) -> list[Journey]:
    """Versions of these before, the newest first; one that is gone from the files ends."""
    known = {(each.id, journey_version(each)) for each in journeys}
    ids = {each.id for each in journeys}
    found: dict[tuple[str, str], Journey] = {}
    for each in (*unpacked_journeys(was.journeys), *unpacked_journeys(was.earlier)):
        key = (each.id, journey_version(each))
        if each.id in ids and key not in known:
            found.setdefault(key, each)
    return list(found.values())[:_MOST_EARLIER]


def _own_rules(tenant: str, journeys: Sequence[Journey], earlier: Sequence[Journey]) -> list[Segment]:
    """The rules that journeys ask without naming a segment."""
    return [each.model_copy(update={"tenant": tenant}) for each in Flows(journeys, earlier).rules]


def _means(rules: RulesAnnounced) -> list[frozenset[tuple[str, str]]]:
    """What tells announcements apart: ids and versions, and no words."""
    segments = [frozenset(_versions(unpacked(data)).items()) for data in (rules.live, rules.building)]
    journeys = [unpacked_journeys(data) for data in (rules.journeys, rules.earlier)]
    return segments + [frozenset((each.id, journey_version(each)) for each in several) for several in journeys]


def built(last: RulesAnnounced, now: int) -> RulesAnnounced:
    """The past of what is being built is there: everything is live."""
    building = unpacked(last.building)
    new = {each.id for each in building}
    live = [each for each in unpacked(last.live) if each.id not in new]
    return replace(last, number=max(now, last.number + 1), live=packed([*live, *building]), building=b"")


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
    found = dict.fromkeys(_versions(unpacked(rules.live)).items(), LIVE)
    found |= dict.fromkeys(_versions(unpacked(rules.building)).items(), BUILDING)
    return {key: status for key, status in found.items() if not is_hidden(key[0])}


def _versions(segments: Iterable[Segment]) -> dict[str, str]:
    return {each.id: rule_version(each) for each in segments}


def _sorted(segments: Iterable[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda each: each.id)
