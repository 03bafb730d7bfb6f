"""Random journeys and what happens to somebody, for comparing with the reference."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from schemas.journeys.journey import Journey
from schemas.journeys.sentences import parse_journey
from streams.core.segments.fact import Fact
from streams.core.segments.recipient import Change

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_225_600_000  # 2026-01-01
NAMES = ("cart", "order", "page")
SEGMENTS = ("vip", "lapsed", "buyers")
JOURNEYS = ("j0", "j1", "j2")
LENGTHS = ("1h", "2h", "5h", "1d", "3d", "6d")


def random_journeys(rng: Random) -> list[Journey]:
    return [random_journey(rng, id_) for id_ in JOURNEYS[: rng.randrange(1, 4)]]


def random_journey(rng: Random, id_: str) -> Journey:
    enter, has_key = _enter(rng)
    data: dict[str, Any] = {"id": id_, "tenant": "acme", "enter": enter, "steps": _steps(rng, 0, has_key=has_key)}
    if rng.random() < 0.4:
        data["exit_when"] = [_ending(rng, has_key=has_key) for _ in range(rng.randrange(1, 3))]
    found = parse_journey(data, "")
    assert isinstance(found, Journey), found
    return found


def _enter(rng: Random) -> tuple[dict[str, Any], bool]:
    if rng.random() < 0.3:
        enter: dict[str, Any] = {"segment": rng.choice(SEGMENTS), "on": rng.choice(("enter", "exit"))}
        policies: tuple[str, ...] = ("never", "after_exit")
        has_key = False
    else:
        event, has_key = _event(rng), rng.random() < 0.6
        enter = {"event": event | ({"key": "cart_id"} if has_key else {})}
        policies = ("never", "after_exit", "per_key", "per_key") if has_key else ("never", "after_exit", "after_exit")
    if rng.random() < 0.7:
        enter["again"] = rng.choice(policies)
    return enter, has_key


def _event(rng: Random) -> dict[str, Any]:
    event: dict[str, Any] = {"name": rng.choice((*NAMES, list(NAMES[:2])))}
    return event | ({"where": {"total": {"gte": rng.randrange(3)}}} if rng.random() < 0.3 else {})


def _ending(rng: Random, *, has_key: bool) -> dict[str, Any]:
    if rng.random() < 0.35:
        return {"if": {"segment": rng.choice(SEGMENTS)}}
    event = _event(rng)
    return {"event": event | ({"same": "cart_id"} if has_key and rng.random() < 0.5 else {})}


def _steps(rng: Random, depth: int, *, has_key: bool) -> list[Any]:
    return [_step(rng, depth, has_key=has_key) for _ in range(rng.randrange(1 if depth else 2, 4))]


def _step(rng: Random, depth: int, *, has_key: bool) -> Any:
    kinds = ["wait", "wait_until", "call", "call", "cap"] + (["wait_until", "branch", "split"] if depth < 2 else [])
    kind = "exit" if rng.random() < 0.04 else rng.choice(kinds)
    if kind == "wait":
        return {"wait": rng.choice(LENGTHS)}
    if kind == "wait_until":
        step = _ending(rng, has_key=has_key) | {"for_at_most": rng.choice(LENGTHS)}
        for way in ("then", "else"):
            if depth < 2 and rng.random() < 0.5:
                step[way] = _steps(rng, depth + 1, has_key=has_key)
        return {"wait_until": step}
    if kind == "branch":
        ways = {
            way: _steps(rng, depth + 1, has_key=has_key) for way in rng.choice((("then",), ("else",), ("then", "else")))
        }
        return {"branch": {"if": {"segment": rng.choice(SEGMENTS)}} | ways}
    if kind == "split":
        shares = rng.choice(((0.5, 0.5), (0.1, 0.2, 0.7), (0.25, 0.25, 0.25, 0.25)))
        parts = [{"share": share, "steps": _steps(rng, depth + 1, has_key=has_key)} for share in shares]
        return {"split": {"salt": f"s{rng.randrange(9)}", "parts": parts}}
    if kind == "call":
        return {
            "call": {"webhook": rng.choice(("crm", "shop")), "data": rng.choice(({}, {"template": "t1", "n": [1, 2]}))}
        }
    if kind == "cap":
        over = rng.choice(([], ["j0"], ["j0", "j1"]))
        cap = {"at_most": rng.randrange(1, 4), "per": rng.choice(LENGTHS)}
        return {"cap": cap | ({"over": over} if over else {})}
    return "exit"


def random_travel(rng: Random, size: int) -> tuple[list[Fact], list[Change]]:
    """Facts in the order of the log, some late, some twice; and memberships changed by them and by time."""
    now, facts = START, list[Fact]()
    for number in range(size):
        now += rng.choice((0, 1, HOUR, HOUR, 3 * HOUR, 7 * HOUR, rng.randrange(DAY)))
        if facts and rng.random() < 0.12:
            facts.append(rng.choice(facts)._replace(known_at=now))
            continue
        shift = rng.choice((0, 0, 0, 1, HOUR, 4 * HOUR, 3 * DAY, 4 * DAY, -HOUR, -4 * DAY))
        properties: dict[str, Any] = {"total": rng.randrange(4)}
        if rng.random() < 0.85:
            properties["cart_id"] = rng.choice(("c1", "c2", 7))
        facts.append(Fact(f"e{number:03}", rng.choice(NAMES), now - shift, now, properties, {}))
    return facts, random_changes(rng, facts)


def random_changes(rng: Random, facts: Sequence[Fact]) -> list[Change]:
    members: set[str] = set()
    moments = [(fact.known_at, fact.event_id) for fact in first_comings(facts) if rng.random() < 0.3]
    end = facts[-1].known_at + 8 * DAY
    instants = {rng.randrange(START, end) // HOUR * HOUR for _ in range(len(facts) // 3)}
    instants |= {fact.known_at for fact in facts if rng.random() < 0.05}
    found = []
    for at, cause in sorted([*moments, *((at, "") for at in instants)], key=lambda each: (each[0], bool(each[1]))):
        for segment in sorted(rng.sample(SEGMENTS, rng.randrange(1, 3))):
            members ^= {segment}
            found.append(Change(segment, "v1", is_member=segment in members, effective_at=at, cause=cause))
    return found


def first_comings(facts: Sequence[Fact]) -> list[Fact]:
    known: set[str] = set()
    return [fact for fact in facts if fact.event_id not in known and not known.add(fact.event_id)]  # type: ignore[func-returns-value]
