"""Warnings from whole days: people open or click much less than usual, or much more is sent than ever.

A day of event time is compared with the key's own past once it is over, opens and clicks per message that came of
age that day, so mail at midnight does no harm; the past fades over two weeks. Volume is compared at once, with the
biggest day of about a month. Both wait for a week of mail. Opens of machines do not count. None of this stops
anything: it asks for watch at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from schemas.aggregates import Signal
from streams.core.compiled import INT, NOTHING, REAL, REALS, Floats, Number, compiled
from streams.core.reputation.watch import state as at
from streams.core.reputation.watch.ladder import LEVELS, OWN, level_of, numbers_of, watch_at_most

USUAL_DAYS, BIGGEST_DAYS = 14.0, 30.0
LEAST_DAYS = 7.0
LEAST_MESSAGES = 1000.0
LEAST_EXPECTED = 50.0  # opens or clicks
_WHAT = OWN


class Question(NamedTuple):
    """What is compared, in names and words."""

    number: int
    name: str
    words: str


OPENS, CLICKS = Question(0, "open_drift", "opens"), Question(1, "click_drift", "clicks")
VOLUME = Question(2, "volume_spike", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Warns when the usual rate is `times` the last day's."""

    question: Question
    times: float
    is_warning: bool = True

    def row(self) -> tuple[float, ...]:
        """See `Detector.row`."""
        return (*watch_at_most(self.times, 0.0), float(self.question.number))

    def signal(self, state: Floats) -> Signal:
        """See `Detector.signal`."""
        is_open, numbers = self.question is OPENS, numbers_of(self)
        found = float(state[at.LAST_OPENED if is_open else at.LAST_CLICKED])
        usual = float(state[at.USUAL_OPENED if is_open else at.USUAL_CLICKED])
        exposed = float(state[at.LAST_EXPOSED])
        share = found / exposed if exposed > 0 else 0.0
        return _warning(
            self.question, ratio(state, numbers), self.times, level(state, numbers), found, exposed,
            f"{found:.0f} {self.question.words} by people of {exposed:.0f} messages on the last whole day"
            f" ({share:.2%}), where {usual:.2%} are usual",
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike:
    """Warns when a day has `times` the messages of the biggest day before."""

    times: float
    is_warning: bool = True

    def row(self) -> tuple[float, ...]:
        """See `Detector.row`."""
        return (*watch_at_most(self.times, 0.0), float(VOLUME.number))

    def signal(self, state: Floats) -> Signal:
        """See `Detector.signal`."""
        tried, most, numbers = float(state[at.DAY_TRIED]), float(state[at.BIGGEST]), numbers_of(self)
        return _warning(
            VOLUME, ratio(state, numbers), self.times, level(state, numbers), tried, most,
            f"{tried:.0f} messages today, where the biggest day of late counts as {most:.0f} (older days count less)",
        )  # fmt: skip


def _warning(
    question: Question, statistic: float, times: float, found: int, numerator: float, denominator: float, words: str
) -> Signal:
    return Signal(
        detector=question.name, statistic=round(statistic, 6), warn=times, throttle=times, pause=times,
        level=LEVELS[found], numerator=numerator, denominator=round(denominator, 3), explanation=words,
    )  # fmt: skip


@compiled(NOTHING(REALS))
def _compare(state: Floats) -> None:
    """The day that is over with the days before it; a day with little of the usual mail says nothing."""
    exposed, usual = state[at.DAY_EXPOSED], state[at.LONG_EXPOSED]
    state[at.LAST_OPENED], state[at.LAST_CLICKED], state[at.LAST_EXPOSED] = 0.0, 0.0, 0.0
    state[at.USUAL_OPENED], state[at.USUAL_CLICKED] = 0.0, 0.0
    if exposed < LEAST_MESSAGES or exposed < usual / USUAL_DAYS or usual <= 0.0 or state[at.DAYS] < LEAST_DAYS:
        return
    state[at.LAST_OPENED], state[at.LAST_CLICKED] = state[at.DAY_OPENED], state[at.DAY_CLICKED]
    state[at.LAST_EXPOSED] = exposed
    state[at.USUAL_OPENED] = state[at.LONG_OPENED] / usual
    state[at.USUAL_CLICKED] = state[at.LONG_CLICKED] / usual


@compiled(NOTHING(REALS, REAL))
def begin_day(state: Floats, day: Number) -> None:
    """Close the days before `day`."""
    if state[at.DAY] > 0.0 and state[at.DAY_TRIED] + state[at.DAY_EXPOSED] > 0.0:
        _compare(state)
        state[at.DAYS] += 1.0
        state[at.BIGGEST] = max(state[at.BIGGEST], state[at.DAY_TRIED])
    passed = day - state[at.DAY] if state[at.DAY] > 0.0 else 0.0
    kept = math.exp(-passed / USUAL_DAYS)
    state[at.LONG_OPENED] = (state[at.LONG_OPENED] + state[at.DAY_OPENED]) * kept
    state[at.LONG_CLICKED] = (state[at.LONG_CLICKED] + state[at.DAY_CLICKED]) * kept
    state[at.LONG_EXPOSED] = (state[at.LONG_EXPOSED] + state[at.DAY_EXPOSED]) * kept
    state[at.BIGGEST] *= math.exp(-passed / BIGGEST_DAYS)
    state[at.DAY_TRIED], state[at.DAY_OPENED], state[at.DAY_CLICKED], state[at.DAY_EXPOSED] = 0.0, 0.0, 0.0, 0.0
    state[at.DAY] = day


@compiled(NOTHING(REALS, REALS))
def update(state: Floats, batch: Floats) -> None:
    """Take a slot in. All warnings share it."""
    refused = batch[at.BOUNCED_BLOCK] + batch[at.BOUNCED_CONTENT] + batch[at.BOUNCED_OTHER]
    state[at.DAY_TRIED] += batch[at.DELIVERED] + batch[at.BOUNCED_ADDRESS] + refused
    state[at.DAY_OPENED] += batch[at.OPENED]
    state[at.DAY_CLICKED] += batch[at.CLICKED]
    state[at.DAY_EXPOSED] += batch[at.DUE]


@compiled(REAL(REALS, REALS))
def ratio(state: Floats, numbers: Floats) -> Number:
    """How many times the usual rate is the last day's, or today's mail the biggest day's; 0 if it cannot be said."""
    if numbers[_WHAT] == 2.0:
        if state[at.DAYS] < LEAST_DAYS or state[at.DAY_TRIED] < LEAST_MESSAGES or state[at.BIGGEST] < 1.0:
            return 0.0
        return state[at.DAY_TRIED] / state[at.BIGGEST]
    is_open = numbers[_WHAT] == 0.0
    found = state[at.LAST_OPENED] if is_open else state[at.LAST_CLICKED]
    expected = (state[at.USUAL_OPENED] if is_open else state[at.USUAL_CLICKED]) * state[at.LAST_EXPOSED]
    if expected < LEAST_EXPECTED:
        return 0.0
    return expected / max(found, 1.0)


@compiled(INT(REALS, REALS))
def level(state: Floats, numbers: Floats) -> Number:
    """What the ratio asks for."""
    return level_of(ratio(state, numbers), 1.0, numbers)
