"""Numbers by profile: keys that are watched alike share one, so a key holds a small number instead of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import types

from streams.core.compiled import REAL_BLOCK, Flags, Floats, Ints
from streams.core.reputation.delay import DelayCurve
from streams.core.reputation.watch.exposure import shares_of
from streams.core.reputation.watch.parameters import DETECTORS, Parameters, Place
from streams.core.reputation.watch.state import RATES

NUMBERS = 13  # the widest row: the ladder, then at most seven of a detector's own
CURVE, ENVELOPE = 0, 1


class Tables(NamedTuple):
    """As the loops take them. By profile: `is_used` by detector, `numbers` by detector and column, `shares` of the
    curve and of its envelope.
    """

    is_used: Flags
    numbers: Floats
    shares: Floats


TABLES = types.NamedTuple([types.boolean[:, ::1], REAL_BLOCK, REAL_BLOCK], Tables)  # type: ignore[no-untyped-call]


class Profiles:
    """Grows with the number of learned curves and base rates, not with keys."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._numbers: dict[tuple[tuple[Place, ...], DelayCurve], int] = {}
        self._alike: dict[tuple[str, str, bool], int] = {}  # as many as there are kinds and learned rates
        self.detectors: list[tuple[Place, ...]] = []
        self.tables = Tables(
            np.zeros((0, DETECTORS), np.bool_), np.zeros((0, DETECTORS, NUMBERS)), np.zeros((0, 2, 1 + RATES))
        )

    def of(self, names: Sequence[bytes]) -> Ints:
        """Each key's profile, by its name (tenant, kind and key)."""
        return np.fromiter(map(self._of, names), np.int64, len(names))

    def _of(self, name: bytes) -> int:
        _, kind, key = name.decode().split("\x1f", 2)
        alike = self._parameters.alike(kind, key)
        number = self._alike.get(alike)
        if number is None:
            number = self._alike[alike] = self._number(kind, key)
        return number

    def _number(self, kind: str, key: str) -> int:
        watched = self._parameters.detectors_of(kind, key), self._parameters.curve_of(kind, key)
        number = self._numbers.get(watched)
        if number is None:
            number = self._numbers[watched] = len(self.detectors)
            self._add(*watched)
        return number

    def _add(self, places: tuple[Place, ...], curve: DelayCurve) -> None:
        is_used, numbers = np.zeros((1, DETECTORS), np.bool_), np.zeros((1, DETECTORS, NUMBERS))
        for place in places:
            row = place.detector.row()
            is_used[0, place.number] = True
            numbers[0, place.number, : len(row)] = row
        shares = np.array([[shares_of(curve), shares_of(curve.around())]])
        new = Tables(is_used, numbers, shares)
        self.tables = Tables(*(np.concatenate(both) for both in zip(self.tables, new, strict=True)))
        self.detectors.append(places)
