"""Phrases are found exactly where looking for each of them finds them."""

from __future__ import annotations

import random

from connectors.phrases import PhraseIndex


def test_it_finds_what_a_plain_search_finds() -> None:
    draw = random.Random(5)
    phrases = {"".join(draw.choices("abc ", k=draw.randint(1, 6))) for _ in range(300)}
    index = PhraseIndex(phrases)
    for length in (0, 1, 2, 3, 20, 80):
        text = "".join(draw.choices("abcd ", k=length))
        assert index.found_in(text) == {phrase for phrase in phrases if phrase in text}


def test_phrases_of_two_characters_are_found_too() -> None:
    assert PhraseIndex(["停用", "user unknown"]).found_in("550 该邮箱已停用") == {"停用"}


def test_without_phrases_nothing_is_found() -> None:
    assert PhraseIndex([]).found_in("550 user unknown") == frozenset()
