"""Rows of integers under names, in arrays that double when full: what large states are made of.

A row is a place in the arrays; its name finds it. Work is done on many places at once. Places of
dropped rows are used again, so memory follows what is held, not what was ever seen.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Name = TypeVar("Name", bound=Hashable)
Ints = npt.NDArray[np.int64]

_FIRST_SIZE = 1 << 10


class Rows(Generic[Name]):
    """`counts`: (places, width), `numbers`: (columns, places); both are replaced when they grow.

    `names[place]` is the row's name, None where the place is free. A new row is all zeros.
    """

    def __init__(self, width: int, columns: int, counts_type: type[np.signedinteger] = np.int64) -> None:
        self.counts = np.zeros((_FIRST_SIZE, width), dtype=counts_type)
        self.numbers: Ints = np.zeros((columns, _FIRST_SIZE), dtype=np.int64)
        self.names: list[Name | None] = []
        self._places: dict[Name, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._places)

    def find(self, names: Sequence[Name], made: Callable[[Name, int], None]) -> Ints:
        """The rows' places; a missing row is made and `made(name, place)` told."""
        get = self._places.get
        places = [get(name, -1) for name in names]
        if -1 in places:
            for at, place in enumerate(places):
                if place < 0:
                    places[at] = self.find_one(names[at], made)
        return np.array(places, dtype=np.int64)

    def find_one(self, name: Name, made: Callable[[Name, int], None]) -> int:
        """`find` for one row."""
        place = self._places.get(name, -1)
        if place < 0:
            place = self._make(name)
            made(name, place)
        return place

    def place(self, name: Name) -> int:
        """Where the row is. Raises KeyError."""
        return self._places[name]

    def find_place(self, name: Name) -> int:
        """Where the row is, -1 if it is nowhere."""
        return self._places.get(name, -1)

    def used(self) -> Ints:
        """Every place that holds a row."""
        return np.fromiter(self._places.values(), np.int64, len(self._places))

    def drop(self, names: Sequence[Name]) -> None:
        """Forget rows; unknown names do not matter."""
        for name in names:
            place = self._places.pop(name, None)
            if place is not None:
                self.names[place] = None
                self.counts[place] = 0
                self.numbers[:, place] = 0
                self._free.append(place)

    def _make(self, name: Name) -> int:
        if self._free:
            place = self._free.pop()
            self.names[place] = name
        else:
            place = len(self.names)
            self.names.append(name)
            if place == len(self.counts):
                self.counts = np.concatenate((self.counts, np.zeros_like(self.counts)))
                self.numbers = np.concatenate((self.numbers, np.zeros_like(self.numbers)), axis=1)
        self._places[name] = place
        return place
