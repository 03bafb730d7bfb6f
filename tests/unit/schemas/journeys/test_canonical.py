"""A journey as JSON is the same journey when it is read, and its version stands for what it does."""

from __future__ import annotations

import json
from random import Random

import pytest

from schemas.errors import Misconfigured
from schemas.journeys.canonical import as_json, from_json, journey_version
from schemas.journeys.journey import Journey
from schemas.journeys.sentences import parse_journey
from schemas.segments.texts import read_yaml
from tests.unit.streams.core.journeys.travels import random_journey

TEXT = """
id: cart
tenant: acme
enter: {event: {name: [b, a], where: {total: {gte: 20.0}}, key: cart_id}, again: after_exit}
exit_when: [{if: {all: [{event: {name: page, since: 2026-01-01T00:00:00Z}}, {known_for: 60m}]}}]
steps:
- wait: 90m
- branch: {if: {not: {segment: vip}}, then: [exit]}
- call: {webhook: crm, data: {template: cart-1, deep: {list: [1, two]}}}
- cap: {at_most: 2, per: 1w, over: [cart]}
"""


def read(text: str) -> Journey:
    found = parse_journey(read_yaml(text), "")
    assert isinstance(found, Journey), found
    return found


def test_a_journey_as_json_reads_back_as_itself() -> None:
    for journey in (read(TEXT), *(random_journey(Random(seed), "j0") for seed in range(200))):
        text = as_json(journey)
        assert from_json(text) == journey
        assert as_json(from_json(text)) == text


def test_what_is_meant_by_default_may_be_said_or_not() -> None:
    told = read(TEXT.replace("again: after_exit", "again: per_key"))
    meant = read(TEXT.replace(", again: after_exit", ""))
    assert told.enter.policy == meant.enter.policy == "per_key"
    assert from_json(as_json(read(TEXT))).enter.policy == "after_exit"


def test_the_version_is_that_of_what_is_done_and_not_of_words() -> None:
    same = (TEXT.replace("90m", "PT90M").replace("1w", "7d").replace("[b, a]", "[a, b]"), f"{TEXT}description: x")
    assert {journey_version(read(text)) for text in same} == {journey_version(read(TEXT))}
    for change in (("90m", "91m"), ("cart-1", "cart-2"), ("exit]", "wait: 1d]"), ("after_exit", "never")):
        assert journey_version(read(TEXT.replace(*change))) != journey_version(read(TEXT))


@pytest.mark.parametrize("text", ["", "[]", "{", json.dumps({"id": "cart", "tenant": "acme"})])
def test_what_is_no_journey_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"journey|missing"):
        from_json(text)
