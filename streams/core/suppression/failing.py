"""Addresses in trouble: on how many days mail to them failed for good without their being dead.

State per address: the last failing day and a bitmap of the 63 days up to it, 16 bytes however many failures come.
Three failing days within 30 make a soft suppression that ends 14 days after the last of them (a day is one of UTC;
the numbers are our choice, no standard has any). Days are a set and joining is their union, so order and repeats do
not matter. Days beyond the bitmap are forgotten; the soft suppressions they made have ended by then, since
63 > 30 + 15.
"""

from __future__ import annotations

from typing import NamedTuple

DAY_MS = 86_400_000
WINDOW_DAYS, NEEDED_DAYS, REST_DAYS = 30, 3, 14
KEPT_DAYS = 63  # the sign bit of an Avro long stays free
_KEPT = (1 << KEPT_DAYS) - 1
_WINDOW = (1 << WINDOW_DAYS) - 1


class Days(NamedTuple):
    """Failing days: the last one since the epoch, and a bitmap; bit i is the day i days before."""

    last: int
    bits: int


def joined(one: Days, other: Days) -> Days:
    """The days of both, those too far before the last one left out."""
    if one.last < other.last:
        one, other = other, one
    ago = one.last - other.last
    if ago >= KEPT_DAYS:  # shifting by millions of days would only cost memory
        return one
    return Days(one.last, (one.bits | other.bits << ago) & _KEPT)


def rest_of(days: Days) -> tuple[int, int] | None:
    """From when to when the address is left in peace (ms); None while it failed too rarely.

    It begins with the newest day that had enough failing ones in the window up to it.
    """
    for ago in range(KEPT_DAYS - WINDOW_DAYS + 1):
        is_failing = days.bits >> ago & 1
        if is_failing and (days.bits >> ago & _WINDOW).bit_count() >= NEEDED_DAYS:
            begins = days.last - ago
            return begins * DAY_MS, (begins + 1 + REST_DAYS) * DAY_MS
    return None
