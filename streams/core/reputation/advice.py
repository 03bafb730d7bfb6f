"""What would move a score: the largest penalty, turned round into messages.

Points fall with every clean message and with every adverse one that is not sent. A single Beta distribution is
turned round exactly; the estimate lies between two of them (`shrinkage.py`), so the number is sought between the two
answers, with the very function that makes the score. The goal is the next round score that this cause
alone can bring about, 90 at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil

from streams.core.reputation.penalties import Finding
from streams.core.reputation.shrinkage import Belief

GOAL = 90
_MOST_CLEAN = 10_000_000  # more than that is no advice
_DIGITS = 3
_STEPS = 40


def advice(findings: Sequence[Finding]) -> str:
    """A sentence; "" for a score of 90 and more, or where one cause alone cannot bring about a better one."""
    total = sum(finding.lost for finding in findings)
    worst = max(findings, key=lambda finding: finding.lost)
    goal = _goal(round(100.0 - total, 2), round(100.0 - total + worst.lost, 2))
    if goal is None:
        return ""
    allowed = round(100.0 - goal - (total - worst.lost), 2)
    between = worst.prior.between(worst.own)
    ways = [text for text in (_more_clean(worst, allowed, between), _fewer_adverse(worst, allowed, between)) if text]
    return f"{', or '.join(ways)}, would bring it to {goal}." if ways else ""


def _goal(now: float, reachable: float) -> int | None:
    """A multiple of ten if there is one on the way, else the whole number below what can be reached."""
    if now >= GOAL:
        return None
    whole = int(min(reachable, GOAL))
    goal = max(whole // 10 * 10, 0)
    goal = goal if goal > now else whole
    return goal if goal > now else None


def _more_clean(finding: Finding, allowed: float, between: Iterable[Belief]) -> str:
    (adverse, tried), rate = finding.own, finding.cause.rate_at(allowed)
    guesses = [belief.a / rate - belief.a - belief.b for belief in between]
    found = _least(lambda n: finding.prior.mean(adverse, tried + n), rate, guesses, _MOST_CLEAN)
    return f"{found:,} more {finding.cause.clean}" if found else ""


def _fewer_adverse(finding: Finding, allowed: float, between: Iterable[Belief]) -> str:
    (adverse, tried), rate = finding.own, finding.cause.rate_at(allowed)
    guesses = [(belief.a - rate * (belief.a + belief.b)) / (1.0 - rate) for belief in between]
    found = _least(lambda n: finding.prior.mean(adverse - n, tried - n), rate, guesses, int(adverse))
    return f"{found:,} fewer {finding.cause.fewer}" if found else ""


def _least(mean: Callable[[float], float], rate: float, guesses: Sequence[float], most: int) -> int:
    """The smallest number up to `most` at which `mean` is no higher than `rate`, up to three digits; else 0.

    `mean` falls; the answer lies between the guesses.
    """
    if most < 1 or (max(guesses) > most and mean(most) > rate):
        return 0
    low, high = (min(max(guess, 0.0), most) for guess in (min(guesses), max(guesses)))
    found: int = max(ceil(_crossing(lambda n: mean(n) - rate, low, high)), 1)
    unit: int = 10 ** max(len(str(found)) - _DIGITS, 0)
    return min(-(-found // unit) * unit, most)


def _crossing(gap: Callable[[float], float], low: float, high: float) -> float:
    """Where `gap`, which falls, reaches zero, to a three hundredth and from above: false position, Illinois' way."""
    above, below = gap(low), gap(high)
    for _ in range(_STEPS):
        if high - low <= max(0.5, high / 300) or above <= 0.0 or below >= 0.0:
            break
        middle = (low * below - high * above) / (below - above)
        found = gap(middle)
        if found > 0.0:
            low, above, below = middle, found, below / 2
        else:
            high, below, above = middle, found, above / 2
    return low if above <= 0.0 else high
