"""Where things stand in a request: what signature schemes are declared with (`signatures.py`).

Each part reads its bytes from a request; what is missing reads as empty, nothing raises. As text it names
the place for an error message.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from connectors.base import Request
from connectors.values import decode, form, mapping, multipart, text


@dataclass(frozen=True, slots=True)
class Header:
    """A header's value, without `prefix`; a value that lacks the prefix counts as missing."""

    name: str
    prefix: str = ""

    def read(self, request: Request) -> bytes:
        """The value's bytes, empty if it is missing."""
        value = request.headers.get(self.name, "").strip()
        return value[len(self.prefix) :].encode() if value.startswith(self.prefix) else b""

    def __str__(self) -> str:
        return f"header {self.name}"


@dataclass(frozen=True, slots=True)
class Field:
    """A text inside a JSON body, by its path."""

    path: tuple[str, ...]

    def read(self, request: Request) -> bytes:
        """The text's bytes, empty if the body is no JSON or has no such field."""
        return text(_inside(request, self.path)).encode()

    def __str__(self) -> str:
        return f"field {'.'.join(self.path)}"


@dataclass(frozen=True, slots=True)
class Fields:
    """Several texts of one object inside a JSON body, any of which may be the signature: with the separator " "."""

    path: tuple[str, ...]
    names: tuple[str, ...]

    def read(self, request: Request) -> bytes:
        """Those that are there, a space between."""
        values = mapping(_inside(request, self.path))
        return b" ".join(filter(None, (text(values.get(name)).encode() for name in self.names)))

    def __str__(self) -> str:
        return " or ".join(f"field {'.'.join((*self.path, name))}" for name in self.names)


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form body, by its name."""

    name: str

    def read(self, request: Request) -> bytes:
        """The last value of that name, empty if there is none."""
        values = [value for name, value in form_fields(request) if name == self.name]
        return values[-1].encode() if values else b""

    def __str__(self) -> str:
        return f"form field {self.name}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value of a header that is a list of `name=value`, separated by commas (`t=1767225600,v1=6ffb...`)."""

    header: str
    name: str

    def read(self, request: Request) -> bytes:
        """The first value of that name, empty if there is none."""
        for pair in request.headers.get(self.header, "").split(","):
            name, _, value = pair.strip().partition("=")
            if name == self.name:
                return value.encode()
        return b""

    def __str__(self) -> str:
        return f"{self.name}= in header {self.header}"


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the URL's query string."""

    name: str

    def read(self, request: Request) -> bytes:
        """Its first value, decoded; empty if there is none."""
        query = request.url.partition("#")[0].partition("?")[2]
        for name, value in parse_qsl(query, keep_blank_values=True):
            if name == self.name:
                return value.encode()
        return b""

    def __str__(self) -> str:
        return f"parameter {self.name} of the URL"


@dataclass(frozen=True, slots=True)
class BasicUser:
    """The user of Basic credentials (RFC 7617); write keys are sent so, with no password or any."""

    def read(self, request: Request) -> bytes:
        """The user's name, empty if the request has no such credentials."""
        scheme, _, credentials = request.headers.get("authorization", "").strip().partition(" ")
        try:
            user, colon, _ = base64.b64decode(credentials.strip(), validate=True).partition(b":")
        except ValueError:
            return b""
        return user if scheme.lower() == "basic" and colon else b""

    def __str__(self) -> str:
        return "the user of Basic credentials in header authorization"


@dataclass(frozen=True, slots=True)
class Url:
    """The whole URL as the provider has it (`public_url` and the path)."""

    def read(self, request: Request) -> bytes:
        """Its bytes."""
        return request.url.encode()


@dataclass(frozen=True, slots=True)
class SortedForm:
    """Names and values of a form body (application/x-www-form-urlencoded), sorted by name, nothing between them."""

    def read(self, request: Request) -> bytes:
        """Their bytes, decoded; empty for a body that is no form."""
        return "".join(name + value for name, value in sorted(form(request.body))).encode()


@dataclass(frozen=True, slots=True)
class Body:
    """The raw body."""

    def read(self, request: Request) -> bytes:
        """The bytes as they came."""
        return request.body


@dataclass(frozen=True, slots=True)
class Fixed:
    """Fixed bytes between other parts."""

    value: bytes

    def read(self, request: Request) -> bytes:
        """The bytes themselves."""
        return self.value


Place = Header | Field | Fields | FormField | Parameter | Query | BasicUser
"""Where a signature, a time or a secret may stand."""
Part = Place | Url | SortedForm | Body | Fixed


_LARGEST_BODY = 1 << 20  # bytes; those who put a signature into the body send one event, or 500 kB of them
_read_last: tuple[bytes, Any] = (b"", None)  # a scheme reads several fields of one body, once for each secret


def _inside(request: Request, path: tuple[str, ...]) -> Any:
    """What stands at `path` in a JSON body, None if there is nothing, or if the body is larger than any of these."""
    global _read_last  # noqa: PLW0603 - one body is held, until the next one comes
    if len(request.body) > _LARGEST_BODY:
        return None
    body, value = _read_last
    if body is not request.body:
        try:
            value = decode(request.body)
        except ValueError:
            value = None
        _read_last = (request.body, value)
    for name in path:
        value = mapping(value).get(name)
    return value


def form_fields(request: Request) -> list[tuple[str, str]]:
    """Names and values of a form body, multipart (as its Content-Type says) or urlencoded; none if it is no form."""
    return multipart(request.body, request.headers.get("content-type", "")) or form(request.body)
