"""How much of a tenant may stand still: stops of the last hour, and the share of its mail that is stopped.

The share needs to know how much the tenant sends, which verdicts of the tenant's own key tell; the watch says one with
every verdict of a key of that tenant. Before the first of them nothing can be said, and nothing is held back.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass, field

from schemas.topics import HOUR_MS
from schemas.verdicts import Verdict
from streams.core.remediation.state import StateKey, canonical
from streams.core.remediation.tally import NO_VOLUME, Volume

STOPS_KEPT = 10_000  # of an hour and a tenant; far above any sensible limit


@dataclass(slots=True)
class Tenant:
    """`stops`: times within an hour; `volume`: what the tenant sends; `still`: daily attempts of stopped campaigns, in
    whole messages so that their sum (`standing`) is the same in any order."""

    stops: list[int] = field(default_factory=list)
    volume: Volume = NO_VOLUME
    still: dict[StateKey, int] = field(default_factory=dict)
    standing: int = 0

    def count_stop(self, now: int) -> None:
        """A stop was decided."""
        del self.stops[: bisect_right(self.stops, now - HOUR_MS)]
        self.stops.append(now)
        del self.stops[:-STOPS_KEPT]

    def count(self, verdict: Verdict) -> None:
        """A verdict of the tenant's own key."""
        self.volume = self.volume.grown(verdict)

    def keep(self, place: StateKey, daily: float) -> None:
        """A campaign that stands still, with its attempts a day; 0: it does not."""
        self.standing += round(daily) - self.still.pop(place, 0)
        if daily:
            self.still[place] = round(daily)

    def stops_since(self, now: int) -> int:
        """How many in the hour before `now`."""
        return len(self.stops) - bisect_right(self.stops, now - HOUR_MS)

    def share_with(self, place: StateKey, volume: Volume) -> float | None:
        """The share of the tenant's mail that stands still once this campaign does too; None if that is not known."""
        if not self.volume.daily:
            return None
        stopped = self.standing - self.still.get(place, 0) + round(volume.daily)
        return stopped / max(self.volume.daily, stopped, 1.0)

    def as_text(self) -> str:
        """Canonical JSON without `still`, which the campaigns' own states hold; "" for nothing."""
        if not self.stops and self.volume == NO_VOLUME:
            return ""
        return canonical({"stops": self.stops, "volume": list(self.volume)})

    def take(self, text: str) -> None:
        """The inverse of `as_text`."""
        given = json.loads(text)
        self.stops, self.volume = list(given["stops"]), Volume(*given["volume"])
