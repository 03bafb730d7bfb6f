"""Who asks: the person that the guard found, as handlers see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from dashboards.console.scope import EVERYTHING, Scope
from schemas.console import Role


@dataclass(frozen=True, slots=True)
class Person:
    """`name`: for the record; "" where the console does not ask for one. `is_script`: came with a token."""

    name: str
    role: Role
    scope: Scope
    is_script: bool = False


_PERSON: web.RequestKey[Person] = web.RequestKey("person", Person)
_STILL: web.RequestKey[Callable[[], bool]] = web.RequestKey("still")
ANYBODY = Person("", Role.ADMIN, EVERYTHING)
"""Where there is no login."""


def welcome(request: web.Request, person: Person, still: Callable[[], bool]) -> None:
    """Note who asks; `still` says later whether they may go on reading."""
    request[_PERSON], request[_STILL] = person, still


def person_of(request: web.Request) -> Person:
    """Who asks. Raises KeyError on a route that is open to everybody."""
    return request[_PERSON]


def is_still_welcome(request: web.Request) -> bool:
    """Whether the login by which an answer without end began is still there."""
    return request[_STILL]()


def speaker(request: web.Request, said: str) -> str:
    """The name for the record: that of the login, or what was said where there is none."""
    return person_of(request).name or said
