"""Named queries: one SQL file per question, used by the console, Grafana, the docs and the tests alike.

A file in `queries/` opens with comment lines: the question it answers, its unit, and defaults for parameters
that callers may leave out. Parameters stand in the SQL only as ClickHouse's own `{name:Type}`; the server binds
them, so no text of a caller ever becomes SQL. Conventions: `tenant` '' means every tenant; `from_ms` (inclusive)
and `to_ms` (exclusive) are milliseconds since the Unix epoch.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import Misconfigured

FOLDER = Path(__file__).with_name("queries")
SHARED_DEFAULTS: Mapping[str, int | str] = {"tenant": ""}

_PARAMETER = re.compile(r"\{(\w+):\s*([\w()', ]+)\}")
_UNIT = re.compile(r"-- unit: (.+)")
_DEFAULT = re.compile(r"-- default (\w+): (.+)")
_INTEGERS: Mapping[str, tuple[int, int]] = {
    "UInt32": (0, 2**32 - 1),
    "Int64": (-(2**63), 2**63 - 1),
}
_MAX_TEXT = 200  # longer than any key the pipeline makes, short enough to echo in an error


class UnknownQueryError(LookupError):
    """No query has that name; the text names the nearest known one."""


class BadParameterError(ValueError):
    """A parameter is missing, unknown, or not of its type; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One `{name:type}` of a query; `default` None means that the caller must give it."""

    name: str
    type: str
    default: int | str | None

    def parse(self, text: str) -> int | str:
        """The value a caller wrote, checked against the type. Raises BadParameterError."""
        if self.type == "String":
            if len(text) > _MAX_TEXT:
                raise BadParameterError(f"{self.name}: {len(text)} characters; at most {_MAX_TEXT} are allowed")
            return text
        low, high = _INTEGERS[self.type]
        try:
            number = int(text)
        except ValueError:
            raise BadParameterError(f"{self.name}: expected a whole number, got {text[:40]!r}") from None
        if not low <= number <= high:
            raise BadParameterError(f"{self.name}: {number} is outside {low} to {high}")
        return number


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """One question with its answer in SQL. `unit` is that of its main figure; `sql` has no header comment."""

    name: str
    question: str
    unit: str
    sql: str
    parameters: tuple[Parameter, ...]

    def bind(self, given: Mapping[str, str]) -> dict[str, int | str]:
        """Typed values for every parameter, defaults filled in. Raises BadParameterError."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise BadParameterError(f"{self.name} has no parameter {name[:40]!r}; {_nearest(name, known)}")
        return {parameter.name: _value(self.name, parameter, given) for parameter in self.parameters}


def query(name: str) -> NamedQuery:
    """The query of that name. Raises UnknownQueryError."""
    try:
        return QUERIES[name]
    except KeyError:
        raise UnknownQueryError(f"no query is called {name[:60]!r}; {_nearest(name, QUERIES)}") from None


def parse_query(name: str, text: str) -> NamedQuery:
    """Read one file's text. Raises Misconfigured naming the file and what its header lacks."""
    lines = text.strip().splitlines()
    size = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header, sql = lines[:size], "\n".join(lines[size:]).strip()
    question = header[0].removeprefix("--").strip() if header else ""
    units = [match[1].strip() for line in header if (match := _UNIT.fullmatch(line))]
    if not question.endswith("?") or len(units) != 1 or not sql:
        raise Misconfigured(
            f"dashboards/queries/{name}.sql: must open with `-- a question?` and one `-- unit: ...`, then the SQL"
        )
    defaults = {m[1]: _literal(m[2]) for line in header if (m := _DEFAULT.fullmatch(line))}
    return NamedQuery(name, question, units[0], sql, _parameters(name, sql, {**SHARED_DEFAULTS, **defaults}))


def load_queries(folder: Path = FOLDER) -> dict[str, NamedQuery]:
    """Every `*.sql` of the folder by its stem, in name order. Raises Misconfigured."""
    paths = sorted(folder.glob("*.sql"))
    return {path.stem: parse_query(path.stem, path.read_text(encoding="utf-8")) for path in paths}


def _parameters(name: str, sql: str, defaults: Mapping[str, int | str]) -> tuple[Parameter, ...]:
    found = dict.fromkeys(_PARAMETER.findall(sql))
    if len({parameter for parameter, _ in found}) != len(found):
        raise Misconfigured(f"dashboards/queries/{name}.sql: one parameter stands there with two types")
    for parameter, kind in found:
        if kind != "String" and kind not in _INTEGERS:
            raise Misconfigured(
                f"dashboards/queries/{name}.sql: {parameter} has the type {kind}; use String or an integer"
            )
    return tuple(Parameter(parameter, kind, defaults.get(parameter)) for parameter, kind in found)


def _value(query_name: str, parameter: Parameter, given: Mapping[str, str]) -> int | str:
    if parameter.name in given:
        return parameter.parse(given[parameter.name])
    if parameter.default is None:
        raise BadParameterError(f"{query_name} needs the parameter {parameter.name} ({parameter.type})")
    return parameter.default


def _literal(text: str) -> int | str:
    text = text.strip()
    return text[1:-1] if text.startswith("'") else int(text)


def _nearest(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known)) or 'none'}"


QUERIES: Mapping[str, NamedQuery] = load_queries()
PRIVATE: Mapping[str, NamedQuery] = load_queries(FOLDER / "private")
"""Answers about one recipient, or with addresses: nobody asks these by name, only a handler that sees who asks does."""
