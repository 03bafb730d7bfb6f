"""What a URL's parameters say, checked one by one."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.queries import BadParameterError

_MOST_TEXT = 200
_FOREVER_MS = 4_102_444_800_000  # the year 2100: where pages begin that have nothing before them


def only(given: Mapping[str, str], *known: str) -> None:
    """Raises BadParameterError for a parameter that is none of these."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise BadParameterError(f"no parameter {unknown[0][:40]!r} here; known: {', '.join(known)}")


def text(given: Mapping[str, str], name: str) -> str:
    """The text, "" where it is not given. Raises BadParameterError."""
    found = given.get(name, "")
    if len(found) > _MOST_TEXT:
        raise BadParameterError(f"{name}: {len(found)} characters; at most {_MOST_TEXT} are allowed")
    return found


def number(given: Mapping[str, str], name: str, otherwise: int, most: int) -> int:
    """A whole number from 1 on. Raises BadParameterError."""
    found = given.get(name, str(otherwise))
    if not (found.isascii() and found.isdecimal() and 1 <= int(found[:9]) <= most):
        raise BadParameterError(f"{name}: expected 1 to {most}, got {found[:40]!r}")
    return int(found)


def word(given: Mapping[str, str], name: str, words: Mapping[str, object]) -> str:
    """One of these words, the first where it is not given. Raises BadParameterError."""
    found = given.get(name, next(iter(words)))
    if found not in words:
        raise BadParameterError(f"{name}: {found[:40]!r} is none of {', '.join(words)}")
    return found


def place(after: str) -> tuple[int, str]:
    """Where a page begins that `after` asks for, as `next` said: a time (ms) and an id. Raises BadParameterError."""
    at, _, id_ = (after or f"{_FOREVER_MS}-").partition("-")
    if not (at.isascii() and at.isdecimal() and int(at[:20]) <= _FOREVER_MS and len(id_) <= _MOST_TEXT):
        raise BadParameterError("after: give back what `next` of the page before said")
    return int(at), id_
