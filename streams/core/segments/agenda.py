"""When to ask which segments again: the few that are due next, one by one, and one instant for all others.

An instant for each segment would double the state; one for all would ask all of them each time. So the `MOST_DUE` next
are kept, and `rest`, before which nothing changes in any other. Early is harmless, late is not.
"""

from __future__ import annotations

from streams.core.segments.packed import Due
from streams.core.segments.records import LAST

MOST_DUE = 8
_OTHERS = (1 << 16) - 1  # in place of a segment's: when all others are due


class Agenda:
    """`due`: by a segment's place, when to ask it; `rest`: when to ask the others; `LAST` is never.

    It is made from what `pack` gave, and `next_at`.
    """

    __slots__ = ("due", "next_at", "rest")

    def __init__(self, next_at: int = LAST, stored: Due = ()) -> None:
        self.due: dict[int, int] = {}
        self.rest = self.next_at = next_at
        if stored:
            half = len(stored) // 2
            self.due = dict(zip(stored[: half - 1], stored[half:-1], strict=True))
            self.rest = stored[-1]

    def take(self, everybody: int) -> int:
        """The segments that are due next, which are to be asked and noted again."""
        if self.rest <= self.next_at:
            self.clear()
            return everybody
        mask = 0
        for place in [place for place, at in self.due.items() if at <= self.next_at]:
            mask |= 1 << place
            del self.due[place]
        return mask

    def clear(self) -> None:
        """All segments are going to be asked."""
        self.due.clear()
        self.rest = LAST

    def settle(self, now: int) -> None:
        """After segments were asked and noted in `due`: keep the next ones, and find out when to look again."""
        if len(self.due) > MOST_DUE:
            found = sorted(self.due.items(), key=_when)
            self.rest = min(self.rest, found[MOST_DUE][1])
            self.due = dict(found[:MOST_DUE])
        self.next_at = max(min(self.rest, *self.due.values()) if self.due else self.rest, now + 1)

    def pack(self) -> Due:
        """As it is stored; nothing if `next_at` says it all."""
        due = self.due
        if not due or (len(due) == 1 and self.rest == LAST):
            return ()
        return (*due, _OTHERS, *due.values(), self.rest)


def _when(entry: tuple[int, int]) -> int:
    return entry[1]
