"""From a body to its events where each item is one: a body that is one item, and the items of a list.

What is no item becomes a failure that says what was expected, in the same words for every provider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic

from connectors.base import Context, ParseResult, Request
from connectors.canonical import add, blanks, refuse_body, refuse_item
from connectors.items import ItemReader, Shape
from schemas.errors import FailureCode
from schemas.events import EmailEvent


class LoneItems(Generic[Shape]):
    """Reads bodies of one shape. `is_whole`: whether an item has what every event has; `needed` says what that is."""

    def __init__(self, shape: type[Shape], is_whole: Callable[[Shape], Any], needed: str) -> None:
        self._read, self._is_whole, self._needed = ItemReader(shape).read, is_whole, needed

    def read(self, body: bytes) -> Shape | ParseResult:
        """The body's item, else the whole body as a failure."""
        try:
            item = self._read(body)
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"the body is no JSON: {error}", body)
        if self._is_whole(item):
            return item
        return refuse_body(FailureCode.WRONG_SHAPE, f"expected an object with {self._needed}", body)

    def parse(
        self, request: Request, context: Context, provider: str, fill: Callable[[EmailEvent, Shape, Context], None]
    ) -> ParseResult:
        """The item's event. `fill` completes a blank one from the item."""
        item = self.read(request.body)
        if isinstance(item, ParseResult):
            return item
        event = blanks(context, provider)()
        fill(event, item, context)
        return ParseResult(events=[event])


def add_each(
    result: ParseResult,
    items: Iterable[Any],
    shape: type[Shape],
    context: Context,
    provider: str,
    fill: Callable[[EmailEvent, Shape, Context], None],
) -> ParseResult:
    """`result` with an event for each of `items` of that shape, completed by `fill`, and a failure for all others."""
    new = blanks(context, provider)
    for index, item in enumerate(items):
        if isinstance(item, shape):
            event = new()
            fill(event, item, context)
            add(result, event)
        else:
            refuse_item(result, index, item, f"expected an event object, found {type(item).__name__}")
    return result
