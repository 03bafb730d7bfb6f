"""What is said of a rule that cannot be read: place, what was expected, how to mend it.

`parse_segment` is the way in for data from files and from requests. The words are in `phrases.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from schemas.nearest import hint, nearest
from schemas.segments import phrases
from schemas.segments.conditions import Condition
from schemas.segments.findings import Finding, error
from schemas.segments.misplaced import beside_a_segment, instead, no_node, unknown_key
from schemas.segments.names import snake
from schemas.segments.places import Location, Spot, keys_of, spot_of, under, without_tried
from schemas.segments.rules import NODES, Segment
from schemas.segments.texts import Unreadable, refuse_deep

_COMPARED = re.compile(r"([\w.$-]+?)\s*(>=|<=|==|=|>|<)\s*(.{1,40})")
_COMPARISON = re.compile(r"(>=|<=|==|=|>|<)\s*(-?\d+(?:\.\d+)?)")
_PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_WORD = re.compile(r"[^a-z0-9]+")
_DAYS = re.compile(r"(\d+)\s?d(?:ays?)?")
At = Callable[[Location], Spot]
Said = tuple[str, str] | None
"""A place and what is said of it; None: nothing."""
_ARTEFACT = "too_short"  # pydantic also says it of a list whose items were wrong


def parse_segment(data: Any, root: str) -> Segment | list[Finding]:
    """The segment that plain data says, or why it is none. `root`: what it is called where it has no id."""
    if not isinstance(data, Mapping):
        return [
            error(
                root, f"{shown(data)} is no segment; write keys: id: lapsed-buyers and below it a node such as event:"
            )
        ]
    given = data.get("id")
    root = given if isinstance(given, str) and 0 < len(given) <= 63 else root
    if found := list(beside_a_segment(data, root)):
        return found
    try:
        refuse_deep(dict(data))
        segment = Segment.model_validate(dict(data))
        return list(empty(data, root)) or segment
    except Unreadable as deep:
        return [error(root, str(deep))]
    except ValidationError as wrong:
        return list(findings_of(wrong, partial(spot_of, root, is_rule_written="rule" in data), _said, _meant))


def empty(data: Any, place: str) -> Iterator[Finding]:
    """Keys without a value: models take them for keys that are not there, people forgot something."""
    for key, value in data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ():
        if value is None:
            yield error(under(place, key), "has no value; write one, or leave the key out")
        yield from empty(value, under(place, key))


def findings_of(
    wrong: ValidationError, at: At, say: Callable[[Any, Location, At], Said], meant: Callable[[str, list[str]], str]
) -> Iterator[Finding]:
    """One finding for each place; nothing of what is missing because it has another name.

    `say`: what is said of pydantic's error there; `meant`: which known key an unknown one stands for, "" for none.
    """
    said: set[str] = set()
    named = {found for item in wrong.errors(include_url=False) if (found := _meant_by(item, at, meant))}
    for item in wrong.errors(include_url=False):
        location = without_tried(item["loc"], item["type"])
        place, sentence = say(item, location, at) or ("", "")
        is_artefact = item["type"] == _ARTEFACT and item["input"]
        is_named = item["type"] == "missing" and (place, str(location[-1])) in named
        if sentence and place not in said and not is_artefact and not is_named:
            said.add(place)
            yield error(place, sentence)


def _meant_by(item: Any, at: At, meant: Callable[[str, list[str]], str]) -> tuple[str, str] | None:
    """Place and key that an unknown key stands for."""
    if item["type"] != "extra_forbidden":
        return None
    spot, key = at(item["loc"][:-1]), str(item["loc"][-1])
    found = meant(key, keys_of(spot.model) if spot.model else [])
    return (spot.place, found) if found else None


def _meant(key: str, known: list[str]) -> str:
    return instead(key, known) or nearest(key, known)


def _said(item: Any, location: Location, at: At) -> Said:
    spot = at(location)
    if item["type"] == "extra_forbidden":
        return spot.place, unknown_key(str(location[-1]), at(location[:-1]))
    if item["type"] == "union_tag_not_found":
        return no_node(spot, item["input"])
    return said_of_value(item, location, at)


def said_of_value(item: Any, location: Location, at: At) -> tuple[str, str]:
    """What is said of a value, or of a key that is missing."""
    kind, value, spot = item["type"], item["input"], at(location)
    key = str(location[-1]) if location else ""
    if kind == "missing":
        return _missing(spot, key)
    if kind == "value_error":
        if key == "[key]" and (found := _COMPARED.fullmatch(str(value).strip())):
            return (
                spot.place,
                f"a comparison is written with a colon: {found[1]}: {{{phrases.COMPARISONS[found[2]]}: {found[3]}}}",
            )
        return spot.place, item["msg"].removeprefix("Value error, ")
    said = _SAID.get(kind, _expected)
    return spot.place, said(item, spot, key)


def _missing(spot: Spot, key: str) -> tuple[str, str]:
    return spot.place.removesuffix(f".{key}") or key, f"`{key}` is missing; add for example {_key_example(spot, key)}"


def _unknown_word(item: Any, _spot: Spot, _key: str) -> str:
    known = re.findall(r"'([^']+)'", item["ctx"]["expected"])
    value = item["input"]
    if meant := _word_instead(value, known):
        return f"{shown(value)} is not known; write {meant}"
    if not isinstance(value, str):
        return f"{shown(value)} is not known; known: {', '.join(known)}"
    return f"{value[:40]!r} is not known; {hint(value, known, likeness=0.75)}"


def _word_instead(value: Any, known: Collection[str]) -> str:
    return next((word for word in phrases.WORDS_INSTEAD.get(str(value).lower(), ()) if word in known), "")


def _pattern(item: Any, _spot: Spot, key: str) -> str:
    form = phrases.PATTERNS.get(key if key in phrases.PATTERNS else "in", "")
    meant = _WORD.sub("-", item["input"].lower()).strip("-")[:63] or "lapsed-buyers"
    return f"{item['input'][:70]!r} is {form.format(meant=meant)}"


def _shape(item: Any, spot: Spot, key: str) -> str:
    """Keys were expected, or a list, and something else is there."""
    value = item["input"]
    if spot.model is Condition and key != "where":
        return _condition(value)
    if value is None:
        return f"nothing stands below it; write for example {_example(spot, key)}"
    if isinstance(value, str) and (meant := _of_text(value.strip(), spot, key)):
        return meant
    if key in ("all", "any") and isinstance(value, dict):
        return "expected a list, found keys; begin each node below it with `- `"
    if spot.kind == "segment" and isinstance(value, list):
        inner = ", ".join(f"{{segment: {item}}}" for item in value[:3])
        return f"names one segment; for several write any: [{inner}]"
    return f"expected {_what(item['type'])}, found {shown(value)}; write for example {_example(spot, key)}"


def _of_text(value: str, spot: Spot, key: str) -> str:
    """What a text means that stands where keys or a list should; "" if that cannot be said."""
    if key in ("in", "not_in"):
        return f"expected a list, found {shown(value)}; write {key}: [{value[:40]}]"
    if found := _COMPARISON.fullmatch(value):
        return f"{value[:40]!r} is text; write {key}: {{{phrases.COMPARISONS[found[1]]}: {found[2]}}}"
    if key in ("count", "is") and _PLAIN_NUMBER.fullmatch(value):
        return f"{value!r} is text; take the quotes away"
    if spot.model and "name" in spot.model.model_fields:
        rest = ", same: order_id" if key == "unless" else ""
        return f"expected keys with values, found {shown(value)}; write {key}: {{name: {snake(value)}{rest}}}"
    return ""


def _what(kind: str) -> str:
    return "a list" if kind == "tuple_type" else "keys with values"


def _condition(value: Any) -> str:
    if isinstance(value, list):
        listed = ", ".join(str(item) for item in value[:3])
        return f"found a list; for one of several values write {{in: [{listed}{', ...' if len(value) > 3 else ''}]}}"
    if value is None:
        return "nothing is asked of it; write a value, an operator such as {gte: 100}, or {exists: true}"
    return f"expected a value or operators such as {{gte: 100}}, found {shown(value)}"


def _example(spot: Spot, key: str) -> str:
    if key in NODES and spot.kind == key:
        return phrases.NODE_EXAMPLES[key]
    return _key_example(spot, key)


def _key_example(spot: Spot, key: str) -> str:
    """How the key is written there."""
    own = spot.examples.get(key) or phrases.KIND_EXAMPLES.get((spot.kind, key))
    return own or phrases.KEY_EXAMPLES.get(key, f"{key}: ...")


def _scalar(item: Any, spot: Spot, key: str) -> str:
    """One plain value was expected."""
    value, expected = item["input"], _expected(item, spot, key)
    if isinstance(value, str) and "number" in expected and _PLAIN_NUMBER.fullmatch(value.strip()):
        return f"{value!r} is text; take the quotes away: {key}: {value.strip()}"
    if isinstance(value, list) and key in ("eq", "ne"):
        listed = ", ".join(str(item) for item in value[:3])
        return f"found a list; for several values write {'in' if key == 'eq' else 'not_in'}: [{listed}]"
    if isinstance(value, (dict, list)) or value is None:
        return f"expected one plain value, found {shown(value)}"
    return f"{expected}, found {shown(value)}{_remedy(item['type'], value)}"


def _remedy(kind: str, value: Any) -> str:
    """What to write for one plain value of the wrong type, where that can be said."""
    if kind == "string_type":
        return "; put it in quotes"
    if kind in ("bool_type", "bool_parsing") and (meant := _word_instead(value, ("true", "false"))):
        return f"; write {meant}"
    days = _DAYS.fullmatch(value.strip()) if isinstance(value, str) and kind == "int_parsing" else None
    return f"; write {days[1]}" if days else ""


def _expected(item: Any, spot: Spot, _key: str) -> str:
    text = phrases.EXPECTED.get(item["type"])
    if text is None:
        return str(item["msg"][:1].lower() + item["msg"][1:]).replace("input should", "it should")
    return text.format(**item.get("ctx", {})) + _as_share(item, spot)


def _as_share(item: Any, spot: Spot) -> str:
    """Shares are written as parts of one, not of a hundred."""
    value = item["input"]
    is_share = spot.kind == "bucket" and item["type"] == "less_than_equal" and isinstance(value, (int, float))
    return f"; for {value} percent write {value / 100:g}" if is_share and value <= 100 else ""


def shown(value: Any) -> str:
    """A value as it may be repeated in a sentence."""
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return {type(None): "nothing", list: "a list", dict: "keys"}.get(type(value), f"{str(value)[:40]}")


def _too_short(_item: Any, spot: Spot, key: str) -> str:
    return f"is empty; write for example {_example(spot, key)}"


def _too_long(item: Any, _spot: Spot, _key: str) -> str:
    context = item["ctx"]
    return f"has {context['actual_length']} items, more than {context['max_length']}; make several of it"


_SAID: Mapping[str, Callable[[Any, Spot, str], str]] = {
    "literal_error": _unknown_word,
    "string_pattern_mismatch": _pattern,
    "model_type": _shape,
    "dict_type": _shape,
    "tuple_type": _shape,
    "too_short": _too_short,
    "too_long": _too_long,
    **dict.fromkeys(
        ("bool_type", "bool_parsing", "int_type", "int_parsing", "int_from_float", "float_type", "float_parsing",
         "string_type"), _scalar,
    ),
}  # fmt: skip
