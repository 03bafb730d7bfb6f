"""One case: a random rule, some recipients with random histories, and who is in it at some instants, three ways.

The histories are of what the rule looks at, 15 % late, 3 % twice, some dated in the future. The instants are those at
which somebody enters or leaves, most of them by time alone, the milliseconds before, and some more. A case follows from
its seed, kind and number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple

from schemas.segments.canonical import canonical
from schemas.segments.rules import Rule
from streams.core.segments.fact import Fact
from tests.unit.streams.core.segments.brute import holds
from tests.unit.streams.core.segments.histories import (
    GRID,
    HOUR,
    LEAF_KINDS,
    SEGMENT_IDS,
    SPAN,
    START,
    random_leaf,
    random_rule,
)
from tests.unit.streams.core.segments.streamed import (
    Timeline,
    dense_history,
    is_member,
    played,
    program_of,
    stretched,
    timelines,
)

TREE = "tree"
KINDS = (*LEAF_KINDS, TREE)
RECIPIENTS, MOST_FACTS = 12, 40
_BY_TIME, _OTHERS = 4, 2  # instants of a case
_PLAIN = tuple(kind for kind in LEAF_KINDS if kind != "segment")
_ASKED = "asked"
_AFTER = 20 * 24 * HOUR  # time goes on behind the last fact

BySql = Callable[[Rule, Mapping[str, Rule], int], set[str]]
"""The members of a rule, which may name these segments, at an instant (ms)."""


class Case(NamedTuple):
    """`rule` may name `segments`; `end`: up to when it is asked about (ms)."""

    seed: str
    rule: Rule
    segments: Mapping[str, Rule]
    histories: Mapping[str, list[Fact]]
    end: int


class Answer(NamedTuple):
    """`asked`: recipients times instants; `members`: how many of these were in; `wrong`: where the ways differ."""

    asked: int
    members: int
    wrong: str = ""


def made(seed: int, kind: str, number: int) -> Case:
    """The case of that number. In every fourth most is long ago: eighty days, late by up to thirty."""
    rng = Random(name := f"{seed} {kind} {number}")
    rule = random_rule(rng, 4) if kind == TREE else random_leaf(kind, rng)
    segments = {id_: random_rule(rng, 2, _PLAIN) for id_ in SEGMENT_IDS} if kind in {TREE, "segment"} else {}
    program, times = program_of({**segments, _ASKED: rule}), 10 if number % 4 == 3 else 1
    histories = {}
    for _ in range(RECIPIENTS):
        facts = dense_history(program, rng, rng.randrange(MOST_FACTS))
        histories[f"{rng.getrandbits(128):032x}"] = [
            fact._replace(at=stretched(fact.at, times), known_at=stretched(fact.known_at, times)) for fact in facts
        ]
    last = max((fact.known_at for facts in histories.values() for fact in facts), default=START)
    return Case(name, rule, segments, histories, max(stretched(START + SPAN, times), last) + _AFTER)


def ask(case: Case, by_sql: BySql) -> Answer:
    """Compare the three."""
    rng, known = Random(case.seed), {**case.segments, _ASKED: case.rule}
    try:
        lines = _by_stream(case, rng)
    except AssertionError as error:  # it contradicts itself
        return Answer(0, 0, f"the stream: {error!r}")
    asked = members = 0
    for at in _instants(case, lines, rng):
        stream = {key for key, line in lines.items() if is_member(line, at)}
        loops = {key for key, facts in case.histories.items() if holds(case.rule, key, facts, at, known)}
        sql = by_sql(case.rule, case.segments, at)
        asked, members = asked + len(lines), members + len(loops)
        if not stream == loops == sql:
            return Answer(asked, members, _difference(case, at, {"stream": stream, "loops": loops, "sql": sql}))
    return Answer(asked, members)


def _by_stream(case: Case, rng: Random) -> dict[str, Timeline]:
    program = program_of({**case.segments, _ASKED: case.rule})
    return {
        key: timelines(played(program, key, facts, rng, case.end)).get(_ASKED, [])
        for key, facts in case.histories.items()
    }


def _instants(case: Case, lines: Mapping[str, Timeline], rng: Random) -> list[int]:
    by_time, by_facts = list[int](), list[int]()
    for key, line in lines.items():
        heard = {fact.known_at for fact in case.histories[key]}
        for at, _ in line:
            (by_facts if at in heard else by_time).append(at)
    chosen = rng.sample(by_time, min(_BY_TIME, len(by_time))) + rng.sample(by_facts, min(1, len(by_facts)))
    found = [at - back for at in chosen for back in (0, 1)]
    return found + [START + rng.randrange((case.end - START) // GRID) * GRID for _ in range(_OTHERS)]


def _difference(case: Case, at: int, found: Mapping[str, set[str]]) -> str:
    """Of whom the ways differ, one of them, and what they say."""
    everybody = set().union(*found.values())
    key = min(key for key in everybody if not all(key in members for members in found.values()))
    said = ", ".join(f"{way} {'yes' if key in members else 'no'}" for way, members in found.items())
    named = "".join(f"; {id_}: {canonical(rule)}" for id_, rule in case.segments.items())
    return f"{canonical(case.rule)} of {key} at {at}: {said}{named}"
