"""YAML and JSON as people write rules, read strictly into plain data.

YAML is read as version 1.2 has it: only `true` and `false` are truth values (`NO` is a country), dates and times stay
texts. What would silently become something else is refused with its line: a key that is there twice, numbers with a
leading zero, aliases, tags. Bounded: the text's size, the depth of nesting.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import yaml

from schemas.errors import Misconfigured

LARGEST_BYTES = 1_000_000
MOST_DEPTH = 60  # of lists and objects in each other; a rule of any use needs twenty
MOST_DIGITS = 18  # of a whole number
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LEADING_ZERO = re.compile(r"[-+]?0\d+")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "True": True, "false": False, "False": False}
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(rf"[-+]?\d{{1,{MOST_DIGITS}}}"), int),
    (re.compile(r"[-+]?(\.\d+|\d+\.\d*)([eE][-+]?\d{1,3})?"), float),
)
_REMEDIES = {
    "while scanning an alias": "; put a text that begins with a star in quotes",
    "while scanning for the next token": "; indent by spaces, never by tabs, and put a text with @ or ` in quotes",
    "while parsing a block mapping": "; keys of one object begin in the same column",
    "while parsing a flow node": "; a [ or { is not closed",
    "while parsing a flow mapping": "; a { is closed by }",
    "while parsing a flow sequence": "; a [ is closed by ]",
}


class Unreadable(Misconfigured):
    """The text is no YAML or JSON that can be taken as it stands; says why, and where if that is known."""


def read_yaml(text: str) -> Any:
    """The one document that the text holds; None if it is empty. Raises Unreadable."""
    building = _Building()
    try:
        for event in yaml.parse(text, Loader=_PARSER):
            building.take(event)
    except yaml.reader.ReaderError as error:
        raise Unreadable(f"not valid YAML (character {error.position + 1}: {error.reason}); save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        remedy = _REMEDIES.get(error.context or "", "; a text with a colon or # in it needs quotes")
        raise Unreadable(f"{line}not valid YAML ({error.problem}){remedy}") from None
    return building.document


def read_json(text: str) -> Any:
    """The value that the text holds. Raises Unreadable."""
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise Unreadable(f"line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})") from None
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None
    refuse_deep(data)
    return data


def refuse_deep(data: Any) -> None:
    """Raises Unreadable for lists and objects that are nested too deeply for a rule."""
    level = [data]
    for _ in range(MOST_DEPTH):
        level = [inner for item in level for inner in _inside(item)]
    if any(isinstance(item, (dict, list)) for item in level):
        raise Unreadable(_TOO_DEEP)


_TOO_DEEP = f"lists and objects are nested deeper than {MOST_DEPTH}; make segments of the inner parts"


def _inside(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, list) else ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Unreadable(_twice(key))
        found[key] = value
    return found


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MOST_DIGITS:
        raise Unreadable(f"{digits[:40]} has more digits than a number keeps; put it in quotes")
    return int(digits)


def _constant(word: str) -> Any:
    raise Unreadable(f"{word} is no number of JSON; leave it out")


def _twice(key: str) -> str:
    hint = "; several nodes stand in a list below all: or any:, each beginning with `- `" if key in _NODE_KEYS else ""
    return f"the key `{key[:40]}` is there twice, and only one can count; keep one{hint}"


_NODE_KEYS = frozenset({"event", "not", "all", "any", "trait", "segment", "last_messages", "consent", "sequence"})


class _Open:
    """A list or object that is not closed yet."""

    def __init__(self, *, is_object: bool) -> None:
        self.items: Any = {} if is_object else []
        self.key: str | None = None

    def add(self, value: Any, line: int) -> None:
        if isinstance(self.items, list):
            self.items.append(value)
        elif self.key is None:
            self.key = _key(value, self.items, line)
        else:
            self.items[self.key] = value
            self.key = None


def _key(value: Any, known: dict[str, Any], line: int) -> str:
    if not isinstance(value, str):
        raise Unreadable(f"line {line}: {json.dumps(value, default=str)[:40]} cannot be a key; put it in quotes")
    if value in known:
        raise Unreadable(f"line {line}: {_twice(value)}")
    return value


class _Building:
    """Makes plain data of YAML's events, one by one: nothing is nested in the calls, so depth cannot break it."""

    def __init__(self) -> None:
        self.document: Any = None
        self._documents = 0
        self._open: list[_Open] = []

    def take(self, event: yaml.Event) -> None:
        """One event. Raises Unreadable."""
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Unreadable(f"line {line}: a second document begins; write a list in one document, without ---")
        elif isinstance(event, yaml.AliasEvent):
            raise Unreadable(
                f"line {line}: aliases (*{event.anchor}) are not read; put a text in quotes, or write it out"
            )
        elif isinstance(event, yaml.NodeEvent):
            self._take_node(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._add(self._open.pop().items, line)

    def _take_node(self, event: yaml.NodeEvent, line: int) -> None:
        if getattr(event, "tag", None) is not None:
            raise Unreadable(f"line {line}: tags ({event.tag}) are not read; leave it out")  # type: ignore[attr-defined]
        if isinstance(event, yaml.CollectionStartEvent):
            self._open.append(_Open(is_object=isinstance(event, yaml.MappingStartEvent)))
            if len(self._open) > MOST_DEPTH:
                raise Unreadable(f"line {line}: {_TOO_DEEP}")
        elif isinstance(event, yaml.ScalarEvent):
            self._add(_plain(event.value, line) if event.implicit[0] else event.value, line)

    def _add(self, value: Any, line: int) -> None:
        if self._open:
            self._open[-1].add(value, line)
        else:
            self.document = value


def _plain(text: str, line: int) -> Any:
    """What a text without quotes stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if _LEADING_ZERO.fullmatch(text):
        raise Unreadable(
            f'line {line}: {text[:40]} has a leading zero, which a number would lose; put it in quotes: "{text[:40]}"'
        )
    return next((make(text) for form, make in _NUMBERS if form.fullmatch(text)), text)
