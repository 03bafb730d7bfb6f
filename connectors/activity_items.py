"""Reading bodies that are one activity, or an array of them: typed records, leniently where they are not clean.

The counterpart of `FlatItems` for sources whose events are nested and say what people do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, get_args, get_origin

import msgspec

from connectors.base import Context, ParseResult, Request
from connectors.canonical import add, blank_activities, refuse_body, refuse_item
from connectors.items import Item, Shape, lenient
from connectors.values import decode, sequence
from schemas.errors import FailureCode
from schemas.events import ActivityEvent

Fill = Callable[[ActivityEvent, Shape, Request, Context], None]
"""Completes a blank event from an item; ends with `complete_activity`."""


class ActivityItems(Generic[Shape]):
    """Reads bodies of one shape. `unfold`: the items that an outer one holds, itself if it holds none."""

    def __init__(self, shape: type[Shape], unfold: Callable[[Any], Iterable[Any]] | None = None) -> None:
        self._shape, self._unfold = shape, unfold
        self._strict = msgspec.json.Decoder(shape | list[shape])  # type: ignore[valid-type]  # known at run time
        self._lists = [field.encode_name for field in msgspec.structs.fields(shape) if _is_list(field.type)]

    def parse(self, request: Request, context: Context, provider: str, fill: Fill[Any]) -> ParseResult:
        """An event per item, a failure for everything else."""
        try:
            items = self._read(request.body)
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"the body is no JSON: {error}", request.body)
        if items is None:
            return refuse_body(FailureCode.WRONG_SHAPE, "expected an object, or an array of objects", request.body)
        if self._unfold is not None:
            items = [inner for item in items for inner in (self._unfold(item) if isinstance(item, Item) else (item,))]
        result, new = ParseResult(), blank_activities(context, provider)
        for index, item in enumerate(items):
            if isinstance(item, Item):
                event = new()
                fill(event, item, request, context)
                add(result, event)
            else:
                refuse_item(result, index, item, f"expected an object, found {type(item).__name__}")
        return result

    def _read(self, body: bytes) -> list[Any] | None:
        """Items, and as they are what are none; None for a body that is neither object nor array."""
        try:
            found = self._strict.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found = decode(body)
            if type(found) is dict:
                return [self._lenient(found)]
            if type(found) is not list:
                return None
            return [self._lenient(item) if type(item) is dict else item for item in found]
        return found if type(found) is list else [found]

    def _lenient(self, found: dict[str, Any]) -> Shape:
        """The item; a lone object where several belong counts as one of them."""
        lists = {key: sequence(found[key]) for key in self._lists if found.get(key) is not None}
        return lenient(self._shape, {**found, **lists})


def _is_list(kind: Any) -> bool:
    return any(get_origin(inner) is list for inner in get_args(kind))
