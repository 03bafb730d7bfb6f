"""Is this list bad? Is this sender being refused? Bernoulli CUSUM on refusals, one for each question.

Each slot adds the log-likelihood ratio of the alternative to the null; the sum never falls below zero, so good
behaviour long ago buys nothing. Page, "Continuous inspection schemes", Biometrika 41 (1954); Lorden (1971) for its
optimality. The null is the *tolerance*, not the sender's own baseline. *Bounces* are permanent failures of the
address or its domain: refusals because of the sender's address, domain or content say nothing about the list.
*Blocks* are final refusals of scope ip or auth and temporary ones of scope ip, auth or content; a message that is
put off twice counts twice, because repeated deferral is what a block looks like. Blocks are also told apart by what
half of them say, because that decides how they end: a list has the sender, or the sender is not authenticated.

Real lists are not independent: a closed company's domain is a run of dead addresses. So a bounce takes a drop out
of a leaky bucket of `depth` drops, into which every attempt puts `refill`; of a slot at most `depth` count, or what
lets the statistic rise by `rise`, if that is more. A bounce that finds the bucket empty is neutral. A slot of one
attempt shows runs as they are, in a large one a run looks like chance; so a campaign that sends thousands a minute is
judged by time, some seconds at least, instead of by messages. `docs/decisions/0018-bounces-in-runs.md`.

A bought list is bad from its first message, and there is one beginning to be wrong at, not a million places: the
statistic of a new key begins at `start`, and a list that is good takes it to zero within a few hundred messages. Lucas
and Crosier, "Fast initial response for CUSUM quality-control schemes", Technometrics 24 (1982).
`docs/decisions/0026-suspicion-at-the-start.md` has the experiment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from schemas.aggregates import Signal
from streams.core.compiled import INT, NOTHING, REALS, Floats, Number, compiled
from streams.core.reputation.levels import LeastEvents, Thresholds
from streams.core.reputation.watch import state as at
from streams.core.reputation.watch.ladder import LEVELS, NEVER, OWN, ladder, level_of, numbers_of

_HIT, _MISS, _REFILL, _DEPTH, _RISE, _START, _IS_BLOCK = range(OWN, OWN + 7)


class Question(NamedTuple):
    """What is adverse, in names and words."""

    name: str
    words: str
    is_block: bool


class Part(NamedTuple):
    """What half of the adverse events, or more, may say: the column that counts them, the signal's name, words."""

    column: int
    name: str
    words: str


BOUNCES = Question("bounce_cusum", "failed because the address does not exist", is_block=False)
BLOCKS = Question("block_cusum", "were blocked or put off because of the sender", is_block=True)
LISTED = Part(at.BAD_LISTED, "blocklist_cusum", "say that a list has the sender")
AUTH = Part(at.BAD_AUTH, "auth_cusum", "say that the sender is not authenticated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """`null` and `alternative` are shares of attempts: delivered and finally failed, for blocks put off as well."""

    question: Question
    null: float
    alternative: float
    thresholds: Thresholds
    least: LeastEvents = LeastEvents()  # noqa: RUF009 - frozen
    refill: float = 1.0
    depth: float = 1.0
    rise: float = NEVER
    start: float = 0.0
    is_warning: bool = False

    def row(self) -> tuple[float, ...]:
        """See `Detector.row`."""
        hit = math.log(self.alternative / self.null)
        miss = math.log((1.0 - self.alternative) / (1.0 - self.null))
        own = (hit, miss, self.refill, self.depth, self.rise, self.start, float(self.question.is_block))
        return (*ladder(self.thresholds, self.least), *own)

    def signal(self, state: Floats) -> Signal:
        """See `Detector.signal`."""
        bad, tried = int(state[at.REFUSED_BAD]), int(state[at.REFUSED_TRIED])
        part = next((part for part in (LISTED, AUTH) if 0 < bad <= 2 * state[part.column]), None)
        said = f"; {state[part.column]:.0f} of the {bad} {part.words}" if part else ""
        return Signal(
            detector=part.name if part else self.question.name,
            statistic=round(float(state[at.REFUSED]), 6),
            warn=self.thresholds.warn,
            throttle=self.thresholds.throttle,
            pause=self.thresholds.pause,
            level=LEVELS[level(state, numbers_of(self))],
            numerator=bad,
            denominator=tried,
            explanation=f"{bad} of the last {tried} attempts {self.question.words},"
            f" where {self.null * tried:.1f} were tolerable ({100 * self.null:.3g}%){said}",
        )


@compiled(NOTHING(REALS, REALS))
def begin(state: Floats, numbers: Floats) -> None:
    """The state of a new key."""
    state[at.REFUSED] = numbers[_START]


@compiled(NOTHING(REALS, REALS, REALS))
def update(state: Floats, numbers: Floats, batch: Floats) -> None:
    """Take a slot's refusals in."""
    tried = batch[at.DELIVERED] + batch[at.BOUNCED_ADDRESS] + batch[at.BOUNCED_BLOCK]
    tried += batch[at.BOUNCED_CONTENT] + batch[at.BOUNCED_OTHER]
    bad = batch[at.BOUNCED_ADDRESS]
    if numbers[_IS_BLOCK] != 0.0:
        bad = batch[at.BOUNCED_BLOCK] + batch[at.DEFERRED_REPUTATION]
        tried += batch[at.DEFERRED_REPUTATION]
        state[at.BAD_LISTED] += batch[at.REFUSED_LISTED]
        state[at.BAD_AUTH] += batch[at.REFUSED_AUTH]
    if tried == 0.0:
        return
    credit = numbers[_DEPTH] - state[at.SPENT] + numbers[_REFILL] * tried
    steady = (numbers[_RISE] - numbers[_MISS] * (tried - bad)) / numbers[_HIT]
    credit = min(credit, max(numbers[_DEPTH], steady))
    counted = min(bad, credit)
    state[at.SPENT] = max(numbers[_DEPTH] - (credit - counted), 0.0)
    state[at.REFUSED] += numbers[_HIT] * counted + numbers[_MISS] * (tried - bad)
    state[at.REFUSED_BAD] += bad
    state[at.REFUSED_TRIED] += tried
    if state[at.REFUSED] <= 0.0:
        state[at.REFUSED], state[at.REFUSED_BAD], state[at.REFUSED_TRIED] = 0.0, 0.0, 0.0
        state[at.BAD_LISTED], state[at.BAD_AUTH] = 0.0, 0.0


@compiled(INT(REALS, REALS))
def level(state: Floats, numbers: Floats) -> Number:
    """What the statistic asks for."""
    return level_of(state[at.REFUSED], state[at.REFUSED_BAD], numbers)
