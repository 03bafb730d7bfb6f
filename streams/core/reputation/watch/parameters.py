"""Who watches which key, with which numbers. To add a detector: one module, a line here and two in `loops.py`.

Nulls are tolerances, alternatives what must be caught. Where the numbers come from:
* bounces 4 % against 8 %, complaints 0.10 % against 0.30 %, thresholds 7 / 9 / 12: a comparison of
  detectors on simulated campaigns, repeated on this code by `mailweir reputation simulate`. The rates
  bracket what large providers publish: Gmail asks for less than 0.10 % and never 0.30 %; Amazon SES
  reviews senders at 5 % bounces and 0.1 % complaints, and may pause them at 10 % and 0.5 %.
* bounces count less in runs, so a list with 8 % counts like one with 7, and a campaign begins under suspicion:
  `docs/decisions/0018-bounces-in-runs.md`, `0026-suspicion-at-the-start.md`.
* e-values 20 / 100 / 1000: false alarms with probability at most 1/20, 1/100, 1/1000 per campaign.
* delays: complaints a median four hours late, sigma 1.3, are what the simulation assumes; the default
  curve is a little faster, the envelope around it covers medians from two to eight hours.
* blocks: 2 % tolerable is the floor for providers whose own base rate is lower or not learned.
Addresses and domains are watched for blocks, not for their lists: a bad list on a shared address is the
campaign's fault, and resting the address would punish the healthy campaigns on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from schemas.aggregates import KeyKind
from streams.core.reputation.delay import CAMPAIGN_DELAY, DelayCurve
from streams.core.reputation.levels import Thresholds
from streams.core.reputation.watch import days, refusals
from streams.core.reputation.watch.backstop import Backstop
from streams.core.reputation.watch.complaints import Complaints
from streams.core.reputation.watch.complaints_lately import ComplaintsLately
from streams.core.reputation.watch.days import Drift, Spike
from streams.core.reputation.watch.ladder import Detector
from streams.core.reputation.watch.refusals import Refusals

BOUNCE_CUSUM = Thresholds(8.3, 9.5, 11.0)
BOUNCE_START = 6.3  # of a campaign, in which a list begins
CUSUM = Thresholds(7.0, 9.0, 12.0)
E_VALUES = Thresholds(20.0, 100.0, 1000.0)
WATCHED_KEYS = 100  # long-lived keys watched beside each other: raises CUSUM thresholds by ln 100 = 4.6
LONG_LIVED = CUSUM.raised_for(WATCHED_KEYS)
BLOCK_FLOOR, BLOCK_TIMES, MOST_BASE = 0.02, 3.0, 0.3  # a base above 30 % leaves no room for three times as much


class Place(NamedTuple):
    """A detector's place in the tables of numbers, and its numbers."""

    number: int
    detector: Detector


BOUNCES, COMPLAINTS, LATELY, BLOCKS, SES_BOUNCES, SES_COMPLAINTS, OPENS, CLICKS, VOLUME = range(9)
DETECTORS = 9

_BOUNCES = Refusals(
    question=refusals.BOUNCES,
    null=0.04,
    alternative=0.07,
    thresholds=BOUNCE_CUSUM,
    refill=0.1,
    depth=3.0,
    rise=1.3,
    start=BOUNCE_START,
)
_BOUNCES_LONG = replace(_BOUNCES, thresholds=BOUNCE_CUSUM.raised_for(WATCHED_KEYS), start=0.0)
_COMPLAINTS = Complaints(null=0.001, multiples=(1.5, 2.0, 3.0, 5.0, 10.0), thresholds=E_VALUES)
_LATELY = ComplaintsLately(null=0.001, alternative=0.003, thresholds=LONG_LIVED)
_CAMPAIGN = (Place(BOUNCES, _BOUNCES), Place(COMPLAINTS, _COMPLAINTS), Place(LATELY, _LATELY))
_LIVING_ON = (Place(BOUNCES, _BOUNCES_LONG), Place(LATELY, _LATELY))
_DRIFT = (
    Place(OPENS, Drift(question=days.OPENS, times=2.0)),
    Place(CLICKS, Drift(question=days.CLICKS, times=2.0)),
)
_VOLUME = (Place(VOLUME, Spike(times=3.0)),)
_SES = (
    Place(SES_BOUNCES, Backstop(is_complaint=False, review=0.05, pause=0.10)),
    Place(SES_COMPLAINTS, Backstop(is_complaint=True, review=0.001, pause=0.005)),
)

WATCHED: Mapping[KeyKind, tuple[Place, ...]] = {  # blocks are in BLOCK_THRESHOLDS
    KeyKind.CAMPAIGN: _CAMPAIGN,
    KeyKind.CAMPAIGN_PROVIDER: _CAMPAIGN,
    KeyKind.IP: (Place(LATELY, _LATELY), *_DRIFT, *_VOLUME),
    KeyKind.IP_POOL: (),
    KeyKind.IP_PROVIDER: (),
    KeyKind.DOMAIN: (*_LIVING_ON, *_DRIFT, *_VOLUME),
    KeyKind.DOMAIN_PROVIDER: _DRIFT,
    KeyKind.PROVIDER: (Place(LATELY, _LATELY), *_DRIFT),
    KeyKind.TENANT: (*_LIVING_ON, *_SES, *_DRIFT, *_VOLUME),
}
BLOCK_THRESHOLDS: Mapping[KeyKind, Thresholds] = {
    KeyKind.IP: LONG_LIVED,
    KeyKind.IP_POOL: LONG_LIVED,
    KeyKind.IP_PROVIDER: CUSUM,
    KeyKind.DOMAIN_PROVIDER: CUSUM,
}
_HAS_PROVIDER = (KeyKind.CAMPAIGN_PROVIDER, KeyKind.IP_PROVIDER, KeyKind.DOMAIN_PROVIDER, KeyKind.PROVIDER)
_KINDS = frozenset(KeyKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The numbers of all detectors. `version` is copied into every verdict: change it with any of them.

    `curves`: delays of complaints by mailbox provider, for keys of one provider. `base_rates`: shares of attempts
    that are usually blocked or put off, by "ip|provider" or "domain|provider", else by provider. Both are learned
    (`learning.py`).
    """

    version: str
    curve: DelayCurve = CAMPAIGN_DELAY
    curves: Mapping[str, DelayCurve] = field(default_factory=dict)
    base_rate: float = 0.0
    base_rates: Mapping[str, float] = field(default_factory=dict)

    def alike(self, kind: str, key: str) -> tuple[str, str, bool]:
        """Equal for keys that are watched by the same numbers only."""
        end = key.rpartition("|")[2]
        learned = key if key in self.base_rates else end if end in self.base_rates or end in self.curves else ""
        return kind if kind in _KINDS else "", learned, "|" in key

    def curve_of(self, kind: str, key: str) -> DelayCurve:
        """How late complaints about this key come."""
        return self.curves.get(key.rpartition("|")[2], self.curve) if kind in _HAS_PROVIDER else self.curve

    def detectors_of(self, kind: str, key: str) -> tuple[Place, ...]:
        """Who watches this key; nobody does if the kind is unknown."""
        if kind not in _KINDS:
            return ()
        found, thresholds = WATCHED[KeyKind(kind)], BLOCK_THRESHOLDS.get(KeyKind(kind))
        if thresholds is None:
            return found
        rates = self.base_rates
        base = rates.get(key, rates.get(key.rpartition("|")[2], self.base_rate)) if "|" in key else self.base_rate
        null = min(max(base, BLOCK_FLOOR), MOST_BASE)
        blocks = Refusals(
            question=refusals.BLOCKS, null=null, alternative=BLOCK_TIMES * null, thresholds=thresholds
        )  # fmt: skip
        return (Place(BLOCKS, blocks), *found)


PARAMETERS = Parameters(version="2026-12")
