"""YAML and JSON are read strictly: what would silently become something else is refused with its line."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.segments.texts import Unreadable, read_json, read_yaml


def why_not(text: str) -> str:
    with pytest.raises(Unreadable) as told:
        read_yaml(text)
    return str(told.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"), ("yes", "yes"), ("off", "off"), ("true", True), ("false", False), ("~", None), ("", None),
        ("2026-01-01", "2026-01-01"), ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), ("22:00", "22:00"),
        ("12", 12), ("-3", -3), ("0", 0), ("1.5", 1.5), (".5", 0.5), ("1e5", "1e5"), ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("'12'", "12"), ('"true"', "true"), ("12345678901234567890", "12345678901234567890"), (".inf", ".inf"),
        ("[1, a]", [1, "a"]), ("{a: {b: []}}", {"a": {"b": []}}), ("- a\n- b: 1", ["a", {"b": 1}]), ("|\n  a\n", "a\n"),
    ],
)  # fmt: skip
def test_a_text_stays_what_it_looks_like(text: str, value: Any) -> None:
    assert read_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 01234", 'line 1: 01234 has a leading zero, which a number would lose; put it in quotes: "01234"'),
        ("a: 1\na: 2", "line 2: the key `a` is there twice, and only one can count; keep one"),
        ("all:\n  event: 1\n  event: 2",
         ("line 3: the key `event` is there twice, and only one can count; keep one; several nodes stand in a list"
          " below all: or any:, each beginning with `- `")),
        ("a: *b", "line 1: aliases (*b) are not read; put a text in quotes, or write it out"),
        ("a: !!int '3'", "line 1: tags (tag:yaml.org,2002:int) are not read; leave it out"),
        ("a: 1\n---\nb: 2", "line 2: a second document begins; write a list in one document, without ---"),
        ("5: a", "line 1: 5 cannot be a key; put it in quotes"),
        ("? [a]\n: b", 'line 1: ["a"] cannot be a key; put it in quotes'),
    ],
)  # fmt: skip
def test_what_would_become_something_else_is_refused_with_its_line(text: str, why: str) -> None:
    assert why_not(text) == why


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a:\n\t- b", "line 2: not valid YAML"),
        ("a: {b: c", "a { is closed by }"),
        ("a: b: c", "a text with a colon or # in it needs quotes"),
        ("a:\n  b: 1\n c: 2", "keys of one object begin in the same column"),
        ("name: *", "put a text that begins with a star in quotes"),
        ("a: \x07", "save it as UTF-8"),
    ],
)
def test_broken_yaml_is_said_with_a_hint(text: str, part: str) -> None:
    assert part in why_not(text)


@pytest.mark.parametrize("text", ["[" * 500_000, "- " * 200_000, "{a: " * 100_000, "? " * 100_000])
def test_nesting_without_end_is_refused_at_once(text: str) -> None:
    assert "nested deeper than 60" in why_not(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 2}', "the key `a` is there twice, and only one can count; keep one"),
        ("[NaN]", "NaN is no number of JSON; leave it out"),
        ("{", "line 1, column 2: not valid JSON (Expecting property name enclosed in double quotes)"),
        ("[" * 500_000, "lists and objects are nested deeper than 60; make segments of the inner parts"),
        ("[" * 61 + "]" * 61, "lists and objects are nested deeper than 60; make segments of the inner parts"),
        ("9" * 5_000, f"{'9' * 40} has more digits than a number keeps; put it in quotes"),
    ],
)
def test_json_is_as_strict(text: str, why: str) -> None:
    with pytest.raises(Unreadable) as told:
        read_json(text)
    assert str(told.value) == why


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(PLAIN)
def test_what_yaml_and_json_write_is_read_back(data: Any) -> None:
    assert read_json(json.dumps(data)) == data
    quoted = yaml.safe_dump(data, default_style='"', allow_unicode=True)
    assert "!!" in quoted or read_yaml(quoted) == data
