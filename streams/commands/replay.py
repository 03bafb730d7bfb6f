"""`mailweir replay`: process again what failed, or a stretch of the raw requests. Safe to run twice, and to kill.

Dead letters are looked up in ClickHouse, their records read from Kafka and appended to it again. Beforehand it says
how many there are, by kind, and what follows; `--dry-run` ends there.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.letters import find
from schemas.avro import Codec
from schemas.config import Config
from schemas.errors import Misconfigured
from schemas.nearest import hint
from schemas.replays import NotReplayedError, Wish, wish
from schemas.topics import TOPICS, WEBHOOKS
from sinks.clickhouse import translate
from streams.commands.decisions import since_ms
from streams.core.replay import AGAIN, Letter, consequences
from streams.replay.reading import LogReader
from streams.replay.run import Means, Stretch, Tally, new_id, replay_letters, replay_topic
from streams.replay.writing import LogWriter
from streams.topics import partitions_of

_PREFIX, _SUFFIX = "mailweir.", ".v1"
_FOREVER_MS = 253_402_300_799_000  # the end of the year 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says. `topic`: as people write it; times as RFC 3339 or as `7d`, `2h`."""

    topic: str = ""
    since: str = ""
    until: str = ""
    is_letters: bool = False
    filters: Mapping[str, str] = field(default_factory=dict)
    again: bool = False
    limit: int = 10_000
    per_second: float = 200.0
    is_dry: bool = False
    who: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the log is, and what the command needs of this machine. `store` opens the store's client."""

    kafka: str
    codec: Codec
    config: Config
    store: Callable[[], Client]
    clock_ms: Callable[[], int]


def run(asked: Asked, place: Place, out: TextIO) -> int:
    """0 when all was appended, or nothing was to do; 1 when something could not be. Raises Misconfigured, Transient."""
    topic = _topic(asked)
    begin, end = _span(asked, place.clock_ms())
    told = _wish(asked, place.clock_ms())
    with closing(LogReader(place.kafka)) as reader:
        partitions_of(place.kafka, *TOPICS)
        if asked.is_letters:
            letters = _letters(asked, place, topic, begin, end)
            work: Callable[[Means], Tally] = lambda means: replay_letters(letters, told, means)  # noqa: E731 - one of two
        else:
            stretch = Stretch(
                topic=topic,
                from_ms=begin,
                until_ms=min(end, place.clock_ms()),
                source=asked.filters.get("source", ""),
                tenant=asked.filters.get("tenant", ""),
                limit=asked.limit,
            )
            work = lambda means: replay_topic(stretch, told, means)  # noqa: E731 - likewise
        dry = Means(
            reader=reader,
            writer=None,
            codec=place.codec,
            config=place.config,
            clock_ms=place.clock_ms,
            per_second=asked.per_second,
        )
        found = work(dry)
        _say_what(found, asked, out)
        if asked.is_dry or not found.records:
            return 1 if found.refused and not asked.is_dry else 0
        return _append(work, dry, place, told, found, out)


def _append(work: Callable[[Means], Tally], dry: Means, place: Place, told: Wish, found: Tally, out: TextIO) -> int:
    """The same once more, now with a writer."""
    with closing(LogWriter(place.kafka, place.codec)) as writer:

        def tell(tally: Tally) -> None:
            if out.isatty():
                out.write(f"\r{tally.records:,} of {found.records:,} appended again")
                out.flush()

        done = work(
            Means(
                reader=dry.reader,
                writer=writer,
                codec=dry.codec,
                config=dry.config,
                clock_ms=dry.clock_ms,
                per_second=dry.per_second,
                tell=tell,
            )
        )
    end = "\r" if out.isatty() else ""
    out.write(f"{end}{_count(done.records, 'record')} appended again; replay {told.replay_id}.\n")
    return 1 if done.refused else 0


def _say_what(found: Tally, asked: Asked, out: TextIO) -> None:
    what = "dead letter" if asked.is_letters else "request"
    if not found.by and not found.refused:
        out.write(f"No {what}s match.\n")
        return
    out.writelines(
        f"{number:>9,}  {' '.join(filter(None, kind))}\n"
        for kind, number in sorted(found.by.items(), key=lambda item: (-item[1], item[0]))
    )
    out.writelines(f"{number:>9,}  cannot be replayed: {reason}.\n" for reason, number in found.refused.most_common())
    total = sum(found.by.values())
    verb = "would be" if asked.is_dry else "to be"
    out.write(f"{_count(total, what)} of {_count(found.records, 'record')} {verb} processed again.\n")
    if (asked.is_letters and total + found.refused.total() >= asked.limit) or found.is_cut:
        out.write(f"There may be more: --limit is {asked.limit:,}.\n")
    out.writelines(f"{sentence}\n" for sentence in consequences(found.ages_ms))


def _letters(asked: Asked, place: Place, topic: str, begin: int, end: int) -> list[Letter]:
    state = {} if asked.again else {"state": "open"}
    span = {"from_ms": str(begin), "to_ms": str(end)}
    store = place.store()
    try:
        found = find(store, {**asked.filters, **state, **span}, asked.limit)
    except ClickHouseError as error:
        raise translate(error, "reading the dead letters") from error
    finally:
        store.close()
    return [letter for letter in found if topic in {"", letter.topic}]


def _topic(asked: Asked) -> str:
    """The topic's whole name, "" for any. Raises Misconfigured."""
    if not asked.topic:
        if not asked.is_letters:
            raise Misconfigured("say --only-dead-letters, or which --topic; `--topic webhooks` are the raw requests")
        return ""
    known = {topic.name.removeprefix(_PREFIX).removesuffix(_SUFFIX): topic.name for topic in TOPICS}
    short = asked.topic.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    if short not in known:
        raise Misconfigured(f"--topic: there is no topic {asked.topic!r}; {hint(short, list(known))}")
    if not asked.is_letters and known[short] != WEBHOOKS.name:
        raise Misconfigured(
            f"--topic: of {short} only dead letters can be replayed (--only-dead-letters); as a whole only webhooks,"
            " from which all others are made. For rows that the store lost reset the sink's group"
        )
    if asked.is_letters and known[short] not in AGAIN:
        raise Misconfigured(f"--topic: records of {short} are never put back; its writer says anew what counts")
    return known[short]


def _span(asked: Asked, now_ms: int) -> tuple[int, int]:
    """From and until in epoch milliseconds. Raises Misconfigured."""
    if not asked.is_letters:
        if not asked.since:
            raise Misconfigured("--from: say from when on, e.g. --from 2026-11-20T00:00Z or --from 6h")
        wrong = sorted({"stage", "code", "id"} & {name for name, value in asked.filters.items() if value})
        if wrong:
            raise Misconfigured(f"--{wrong[0]} is about dead letters; say --only-dead-letters too")
    begin = _instant(asked.since, "--from", now_ms) if asked.since else 0
    end = _instant(asked.until, "--until", now_ms) if asked.until else _FOREVER_MS
    if begin >= end:
        raise Misconfigured("--until must be later than --from")
    return begin, end


def _instant(text: str, where: str, now_ms: int) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now_ms - since_ms(text)
        except Misconfigured:
            raise Misconfigured(
                f"{where}: {text!r} is neither a time (2026-11-20T00:00Z) nor a span (6h, 7d)"
            ) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _wish(asked: Asked, now_ms: int) -> Wish:
    who, why = asked.who, asked.why or ("dry run" if asked.is_dry else "")
    try:
        return wish(new_id(who, now_ms, secrets.randbits(32)), who, why)
    except NotReplayedError as error:
        name = "why" if "why" in str(error) else "who"
        raise Misconfigured(f"--{name}: {error}") from None


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
