"""Who watches which key, with which numbers. To add a detector: one module, one line here.

Nulls are tolerances, alternatives what must be caught. Where the numbers come from:
* bounces 4 % against 8 %, complaints 0.10 % against 0.30 %, thresholds 7 / 9 / 12: a comparison of
  detectors on simulated campaigns, repeated on this code by `mailweir reputation simulate`. The rates
  bracket what large providers publish: Gmail asks for less than 0.10 % and never 0.30 %; Amazon SES
  reviews senders at 5 % bounces and 0.1 % complaints, and may pause them at 10 % and 0.5 %.
* e-values 20 / 100 / 1000: false alarms with probability at most 1/20, 1/100, 1/1000 per campaign.
* delays: complaints a median four hours late, sigma 1.3, are what the simulation assumes; the campaign
  curve is a little faster, the envelope covers medians from two to eight hours.
* blocks: 2 % tolerable is the floor for providers whose own base rate is not learned yet.
Addresses and domains are watched for blocks, not for their lists: a bad list on a shared address is the
campaign's fault, and resting the address would punish the healthy campaigns on it.
"""

from __future__ import annotations

from schemas.aggregates import KeyKind
from streams.core.reputation.block_cusum import BlockCusum
from streams.core.reputation.bounce_cusum import BounceCusum
from streams.core.reputation.complaint_cusum import ComplaintCusum
from streams.core.reputation.complaint_exposure import ComplaintExposure
from streams.core.reputation.delay import DelayCurve
from streams.core.reputation.levels import Detector, Thresholds

CUSUM = Thresholds(7.0, 9.0, 12.0)
E_VALUES = Thresholds(20.0, 100.0, 1000.0)
WATCHED_KEYS = 100  # long-lived keys watched beside each other: raises CUSUM thresholds by ln 100 = 4.6
LONG_LIVED = CUSUM.raised_for(WATCHED_KEYS)

CAMPAIGN_DELAY = DelayCurve(fast_h=3.6, slow_h=3.6, sigma=1.3)
DELAY_ENVELOPE = DelayCurve(fast_h=2.0, slow_h=8.0, sigma=1.3)

BOUNCES = BounceCusum(null=0.04, alternative=0.08, thresholds=CUSUM)
BOUNCES_LONG_LIVED = BounceCusum(null=0.04, alternative=0.08, thresholds=LONG_LIVED)
COMPLAINTS = ComplaintExposure(
    null=0.001,
    multiples=(1.5, 2.0, 3.0, 5.0, 10.0),
    delay=CAMPAIGN_DELAY,
    envelope=DELAY_ENVELOPE,
    thresholds=E_VALUES,
)
COMPLAINTS_LONG_LIVED = ComplaintCusum(null=0.001, alternative=0.003, delay=DELAY_ENVELOPE, thresholds=LONG_LIVED)
BLOCKS = BlockCusum(null=0.02, alternative=0.06, thresholds=CUSUM)
BLOCKS_LONG_LIVED = BlockCusum(null=0.02, alternative=0.06, thresholds=LONG_LIVED)

DETECTORS: dict[KeyKind, tuple[Detector, ...]] = {
    KeyKind.CAMPAIGN: (BOUNCES, COMPLAINTS),
    KeyKind.CAMPAIGN_PROVIDER: (BOUNCES, COMPLAINTS),
    KeyKind.IP: (BLOCKS_LONG_LIVED, COMPLAINTS_LONG_LIVED),
    KeyKind.IP_POOL: (BLOCKS_LONG_LIVED,),
    KeyKind.IP_PROVIDER: (BLOCKS,),
    KeyKind.DOMAIN: (BOUNCES_LONG_LIVED, COMPLAINTS_LONG_LIVED),
    KeyKind.DOMAIN_PROVIDER: (BLOCKS,),
    KeyKind.PROVIDER: (COMPLAINTS_LONG_LIVED,),
    KeyKind.TENANT: (BOUNCES_LONG_LIVED, COMPLAINTS_LONG_LIVED),
}
