"""What a verdict has counted, reduced to what is asked of a key; two tallies of a key subtract.

A verdict's counts begin at its `began_at`. When the watch forgets a key and begins again, so does the tally: what was
counted since then is all there is.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.remediation import Cause
from schemas.topics import DAY_MS
from schemas.verdicts import Verdict


class Tally(NamedTuple):
    """Events since `began_at`; `attempts`: delivered and finally failed; `answered`: with deferrals that judge."""

    began_at: int = 0
    delivered: int = 0
    attempts: int = 0
    answered: int = 0
    bounced: int = 0
    blocked: int = 0
    complained: int = 0
    exposed: float = 0.0

    def since(self, earlier: Tally) -> Tally:
        """What came after `earlier`."""
        if earlier.began_at != self.began_at:
            return self
        fields = (late - early for late, early in zip(self[1:], earlier[1:], strict=True))
        return Tally(self.began_at, *fields)  # type: ignore[arg-type]  # seven numbers in their order

    def counted(self, cause: Cause) -> tuple[int, float]:
        """Adverse events and what they are a share of."""
        return {
            Cause.BOUNCES: (self.bounced, self.attempts),
            Cause.BLOCKS: (self.blocked, self.answered),
            Cause.COMPLAINTS: (self.complained, self.exposed),
        }[cause]


def tally(verdict: Verdict) -> Tally:
    """The counts of `verdict`."""
    failed = verdict.bounced_address + verdict.bounced_block + verdict.bounced_content + verdict.bounced_other
    attempts = verdict.delivered + failed
    return Tally(
        began_at=verdict.began_at,
        delivered=verdict.delivered,
        attempts=attempts,
        answered=attempts + verdict.deferred_reputation,
        bounced=verdict.bounced_address,
        blocked=verdict.bounced_block + verdict.deferred_reputation,
        complained=verdict.complained,
        exposed=verdict.exposed,
    )


class Volume(NamedTuple):
    """How much a key sends: attempts of about the last day, fading by 1/e in a day; `total` as of `at`."""

    at: int = 0
    total: int = 0
    daily: float = 0.0

    def grown(self, verdict: Verdict) -> Volume:
        """With what `verdict` has counted since. Without an earlier one, the key's mean since it began."""
        total = tally(verdict).attempts
        if not self.at or total < self.total:
            age = max(verdict.at - verdict.began_at, DAY_MS)
            return Volume(verdict.at, total, round(total * DAY_MS / age, 3))
        faded = self.daily * 2.718281828459045 ** ((self.at - verdict.at) / DAY_MS)
        return Volume(verdict.at, total, round(faded + total - self.total, 3))


NO_VOLUME = Volume()
