"""What the watch remembers of a key: a row of 64-bit floats, whatever its past; and what a slot says about it.

Counts are whole numbers below 2^53, so they are exact. Slots are seconds and event minutes are minutes since the
epoch. Columns of detectors that never watch the same kind of key could be shared; only those of refusals are.
"""

from __future__ import annotations

from streams.core.meaning import METRICS

COUNTS = len(METRICS)  # a column each, in the order of METRICS: since the key began
(
    SENT, DELIVERED, DEFERRED, DEFERRED_REPUTATION, BOUNCED_ADDRESS, BOUNCED_BLOCK, BOUNCED_CONTENT, BOUNCED_OTHER,
    SUPPRESSED, REJECTED, OPENED, OPENED_MACHINE, CLICKED, CLICKED_MACHINE, COMPLAINED, UNSUBSCRIBED, OTHER,
    REFUSED_LISTED, REFUSED_AUTH,
) = range(COUNTS)  # fmt: skip

RATES = 8
AGEING = COUNTS  # the first of RATES columns: delivered mail, fading at each rate (`exposure.py`)
(
    BEGAN, SLOT, EVENT, FIRST, LAST,  # slots: first and last; minutes: judged up to, first and last delivery
    LEVEL, SAID_LEVEL, SAID, ILL,  # now, in the last verdict; slots: of the last verdict, when last not healthy
    EXPOSED,  # messages old enough to be complained about
    REFUSED, SPENT, REFUSED_BAD, REFUSED_TRIED,  # `refusals.py`; bounces or blocks, never both
    BAD_LISTED, BAD_AUTH,  # of REFUSED_BAD
    JUDGED,  # `complaints.py`
    LATELY, LATELY_BAD, LATELY_EXPOSED,  # `complaints_lately.py`
    RECENT_TRIED, RECENT_BOUNCED, RECENT_DELIVERED, RECENT_COMPLAINED,  # `backstop.py`
    DAY, DAYS, BIGGEST,  # `days.py`: the event day, days with mail before it, the biggest one
    DAY_TRIED, DAY_OPENED, DAY_CLICKED, DAY_EXPOSED,  # so far
    LAST_OPENED, LAST_CLICKED, LAST_EXPOSED, USUAL_OPENED, USUAL_CLICKED,  # the last day that was compared, and rates
    LONG_OPENED, LONG_CLICKED, LONG_EXPOSED,  # fading sums
) = range(AGEING + RATES, AGEING + RATES + 39)  # fmt: skip
WIDTH = AGEING + RATES + 39

# A slot's batch: counts of one key, then
DUE, DUE_ENVELOPE = COUNTS, COUNTS + 1  # exposure since the last time, by the curve and by the envelope around it
BATCH = COUNTS + 2

MINUTE_MS, DAY_MIN, DAY_S = 60_000, 1440.0, 86_400
