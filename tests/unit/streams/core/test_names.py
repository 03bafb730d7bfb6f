"""Names find their places: the same answers as a dictionary's, whatever is made, dropped and made again."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from streams.core.names import Names
from streams.core.rows import Rows

TEXTS = st.lists(st.binary(max_size=3), max_size=40)


class AsADictionary(RuleBasedStateMachine):
    """Names beside a dictionary of their places."""

    def __init__(self) -> None:
        super().__init__()
        self.names = Names()
        self.places: dict[tuple[int, bytes], int] = {}

    @rule(texts=TEXTS, number=st.integers(-2, 2))
    def make(self, texts: list[bytes], number: int) -> None:
        for text, place in zip(texts, self.names.find(texts, number, is_making=True).tolist(), strict=True):
            if (number, text) in self.places:
                assert place == self.places[number, text]
            else:
                assert -2 - place not in self.places.values(), "a place has one name"
                self.places[number, text] = -2 - place

    @rule(texts=TEXTS, number=st.integers(-2, 2))
    def look(self, texts: list[bytes], number: int) -> None:
        found = self.names.find(texts, number, is_making=False).tolist()
        assert found == [self.places.get((number, text), -1) for text in texts]

    @rule(texts=TEXTS, number=st.integers(-2, 2))
    def drop(self, texts: list[bytes], number: int) -> None:
        places = [self.places.pop((number, text)) for text in set(texts) if (number, text) in self.places]
        self.names.drop(np.array(places, np.int64))

    @rule(count=st.integers(1, 3_000))
    def make_many(self, count: int) -> None:
        self.make([b"%d" % at for at in range(count)], 7)

    @rule(step=st.integers(1, 3))
    def drop_many(self, step: int) -> None:
        self.drop([b"%d" % at for at in range(0, 3_000, step)], 7)

    @invariant()
    def knows_what_is_held(self) -> None:
        assert len(self.names) == len(self.places)
        held = sorted(self.places.items(), key=lambda item: item[1])
        assert self.names.used().tolist() == [place for _, place in held]
        assert self.names.texts(self.names.used()) == [text for (_, text), _ in held]


TestAsADictionary = AsADictionary.TestCase
TestAsADictionary.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)


def test_texts_of_dropped_names_do_not_pile_up() -> None:
    names = Names()
    for at in range(2_000):
        place = -2 - names.find([b"%0100d" % at], is_making=True)
        assert names.texts(place) == [b"%0100d" % at]
        names.drop(place)
    assert len(names.arrays.arena) < 10_000
    assert names.room == 1_024


def test_rows_of_dropped_names_are_all_zeros_when_they_are_used_again() -> None:
    rows = Rows(2, 3)
    places, made = rows.find([b"a", b"b", b"a"])
    assert made.tolist() == [0, 1]
    rows.counts[places], rows.numbers[places] = 5, 7
    rows.drop_named([b"a", b"nobody", b"a"])
    assert (rows.place(b"a"), rows.place(b"b"), len(rows)) == (-1, places[1], 1)
    again, made = rows.find([b"c"])
    assert (again.tolist(), made.tolist()) == ([places[0]], [0])
    assert not rows.counts[again].any()
    assert not rows.numbers[again].any()
