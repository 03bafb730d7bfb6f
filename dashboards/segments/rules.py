"""The segments that the files hold, read again when they have changed. Wrong ones change nothing; it is said why."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from schemas.errors import Misconfigured
from schemas.segments.rules import Segment

_LOOK_MS = 2_000  # how long a look at the files holds: there may be ten thousand of them


class Rules(NamedTuple):
    """`segments`: None where no folder is configured; `wrong`: what to mend in the files, "" for nothing."""

    segments: Sequence[Segment] | None
    wrong: str = ""

    @property
    def known(self) -> Sequence[Segment]:
        """The segments, none where nobody has configured any."""
        return self.segments or ()


class RuleFiles:
    """`load` reads them and raises Misconfigured; `stamp` is equal while they are the same. For several threads."""

    def __init__(
        self, load: Callable[[], Sequence[Segment]], stamp: Callable[[], Hashable], clock_ms: Callable[[], int]
    ) -> None:
        self._load, self._stamp, self._clock_ms = load, stamp, clock_ms
        self._lock = threading.Lock()
        self._found = Rules(())
        self._seen: Hashable = None
        self._looked_at = -_LOOK_MS

    def read(self) -> Rules:
        """What they hold; of files that are wrong what they held before. Blocks."""
        with self._lock:
            now = self._clock_ms()
            if abs(now - self._looked_at) >= _LOOK_MS:
                self._look()
                self._looked_at = now
            return self._found

    def _look(self) -> None:
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._found = Rules(self._load())
        except Misconfigured as error:
            self._found = self._found._replace(wrong=str(error))
