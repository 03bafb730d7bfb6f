"""The evaluator of segments alone: states opened, facts applied, states packed, timers fired, as the agent does it.

20,000 recipients over 60 days: mail, opens, clicks, visits, orders, with facts in the order of their coming and a clock
that follows them. Batches of 2,000 facts; in each a recipient's state is opened once and packed once, and between two
batches all whose `next_at` has come are advanced. Measured is CPU time in this process, without the making of facts.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import yaml

from benchmarks.figure import Figure, Plan, median_of
from schemas.identity import digest
from schemas.segments.rules import Segment
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program

EXAMPLES = Path(__file__).parent.parent / "examples" / "segments"
ONE = "engaged-buyers-cooling"
VARIANTS = 5
RECIPIENTS, DAYS, BATCH = 20_000, 60, 2_000
DAY = 86_400_000
START = 1_774_569_600_000
_MAIL = {"email_delivered": 40, "email_opened": 14, "email_opened_machine": 8, "email_clicked": 3, "email_bounced": 1}
_ACTIVITIES = {
    "page": 16, "product_viewed": 8, "order_completed": 3, "checkout_started": 2, "feature_used": 2, "identify": 1,
    "product_added_to_wishlist": 0.5, "email_subscribed": 0.5, "order_cancelled": 0.2, "privacy": 0.2,
}  # fmt: skip


class Ride(NamedTuple):
    """What one pass over all facts cost: CPU seconds, changes, looks for time's sake, states in the end."""

    spent_s: float
    changes: int
    timers: int
    states: Mapping[str, bytes]


def measure(plan: Plan) -> list[Figure]:
    """Microseconds an event and bytes a recipient, for one rule and for fifty segments."""
    count = 200_000 if plan.quick else 600_000
    found: list[Figure] = []
    for name, segments, goal in (("one", _one(), "<= 5"), ("fifty", _varied(), "<= 20")):
        rides = [ride(Program(segments), plan.seed, count) for _ in range(plan.runs)]
        last = rides[-1]
        note = f"{count:,} events, {last.changes:,} changes, {last.timers:,} timers; open, apply, pack"
        spent = [each.spent_s * 1e6 / count for each in rides]
        found.append(median_of(f"segments_{name}_us", spent, "us", goal=goal, note=note))
        sizes = sorted(map(len, last.states.values()))
        note = f"the largest {sizes[-1]:,}, of {len(sizes):,} recipients"
        found.append(median_of(f"segments_{name}_bytes", [sum(sizes) / len(sizes)], "bytes", note=note))
    return found


def ride(program: Program, seed: int, count: int) -> Ride:
    """So many events, in batches; what is measured is the evaluator, not the agent's own grouping and index."""
    states: dict[str, bytes] = {}
    index: list[tuple[int, str]] = []
    changes, timers, spent_s = 0, 0, 0.0
    for batch in _batches(Random(seed), count):
        for late in (True, False):
            work = _due(index, states, batch[0][1].known_at) if late else _by_key(batch)
            timers += len(work) if late else 0
            began = time.process_time()
            done = [_step(program, key, states.get(key), facts, now) for key, facts, now in work]
            spent_s += time.process_time() - began
            changes += sum(each[2] for each in done)
            for (key, _, _), (state, next_at, _) in zip(work, done, strict=True):
                if next_at is not None and state[:8] != states.get(key, b"")[:8]:
                    heapq.heappush(index, (next_at, key))
                states[key] = state
    return Ride(spent_s, changes, timers, states)


Work = list[tuple[str, Sequence[Fact], int]]
"""Recipients, each with its facts or with the instant to which it is advanced."""


def _due(index: list[tuple[int, str]], states: Mapping[str, bytes], clock: int) -> Work:
    found: Work = []
    while index and index[0][0] <= clock:
        at, key = heapq.heappop(index)
        if int.from_bytes(states[key][:8], "big") == at:
            found.append((key, (), clock))
    return found


def _by_key(batch: Sequence[tuple[str, Fact]]) -> Work:
    found: dict[str, list[Fact]] = {}
    for key, fact in batch:
        found.setdefault(key, []).append(fact)
    return [(key, facts, 0) for key, facts in found.items()]


def _step(
    program: Program, key: str, before: bytes | None, facts: Sequence[Fact], now: int
) -> tuple[bytes, int | None, int]:
    recipient, changes = program.open(key, before), 0
    for fact in facts:
        changes += len(recipient.apply(fact, fact.known_at))
    if now:
        changes += len(recipient.advance(now))
    return recipient.pack(), recipient.next_at, changes


# -- what is asked ---------------------------------------------------------------------------------------------------


def _one() -> list[Segment]:
    return [_segment(data) for data in _examples() if data["id"] == ONE]


def _varied() -> list[Segment]:
    return [_segment(_variant(data, number)) for data in _examples() for number in range(VARIANTS)]


def _examples() -> list[dict[str, Any]]:
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(EXAMPLES.glob("*.yaml"))]


def _segment(data: Mapping[str, Any]) -> Segment:
    return Segment.model_validate({"tenant": "acme", **data})


def _variant(data: Any, number: int) -> Any:
    """The rule with other lengths, products, amounts; the names of events stay."""
    if isinstance(data, dict):
        return {key: _named(value, number) if key in _NAMED else _variant(value, number) for key, value in data.items()}
    if isinstance(data, list):
        return [_variant(item, number) for item in data]
    if isinstance(data, str) and data[:-1].isdigit() and data[-1] in "hd":
        return f"{int(data[:-1]) + number * (3 if data[-1] == 'd' and int(data[:-1]) > 20 else 0)}{data[-1]}"
    return data


_NAMED = ("id", "segment", "products.sku", "n", "gte")


def _named(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return f"{value}-{number}" if number else value
    return value + number


# -- what happens ----------------------------------------------------------------------------------------------------


def _batches(rng: Random, count: int) -> Iterator[list[tuple[str, Fact]]]:
    """Facts with the recipient's key in the order of their coming, one in twenty up to a day late."""
    keys = [digest("recipient", number) for number in range(RECIPIENTS)]
    names, odds = [*_MAIL, *_ACTIVITIES], [*_MAIL.values(), *_ACTIVITIES.values()]
    sent: dict[str, str] = {}
    for start in range(0, count, BATCH):
        batch = []
        for number, name in enumerate(rng.choices(names, odds, k=min(BATCH, count - start)), start):
            key = keys[int(RECIPIENTS * rng.random() ** 2)]
            known_at = START + number * DAYS * DAY // count
            at = known_at - rng.randrange(2_000) - (rng.randrange(DAY) if rng.random() < 0.05 else 0)
            properties, traits = _properties(name, key, number, sent, rng)
            batch.append((key, Fact(digest("event", number), name, at, known_at, properties, traits)))
        yield batch


def _properties(
    name: str, key: str, number: int, sent: dict[str, str], rng: Random
) -> tuple[dict[str, Any], dict[str, Any]]:
    if name in _MAIL or name == "email_subscribed":
        if name == "email_delivered":
            sent[key] = f"<{number}.campaign@mail.example>"
        return {
            "message_id": sent.get(key, f"<{number}>"), "campaign_id": "spring", "tags": ["shop"],
            "stream": "marketing" if number % 4 else "orders", "mailbox_provider": "gmail" if number % 3 else "other",
            "bounce_permanence": "transient", "bounce_scope": "address", "metadata": {},
        }, {}  # fmt: skip
    if name == "identify":
        traits = {"plan": rng.choice(("trial", "paid")), "country": rng.choice(("DE", "FR", "US"))}
        return {}, traits | {
            "birthday": f"1990-0{rng.randrange(1, 9)}-1{rng.randrange(9)}",
            "time_zone": "Europe/Berlin",
        }
    cart, skus = f"{key[:8]}-{rng.randrange(3)}", [f"X-10{rng.choice('0-')}", f"Y-{rng.randrange(50)}"]
    return {
        "cart_id": cart, "order_id": cart, "revenue": rng.randrange(20, 300), "price": rng.randrange(200),
        "products": [{"sku": sku, "price": 10} for sku in skus], "purpose": "marketing", "granted": rng.random() < 0.8,
    }, {}  # fmt: skip
