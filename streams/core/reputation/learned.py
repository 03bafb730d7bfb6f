"""Learned numbers: made from what was seen, and as the detectors take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.identity import digest
from schemas.learned import Curve, Learned
from streams.core.compiled import Flags, Floats
from streams.core.reputation.delay import DelayCurve
from streams.core.reputation.learning import LEAST_SAMPLES, Refused, base_rates, delay_curve
from streams.core.reputation.watch.exposure import error_of
from streams.core.reputation.watch.parameters import PARAMETERS, Parameters

ALL = ""  # the name of all mailbox providers together
_MOST_OFF = 0.02  # of a curve's fit, as a share of all complaints: ten times what it is for the built-in ones
_HOURS = (0.01, 72.0)  # medians that the file may hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`delays`: by mailbox provider and for ALL, from delivery to complaint (minutes), and which are only known to be
    longer. `refused`: attempts by "ip|provider", by "domain|provider" and by provider, in this order.
    """

    delays: Mapping[str, tuple[Floats, Flags]]
    refused: tuple[Mapping[str, Refused], ...]


def parameters_of(learned: Learned | None) -> Parameters:
    """The built-in numbers, with what was learned in their place. None: the built-in ones."""
    if learned is None:
        return PARAMETERS
    return Parameters(
        version=f"{PARAMETERS.version}+{learned.version}",
        curve=delay_of(learned.curve) if learned.curve else PARAMETERS.curve,
        curves={provider: delay_of(curve) for provider, curve in learned.curves.items()},
        base_rate=learned.base_rate,
        base_rates=dict(learned.base_rates),
    )


def delay_of(curve: Curve) -> DelayCurve:
    """A curve of the file."""
    return DelayCurve(fast_h=curve.fast_h, slow_h=curve.slow_h, sigma=curve.sigma)


def curve_of(delay: DelayCurve) -> Curve:
    """A curve for the file."""
    return Curve(fast_h=delay.fast_h, slow_h=delay.slow_h, sigma=delay.sigma)


def is_followed(curve: DelayCurve) -> bool:
    """Can the file hold the curve, and the watch's sums of exponentials follow it?"""
    return _HOURS[0] <= curve.fast_h <= curve.slow_h <= _HOURS[1] and error_of(curve) <= _MOST_OFF


def learned_from(seen: Seen) -> tuple[Learned, list[str]]:
    """The file's content from what was seen, and what was left out of it, as sentences.

    A curve that the watch cannot follow closely is left out. The version is a hash of the numbers.
    """
    found = {name: delay_curve(*seen.delays[name]) for name in sorted(seen.delays)}
    too_few = [f"{name}: fewer than {LEAST_SAMPLES} complaints, so no curve" for name in found if not found[name]]
    curves, odd = {}, []
    for name, curve in found.items():
        if curve is None:
            continue
        if is_followed(curve.curve):
            curves[name] = curve_of(curve.curve)
        else:
            odd.append(f"{name}: complaints come a median of {curve.median_h:.3g} h late, which no curve follows")
    rates = {name: round(rate, 6) for pairs in seen.refused for name, rate in base_rates(pairs).items()}
    bad, tried = (sum(column) for column in zip(*(seen.refused[-1].values() or [(0, 0)]), strict=True))
    numbers = Learned(
        version="none",
        curve=curves.pop(ALL, None),
        curves=curves,
        base_rate=round(bad / tried, 6) if tried else 0.0,
        base_rates=rates,
    )
    return numbers.model_copy(update={"version": digest(numbers.model_dump_json())[:12]}), too_few + odd
