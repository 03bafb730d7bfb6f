"""How often to do work that costs the same for one record as for thousands: flush, hand over, score.

Rarely is cheap and late, often is early and dear. A `Pace` takes the time for it from what would be idle:
after a turn that cost c seconds of CPU it rests for `rest` times c, and time spent on other work is no rest.
So a quiet stream has its turn within milliseconds, a stage that is always busy has one every `longest_s`,
and a slower machine rests longer by itself. Pure: times and costs in, the next due time out.
"""

from __future__ import annotations


class Pace:
    """When the next turn is due. Times are seconds of one monotonic clock, given by the caller.

    `longest_s`: nothing waits longer than this for a turn to begin. `shortest_s`: the least rest after a
    turn. `rest`: idle seconds after a turn for each second it cost; 3 lets turns have a quarter of idle time.
    """

    def __init__(self, *, longest_s: float, shortest_s: float = 0.0, rest: float = 3.0) -> None:
        self._longest_s, self._shortest_s, self._rest = longest_s, shortest_s, rest
        self._rested_s = float("-inf")  # when the rest after everything done so far is over

    def turned(self, now_s: float, cost_s: float) -> None:
        """A turn has ended that cost so much."""
        rested_s = max(self._rested_s, now_s) + cost_s * self._rest
        self._rest_until(max(rested_s, now_s + self._shortest_s), now_s)

    def busy(self, now_s: float, took_s: float) -> None:
        """Other work has ended; a rest that was under way takes that much longer."""
        if self._rested_s > now_s - took_s:
            self._rest_until(self._rested_s + took_s, now_s)

    def due_s(self, since_s: float) -> float:
        """When the next turn is due for what has been waiting since `since_s`; may be past."""
        return min(max(self._rested_s, since_s), since_s + self._longest_s)

    def _rest_until(self, rested_s: float, now_s: float) -> None:
        self._rested_s = min(rested_s, now_s + self._longest_s)  # what a busy hour left undone is forgiven
