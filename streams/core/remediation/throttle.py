"""How fast a throttled key may send: additive increase, multiplicative decrease.

Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance" (1989); RFC 5681 uses it for
TCP. A bad step halves the share, down to a floor that still brings evidence; a clean one gives back a tenth.
"""

from __future__ import annotations

FLOOR = 0.05
FIRST = 0.5
INCREASE = 0.1


def slower(share: float) -> float:
    """After a bad step."""
    return max(round(share / 2, 4), FLOOR)


def faster(share: float) -> float:
    """After a clean step; 1 is no throttle at all."""
    return min(round(share + INCREASE, 4), 1.0)
