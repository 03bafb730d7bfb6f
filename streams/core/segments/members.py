"""In which segments a recipient is, and since when: codes of segments with their versions, and times, as bytes."""

from __future__ import annotations

from typing import NamedTuple

from streams.core.segments.pieces import CODE
from streams.core.segments.records import TIME


class Members(NamedTuple):
    """`mask`: the segments as bits; `codes` and `times`: one for each, in the order in which they were entered."""

    mask: int
    codes: bytes
    times: bytes

    def with_(self, bit: int, code: bytes, at: int) -> Members:
        """They are in it from then on."""
        return Members(self.mask | bit, self.codes + code, self.times + at.to_bytes(TIME, "big"))

    def without(self, bit: int, code: bytes) -> Members:
        """They are in it no more."""
        place = self._place(code)
        codes = self.codes[: place * CODE] + self.codes[(place + 1) * CODE :]
        times = self.times[: place * TIME] + self.times[(place + 1) * TIME :]
        return Members(self.mask & ~bit, codes, times)

    def since(self, code: bytes) -> int | None:
        """Since when they are in it; None if they are not."""
        place = self._place(code)
        return None if place < 0 else int.from_bytes(self.times[place * TIME : (place + 1) * TIME], "big")

    def among(self, known: frozenset[bytes]) -> Members:
        """Without the segments that are not known; the mask has none of these."""
        codes = [self.codes[at : at + CODE] for at in range(0, len(self.codes), CODE)]
        times = [self.times[at : at + TIME] for at in range(0, len(self.times), TIME)]
        kept = [(code, time) for code, time in zip(codes, times, strict=True) if code in known]
        return Members(self.mask, b"".join(code for code, _ in kept), b"".join(time for _, time in kept))

    def _place(self, code: bytes) -> int:
        for at in range(0, len(self.codes), CODE):
            if self.codes[at : at + CODE] == code:
                return at // CODE
        return -1


NOBODY = Members(0, b"", b"")
