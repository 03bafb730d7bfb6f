"""Rows of integers under names, in arrays that double when full: what large states are made of.

A row is a place in the arrays; its name finds it. Work is done on many places at once. Places of
dropped rows are used again, so memory follows what is held, not what was ever seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streams.core.compiled import Ints
from streams.core.names import Names, longer


class Rows:
    """`counts`: (places, width), `numbers`: (places, columns); both are replaced when they grow.

    A new row is all zeros. Names are texts here; a loop that names rows by numbers goes by `names` itself.
    """

    def __init__(self, width: int, columns: int, counts_type: type[np.signedinteger] = np.int64) -> None:
        self.names = Names()
        self.counts = np.zeros((self.names.room, width), dtype=counts_type)
        self.numbers: Ints = np.zeros((self.names.room, columns), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.names)

    def reserve(self, more: int, text_bytes: int) -> None:
        """Make room for so many new rows, whose names have so much text."""
        self.names.reserve(more, text_bytes)
        if len(self.counts) < self.names.room:
            self.counts = longer(self.counts, self.names.room)
            self.numbers = longer(self.numbers, self.names.room)

    def find(self, names: Sequence[bytes]) -> tuple[Ints, Ints]:
        """The rows' places; and of those that are made now, where in `names` they come first."""
        self.reserve(len(names), sum(map(len, names)))
        places = self.names.find(names, is_making=True)
        made = np.flatnonzero(places < 0)
        places[made] = -2 - places[made]
        return places, made

    def place(self, name: bytes) -> int:
        """Where the row is, -1 if it is nowhere."""
        return int(self.names.find([name], is_making=False)[0])

    def used(self) -> Ints:
        """Every place that holds a row, rising."""
        return self.names.used()

    def drop(self, places: Ints) -> None:
        """Forget the rows at these places, each named once."""
        self.names.drop(places)
        self.counts[places] = 0
        self.numbers[places] = 0

    def drop_named(self, names: Sequence[bytes]) -> None:
        """Forget rows; unknown names do not matter."""
        places = self.names.find(names, is_making=False)
        self.drop(np.unique(places[places >= 0]))
