"""Which of many phrases occur in a text, without looking for each of them.

Every phrase is filed under the three of its letters in a row that the fewest other phrases have; a text
is walked once, and only the phrases filed under letters that it has are looked for in full.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

_LENGTH = 3


class PhraseIndex:
    """Finds phrases; those of fewer than three characters are looked for one by one."""

    def __init__(self, phrases: Iterable[str]) -> None:
        distinct = sorted(set(phrases))
        long = [phrase for phrase in distinct if len(phrase) >= _LENGTH]
        common = Counter(piece for phrase in long for piece in set(_pieces(phrase)))
        filed: dict[str, list[str]] = defaultdict(list)
        for phrase in long:
            filed[min(_pieces(phrase), key=common.__getitem__)].append(phrase)
        self._filed = {piece: tuple(found) for piece, found in filed.items()}
        self._short = tuple(phrase for phrase in distinct if len(phrase) < _LENGTH)

    def found_in(self, text: str) -> frozenset[str]:
        """The phrases that occur in `text`."""
        filed = self._filed
        likely = [phrase for piece in filed.keys() & _pieces(text) for phrase in filed[piece]]
        return frozenset(phrase for phrase in (*likely, *self._short) if phrase in text)


def _pieces(text: str) -> list[str]:
    return [text[at : at + _LENGTH] for at in range(len(text) - _LENGTH + 1)]
