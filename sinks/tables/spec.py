"""What a table is: which topic's records it holds. Columns and engine are in `sinks/migrations/`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.errors import Misconfigured
from schemas.topics import Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """One table filled from one topic: column names are the field names of `record`, nothing is converted.

    Of rows that agree in the columns `key` the one with the highest `version` counts. `time`: the column, in
    ms, that tells where in the table a row is ("" without one).
    """

    table: str
    topic: Topic
    record: type
    key: tuple[str, ...]
    version: str
    note: str
    time: str = ""


def registry(*specs: TableSpec) -> tuple[TableSpec, ...]:
    """The specs as given. Raises Misconfigured when a table or a topic is listed twice."""
    for kind, names in (("table", [s.table for s in specs]), ("topic", [s.topic.name for s in specs])):
        twice = _first_repeated(names)
        if twice:
            raise Misconfigured(f"sinks/tables/__init__.py: the {kind} {twice} is listed twice; remove one")
    return specs


def _first_repeated(names: Sequence[str]) -> str:
    return next((name for index, name in enumerate(names) if name in names[:index]), "")
