"""The known name nearest to what somebody wrote, and the models that know keys: for messages that say how to mend."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import Any, get_args

from pydantic import BaseModel

_MOST_NAMED = 20


def nearest(given: str, known: Collection[str], likeness: float = 0.6) -> str:
    """The known name that looks most like the given one, 1 being the same; "" if none is as like as that."""
    word = given.strip().lower().replace(" ", "_").replace("-", "_")
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=likeness)), "")


def hint(given: str, known: Collection[str], title: str = "known", likeness: float = 0.6) -> str:
    """`did you mean ...?`, or what is known where nothing is near."""
    near = nearest(given, known, likeness)
    listed = sorted(known) if isinstance(known, (set, frozenset)) else list(known)
    rest = ", ..." if len(listed) > _MOST_NAMED else ""
    return f"did you mean `{near}`?" if near else f"{title}: {', '.join(listed[:_MOST_NAMED])}{rest}"


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field's type is made of: itself, or inside of a list or an alternative."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)
