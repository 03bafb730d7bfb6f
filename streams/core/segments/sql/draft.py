"""A query while it is written: its parameters, and what is computed of each recipient.

Values of a rule get into a query as parameters only (`{p0:String}`), whatever they contain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.segments.rules import Rule

NOW = "instant"  # which every query begins with
_KINDS = ((bool, "Bool"), (int, "Int64"), (float, "Float64"), (str, "String"))


class Draft:
    """Collects parameters and columns; the same value or column twice is one."""

    def __init__(self, segments: Mapping[str, Rule]) -> None:
        self.segments = segments
        self.parameters: dict[str, Any] = {}
        self.columns: dict[str, str] = {}
        self.properties: set[str] = set()  # keys that are read of the facts' properties
        self._placeholders: dict[tuple[str, Any], str] = {}

    def value(self, value: str | float) -> str:
        """A placeholder for a text or a number."""
        return self._placeholder(next(kind for type_, kind in _KINDS if isinstance(value, type_)), value)

    def number(self, value: float) -> str:
        """A placeholder for a number as a double."""
        return self._placeholder("Float64", float(value))

    def texts(self, values: Sequence[str]) -> str:
        """A placeholder for a list of texts."""
        return self._placeholder("Array(String)", tuple(values))

    def numbers(self, values: Sequence[float]) -> str:
        """A placeholder for a list of doubles."""
        return self._placeholder("Array(Float64)", tuple(float(value) for value in values))

    def column(self, aggregate: str) -> str:
        """The name of a column with that aggregate over a recipient's facts."""
        return self.columns.setdefault(aggregate, f"c{len(self.columns)}")

    def _placeholder(self, kind: str, value: Any) -> str:
        key = (kind, value)
        if key not in self._placeholders:
            name = f"p{len(self.parameters)}"
            self.parameters[name] = list(value) if isinstance(value, tuple) else value
            self._placeholders[key] = f"{{{name}:{kind}}}"
        return self._placeholders[key]
