"""Damaged webhook bodies, made from the contract suite's fixtures: what a stranger, a bug or a bad line may send.

Half of the damage is done to what a body means (a field gone, doubled, of another type, huge, nested), half to its
bytes. Everything follows from the seed.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from tests.contract.cases import CASES, Case
from tests.contract.damage import JUNK, at, paths

_MOST_BYTES = 200_000  # of a damaged body: large ones are for the growth check
_STRANGE: tuple[Any, ...] = (
    *JUNK, "\x00", "'; DROP TABLE", "a" * 5_000, "1e999", -(2**63), 2**63, 1e-300, "2026-13-45T99:99:99Z", "<>", "@",
    "=?utf-8?q?=ff?=", "\u202e", "\U0001f600" * 50, {"": ""}, [{}] * 50, [[]], "[" * 50,
    base64.b64encode(b"x").decode(), gzip.compress(b"{}", mtime=0).hex(), "0x10", "NaN", "null", float(2**80),
)  # fmt: skip
_BYTES = (
    b"\x00",
    b"\xff",
    b"\xc0\x80",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\r\n\r\n",
    b"%",
    b"&",
)


class Damaged(NamedTuple):
    """A body and the fixture it was made of."""

    case: Case
    body: bytes


def damaged(seed: int, cases: list[Case] = CASES) -> Iterator[Damaged]:
    """Damaged bodies without end, one case after the other."""
    random = Random(seed)
    while True:
        for case in cases:
            body = case.body
            for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
                body = random.choice(_WAYS)(random, case, body)[:_MOST_BYTES]
            yield Damaged(case, body)


def _meaning(random: Random, case: Case, body: bytes) -> bytes:
    if case.suffix == ".form":
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        if not fields:
            return body
        number = random.randrange(len(fields))
        name, value = fields[number]
        fields[number] = (name, _json(random, value.encode()).decode("utf-8", "replace"))
        return urlencode(fields).encode()
    return _json(random, body)


def _json(random: Random, body: bytes) -> bytes:
    try:
        value = json.loads(body)
        places = list(paths(value))
    except (ValueError, RecursionError):
        return _bytes(random, body)
    if not places:
        return json.dumps(random.choice(_STRANGE)).encode()
    value, path = deepcopy(value), random.choice(places)
    parent, last = at(value, path[:-1]), path[-1]
    way = random.randrange(5)
    if way == 0:
        del parent[last]
    elif way == 1 and isinstance(parent, dict):
        parent[random.choice(["", "x", "event", "type", "id", "\ud800", "a" * 300])] = parent.pop(last)
    elif way == 2 and isinstance(parent, list):
        parent.extend(deepcopy(parent[:3]) * random.randrange(1, 20))
    elif way == 3 and isinstance(parent[last], str) and parent[last][:1] in {"{", "["}:
        parent[last] = _json(random, parent[last].encode()).decode("utf-8", "replace")  # JSON within JSON
    else:
        parent[last] = deepcopy(random.choice(_STRANGE))
    return json.dumps(value).encode()


def _bytes(random: Random, body: bytes, _case: Case | None = None) -> bytes:
    begin = random.randrange(len(body) + 1)
    size = random.choice((0, 1, 1, 4, 40, 400))
    middle = random.choice((
        b"", random.choice(_BYTES), random.randbytes(size), body[begin : begin + size] * 2, body[: size * 4],
    ))  # fmt: skip
    return body[:begin] + middle + body[begin + size :]


def _cut(random: Random, _case: Case, body: bytes) -> bytes:
    return body[: random.randrange(len(body) + 1)]


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)  # or the seed would not say everything


def _packed(random: Random, _case: Case, body: bytes) -> bytes:
    return random.choice((_gzip, base64.b64encode, lambda text: b"\xef\xbb\xbf" + text))(body)


def _spliced(random: Random, _case: Case, body: bytes) -> bytes:
    other = random.choice(CASES).body
    return body[: random.randrange(len(body) + 1)] + other[random.randrange(len(other) + 1) :]


_Way = Callable[[Random, Case, bytes], bytes]
_WAYS: tuple[_Way, ...] = (
    _meaning, _meaning, _meaning, _meaning, _meaning, _meaning, lambda random, _, body: _bytes(random, body),
    lambda random, _, body: _bytes(random, body), _cut, _packed, _spliced,
)  # fmt: skip
