"""Leaves that ask what happened, as SQL: events, first and latest, aggregates, stretches, sequences.

What belongs together is brought side by side by sorting, so that a recipient with many events costs n log n: behind
`arrayFill` stands, for each element, the nearest one before it of a kind, behind `arrayReverseFill` the nearest after.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.segments import leaves
from schemas.segments.conditions import Where
from streams.core.segments.sql.conditions import COMPARED, amount, first, ms_of, where
from streams.core.segments.sql.draft import NOW, Draft

MILLIONTH = "1000000."
MOST_NUMBER = "1e12"  # in an aggregate
ORDER = "(at, event_id)"


class Value(NamedTuple):
    """What is taken of an event, and another of its type."""

    text: str
    other: str


_ONE = Value("toUInt8(1)", "toUInt8(0)")


def named(names: tuple[str, ...], conditions: Where, draft: Draft) -> list[str]:
    """Conditions on a fact: its name, and what its properties are asked."""
    return [f"has({draft.texts(names)}, name)", *where(conditions, draft)]


def within(window: leaves.Window, draft: Draft) -> list[str]:
    """Conditions on a fact: it lies in the window."""
    found = []
    if window.within is not None:
        found.append(f"at > {NOW} - {draft.value(window.within)}")
    if window.between is not None:
        found += [f"at > {NOW} - {draft.value(window.between[0])}", f"at <= {NOW} - {draft.value(window.between[1])}"]
    if window.since is not None:
        found.append(f"at >= {draft.value(ms_of(window.since))}")
    if window.before is not None:
        found.append(f"at < {draft.value(ms_of(window.before))}")
    return found


def both(*conditions: str) -> str:
    """All of them."""
    return " AND ".join(conditions)


def done(leaf: leaves.Done, draft: Draft) -> str:
    """`event`."""
    meant = both(*named(leaf.name, leaf.where, draft), *within(leaf, draft))
    if leaf.unless is None:
        return amount(draft.column(f"countIf({meant})"), leaf.count, draft)
    kept = _kept(meant, leaf.unless, _ONE, draft)
    return amount(f"length({kept})", leaf.count, draft)


def _kept(meant: str, unless: leaves.Unless, value: Value, draft: Draft) -> str:
    """The values of the events that are meant and not taken back.

    In the order of keys stand first the events that take back, numbered by key, then those that are meant, with a 1 if
    they would take back others: one of these needs a second to be taken back.
    """
    key = first("properties", unless.same, draft)
    back = both(*named(unless.name, unless.where, draft), f"{key} != ''")
    keys = draft.column(f"arraySort(groupArrayIf({key}, {back}))")
    events = draft.column(f"groupArrayIf(({key}, toUInt8(1), toUInt32({back}), {value.text}), {meant})")
    numbered = f"arrayMap((k, n) -> (k, toUInt8(0), n, {value.other}), {keys}, arrayEnumerateUniq({keys}))"
    ordered = f"arraySort(e -> (e.1, e.2, e.3), arrayConcat({numbered}, {events}))"
    nearest = f"arrayFill(e -> e.2 = 0, {ordered})"
    is_back = "e.1 != '' AND b.2 = 0 AND b.1 = e.1 AND b.3 > e.3"
    return f"arrayMap(e -> e.4, arrayFilter((e, b) -> e.2 = 1 AND NOT ({is_back}), {ordered}, {nearest}))"


def picked(function: str, leaf: leaves.Pick, draft: Draft) -> str:
    """`first` with argMinIf, `latest` with argMaxIf."""
    asked = both(*where(leaf.where, draft)) or "1"
    among = both(*named(leaf.name, {}, draft), *within(leaf, draft))
    return draft.column(f"{function}(toUInt8({asked}), {ORDER}, {among})")


def aggregate(leaf: leaves.Aggregate, draft: Draft) -> str:
    """`aggregate`: of values where all differ, of millionths as whole numbers else."""
    value = first("properties", leaf.of, draft)
    meant = both(*named(leaf.name, leaf.where, draft), *within(leaf, draft))
    if leaf.fn == "distinct":
        found = _found(meant, f"{value} != ''", Value(value, "''"), leaf, draft)
        return amount(f"length(arrayDistinct({found}))", leaf.is_, draft)
    number = f"toFloat64OrZero(substring({value}, 2))"
    is_number = f"startsWith({value}, 'n') AND abs({number}) <= {MOST_NUMBER}"
    millionths = Value(f"toInt128(parts({number}, {MILLIONTH}))", "toInt128(0)")
    return _of_numbers(_found(meant, is_number, millionths, leaf, draft), leaf, draft)


def _found(meant: str, counts: str, value: Value, leaf: leaves.Aggregate, draft: Draft) -> str:
    if leaf.unless is None:
        return draft.column(f"groupArrayIf({value.text}, {meant} AND {counts})")
    return _kept(f"{meant} AND {counts}", leaf.unless, value, draft)


def _of_numbers(found: str, leaf: leaves.Aggregate, draft: Draft) -> str:
    """The bounds in millionths; of a mean times how many there are."""
    reduced = f"{'arraySum' if leaf.fn in ('sum', 'avg') else 'array' + leaf.fn.title()}({found})"
    times = f" * length({found})" if leaf.fn == "avg" else ""
    tests = [] if leaf.fn == "sum" else [f"notEmpty({found})"]
    for name, bound in leaf.is_.asked.items():
        tests.append(f"{reduced} {COMPARED[name]} toInt128(parts({draft.number(bound)}, {MILLIONTH})){times}")
    return f"({both(*tests)})"


def regularly(leaf: leaves.Regularly, draft: Draft) -> str:
    """`regularly`: how often in each stretch, 0 being the newest."""
    every, periods = draft.value(leaf.every), draft.value(leaf.periods)
    meant = both(*named(leaf.name, leaf.where, draft), f"at > {NOW} - {every} * {periods}")
    places = draft.column(f"groupArrayIf(intDiv({NOW} - at, {every}), {meant})")
    return f"arrayAll(n -> {amount(f'countEqual({places}, n)', leaf.count, draft)}, range(toUInt32({periods})))"


def sequence(leaf: leaves.Sequence, draft: Draft) -> str:
    """`sequence`: in the order of key, time, and B before A at the same time, the next B of each A is the first."""
    key = "''" if leaf.same is None else first("properties", leaf.same, draft)
    has_key = [] if leaf.same is None else [f"{key} != ''"]
    steps = []
    for place, step in enumerate((leaf.then or leaf.without or leaf.first, leaf.first)):
        meant = both(*named(step.name, step.where, draft), *has_key)
        steps.append(draft.column(f"groupArrayIf(({key}, at, toUInt8({place})), {meant})"))
    ordered = f"arraySort(arrayConcat({', '.join(steps)}))"
    length = draft.value(leaf.within)
    follows = f"(b.3 = 0 AND b.1 = a.1 AND b.2 <= a.2 + {length})"
    asked = ["a.3 = 1", follows if leaf.then else f"NOT {follows}"]
    if leaf.without:
        asked.append(f"a.2 + {length} <= {NOW}")
    if leaf.without and leaf.expire_after is not None:
        asked.append(f"{NOW} < a.2 + {length} + {draft.value(leaf.expire_after)}")
    return f"arrayExists((a, b) -> {both(*asked)}, {ordered}, arrayReverseFill(e -> e.3 = 0, {ordered}))"


def engagement(leaf: leaves.Engagement, draft: Draft) -> str:
    """`engagement`: in billionths."""
    names = draft.texts(list(leaf.weights))
    weight = f"{draft.numbers(list(leaf.weights.values()))}[indexOf({names}, name)]"
    part = f"{weight} * exp2(({NOW} - at) / -{draft.number(leaf.half_life)})"
    score = f"parts({draft.column(f'sumIf({part}, has({names}, name))')}, 1e9)"
    bounds = leaf.is_.asked.items()
    return f"({both(*(f'{score} {COMPARED[name]} parts({draft.number(bound)}, 1e9)' for name, bound in bounds))})"
