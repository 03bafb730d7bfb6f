"""What is wrong or odd about segments, as it is said: file, place, and a sentence that says what to do."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """An error keeps the segment from being used; a warning is about what is hardly meant."""

    ERROR = "error"
    WARNING = "warning"


class Finding(NamedTuple):
    """`place`: within the file, as a person would say it, such as `lapsed.all[1].event.within`; "" for all of it."""

    severity: Severity
    place: str
    sentence: str
    file: str = ""

    def __str__(self) -> str:
        where = [part for part in (self.file, f"`{self.place}`" if self.place else "") if part]
        return ": ".join([str(self.severity), *where, self.sentence])


def error(place: str, sentence: str) -> Finding:
    """What can never work as written."""
    return Finding(Severity.ERROR, place, sentence)


def warning(place: str, sentence: str) -> Finding:
    """What works, but is hardly meant."""
    return Finding(Severity.WARNING, place, sentence)
