"""Reading items of a declared shape: typed records straight from JSON where they are clean, leniently where not.

A provider's module declares the fields it reads as an `Item` (msgspec struct): `str` fields hold clean
texts, fields of another `Item` (or None) hold one, `list[Item] | None` fields hold several, and what is none
among them as it was sent; `Any` fields hold whatever was sent and go through `connectors.values`, `Raw` fields
hold its JSON. Decoding straight into such a record costs half of decoding into a dictionary, and reading its
attributes a fifth of reading keys. A body that does not fit (a number where a text belongs, an object among the
events that is none) is decoded once more into plain values and each item is made from those, so nothing is lost
and nothing raises; a property test holds the two ways equal.

`ItemReader` is for one item a request, `ItemLists` for many. `FlatItems` is for providers that merge the sender's own
keys into every event. Which keys those are is learned per source from the bodies themselves, so that they too are
decoded by the fast way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from operator import attrgetter
from typing import Any, Generic, TypeVar, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

from connectors.base import Context, ParseResult, Request
from connectors.canonical import blanks, refuse_body, refuse_item
from connectors.machine import label_bursts
from connectors.values import decode, encode, json_object, mapping, text
from schemas.errors import FailureCode
from schemas.events import EmailEvent
from schemas.memo import Memo

_MOST_OWNERS = 256  # sources whose keys are remembered, each some 20 kB of decoder
_MOST_KEYS = 64  # learned keys of one source; one that sends more is read the lenient way
_REMEMBERED = 4096  # combinations of the sender's own values
_LONGEST = 512  # characters of one that is worth remembering


class Item(msgspec.Struct, gc=False):
    """Base of declared shapes. Every field needs a default: what a missing key means."""


Shape = TypeVar("Shape", bound=Item)


def lenient(shape: type[Shape], value: Any) -> Shape:
    """The item that the decoded JSON `value` is, as far as it is one; never raises."""
    found = mapping(value)
    fields = {name: clean(found[key]) for name, key, clean in _cleaners[shape] if key in found}
    return shape(**fields)


def _cleaners_of(shape: type[Item]) -> tuple[tuple[str, str, Callable[[Any], Any]], ...]:
    return tuple((f.name, f.encode_name, _cleaner(f.type)) for f in msgspec.structs.fields(shape))


_LEAVES: dict[Any, Callable[[Any], Any]] = {str: text, msgspec.Raw: lambda value: msgspec.Raw(encode(value))}


def _cleaner(kind: Any) -> Callable[[Any], Any]:
    if leaf := _LEAVES.get(kind):
        return leaf
    if isinstance(kind, type) and issubclass(kind, Item):
        return lambda value: lenient(kind, value)
    if get_origin(kind) is dict:
        shape = get_args(kind)[1]
        return lambda value: {key: lenient(shape, item) for key, item in mapping(value).items() if type(item) is dict}
    for inner in get_args(kind):
        if isinstance(inner, type) and issubclass(inner, Item):
            return _one(inner)
        if get_origin(inner) is list:
            return _several(get_args(inner)[0])
    return lambda value: value


def _one(shape: type[Item]) -> Callable[[Any], Any]:
    return lambda value: lenient(shape, value) if type(value) is dict else None


def _several(shape: type[Item]) -> Callable[[Any], Any]:
    """What is no object stays as it is among the items; what is no list at all is None."""

    def clean(value: Any) -> Any:
        if type(value) is not list:
            return None
        return [lenient(shape, item) if type(item) is dict else item for item in value]

    return clean


_cleaners: Memo[type[Item], tuple[tuple[str, str, Callable[[Any], Any]], ...]] = Memo(_cleaners_of, 1024)


class ItemReader(Generic[Shape]):
    """Reads bodies that are one item each; keys that are not declared are passed over."""

    def __init__(self, shape: type[Shape]) -> None:
        self._shape, self._strict = shape, msgspec.json.Decoder(shape)

    def read(self, body: bytes) -> Shape:
        """The body's item. Raises ValueError when it is no JSON."""
        try:
            return self._strict.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return lenient(self._shape, decode(body))


class ItemLists(Generic[Shape]):
    """Reads bodies that are an array of items, or an object with one under `key`; a lone item counts as an array."""

    def __init__(self, shape: type[Shape], key: str = "") -> None:
        self._shape, self._key = shape, key
        items = list[shape]  # type: ignore[valid-type]  # made at run time
        body = msgspec.defstruct("Body", [("items", items, msgspec.field(name=key))], gc=False) if key else items
        self._strict, self._lone = msgspec.json.Decoder(body), msgspec.json.Decoder(shape)

    def parse(self, request: Request, take: Callable[[ParseResult, Shape], None]) -> ParseResult:
        """Hands each item to `take`, which adds what it becomes to the result; a failure for what is none."""
        items, result = self.read(request.body)
        for item in items:
            take(result, item)
        return result

    def read(self, body: bytes, original: bytes = b"") -> tuple[list[Shape], ParseResult]:
        """The items, and a result that holds a failure for everything that is none.

        `original`: what the failure of a whole body keeps, if that is more than `body`.
        """
        try:
            if not self._key and body.startswith(b"{"):
                return [self._lone.decode(body)], ParseResult()
            found: Any = self._strict.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._leniently(body, original or body)
        return list(found.items if self._key else found), ParseResult()

    def _leniently(self, body: bytes, original: bytes) -> tuple[list[Shape], ParseResult]:
        found = _array(body, original, self._key)
        if isinstance(found, ParseResult):
            return [], found
        items, result = [], ParseResult()
        for index, value in enumerate(found):
            if type(value) is dict:
                items.append(lenient(self._shape, value))
            else:
                refuse_item(result, index, value, f"expected an event object, found {type(value).__name__}")
        return items, result


def _array(body: bytes, original: bytes, key: str = "") -> list[Any] | ParseResult:
    """The array that the body is, or holds under `key`; without a key a lone object is an array of one.

    Else its refusal, which keeps `original`.
    """
    try:
        found = decode(body)
    except ValueError as error:
        return refuse_body(FailureCode.NOT_JSON, f"the body is no JSON: {error}", original)
    if type(found) is dict:
        found = found.get(key) if key else [found]
    if type(found) is list:
        return found
    where = f" under `{key}`" if key else f", found {type(found).__name__}"
    return refuse_body(FailureCode.WRONG_SHAPE, f"expected an array of events{where}", original)


class FlatItems(Generic[Shape]):
    """Reads arrays of flat objects; a lone object counts as an array of one.

    `known`: the provider's own keys. All others are the sender's metadata, also those that `shape` declares.
    """

    def __init__(self, shape: type[Shape], known: frozenset[str]) -> None:
        self._shape = shape
        self._known = known
        self._layouts: Memo[Hashable, _Layout[Shape]] = Memo(lambda _: _Layout(shape, known), _MOST_OWNERS)

    def parse(
        self, request: Request, context: Context, provider: str, fill: Callable[[EmailEvent, Shape, Context], None]
    ) -> ParseResult:
        """One event per object of the array, a failure for everything else in it.

        `fill` completes a blank event from an item; its `metadata` is filled in already.
        """
        layout = self._layouts[context.tenant, context.source]
        items = layout.read(request.body)
        if items is None:
            found = _array(request.body, request.body)
            if isinstance(found, ParseResult):
                return found
            layout.learn(item for item in found if type(item) is dict)
            items = [self._item(item) for item in found]
        result = ParseResult()
        events, new = result.events, blanks(context, provider)
        for index, (item, metadata) in enumerate(items):
            if isinstance(item, self._shape):
                event = new()
                event.metadata = metadata
                event.raw_index = len(events)
                fill(event, item, context)
                events.append(event)
            else:
                refuse_item(result, index, item, f"expected an event object, found {type(item).__name__}")
        label_bursts(events)
        return result

    def _item(self, value: Any) -> tuple[Any, str]:
        if type(value) is not dict:
            return value, ""
        own = {key: value[key] for key in sorted(value) if key not in self._known}
        return lenient(self._shape, value), json_object(own)


class _Layout(Generic[Shape]):
    """What the fast way knows of one source: the keys its bodies have had, and which of them hold other than text."""

    def __init__(self, shape: type[Shape], known: frozenset[str]) -> None:
        self._shape, self._known = shape, known
        self._declared = {f.encode_name: f for f in msgspec.structs.fields(shape)}
        self._names = {key: field.name for key, field in self._declared.items()}
        self._types: dict[str, Any] = {key: str | UnsetType for key in self._declared if key not in known}
        self._is_wide = False
        self._build()

    def read(self, body: bytes) -> list[tuple[Any, str]] | None:
        """Items with their metadata; None when the body does not fit, and the lenient way must say why."""
        if self._is_wide:
            return None
        try:
            items = self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return list(zip(items, map(self._metadata, map(self._own, items)), strict=True))

    def learn(self, items: Iterable[dict[str, Any]]) -> None:
        """Take note of the keys of items that did not fit."""
        types = dict(self._types)
        for item in items:
            for key, value in item.items():
                if not _is_learnable(key) or (key in self._known and key in self._declared):
                    continue
                if key in self._known or type(value) is not str:
                    types[key] = Any
                else:
                    types.setdefault(key, str | UnsetType)
        self._is_wide = self._is_wide or len(types) > _MOST_KEYS
        if types != self._types and not self._is_wide:
            self._types = types
            self._build()

    def _build(self) -> None:
        """The decoder for the keys seen so far; the sender's own in order, as they stand in the metadata."""
        keys = sorted(self._types)
        for key in keys:
            self._names.setdefault(key, f"own_{len(self._names)}")
        fields = [(self._names[key], self._types[key], msgspec.field(default=UNSET, name=key)) for key in keys]
        layout = msgspec.defstruct(
            self._shape.__name__, fields, bases=(self._shape,), forbid_unknown_fields=True, gc=False
        )
        self._decoder = msgspec.json.Decoder(list[layout])  # type: ignore[valid-type]  # made at run time
        own = [key for key in keys if key not in self._known]
        self._own = _values_of([self._names[key] for key in own])
        self._metadata = _texts_of(own, is_text=all(self._types[key] is not Any for key in own))


def _is_learnable(key: str) -> bool:
    """A struct's key cannot hold what JSON must escape; items with such a key are always read the lenient way."""
    return key.isprintable() and '"' not in key and "\\" not in key


def _values_of(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda item: tuple(getattr(item, name) for name in names)


def _texts_of(keys: list[str], *, is_text: bool) -> Callable[[tuple[Any, ...]], str]:
    """From the values of the sender's own `keys` to the metadata; remembered where all are texts (1 equals True)."""

    def text_of(values: tuple[Any, ...]) -> str:
        return json_object({key: value for key, value in zip(keys, values, strict=True) if value is not UNSET})

    if not is_text:
        return text_of
    return Memo(text_of, _REMEMBERED, lambda _values, metadata: len(metadata) <= _LONGEST).__getitem__
