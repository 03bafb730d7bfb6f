"""How often somebody may try a password: so many failures in a window, then a wait. Bounded, whoever tries what."""

from __future__ import annotations

from collections import OrderedDict, deque

WINDOW_MS = 15 * 60_000
MOST_KEYS = 10_000  # a name or address each; the longest quiet one makes room


class Attempts:
    """Failures by key. At most `most` within the window."""

    def __init__(self, most: int, window_ms: int = WINDOW_MS, keys: int = MOST_KEYS) -> None:
        self._most, self._window_ms, self._keys = most, window_ms, keys
        self._failed: OrderedDict[str, deque[int]] = OrderedDict()

    def wait_ms(self, key: str, now_ms: int) -> int:
        """How long the key has to wait; 0: it may try."""
        times = self._failed.get(key)
        if times is None or len(times) < self._most:
            return 0
        return max(0, times[0] + self._window_ms - now_ms)

    def note(self, key: str, now_ms: int) -> None:
        """A try, taken for a failure until `take_back`."""
        times = self._failed.setdefault(key, deque(maxlen=self._most))
        times.append(now_ms)
        self._failed.move_to_end(key)
        if len(self._failed) > self._keys:
            self._failed.popitem(last=False)

    def take_back(self, key: str) -> None:
        """The last try was no failure."""
        times = self._failed.get(key)
        if times:
            times.pop()
        if not times:
            self._failed.pop(key, None)
