"""One replay, of dead letters or of a stretch of a topic: read, judge, append again, at a pace, up to a limit.

What is judged is `streams/core/replay.py`, what is safe about writing `writing.py`. A dry run is the same without the
last step. Blocks; for one thread.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from confluent_kafka import Message

from schemas.avro import Codec
from schemas.config import Config
from schemas.envelope import RawWebhook
from schemas.errors import Permanent
from schemas.identity import digest
from schemas.replays import HEADER, Replay, Wish
from schemas.topics import WEBHOOKS
from streams.core import replay as rules
from streams.core.replay import Letter
from streams.replay.reading import LogReader
from streams.replay.writing import Appended, LogWriter

_AT_ONCE = 200  # records before their entries are written; fewer where a second has fewer
_AT_ONCE_BYTES = 8 << 20
_UNKEYED = frozenset({WEBHOOKS.name})  # spread evenly; all others stay with the partition of their key


@dataclass(slots=True)
class Tally:
    """What has become of a replay so far.

    `refused`: how many letters for which reason. `by`: how many letters by stage, code and source, or requests by
    tenant, source and provider. `ages_ms`: how old the oldest record of each topic is.
    """

    records: int = 0
    letters: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    by: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ages_ms: dict[str, int] = field(default_factory=dict)
    is_cut: bool = False  # the limit was reached

    def met(self, topic: str, age_ms: int) -> None:
        """Note how old the oldest record of the topic is."""
        self.ages_ms[topic] = max(self.ages_ms.get(topic, 0), age_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a replay works with. `writer` None: a dry run. `per_second`: records at most; `clock_ms`: wall time.

    `tell` is called after every part; what it raises ends the replay, and what was appended stays.
    """

    reader: LogReader
    writer: LogWriter | None
    codec: Codec
    config: Config
    clock_ms: Callable[[], int]
    per_second: float = 200.0
    sleep: Callable[[float], object] = time.sleep
    tell: Callable[[Tally], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Which records of a topic: appended from `from_ms` to before `until_ms`, of this source and tenant ("" any)."""

    topic: str
    from_ms: int
    until_ms: int
    source: str = ""
    tenant: str = ""
    limit: int


def replay_letters(letters: Iterable[Letter], wish: Wish, means: Means) -> Tally:
    """Every letter's record once, however many letters it has. Raises Transient; then run it again."""
    tally = Tally()
    place = lambda letter: (letter.topic, letter.partition, letter.offset)  # noqa: E731 - the key of two calls
    made = (
        record
        for _, several in groupby(sorted(letters, key=place), key=place)
        if (record := _of_letters(list(several), wish, means, tally)) is not None
    )
    for some in _parts(made, means):
        _append(some, wish, means, tally, letters=sum(len(record.entries) for record in some))
    return tally


def replay_topic(of: Stretch, wish: Wish, means: Means) -> Tally:
    """The records of a stretch of the log. Those that a replay appended are left out, so twice is not four times."""
    tally = Tally()
    for some in _parts(_of_topic(of, means, tally), means):
        entry = _entry(wish, means, of.topic, dead_letter_id="", records=tally.records + len(some))
        _append(some, wish, means, tally, more=(entry,))
    return tally


def _of_letters(letters: Sequence[Letter], wish: Wish, means: Means, tally: Tally) -> Appended | None:
    """The record of some letters; None, and why in the tally, where it is not appended."""
    first = letters[0]
    found = {letter.dead_letter_id: rules.objection(letter) for letter in letters}
    wanted = [letter for letter in letters if not found[letter.dead_letter_id]]
    tally.refused.update(reason for reason in found.values() if reason)
    if not wanted:
        return None
    message = means.reader.at(first.topic, first.partition, first.offset)
    key = message.key() if message is not None else None
    value = (message.value() if message is not None else None) or b""
    raw = _raw(value, first.topic, means.codec)
    kept = [letter for letter in wanted if message is not None and rules.is_same(letter, value, raw)]
    if not kept and first.is_whole and first.topic in _UNKEYED:
        kept, value, key = wanted, first.original, None  # all there is of it
        raw = _raw(value, first.topic, means.codec)
    tally.refused.update(rules.gone(letter) for letter in wanted if letter not in kept)
    if not kept:
        return None
    tally.by.update((letter.stage, letter.code, letter.source) for letter in kept)
    tally.met(first.topic, means.clock_ms() - first.received_at if first.received_at else 0)
    return Appended(
        topic=first.topic,
        partition=-1 if first.topic in _UNKEYED else first.partition,
        key=_bytes(key),
        value=_again(raw, value, means),
        entries=tuple(
            _entry(wish, means, letter.topic, letter=letter, dead_letter_id=letter.dead_letter_id) for letter in kept
        ),
    )


def _of_topic(of: Stretch, means: Means, tally: Tally) -> Iterator[Appended]:
    taken = 0
    for partition in means.reader.partitions(of.topic):
        for message in means.reader.since(of.topic, partition, of.from_ms, of.until_ms):
            value = message.value() or b""
            raw = _raw(value, of.topic, means.codec)
            if raw is None or _is_again(message) or not _is_meant(raw, of):
                continue
            if taken == of.limit:
                tally.is_cut = True
                return
            taken += 1
            tally.by[raw.tenant, raw.source, raw.provider] += 1
            tally.met(of.topic, means.clock_ms() - raw.received_at)
            yield Appended(
                topic=of.topic, partition=-1, key=_bytes(message.key()), value=_again(raw, value, means), entries=()
            )


def _is_meant(raw: RawWebhook, of: Stretch) -> bool:
    return of.source in {"", raw.source} and of.tenant in {"", raw.tenant}


def _is_again(message: Message) -> bool:
    return any(header[0] == HEADER for header in message.headers() or ())


def _raw(value: bytes, topic: str, codec: Codec) -> RawWebhook | None:
    """The request; None for what cannot be read, and in other topics."""
    if topic != WEBHOOKS.name:
        return None
    try:
        return codec.decode(value, RawWebhook)
    except Permanent:
        return None


def _again(raw: RawWebhook | None, value: bytes, means: Means) -> bytes:
    """The same bytes, but for a source whose provider was put right."""
    if raw is None:
        return value
    configured = rules.as_configured(raw, means.config)
    return value if configured is raw else means.codec.encode(configured)


def _bytes(key: bytes | str | None) -> bytes | None:
    return key.encode() if isinstance(key, str) else key


def _entry(
    wish: Wish, means: Means, topic: str, *, dead_letter_id: str, letter: Letter | None = None, records: int = 1
) -> Replay:
    return Replay(
        replay_id=wish.replay_id,
        tenant=letter.tenant if letter else "",
        dead_letter_id=dead_letter_id,
        who=wish.who,
        why=wish.why,
        replayed_at=means.clock_ms(),
        origin_topic=topic,
        origin_partition=letter.partition if letter else -1,
        origin_offset=letter.offset if letter else -1,
        again_partition=-1,
        again_offset=-1,
        records=records,
    )


def _parts(records: Iterable[Appended], means: Means) -> Iterator[list[Appended]]:
    """In parts that are appended together."""
    most = min(_AT_ONCE, max(1, int(means.per_second)))
    part: list[Appended] = []
    size = 0
    for record in records:
        if part and (len(part) >= most or size + len(record.value) > _AT_ONCE_BYTES):
            yield part
            part, size = [], 0
        part.append(record)
        size += len(record.value)
    if part:
        yield part


def _append(
    some: Sequence[Appended], wish: Wish, means: Means, tally: Tally, *, letters: int = 0, more: Sequence[Replay] = ()
) -> None:
    if means.writer is not None:
        means.writer.append(wish.replay_id, some, more)
    tally.records += len(some)
    tally.letters += letters
    means.tell(tally)
    if means.writer is not None:
        means.sleep(len(some) / means.per_second)


def new_id(who: str, at_ms: int, noise: int) -> str:
    """The id of a replay that begins now; `noise` keeps two of the same millisecond apart."""
    return digest("replay", who, at_ms, noise)
