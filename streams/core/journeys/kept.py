"""What is kept of a recipient for journeys, as MessagePack; nothing at all as long as there is nothing.

Bounded: `MOST_RUNS` runs at a time, `MOST_SEEN` entering events within `LATE_MS`, `MOST_CALLS` calls of each journey
that a cap counts, and one mark for each journey that lets in once.
"""

from __future__ import annotations

import msgspec

MOST_RUNS = 20  # of a recipient at a time; what enters beyond is refused, and that is recorded
MOST_SEEN = 100  # events that fit an entry, within LATE_MS; whoever has more is no person, and more let nobody in
MOST_CALLS = 50  # of each journey that a cap counts; no cap allows more
LATE_MS = 3 * 86_400_000  # an event that is dated further back or ahead lets nobody in, a repeat within it does nothing


class Run(msgspec.Struct, array_like=True, gc=False, forbid_unknown_fields=True):
    """Somebody on a journey. Times are ms since 1970.

    `code`: of journey and version; `journey`: its id. `key`: as JSON, "" without. `began`: when what let in happened.
    `place`: the step at which it waits, until `due`; what happened later than `since` counts for it. `number`: of its
    last record.
    """

    code: bytes
    journey: str
    run_id: bytes
    key: str
    began: int
    place: int
    since: int
    due: int
    number: int


class Kept(msgspec.Struct, array_like=True, gc=False, forbid_unknown_fields=True):
    """`runs`: the oldest first. `seen`: entering events, by ident, and when they happened. `once`: marks of journeys
    that were entered and let in only once. `calls`: mark of the journey, and when, the oldest first."""

    runs: list[Run] = []
    seen: list[tuple[bytes, int]] = []
    once: list[bytes] = []
    calls: list[tuple[bytes, int]] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Kept)


def opened(packed: bytes) -> Kept:
    """What `packed` made. Raises ValueError for what is none."""
    if not packed:
        return Kept()
    try:
        return _decoder.decode(packed)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{len(packed)} bytes are no state of journeys: {error}") from error


def packed(kept: Kept) -> bytes:
    """As bytes; none if nothing is kept."""
    return _encoder.encode(kept) if kept.runs or kept.seen or kept.once or kept.calls else b""


def forget(kept: Kept, now: int, capped: dict[bytes, int]) -> None:
    """Drop what matters no more from `now` on. `capped`: for how long calls of a journey count, by its mark."""
    if kept.seen:
        kept.seen = [each for each in kept.seen if each[1] > now - LATE_MS]
    if kept.calls:
        kept.calls = [each for each in kept.calls if each[1] > now - capped.get(each[0], 0)]


def note_call(kept: Kept, mark: bytes, now: int) -> None:
    """A call of a journey that a cap counts; of the journey's so many are kept."""
    places = [place for place, each in enumerate(kept.calls) if each[0] == mark]
    if len(places) >= MOST_CALLS:
        del kept.calls[places[0]]
    kept.calls.append((mark, now))
