"""How much the gateway holds at once: requests in flight, and the bytes of their bodies.

The number of requests alone would bound memory by requests x largest body, more than most machines have;
so the bytes have a budget of their own. Who finds no room is told to come back, and nothing is queued.
"""

from __future__ import annotations

from schemas.config import Limits
from schemas.errors import FailureCode, Rejected

_BUDGET_BYTES = 64 * 1024 * 1024  # bodies; their copies in the record and in the producer come on top


class Held:
    """What one request holds; `grow` as bytes arrive, `leave` at its end."""

    __slots__ = ("_admission", "_has_left", "_status", "size_bytes")

    def __init__(self, admission: Admission, status: int) -> None:
        self._admission = admission
        self._status = status
        self._has_left = False
        self.size_bytes = 0

    def grow(self, size_bytes: int) -> None:
        """Take room for more bytes. Raises Rejected(OVERLOADED) when there is none."""
        if self._admission.held_bytes + size_bytes > self._admission.max_bytes:
            raise Rejected(self._status, FailureCode.OVERLOADED, "too many bytes are in flight; send again later")
        self._admission.held_bytes += size_bytes
        self.size_bytes += size_bytes

    def leave(self) -> None:
        """Give everything back. May be called again."""
        if not self._has_left:
            self._has_left = True
            self._admission.requests -= 1
            self._admission.held_bytes -= self.size_bytes


class Admission:
    """Counts what is held. For one event loop; not thread-safe."""

    def __init__(self, limits: Limits) -> None:
        self._max_requests = limits.max_in_flight
        self.max_bytes = max(_BUDGET_BYTES, 2 * limits.max_decompressed_bytes)
        self.requests = 0
        self.held_bytes = 0

    def enter(self, status: int) -> Held:
        """Room for one request, until its `leave`.

        Raises Rejected(`status`, OVERLOADED) when as many as allowed are in flight.
        """
        if self.requests >= self._max_requests:
            raise Rejected(status, FailureCode.OVERLOADED, "too many requests are in flight; send again later")
        self.requests += 1
        return Held(self, status)
