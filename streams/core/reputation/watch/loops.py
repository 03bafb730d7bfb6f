"""One slot's counts into the states of all keys it touches: the compiled loop, and what it does to one key.

Rows come sorted by key and minute. Counts are added as whole numbers before anything is a fraction, so the result
does not depend on how a minute was cut into rows, or on the order in which they came.
"""

from __future__ import annotations

import numpy as np

from streams.core.compiled import (
    FLAGS,
    INT,
    INTS,
    NOTHING,
    REAL,
    REAL_TABLE,
    REALS,
    TABLE,
    Flags,
    Floats,
    Ints,
    Number,
    compiled,
)
from streams.core.reputation.watch import backstop, complaints, complaints_lately, days, exposure, refusals
from streams.core.reputation.watch import state as at
from streams.core.reputation.watch.parameters import (
    BLOCKS,
    BOUNCES,
    CLICKS,
    COMPLAINTS,
    LATELY,
    OPENS,
    SES_BOUNCES,
    SES_COMPLAINTS,
    VOLUME,
)  # fmt: skip
from streams.core.reputation.watch.profiles import CURVE, ENVELOPE, TABLES, Tables

PROFILE, TRUE_FOR, IS_CHANGED = range(3)  # of a key's whole numbers; TRUE_FOR: taken in up to this slot


@compiled(INT(REALS, FLAGS, REAL_TABLE))
def _level(state: Floats, is_used: Flags, numbers: Floats) -> Number:
    """The worst of the key's detectors."""
    worst = 0
    if is_used[BOUNCES]:
        worst = max(worst, refusals.level(state, numbers[BOUNCES]))
    if is_used[BLOCKS]:
        worst = max(worst, refusals.level(state, numbers[BLOCKS]))
    if is_used[COMPLAINTS]:
        worst = max(worst, complaints.level(state, numbers[COMPLAINTS]))
    if is_used[LATELY]:
        worst = max(worst, complaints_lately.level(state, numbers[LATELY]))
    for place in (SES_BOUNCES, SES_COMPLAINTS):
        if is_used[place]:
            worst = max(worst, backstop.level(state, numbers[place]))
    for place in (OPENS, CLICKS, VOLUME):
        if is_used[place]:
            worst = max(worst, days.level(state, numbers[place]))
    return worst


@compiled(NOTHING(REALS, FLAGS, REAL_TABLE, REALS))
def _update(state: Floats, is_used: Flags, numbers: Floats, batch: Floats) -> None:
    """Every detector of the key takes the batch in."""
    if is_used[BOUNCES]:
        refusals.update(state, numbers[BOUNCES], batch)
    if is_used[BLOCKS]:
        refusals.update(state, numbers[BLOCKS], batch)
    if is_used[COMPLAINTS]:
        complaints.update(state, numbers[COMPLAINTS], batch)
    if is_used[LATELY]:
        complaints_lately.update(state, numbers[LATELY], batch)
    if is_used[OPENS] or is_used[VOLUME]:
        days.update(state, batch)
    if is_used[SES_BOUNCES]:
        backstop.update(state, numbers[SES_BOUNCES], batch)


@compiled(REAL(REALS, REALS, REAL))
def _move(state: Floats, per_min: Floats, event: Number) -> Number:
    """Let the key's mail age until `event` (minutes); the minutes that passed."""
    passed = event - state[at.EVENT]
    if passed > 0.0:
        exposure.fade(state, per_min, passed)
        state[at.EVENT] = event
    day = np.floor(event / at.DAY_MIN)
    if day > state[at.DAY]:
        days.begin_day(state, day)
    return passed


@compiled(NOTHING(REALS, REALS, INTS, TABLE, INT, INT))
def _deliver(state: Floats, per_min: Floats, minutes: Ints, counts: Ints, begin: Number, end: Number) -> None:
    """Mail of these rows begins to age, each at its own minute."""
    row = begin
    while row < end:
        minute, delivered = minutes[row], counts[row, at.DELIVERED]
        row += 1
        while row < end and minutes[row] == minute:
            delivered += counts[row, at.DELIVERED]
            row += 1
        if delivered > 0:
            age_min = max(state[at.EVENT] - minute - exposure.HALF_MIN, 0.0)
            exposure.add(state, per_min, np.float64(delivered), age_min)
            if state[at.FIRST] == 0.0:
                state[at.FIRST] = np.float64(minute)
            state[at.LAST] = max(state[at.LAST], np.float64(minute))


@compiled(NOTHING(REALS, TABLE, INT, INT, REALS))
def _count(state: Floats, counts: Ints, begin: Number, end: Number, batch: Floats) -> None:
    """Sum the rows into the batch and into the state."""
    for metric in range(at.COUNTS):
        total = np.int64(0)
        for row in range(begin, end):
            total += counts[row, metric]
        batch[metric] = np.float64(total)
        state[metric] += batch[metric]


@compiled(NOTHING(REALS, REAL_TABLE, REALS, REALS))
def _expose(state: Floats, shares: Floats, before: Floats, batch: Floats) -> None:
    """What fell due since `before`: exposure by the curve and by its envelope."""
    state[at.EXPOSED] = exposure.exposed(state, shares[CURVE])
    batch[at.DUE] = max(state[at.EXPOSED] - before[CURVE], 0.0)
    batch[at.DUE_ENVELOPE] = max(exposure.exposed(state, shares[ENVELOPE]) - before[ENVELOPE], 0.0)


@compiled(NOTHING(REALS, FLAGS, REAL_TABLE, INT))
def _judge(state: Floats, is_used: Flags, numbers: Floats, slot: Number) -> None:
    level = _level(state, is_used, numbers)
    state[at.LEVEL] = np.float64(level)
    if level > 0:
        state[at.ILL] = np.float64(slot)


@compiled(INT(REAL_TABLE, TABLE, TABLES, REALS, INTS, INTS, TABLE, INT, REAL, INTS))
def take(
    states: Floats, keys: Ints, tables: Tables, per_min: Floats, places: Ints, minutes: Ints, counts: Ints,
    slot: Number, event: Number, touched: Ints,
) -> Number:  # fmt: skip
    """Take a slot in; how many keys it touched, and which, in `touched`. Event time: `event`, in minutes.

    Rows are sorted by place and minute (since the epoch). A key that is true for the slot already is passed over.
    """
    is_used, numbers, shares = tables.is_used, tables.numbers, tables.shares
    batch, before = np.zeros(at.BATCH), np.zeros(2)
    found, begin = 0, 0
    while begin < len(places):
        place, end = places[begin], begin + 1
        while end < len(places) and places[end] == place:
            end += 1
        if keys[place, TRUE_FOR] < slot:
            state, profile = states[place], keys[place, PROFILE]
            if state[at.SLOT] == 0.0:
                state[at.BEGAN], state[at.EVENT], state[at.ILL] = np.float64(slot), event, -1.0
                if is_used[profile, BOUNCES]:
                    refusals.begin(state, numbers[profile, BOUNCES])
            before[CURVE] = state[at.EXPOSED]
            before[ENVELOPE] = exposure.exposed(state, shares[profile, ENVELOPE])
            _move(state, per_min, event)
            _count(state, counts, begin, end, batch)
            _deliver(state, per_min, minutes, counts, begin, end)
            _expose(state, shares[profile], before, batch)
            _update(state, is_used[profile], numbers[profile], batch)
            _judge(state, is_used[profile], numbers[profile], slot)
            state[at.SLOT] = np.float64(slot)
            keys[place, TRUE_FOR], keys[place, IS_CHANGED] = slot, 1
            touched[found] = place
            found += 1
        begin = end
    return found


@compiled(NOTHING(REAL_TABLE, TABLE, TABLES, REALS, INTS, INT, REAL))
def settle(
    states: Floats, keys: Ints, tables: Tables, per_min: Floats, places: Ints, slot: Number, event: Number
) -> None:
    """Judge these keys as of `event`, with nothing new counted: their mail has aged."""
    is_used, numbers, shares = tables.is_used, tables.numbers, tables.shares
    batch, before = np.zeros(at.BATCH), np.zeros(2)
    for place in places:
        state, profile = states[place], keys[place, PROFILE]
        before[CURVE] = state[at.EXPOSED]
        before[ENVELOPE] = exposure.exposed(state, shares[profile, ENVELOPE])
        if _move(state, per_min, event) > 0.0:
            _expose(state, shares[profile], before, batch)
            _update(state, is_used[profile], numbers[profile], batch)
            _judge(state, is_used[profile], numbers[profile], slot)
