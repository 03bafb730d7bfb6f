"""The reputation state: a pure function of the log, whatever the batches, crashes and replays."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.aggregates import LaneMarker, ReputationPartial, Tick
from schemas.avro import Codec
from schemas.events import EmailEvent, EventType
from schemas.failures import DeadLetter
from schemas.identity import digest
from schemas.topics import DEAD_LETTERS
from streams.core import counting
from streams.core.changes import Cut
from streams.core.columns import read_columns
from streams.core.counting import COLUMNS, Events, Increments
from streams.core.meaning import METRICS, metric_of
from streams.core.partials import KEEP_MS, PartitionCounts
from streams.lane.guard import apart

CODEC = Codec()
T0 = 1_790_000_040_000
HOUR = 3_600_000


def event(number: int, **fields: Any) -> EmailEvent:
    given_ = {
        "event_id": digest(number), "tenant": "acme", "source": "s", "provider": "p", "event_type": EventType.DELIVERED,
        "occurred_at": T0, "received_at": T0, "campaign_id": f"c{number % 3}", "sending_ip": "192.0.2.1",
        "mailbox_provider": "gmail", **fields,
    }  # fmt: skip
    return EmailEvent(**given_)


def state(**kwargs: Any) -> PartitionCounts:
    return PartitionCounts(0, CODEC, apart, **kwargs)


def rows(changelog: Sequence[tuple[bytes, bytes | None]]) -> dict[tuple[str, str, str], int]:
    """What a last-record-wins reader sums per (kind, key, metric)."""
    last = dict(changelog)
    found: Counter[tuple[str, str, str]] = Counter()
    for key, value in last.items():
        if value is not None and not key.startswith(b"\x00"):
            row = CODEC.decode(value, ReputationPartial)
            for metric in METRICS:
                found[row.kind, row.key, metric] += getattr(row, metric)
    return +found


def letters_of(cut: Cut) -> list[bytes]:
    return [side.value for side in cut.sides if side.topic == DEAD_LETTERS.name]


def test_one_event_counts_once_for_each_kind_of_key_it_has() -> None:
    counts = state()
    counts.fold([CODEC.encode(event(1))], [0])
    found = rows(counts.cut(1).rows)
    assert found == {
        ("tenant", "acme", "delivered"): 1,
        ("campaign", "c1", "delivered"): 1,
        ("ip", "192.0.2.1", "delivered"): 1,
        ("provider", "gmail", "delivered"): 1,
        ("campaign_provider", "c1|gmail", "delivered"): 1,
        ("ip_provider", "192.0.2.1|gmail", "delivered"): 1,
    }


B, R, D = EventType.BOUNCED, EventType.REJECTED, EventType.DEFERRED


@pytest.mark.parametrize(
    ("fields", "metric"),
    [
        ({"kind": B, "reason": "invalid_recipient", "permanence": "permanent"}, "bounced_address"),
        ({"kind": B, "reason": "invalid_domain", "permanence": "permanent"}, "bounced_address"),
        ({"kind": B, "reason": "invalid_recipient", "permanence": "transient"}, "bounced_other"),
        ({"kind": B, "reason": "blocked_ip", "permanence": "permanent"}, "bounced_block"),
        ({"kind": B, "reason": "blocked_domain"}, "bounced_block"),
        ({"kind": B, "reason": "spam_content"}, "bounced_content"),
        ({"kind": B, "reason": "suppressed", "permanence": "permanent"}, "suppressed"),
        ({"kind": R, "reason": "suppressed"}, "suppressed"),
        ({"kind": R}, "rejected"),
        ({"kind": D, "reason": "greylisted"}, "deferred"),
        ({"kind": D, "reason": "rate_limited"}, "deferred_reputation"),
        ({"kind": EventType.OPENED, "machine": "machine"}, "opened_machine"),
        ({"kind": EventType.OPENED, "machine": "uncertain"}, "opened"),
        ({"kind": EventType.CLICKED, "machine": "machine"}, "clicked_machine"),
        ({"kind": EventType.COMPLAINED, "machine": ""}, "complained"),
        ({"kind": EventType.UNKNOWN}, "other"),
    ],
)  # fmt: skip
def test_what_an_event_counts_as(fields: dict[str, Any], metric: str) -> None:
    counts, names = state(), {"kind": "event_type", "reason": "bounce_reason", "permanence": "bounce_permanence"}
    made = event(1, **{names.get(name, name): value for name, value in fields.items()})
    counts.fold([CODEC.encode(made)], [0])
    found = rows(counts.cut(1).rows)
    assert [(name, found["tenant", "acme", name]) for name in METRICS if found["tenant", "acme", name]] == [(metric, 1)]


@pytest.mark.parametrize(
    ("kind", "reason", "blocklist", "counted"),
    [
        (B, "blocked_ip", "zen.spamhaus.org", {"bounced_block", "refused_listed"}),
        (B, "blocked_domain", "surbl", {"bounced_block", "refused_listed"}),
        (B, "auth_failure", "", {"bounced_block", "refused_auth"}),
        (B, "auth_failure", "spamhaus", {"bounced_block", "refused_listed"}),
        (D, "auth_failure", "", {"deferred_reputation", "refused_auth"}),
        (D, "spam_content", "uribl", {"deferred_reputation", "refused_listed"}),
        (B, "spam_content", "uribl", {"bounced_content"}),
        (B, "invalid_recipient", "spamhaus", {"bounced_other"}),
        (D, "greylisted", "spamcop", {"deferred"}),
        (R, "auth_failure", "spamhaus", {"rejected"}),
    ],
)
def test_a_refused_sender_is_counted_once_more_by_what_the_reply_says(
    kind: EventType, reason: str, blocklist: str, counted: set[str]
) -> None:
    counts = state()
    made = event(1, event_type=kind, bounce_reason=reason, bounce_blocklist=blocklist)
    counts.fold([CODEC.encode(made)], [0])
    found = rows(counts.cut(1).rows)
    assert {name: n for (_, key, name), n in found.items() if key == "acme"} == dict.fromkeys(counted, 1)


def test_a_duplicate_is_not_counted_again_within_72_hours_and_is_after() -> None:
    counts = state()
    first = CODEC.encode(event(1))
    counts.fold([first, first], [0, 1])
    counts.fold([CODEC.encode(Tick(at=T0 + 71 * HOUR, writer="w")), first], [2, 3])
    assert counts.totals.duplicates == 2
    later = event(1, occurred_at=T0 + 73 * HOUR, received_at=T0 + 73 * HOUR)
    counts.fold([CODEC.encode(later)], [4])
    assert rows(counts.cut(5).rows)["tenant", "acme", "delivered"] == 2


def test_an_event_later_than_72_hours_of_the_partition_clock_is_not_counted() -> None:
    counts = state()
    counts.fold([CODEC.encode(Tick(at=T0 + KEEP_MS + 1, writer="w")), CODEC.encode(event(1))], [0, 1])
    assert counts.totals.late == 1
    assert rows(counts.cut(2).rows) == {}


def test_an_event_from_a_clock_that_is_ahead_counts_when_it_was_received() -> None:
    counts = state()
    counts.fold([CODEC.encode(event(1, occurred_at=T0 + 240 * HOUR, received_at=T0))], [0])
    minutes = {key.rpartition(b"\x1f")[2] for key, _ in counts.cut(1).rows if not key.startswith(b"\x00")}
    assert minutes == {str(T0).encode()}


def test_old_rows_are_dropped_with_tombstones_one_durable_flush_later() -> None:
    counts = state()
    counts.fold([CODEC.encode(event(1))], [0])
    counts.cut(1)
    counts.fold([CODEC.encode(Tick(at=T0 + KEEP_MS + 3 * 60_000, writer="w"))], [1])
    assert all(value is not None for _, value in counts.cut(2).rows), "the clock is not durable yet"
    counts.fold([CODEC.encode(Tick(at=T0 + KEEP_MS + 4 * 60_000, writer="w"))], [2])
    dropped = [key for key, value in counts.cut(3).rows if value is None]
    assert len([key for key in dropped if not key.startswith(b"\x00")]) == 6


def test_a_record_that_makes_the_count_raise_is_dead_lettered_and_the_rest_is_counted() -> None:
    def picky(events: Events) -> Any:
        if "c2" in events.texts("campaign_id"):
            raise ZeroDivisionError("c2 is too much")
        return counting.count(events)

    counts = state(count_events=picky)
    counts.fold([CODEC.encode(event(number)) for number in range(6)], list(range(6)))
    cut = counts.cut(6)
    assert rows(cut.rows)["tenant", "acme", "delivered"] == 4
    letters = [CODEC.decode(value, DeadLetter) for value in letters_of(cut)]
    assert [(letter.origin_offset, letter.code) for letter in letters] == [(2, "unexpected"), (5, "unexpected")]
    assert CODEC.decode(letters[0].original, EmailEvent) == event(2)


def test_an_exception_that_happens_once_loses_nothing() -> None:
    failures = [MemoryError("once")]

    def flaky(events: Events) -> Any:
        if failures:
            raise failures.pop()
        return counting.count(events)

    counts = state(count_events=flaky)
    counts.fold([CODEC.encode(event(number)) for number in range(6)], list(range(6)))
    cut = counts.cut(6)
    assert rows(cut.rows)["tenant", "acme", "delivered"] == 6
    assert not letters_of(cut)


def test_a_broken_body_is_one_dead_letter_and_spoils_nothing() -> None:
    values: list[bytes | None] = [CODEC.encode(event(number)) for number in range(5)]
    values[2] = (values[2] or b"")[:30]
    values.append(b"not ours")
    values.append(CODEC.encode(LaneMarker(next_offset=1, clock=0, watermark=0)))
    counts = state()
    counts.fold(values, list(range(7)))
    cut = counts.cut(7)
    assert rows(cut.rows)["tenant", "acme", "delivered"] == 4
    assert [CODEC.decode(value, DeadLetter).origin_offset for value in letters_of(cut)] == [2, 5, 6]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_columns_are_what_the_events_say(data: st.DataObject) -> None:
    texts = st.text(max_size=8)
    events = [
        event(
            n, campaign_id=data.draw(texts), sending_ip=data.draw(texts), source=data.draw(texts),
            occurred_at=data.draw(st.integers(0, 2**40)),
        )
        for n in range(data.draw(st.integers(1, 8)))
    ]  # fmt: skip
    values: list[bytes | None] = [CODEC.encode(item) for item in events]
    read = read_columns(values, COLUMNS, CODEC, 0)
    assert read.broken == {}
    block = read.block
    assert set(block.layout.texts) | set(block.layout.numbers) == set(COLUMNS)
    for name in block.layout.texts:
        assert [block.text(name, row) for row in read.rows.tolist()] == [getattr(item, name) for item in events]
    for name in block.layout.numbers:
        assert block.number(name).tolist() == [getattr(item, name) for item in events]


class History:
    """A log, its changelog, and workers that die: the lane's life without a broker."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.values: list[bytes] = []
        clock = T0
        for number in range(dice.randrange(5, 120)):
            clock += dice.choice((0, 1000, 60_000, HOUR, 20 * HOUR) if dice.random() < 0.2 else (0, 10, 1000))
            if dice.random() < 0.1:
                self.values.append(CODEC.encode(Tick(at=clock, writer="w")))
            again = number - dice.randrange(1, 30) if dice.random() < 0.3 else number
            made = event(max(again, 0), received_at=clock, occurred_at=clock - dice.randrange(0, 4 * HOUR))
            self.values.append(CODEC.encode(made))
        self.changelog: list[tuple[bytes, bytes | None]] = []
        self.rows_ever: dict[bytes, bytes] = {}
        self.marker: LaneMarker | None = None

    def open(self) -> tuple[PartitionCounts, int]:
        restored = state()
        for start in range(0, len(self.changelog), size := self.dice.randrange(1, 60)):
            part = self.changelog[start : start + size]
            restored.restore([key for key, _ in part], [value for _, value in part])
        return restored, restored.start(self.marker)

    def work(self, worker: PartitionCounts, at: int, upto: int) -> int:
        while at < upto:
            end = min(upto, at + self.dice.randrange(1, 20))
            worker.fold(self.values[at:end], list(range(at, end)))
            at = end
        return at

    def written(self) -> dict[tuple[str, str, str], int]:
        """The counts of every row that was ever written, as ClickHouse keeps them beyond the tombstones."""
        return rows(list(self.rows_ever.items()))

    def flush(self, worker: PartitionCounts, at: int, *, torn: bool) -> None:
        cut = worker.cut(at)
        written = cut.rows[: self.dice.randrange(len(cut.rows) + 1)] if torn else cut.rows
        self.changelog += written
        self.rows_ever.update((key, value) for key, value in written if value is not None)
        if not torn:
            self.marker = CODEC.decode(cut.marker, LaneMarker)


@pytest.mark.parametrize("seed", range(40))
def test_any_history_of_flushes_torn_flushes_and_crashes_ends_in_the_same_counts(seed: int) -> None:
    dice = random.Random(seed)
    history = History(dice)
    undisturbed = state()
    undisturbed.fold(history.values, list(range(len(history.values))))
    expected = rows(undisturbed.cut(len(history.values)).rows)
    worker, at = history.open()
    for _ in range(dice.randrange(0, 8)):
        at = history.work(worker, at, min(len(history.values), at + dice.randrange(0, 50)))
        fate = dice.random()
        if fate < 0.6:
            history.flush(worker, at, torn=False)
        if fate > 0.4:
            if fate > 0.7:
                history.flush(worker, at, torn=True)
            worker, at = history.open()
    at = history.work(worker, at, len(history.values))
    history.flush(worker, at, torn=False)
    assert history.written() == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_a_large_batch_grouped_as_columns_counts_as_its_events_one_by_one(seed: int) -> None:
    dice = random.Random(seed)
    events = [
        event(
            n,
            event_type=dice.choice(list(EventType)),
            campaign_id=dice.choice(("", "a", "b")),
            bounce_reason=dice.choice(("", "blocked_ip", "invalid_recipient", "auth_failure")),
            bounce_blocklist=dice.choice(("", "", "sorbs", "zen.spamhaus.org")),
            bounce_permanence=dice.choice(("", "permanent")),
            machine=dice.choice(("", "machine")),
            occurred_at=T0 + dice.randrange(200_000),
            received_at=T0 + dice.randrange(200_000),
        )
        for n in range(300)
    ]
    values: list[bytes | None] = [CODEC.encode(item) for item in events]
    read = read_columns(values, COLUMNS, CODEC, 0)
    found = Events(read.block, read.rows, read.clock[read.rows] // 1000)
    whole = counting.count(found)
    assert rows_of(whole) == rows_of(*(counting.count(found[at : at + 1]) for at in range(len(found))))
    assert sums_of(whole) == by_seconds(whole) == one_by_one(events)


def sums_of(found: Increments) -> dict[tuple[str, str, str], int]:
    """By kind, key and metric."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for name, counts in zip(found.keys, found.counts.tolist(), strict=True):
        _, kind, key, *_ = counting.key_parts(name)
        sums.update({(kind, key, metric): n for metric, n in zip(METRICS, counts, strict=True) if n})
    return dict(sums)


def by_seconds(found: Increments) -> dict[tuple[str, str, str], int]:
    """The same from the counts by second."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for row, _, metric, more in found.entries.tolist():
        _, kind, key, *_ = counting.key_parts(found.keys[row])
        sums[kind, key, METRICS[metric]] += more
    return dict(sums)


def one_by_one(events: Sequence[EmailEvent]) -> dict[tuple[str, str, str], int]:
    """The same by a loop over the events."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for item in events:
        metric = metric_of(item.event_type, item.bounce_reason, item.bounce_permanence, item.machine)
        is_refused = metric in {"bounced_block", "deferred_reputation"}
        why = "refused_listed" if item.bounce_blocklist else "refused_auth"
        is_told = is_refused and (item.bounce_blocklist or item.bounce_reason == "auth_failure")
        for kind, key in (
            ("tenant", item.tenant), ("campaign", item.campaign_id), ("ip", item.sending_ip),
            ("provider", item.mailbox_provider), ("campaign_provider", f"{item.campaign_id}|{item.mailbox_provider}"),
            ("ip_provider", f"{item.sending_ip}|{item.mailbox_provider}"),
        ):  # fmt: skip
            if key and not key.startswith("|"):
                sums.update([(kind, key, metric), *([(kind, key, why)] if is_told else [])])
    return dict(sums)


def rows_of(*parts: Increments) -> dict[bytes, tuple[list[int], int, int]]:
    """Counts and receipt times by key, whatever batches they came in."""
    found: dict[bytes, tuple[list[int], int, int]] = {}
    for part in parts:
        columns = (part.keys, part.counts.tolist(), part.oldest.tolist(), part.newest.tolist())
        for key, counts, oldest, newest in zip(*columns, strict=True):
            held, first, last = found.get(key, ([0] * len(METRICS), oldest, newest))
            found[key] = [a + b for a, b in zip(held, counts, strict=True)], min(first, oldest), max(last, newest)
    return found
