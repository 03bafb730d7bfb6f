"""Records that MTAs post: one JSON object, an array of them, or one object per line (NDJSON).

What cannot be read becomes a failure beside the records that can: a line that is no JSON, an item that is
no object, or the whole body when nothing in it is readable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic

import msgspec

from connectors.base import Failure, ParseResult
from connectors.canonical import refuse_item
from connectors.items import Shape, lenient
from connectors.values import decode
from schemas.errors import FailureCode


class Records(Generic[Shape]):
    """Reads them as items of a declared shape (`connectors.items`). `what` names one in the reasons of failures."""

    def __init__(self, shape: type[Shape], what: str) -> None:
        self._shape, self._what = shape, what
        self._one = msgspec.json.Decoder(shape)
        self._several = msgspec.json.Decoder(list[shape])  # type: ignore[valid-type]  # made at run time

    def read(self, body: bytes, result: ParseResult) -> list[Shape]:
        """The records; failures go into `result`."""
        try:
            if body.startswith(b"{"):
                return [self._one.decode(line) for line in body.splitlines() if line.strip()]
            return list(self._several.decode(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return [lenient(self._shape, record) for _, record in json_records(body, result, self._what)]


def json_records(body: bytes, result: ParseResult, what: str = "record") -> Iterator[tuple[int, dict[str, Any]]]:
    """Each record with its place in the body; failures go into `result`. `what` names one in their reasons."""
    try:
        found = decode(body)
    except ValueError as error:
        items = _lines(body, result)
        if not items:
            reason = f"the body is no JSON: {error}"
            result.failures[:] = [Failure(code=FailureCode.NOT_JSON, reason=reason, item=body)]
    else:
        if type(found) is not list and type(found) is not dict:
            reason = f"expected a {what} or a list of them, found {type(found).__name__}"
            result.failures.append(Failure(code=FailureCode.WRONG_SHAPE, reason=reason, item=body))
            return
        items = list(enumerate(found if type(found) is list else [found]))
    for index, item in items:
        if type(item) is dict:
            yield index, item
        else:
            refuse_item(result, index, item, f"expected a {what}, found {type(item).__name__}")


def _lines(body: bytes, result: ParseResult) -> list[tuple[int, Any]]:
    """The readable lines with their numbers among those that are not blank."""
    items: list[tuple[int, Any]] = []
    for index, line in enumerate(line for line in body.splitlines() if line.strip()):
        try:
            items.append((index, decode(line)))
        except ValueError as wrong:
            refuse_item(result, index, line.decode("utf-8", "replace"), f"line {index + 1} is no JSON: {wrong}")
    return items
