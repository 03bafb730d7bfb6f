"""Quantiles of the Beta distribution, for intervals around rates.

The distribution function is the regularised incomplete beta function by its continued fraction
(modified Lentz; NIST Digital Library of Mathematical Functions 8.17.22), inverted by Halley's steps kept
inside a bracket: relative accuracy 1e-5. From ten events on, a closed form takes over (Paulson 1942, the
cube root of the F ratio), within 0.1 % of it and twenty times as fast.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

_TINY = 1e-300
_STEPS = 60
_TERMS = 500
_LAST_STEP = 3e-3  # relative; the error after a step is about its cube
_LARGE = 10.0


def cdf(x: float, a: float, b: float) -> float:
    """P(X <= x) for X ~ Beta(a, b); a, b > 0."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - cdf(1.0 - x, b, a) if 1.0 - x <= (b + 1.0) / (a + b + 2.0) else 1.0 - _lower(1.0 - x, b, a)
    return _lower(x, a, b)


@lru_cache(maxsize=16_384)  # few of a key's counts change from one score to the next
def quantile(p: float, a: float, b: float) -> float:
    """The x with P(X <= x) = p for X ~ Beta(a, b); 0 < p < 1, a, b > 0."""
    if a > b:
        return 1.0 - quantile(1.0 - p, b, a)  # rates near one are found from the other side
    if a >= _LARGE:
        return _paulson(p, a, b)
    low, high = 0.0, 1.0
    x = _start(p, a, b)
    for _ in range(_STEPS):
        error = cdf(x, a, b) - p
        low, high = (low, x) if error > 0 else (x, high)
        step = error / max(_density(x, a, b), _TINY)
        bend = step * ((a - 1.0) / x - (b - 1.0) / (1.0 - x))
        guess = x - step / (1.0 - 0.5 * min(bend, 1.0))
        if not low < guess < high:
            guess = (low + high) / 2 if low > 0 else high / 8
        if abs(guess - x) <= _LAST_STEP * guess:
            return guess
        x = guess
    return x


@cache
def _normal(p: float) -> float:
    """The standard normal quantile, to 4.5e-4 (Abramowitz and Stegun 26.2.23)."""
    t = math.sqrt(-2.0 * math.log(min(p, 1.0 - p)))
    top, bottom = 2.515517 + t * (0.802853 + t * 0.010328), 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    return math.copysign(t - top / bottom, p - 0.5)


def _paulson(p: float, a: float, b: float) -> float:
    """By the cube root of the F ratio, which is nearly normal: a quadratic in that root."""
    z, u, v = _normal(p), 1.0 / (9.0 * a), 1.0 / (9.0 * b)
    top, bottom = 1.0 - u, 1.0 - v
    spread = math.sqrt(max(bottom * bottom * u + top * top * v - z * z * u * v, 0.0))
    root = (top * bottom + z * spread) / (bottom * bottom - z * z * v)
    return a * root**3 / (b + a * root**3)


def _start(p: float, a: float, b: float) -> float:
    """A first guess: Wilson and Hilferty's cube root of a gamma variable, over its scale."""
    root = 1.0 - 1.0 / (9.0 * a) + _normal(p) / (3.0 * math.sqrt(a))
    gamma = a * root**3 if root > 0.2 else (p * math.gamma(a + 1.0)) ** (1.0 / a)
    return min(max(gamma / (gamma + b), 1e-12), 1.0 - 1e-9)


def _log_scale(x: float, a: float, b: float) -> float:
    logs = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return logs + a * math.log(x) + b * math.log1p(-x)


def _density(x: float, a: float, b: float) -> float:
    return math.exp(_log_scale(x, a, b)) / (x * (1.0 - x))


def _lower(x: float, a: float, b: float) -> float:
    """The continued fraction; converges fast for x below the mean."""
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1.0 / _away(1.0 + even * d), _away(1.0 + even / c)
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1.0 / _away(1.0 + odd * d), _away(1.0 + odd / c)
        value *= d * c
        if abs(d * c - 1.0) < 1e-10:
            break
    return math.exp(_log_scale(x, a, b)) * value / a


def _away(value: float) -> float:
    """Never zero: Lentz's guard."""
    return value if abs(value) > _TINY else _TINY
