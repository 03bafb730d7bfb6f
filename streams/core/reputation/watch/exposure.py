"""How much mail is old enough to be complained about, without remembering when any of it was sent.

A message of age a counts as F(a) (`delay.py`). 1 - F is written as a sum of RATES exponentials, the same rates for
every curve, so a key needs one fading sum of its delivered mail for each rate: exposure is
`total x delivered - sum(share x fading sum)`. Curves are fitted as mixtures of sums of two and three exponential
waiting times (nonnegative least squares, Lawson and Hanson 1974), so every fit rises from 0 to its total and never
falls. `error_of` says how far a fit is off; for the default curve 0.002, for its envelope 0.003.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations

import numpy as np

from streams.core.compiled import NOTHING, REAL, REALS, Floats, Number, compiled
from streams.core.reputation.delay import DelayCurve
from streams.core.reputation.watch.state import AGEING, DELIVERED, RATES

FASTEST_MIN, SLOWEST_MIN = 6.0, 6000.0  # mean waiting times, evenly spaced in the logarithm between
HALF_MIN = 0.5  # mail of a minute is as old as its middle
_WEIGHT_FLOOR = 0.01  # of F: below it an error counts as much as there


def rates() -> Floats:
    """The rates, per minute."""
    values: Floats = 1.0 / np.geomspace(FASTEST_MIN, SLOWEST_MIN, RATES)
    return values


@cache
def shares_of(curve: DelayCurve) -> tuple[float, ...]:
    """The total, then the share of each rate: F(a) = total - sum(share x exp(-rate x a))."""
    ages = _ages()
    wanted = curve.at(ages)
    parts = np.array(list(_waiting_times()))
    shapes = 1.0 - np.exp(-np.outer(ages, rates())) @ parts.T
    weights = 1.0 / np.sqrt(wanted + _WEIGHT_FLOOR)
    mixture = _nonnegative(shapes * weights[:, None], wanted * weights)
    mixture *= curve.total / mixture.sum()
    return (curve.total, *(mixture @ parts).tolist())


def error_of(curve: DelayCurve) -> float:
    """The largest difference between the curve and its fit, at any age up to a month."""
    total, *shares = shares_of(curve)
    ages = _ages()
    fitted = total - np.exp(-np.outer(ages, rates())) @ np.array(shares)
    return float(np.abs(fitted - curve.at(ages)).max())


def _ages() -> Floats:
    return np.concatenate([[0.0], np.geomspace(0.5, 30 * 24 * 60, 500)])


def _waiting_times() -> list[Floats]:
    """Shares of the rates in the survival of sums of one, two or three exponential waiting times."""
    found, given = [], rates()
    for stages in (1, 2, 3):
        for chosen in combinations(range(RATES), stages):
            shares = np.zeros(RATES)
            for place in chosen:
                others = [given[other] for other in chosen if other != place]
                shares[place] = math.prod(other / (other - given[place]) for other in others)
            found.append(shares)
    return found


def _nonnegative(matrix: Floats, wanted: Floats) -> Floats:
    """The x >= 0 that brings `matrix @ x` nearest to `wanted`: the active set method, at most 400 steps."""
    size = matrix.shape[1]
    found, is_in = np.zeros(size), np.zeros(size, np.bool_)
    for _ in range(400):
        gain = matrix.T @ (wanted - matrix @ found)
        if is_in.all() or gain[~is_in].max() <= 1e-12:
            break
        is_in[np.argmax(np.where(is_in, -np.inf, gain))] = True
        while True:
            trial = np.zeros(size)
            trial[is_in] = np.linalg.lstsq(matrix[:, is_in], wanted, rcond=None)[0]
            if trial[is_in].min() > 0:
                break
            falling = is_in & (trial <= 0)
            step = (found[falling] / (found[falling] - trial[falling])).min()
            found += step * (trial - found)
            is_in &= found > 1e-14
            found[~is_in] = 0.0
        found = trial
    return found


@compiled(NOTHING(REALS, REALS, REAL))
def fade(state: Floats, per_min: Floats, minutes: Number) -> None:
    """Let so many minutes pass."""
    for rate in range(RATES):
        state[AGEING + rate] *= math.exp(-per_min[rate] * minutes)


@compiled(NOTHING(REALS, REALS, REAL, REAL))
def add(state: Floats, per_min: Floats, delivered: Number, age_min: Number) -> None:
    """Mail that has this age by now; the count of delivered mail is not touched."""
    for rate in range(RATES):
        state[AGEING + rate] += delivered * math.exp(-per_min[rate] * age_min)


@compiled(REAL(REALS, REALS))
def exposed(state: Floats, shares: Floats) -> Number:
    """Messages old enough, of all that were delivered. `shares`: `shares_of`."""
    value = shares[0] * state[DELIVERED]
    for rate in range(RATES):
        value -= shares[1 + rate] * state[AGEING + rate]
    return max(value, 0.0)
