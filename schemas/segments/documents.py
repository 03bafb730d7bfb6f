"""Files with rules, `*.yaml`, `*.yml` and `*.json`, one by one or all of a folder: found, read, and taken apart.

A file holds one thing, a list of them, or a key with a list, beside which may stand `tenant:` for all of the file. What
cannot be read is a finding with its place; the others are read all the same. Bounded: a file's size, their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from schemas.config import DEFAULT_TENANT
from schemas.errors import Misconfigured
from schemas.nearest import hint
from schemas.segments.findings import Finding, error
from schemas.segments.texts import LARGEST_BYTES, Unreadable, read_json, read_yaml

MOST_FILES = 10_000
_READERS: Mapping[str, Callable[[str], Any]] = {".yaml": read_yaml, ".yml": read_yaml, ".json": read_json}


class Kind(NamedTuple):
    """What files hold: `segment`, `segments`, and how one begins."""

    one: str
    several: str
    example: str


def files(paths: Iterable[Path], kind: Kind) -> list[Path]:
    """The files there. Raises Misconfigured for a path that is not there or has no files."""
    found = list(islice(dict.fromkeys(file for path in paths for file in _files_at(path, kind)), MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise Misconfigured(f"more than {MOST_FILES} files; a file may hold a list of {kind.several}")
    return found


def _files_at(path: Path, kind: Kind) -> list[Path]:
    try:
        if path.is_file():
            return [path]
        inside = path.rglob("*") if path.is_dir() else None
        if inside is None:
            said = f"name a file with {kind.several}, or a folder of such files"
            raise Misconfigured(f"{path}: no such file or folder; {said}")
        found = sorted(
            file for file in inside if file.suffix in _READERS and file.is_file() and not _is_hidden(file, path)
        )
    except OSError as wrong:
        raise Misconfigured(f"{path}: cannot be read ({wrong.strerror}); check its permissions") from None
    if not found:
        raise Misconfigured(f"{path}: no file ends in {', '.join(_READERS)}; put one there for each {kind.one}")
    return found


def _is_hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def items(path: Path, kind: Kind) -> Iterator[tuple[str, Any] | Finding]:
    """Place and data of each one in the file, or what is wrong instead."""
    try:
        data = _read(path)
    except Unreadable as wrong:
        yield error("", str(wrong))
        return
    yield from items_in(data, kind, DEFAULT_TENANT)


def pasted_items(given: Any, kind: Kind, tenant: str) -> Iterator[tuple[str, Any] | Finding]:
    """The same of a text (YAML, or JSON), or of plain data; `tenant` has what says nothing of its own."""
    if isinstance(given, str) and len(given) > LARGEST_BYTES:
        yield error("", f"is longer than {LARGEST_BYTES:,} characters; divide it")
        return
    try:
        data = read_yaml(given) if isinstance(given, str) else given
    except Unreadable as wrong:
        yield error("", str(wrong))
        return
    yield from items_in(data, kind, tenant)


def items_in(data: Any, kind: Kind, tenant: str) -> Iterator[tuple[str, Any] | Finding]:
    """The same of what a file held."""
    if isinstance(data, Mapping) and kind.several in data:
        yield from _of_file(data, kind, tenant)
    elif isinstance(data, list):
        yield from _of_list(data, "", tenant, kind)
    elif data is None:
        yield error("", f"is empty; write a {kind.one}: {kind.example}")
    else:
        yield kind.one, _with_tenant(data, tenant)


def _read(path: Path) -> Any:
    """The data that the file holds. Raises Unreadable."""
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise Unreadable(f"is not read by its name; end it in {', '.join(_READERS)}")
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST_BYTES + 1)
    except OSError as wrong:
        raise Unreadable(f"cannot be read ({wrong.strerror}); check its permissions") from None
    if len(found) > LARGEST_BYTES:
        raise Unreadable(f"is larger than {LARGEST_BYTES:,} bytes; divide it into several files")
    try:
        return reader(found.decode("utf-8-sig"))
    except UnicodeDecodeError as wrong:
        raise Unreadable(f"is not UTF-8 (byte {wrong.start + 1}); save it as UTF-8") from None


def _of_file(data: Mapping[str, Any], kind: Kind, tenant: str) -> Iterator[tuple[str, Any] | Finding]:
    known = ("tenant", kind.several)
    for key in data:
        if key not in known:
            yield error(key, f"no such key beside `{kind.several}`; {hint(key, known)}")
    yield from _of_list(data[kind.several], kind.several, data.get("tenant", tenant), kind)


def _of_list(found: Any, place: str, tenant: Any, kind: Kind) -> Iterator[tuple[str, Any] | Finding]:
    if not isinstance(found, list) or not found:
        yield error(place, f"expected a list of {kind.several}, each beginning with `- id:`")
        return
    for index, item in enumerate(found):
        yield f"{place}[{index}]", _with_tenant(item, tenant)


def _with_tenant(item: Any, tenant: Any) -> Any:
    return {"tenant": tenant, **item} if isinstance(item, Mapping) else item


def taken(places: Iterable[tuple[str, str, str]], kind: Kind) -> Iterator[Finding]:
    """What is said of ids that are there twice. `places`: tenant, id and file of each."""
    first: dict[tuple[str, str], str] = {}
    for tenant, id_, file in places:
        key = (tenant, id_)
        if key in first:
            where = "this file" if first[key] == file else first[key]
            said = f"the id is taken by a {kind.one} in {where}; give one of them another"
            yield error(id_, said)._replace(file=file)
        first.setdefault(key, file)
