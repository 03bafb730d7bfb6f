"""The fixtures of the connectors: genuine requests, and what must come of them.

Fixtures are files: tests/fixtures/webhooks/<provider>/<case>/{body.json|body.form|body.txt|body.xml|body.eml|body.bin,
headers.json, expected.json}, and url.txt where the URL says something.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from connectors.base import Connector, Context, ParseResult, Request
from connectors.registry import connector

FIXTURES = Path(__file__).parents[1] / "fixtures" / "webhooks"
NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
CONTEXT = Context(tenant="acme", source="src", received_at=NOW, recipient_secret="pepper")


@dataclass(frozen=True)
class Case:
    provider: str
    name: str
    body: bytes
    suffix: str
    headers: dict[str, str]
    expected: dict[str, Any]
    url: str = ""


def load_cases() -> list[Case]:
    found = []
    for folder in sorted(FIXTURES.glob("*/*/")):
        body = next(iter(folder.glob("body.*")), None)
        assert body is not None, f"{folder} holds no body.json (or .form, .txt, .xml, .bin)"
        headers = json.loads((folder / "headers.json").read_text(encoding="utf-8"))
        expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        url = "".join(path.read_text(encoding="utf-8").strip() for path in folder.glob("url.txt"))
        found.append(Case(folder.parent.name, folder.name, body.read_bytes(), body.suffix, headers, expected, url))
    return found


CASES = load_cases()


def cases_of(item: Connector) -> list[Case]:
    found = [case for case in CASES if case.provider == item.name]
    assert found, f"{item.name} has no fixtures: create {FIXTURES / item.name}/<case>/body.json and its companions"
    return found


def parse(
    provider: str, body: bytes, received_at: int = NOW, headers: dict[str, str] | None = None, url: str = ""
) -> ParseResult:
    request = Request(headers=headers or {}, body=body, url=url, received_at=received_at)
    return connector(provider).parse(request, replace(CONTEXT, received_at=received_at))


def parse_case(case: Case, received_at: int = NOW) -> ParseResult:
    return parse(case.provider, case.body, received_at, case.headers, case.url)


def signable(item: Connector) -> bytes:
    """A body with events, all of them readable, for the signers."""
    clean = (case for case in cases_of(item) if case.expected["events"] and not case.expected["failures"])
    return next(case.body for case in clean if "lines" not in case.name)


def visible(event: Any) -> dict[str, Any]:
    """The event's fields that are known, without those that every event has for the same reason."""
    hidden = {"event_id", "tenant", "source", "provider", "received_at", "recipient_key"}
    documents = {"metadata", "properties", "traits"}
    found = {}
    for item in fields(event):
        value = getattr(event, item.name)
        if item.name not in hidden and not item.name.startswith(("raw_topic", "raw_partition", "raw_offset")) and value:
            found[item.name] = json.loads(value) if item.name in documents else value
    return found
