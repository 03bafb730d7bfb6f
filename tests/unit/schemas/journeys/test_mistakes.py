"""What a newcomer gets wrong: each mistake is answered by a sentence with its place, which says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.journeys.checks import check
from schemas.journeys.journey import STEPS, Journey
from schemas.journeys.phrases import STEP_EXAMPLES
from schemas.journeys.sentences import parse_journey
from schemas.segments.findings import Finding
from schemas.segments.texts import read_yaml

ENTER = "enter: {event: {name: checkout_started, key: cart_id}}\n"
MISTAKES = (Path(__file__).parents[3] / "fixtures" / "journeys" / "mistakes.txt").read_text(encoding="utf-8")
"""Below `id` and `tenant` what somebody writes, and behind `=>` what is said of it; made here."""


def mistakes() -> Iterator[Any]:
    for part in MISTAKES.strip().split("\n\n"):
        text, *answers = part.split("\n=> ")
        yield pytest.param(text, answers, id=text.replace(ENTER, "").replace("\n", " "))


def said(text: str) -> list[Finding]:
    found = parse_journey(read_yaml("id: cart\ntenant: acme\n" + text), "")
    return check([(found, "")], {"acme": ["vip"]}, {"acme": ["crm"]}) if isinstance(found, Journey) else found


@pytest.mark.parametrize(("text", "expected"), list(mistakes()))
def test_each_mistake_is_answered_by_what_to_do(text: str, expected: list[str]) -> None:
    assert [str(finding) for finding in said(text)] == expected


def test_what_is_right_is_said_nothing_of() -> None:
    assert said(ENTER + "steps: [{call: {webhook: crm}}]") == []


@pytest.mark.parametrize("kind", [*STEPS, "exit"])
def test_the_examples_of_the_messages_can_be_read(kind: str) -> None:
    found = parse_journey(read_yaml(f"id: cart\ntenant: acme\n{ENTER}steps: [{{{STEP_EXAMPLES[kind]}}}]"), "")
    assert isinstance(found, Journey) or kind == "exit"


KEYS = st.sampled_from(
    ["enter", "event", "segment", "on", "again", "steps", "wait", "wait_until", "then", "else", "if", "branch", "split",
     "parts", "share", "call", "data", "cap", "exit", "exit_when", "name", "where", "key", "same", "id", "x y"]
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 0, 2.5, "exit", "2h", "vip", "", "crm"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None, max_examples=400, derandomize=True, database=None)
@given(st.dictionaries(KEYS, VALUES, max_size=5), st.lists(st.dictionaries(KEYS, VALUES, max_size=2), max_size=3))
def test_whatever_is_written_there_is_an_answer(data: dict[str, Any], steps: list[Any]) -> None:
    right: dict[str, Any] = {"id": "a", "tenant": "acme", "enter": {"event": {"name": "page"}}}
    for given_data in (data, {**right, "steps": steps}, {**right, **data, "steps": steps}):
        found = parse_journey(given_data, "journey")
        assert isinstance(found, Journey) or (found and all(each.sentence for each in found)), given_data
