"""Which changed keys are scored next: those that have waited longest for a score.

A busy key changes with every event and a quiet one seldom; scored in turn of their last score, the quiet
one is not kept waiting by the busy ones, and with more changes than time every key still gets its share.
What a restart found in the log comes after everything that has changed since.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest
from itertools import islice

from streams.core.reputation.ledger import Key, narrow_first


class ScoreQueue:
    """Keys waiting to be scored. Not safe for threads."""

    def __init__(self) -> None:
        self._changed: dict[Key, None] = {}  # in order of arrival
        self._restored: dict[Key, None] = {}
        self._turns: dict[Key, int] = {}  # of each key's last score
        self._turn = 0

    def __len__(self) -> int:
        return len(self._changed) + len(self._restored)

    def add(self, keys: Iterable[Key], *, is_news: bool) -> None:
        """These have changed; `is_news` False: before this process, which may have been scored already."""
        (self._changed if is_news else self._restored).update(dict.fromkeys(keys))

    def take(self, most: int) -> list[Key]:
        """The next keys, at most `most`; of these, narrow kinds come first."""
        self._turn += 1
        keys = nsmallest(most, self._changed, key=lambda key: self._turns.get(key, 0))
        keys += islice((key for key in self._restored if key not in self._changed), most - len(keys))
        for key in keys:
            self._changed.pop(key, None)
            self._restored.pop(key, None)
            self._turns[key] = self._turn
        return narrow_first(keys)

    def forget(self, keys: Iterable[Key]) -> None:
        """These are known no more."""
        for key in keys:
            for held in (self._changed, self._restored, self._turns):
                held.pop(key, None)
