"""Damaged bodies: every single field of a request missing or of another type; bytes cut, doubled and swapped.

What a body is, its suffix says: `.json` bodies are damaged field by field, `.form` bodies field by field and within the
JSON that a field holds, all others byte by byte.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.contract.cases import Case

JUNK: tuple[Any, ...] = (None, 5, -1, 1e300, True, "", "x", "\ud800", 2**70, [], {}, [[{"a": [None]}]], {"a": {"b": 1}})


def mutations(value: Any) -> Iterator[Any]:
    """The JSON value with every single field deleted, and every single field replaced by each junk value."""
    for path in list(paths(value)):
        parent, last = path[:-1], path[-1]
        changed = copy.deepcopy(value)
        del at(changed, parent)[last]
        yield changed
        for junk in JUNK:
            changed = copy.deepcopy(value)
            at(changed, parent)[last] = junk
            yield changed


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*here, key)
        yield from paths(inner, (*here, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def mutated_bodies(case: Case) -> Iterator[bytes]:
    """Mutations of the body, and of the JSON text that it carries inside."""
    if case.suffix == ".json" and "lines" not in case.name:
        whole = json.loads(case.body)
        for changed in mutations(whole):
            yield json.dumps(changed).encode()
        if isinstance(whole, dict) and str(whole.get("Message", "")).startswith("{"):
            for changed in mutations(json.loads(whole["Message"])):
                yield json.dumps({**whole, "Message": json.dumps(changed)}).encode()
    elif case.suffix == ".form":
        fields_of = parse_qsl(case.body.decode(), keep_blank_values=True)
        for at_, (name, value) in enumerate(fields_of):
            others = fields_of[:at_] + fields_of[at_ + 1 :]
            yield urlencode(others).encode()
            texts = ["", "x", "[", "{}", "null", "5"]
            if value[:1] in {"[", "{"}:
                texts += [json.dumps(changed) for changed in mutations(json.loads(value))]
            for text in texts:
                yield urlencode([*others, (name, text)]).encode()
    else:
        yield from damaged(case.body)


def damaged(body: bytes) -> Iterator[bytes]:
    """Bytes cut, doubled, replaced and swapped at many places; each line missing, each line twice."""
    random = Random(len(body))
    for _ in range(80):
        at_, size = random.randrange(len(body) + 1), random.randrange(40)
        yield body[:at_]
        yield body[:at_] + body[at_ + size :]
        yield body[:at_] + body[at_ : at_ + size] * 2 + body[at_ + size :]
        yield body[:at_] + random.choice([b"\x00", b"\xff", b"\n", b",", b'"', b"<", b"\r\n\r\n"]) + body[at_ + 1 :]
    lines = body.splitlines(keepends=True)
    for number in range(min(len(lines), 200)):
        yield b"".join(lines[:number] + lines[number + 1 :])
        yield b"".join(lines[: number + 1] + lines[number:])
