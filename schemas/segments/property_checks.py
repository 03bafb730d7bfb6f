"""Names and values that no event has: mail events, their properties, ids that are texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from schemas.events import BounceReason, BounceScope, Permanence
from schemas.nearest import hint, nearest
from schemas.segments.conditions import Condition
from schemas.segments.findings import Finding, warning
from schemas.segments.leaves import Engagement
from schemas.segments.names import MAIL_EVENTS, MAIL_PREFIX, MAIL_PROPERTIES, METADATA
from schemas.segments.places import under

_MAIL_PATHS = (*MAIL_PROPERTIES, METADATA)
_VALUES: Mapping[str, tuple[str, ...]] = {
    "bounce_reason": tuple(BounceReason),
    "bounce_scope": tuple(BounceScope),
    "bounce_permanence": tuple(Permanence),
}
_TEXT_IDS = ("sku", "order_number", "coupon", "currency")
_OF_EVENTS = ("within", "between", "since", "unless")


def named(model: BaseModel, place: str) -> Iterator[Finding]:
    """Findings about the names of events in a model, and the properties that are asked of them."""
    names = tuple(model.weights) if isinstance(model, Engagement) else getattr(model, "name", ())
    names_place = under(place, "weights" if isinstance(model, Engagement) else "name")
    for name in names:
        if name.startswith(MAIL_PREFIX) and name not in MAIL_EVENTS:
            yield warning(names_place, f"no mail event is named {name!r}; {hint(name, MAIL_EVENTS)}")
    where: Mapping[str, Condition] = getattr(model, "where", {})
    is_mail = bool(names) and all(name in MAIL_EVENTS for name in names)
    for path, condition in where.items():
        yield from _asked(path, condition, under(under(place, "where"), path), is_mail=is_mail)
    if is_mail and (of := getattr(model, "of", "")) and of.partition(".")[0] not in _MAIL_PATHS:
        yield warning(under(place, "of"), _unknown_property(of))


def _asked(path: str, condition: Condition, place: str, *, is_mail: bool) -> Iterator[Finding]:
    if path in _OF_EVENTS:
        yield warning(
            place, f"asks for a property named {path}; if the event's `{path}` is meant, move it out of `where`"
        )
    elif is_mail and path.partition(".")[0] not in _MAIL_PATHS:
        yield warning(place, _unknown_property(path))
    values = _values(condition)
    if is_mail and path in _VALUES and (wrong := next((v for v in values if v not in _VALUES[path]), None)) is not None:
        yield warning(place, f"{wrong!r} is no {path}; {hint(str(wrong), _VALUES[path])}")
    last = path.rpartition(".")[2]
    is_id = last in _TEXT_IDS or last.endswith("_id")
    if is_id and (number := next((v for v in values if isinstance(v, (int, float))), None)) is not None:
        yield warning(place, f'{last} is a text in events, which no number equals; write "{number}" in quotes')


def _unknown_property(path: str) -> str:
    near = nearest(path, _MAIL_PATHS)
    said = (
        f"did you mean `{near}`?"
        if near
        else f"known: {', '.join(_MAIL_PATHS)}; what senders put on a mail is under metadata."
    )
    return f"mail events have no property {path!r}; {said}"


def _values(condition: Condition) -> list[Any]:
    """The values that a condition names."""
    single = [value for value in (condition.eq, condition.ne) if value is not None]
    return [*single, *(condition.in_ or ()), *(condition.not_in or ())]
