"""What every connector promises, checked for each one in the registry against its fixtures.

Fixtures are files: tests/fixtures/webhooks/<provider>/<case>/{body.json|body.form|body.txt|body.xml|body.eml|body.bin,
headers.json, expected.json}, and url.txt where the URL says something. A connector without fixtures, or without a
signer in `signing.py`, fails here. What a body is, its suffix says: `.json` bodies are mutated field by field, `.form`
bodies field by field and within the JSON that a field holds, all others byte by byte.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from connectors.base import Connector, Context, ParseResult, Request
from connectors.registry import CONNECTORS, by_name, connector
from schemas.avro import Codec
from schemas.errors import FailureCode, Misconfigured, Rejected
from schemas.events import BounceReason, EmailEvent, EventType
from schemas.reports import AuthReport
from tests.contract.signers.base import Signed, Signer
from tests.contract.signers.ses import FakeCertificates
from tests.contract.signing import SIGNERS

FIXTURES = Path(__file__).parents[1] / "fixtures" / "webhooks"
NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
CONTEXT = Context(tenant="acme", source="src", received_at=NOW, recipient_secret="pepper")
DAY_MS = 86_400_000
JUNK: tuple[Any, ...] = (None, 5, -1, 1e300, True, "", "x", "\ud800", 2**70, [], {}, [[{"a": [None]}]], {"a": {"b": 1}})


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
ALL = pytest.mark.parametrize("item", CONNECTORS, ids=lambda item: item.name)
EACH_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.provider}/{case.name}")


def cases_of(item: Connector) -> list[Case]:
    found = [case for case in CASES if case.provider == item.name]
    assert found, f"{item.name} has no fixtures: create {FIXTURES / item.name}/<case>/body.json and its companions"
    return found


def signer_of(item: Connector) -> Signer:
    found = [signer for signer in SIGNERS if signer.provider == item.name]
    assert found, f"{item.name} has no signer: add one to tests/contract/signing.py"
    return found[0]


def parse(
    provider: str, body: bytes, received_at: int = NOW, headers: dict[str, str] | None = None, url: str = ""
) -> ParseResult:
    request = Request(headers=headers or {}, body=body, url=url, received_at=received_at)
    return connector(provider).parse(request, replace(CONTEXT, received_at=received_at))


def parse_case(case: Case, received_at: int = NOW) -> ParseResult:
    return parse(case.provider, case.body, received_at, case.headers, case.url)


def signed_request(item: Connector, key: int = 0, at_ms: int = NOW) -> Signed:
    return signer_of(item).sign(signable(item), at_ms, key)


def signable(item: Connector) -> bytes:
    return next(case.body for case in cases_of(item) if case.expected["events"] and "lines" not in case.name)


def verify(item: Connector, signed: Signed, *keys: int, **changes: Any) -> int:
    request = Request(headers=signed.headers, body=signed.body, url=signed.url, received_at=NOW)
    source = signer_of(item).source(*keys, **changes)
    return item.verify(request, source, FakeCertificates()).secret_index


def refused(item: Connector, signed: Signed, *keys: int, **changes: Any) -> FailureCode:
    with pytest.raises(Rejected) as caught:
        verify(item, signed, *keys, **changes)
    assert 400 <= caught.value.status < 500
    assert "inbox" in str(caught.value), "the message must name the source"
    return caught.value.code


# ---------------------------------------------------------------- fixtures


@EACH_CASE
def test_a_fixture_gives_exactly_the_expected_events(case: Case) -> None:
    result = parse_case(case)
    assert [visible(event) for event in result.events] == case.expected["events"]
    assert [{"code": f.code, "index": f.index} for f in result.failures] == case.expected["failures"]
    assert case.expected["source"], "say where the fixture comes from"


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


@EACH_CASE
def test_every_event_of_a_fixture_is_complete_and_fits_its_schema(case: Case) -> None:
    codec = Codec()
    for index, event in enumerate(parse_case(case).events):
        assert codec.decode(codec.encode(event), type(event)) == event
        assert (event.tenant, event.source, event.provider) == ("acme", "src", case.provider)
        assert event.raw_index == index
        assert len(event.event_id) == 32
        if not isinstance(event, AuthReport):
            assert bool(event.recipient_key) == bool(event.recipient)
        if not isinstance(event, EmailEvent):
            assert isinstance(event, AuthReport) or event.activity
            continue
        assert event.provider_event_type
        is_refusal = event.event_type in {EventType.BOUNCED, EventType.DEFERRED, EventType.REJECTED}
        assert bool(event.bounce_reason) == is_refusal
        assert bool(event.machine) == (event.event_type in {EventType.OPENED, EventType.CLICKED})


@EACH_CASE
def test_parsing_again_later_gives_the_same_ids(case: Case) -> None:
    first, second = parse_case(case), parse_case(case, NOW + 3_600_000)
    ids = [event.event_id for event in first.events]
    assert ids == [event.event_id for event in second.events]
    assert len(set(ids)) == len(ids), "two events of one request share an id"


@ALL
def test_an_unknown_type_becomes_unknown_and_is_kept(item: Connector) -> None:
    events = [event for case in cases_of(item) for event in parse_case(case).events]
    emails = [event for event in events if isinstance(event, EmailEvent)]
    unknown = [event for event in emails if event.event_type == EventType.UNKNOWN]
    assert unknown or not emails, f"{item.name} has no fixture with a type that we do not know"
    assert all(event.provider_event_type for event in unknown)


# ---------------------------------------------------------------- signatures


@ALL
def test_a_good_signature_is_accepted(item: Connector) -> None:
    assert verify(item, signed_request(item), 0) == (0 if signer_of(item).has_secrets else -1)


@ALL
def test_the_second_secret_is_accepted_and_named(item: Connector) -> None:
    if not signer_of(item).has_secrets:
        assert verify(item, signed_request(item, key=1), 0) == -1  # another certificate of the same sender
    else:
        assert verify(item, signed_request(item, key=1), 0, 1) == 1


@ALL
def test_a_missing_signature_is_refused(item: Connector) -> None:
    signed = signer_of(item).strip(signed_request(item))
    assert refused(item, signed, 0) == FailureCode.MISSING_SIGNATURE


@ALL
def test_an_altered_request_is_refused(item: Connector) -> None:
    signed = signer_of(item).alter(signed_request(item))
    assert refused(item, signed, 0, 1) == FailureCode.BAD_SIGNATURE
    if signer_of(item).covers_body:
        genuine = signed_request(item)
        refused(item, Signed(genuine.headers, genuine.body.replace(b":", b": ", 1) + b" ", genuine.url), 0, 1)


@ALL
def test_a_key_that_the_source_does_not_know_is_refused(item: Connector) -> None:
    assert refused(item, signed_request(item, key=9), 0, 1) == FailureCode.BAD_SIGNATURE


@ALL
@pytest.mark.parametrize("days", [-2, 2])
def test_a_timestamp_outside_the_replay_window_is_refused(item: Connector, days: int) -> None:
    signed = signed_request(item, at_ms=NOW + days * DAY_MS)
    if signer_of(item).has_timestamp:
        assert refused(item, signed, 0) == FailureCode.STALE_TIMESTAMP
        assert verify(item, signed, 0, tolerance_s=3 * 86_400) in {0, -1}
    else:
        assert verify(item, signed, 0) == 0


@ALL
def test_a_source_that_can_verify_nothing_refuses_everything_unless_told_otherwise(item: Connector) -> None:
    unconfigured: dict[str, list[str]] = {"topic_arns": [], "secrets": []}
    signed = signed_request(item)
    assert refused(item, signed, **unconfigured) in {FailureCode.MISSING_SIGNATURE, FailureCode.TOPIC_NOT_ALLOWED}
    assert verify(item, signed, **unconfigured, is_unsigned=True) == -1


@ALL
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"null", b"[]", b'{"signature": 5}', b'{"TopicArn": []}'])
def test_a_garbage_body_is_refused_and_never_raises_anything_else(item: Connector, body: bytes) -> None:
    refused(item, Signed({}, body), 0)
    if signer_of(item).covers_body or signer_of(item).has_timestamp:  # a bearer token covers no body
        genuine = signed_request(item)
        refused(item, Signed(genuine.headers, body, genuine.url), 0)


# ---------------------------------------------------------------- robustness


JSON_ONLY = pytest.mark.parametrize(
    "item",
    [item for item in CONNECTORS if all(case.suffix == ".json" for case in CASES if case.provider == item.name)],
    ids=lambda item: item.name,
)
GARBAGE = [b"", b"not json", b'{"a":', b"\xff\xfe\x00", b"[" * 100_000, b"\x00" * 1_000, b"a=1&b=%7B", b"\n\n\n"]


@ALL
@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_never_raises_and_is_kept(item: Connector, body: bytes) -> None:
    for case in cases_of(item):
        result = parse(item.name, body, headers=case.headers, url=case.url)
        for event in result.events:
            Codec().encode(event)
        assert result.events or result.failures or not body.strip()


@JSON_ONLY
@pytest.mark.parametrize("body", [b"", b"not json", b'{"a":', b"\xff\xfe\x00", b"[" * 100_000])
def test_a_body_that_is_no_json_is_one_failure_with_all_its_bytes(item: Connector, body: bytes) -> None:
    result = parse(item.name, body)
    assert not result.events
    assert [(f.code, f.item, f.index) for f in result.failures] == [(FailureCode.NOT_JSON, body, -1)]


@JSON_ONLY
@pytest.mark.parametrize("body", [b"5", b'"text"', b"null", b"true"])
def test_json_of_the_wrong_shape_is_one_failure_with_all_its_bytes(item: Connector, body: bytes) -> None:
    result = parse(item.name, body)
    assert not result.events
    assert [(f.code, f.item) for f in result.failures] == [(FailureCode.WRONG_SHAPE, body)]


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
    """Bytes cut, doubled, replaced and swapped at a few hundred places; each line missing, each line twice."""
    random = Random(len(body))
    for _ in range(300):
        at_, size = random.randrange(len(body) + 1), random.randrange(40)
        yield body[:at_]
        yield body[:at_] + body[at_ + size :]
        yield body[:at_] + body[at_ : at_ + size] * 2 + body[at_ + size :]
        yield body[:at_] + random.choice([b"\x00", b"\xff", b"\n", b",", b'"', b"<", b"\r\n\r\n"]) + body[at_ + 1 :]
    lines = body.splitlines(keepends=True)
    for number in range(min(len(lines), 200)):
        yield b"".join(lines[:number] + lines[number + 1 :])
        yield b"".join(lines[: number + 1] + lines[number:])


@EACH_CASE
def test_deleting_or_mistyping_any_single_field_never_raises_and_still_encodes(case: Case) -> None:
    codec, known = Codec(), connector(case.provider)
    for body in mutated_bodies(case):
        result = known.parse(Request(headers=case.headers, body=body, url=case.url, received_at=NOW), CONTEXT)
        for event in result.events:
            codec.encode(event)
        assert all(isinstance(failure.item, bytes) and failure.reason for failure in result.failures)


@pytest.mark.parametrize("junk", [None, 5, "text", [], [1, 2], True])
@pytest.mark.parametrize(("provider", "name"), [("sendgrid", "delivery_events"), ("kumomta", "array")])
def test_one_unreadable_item_never_costs_the_others(provider: str, name: str, junk: Any) -> None:
    case = next(c for c in CASES if (c.provider, c.name) == (provider, name))
    items = json.loads(case.body)
    expected = [event.event_id for event in parse(provider, case.body).events]
    result = parse(provider, json.dumps([items[0], junk, *items[1:]]).encode())
    assert [event.event_id for event in result.events] == expected
    assert [(f.code, f.index, json.loads(f.item)) for f in result.failures] == [(FailureCode.ITEM_UNREADABLE, 1, junk)]


@ALL
def test_a_broken_string_or_number_anywhere_does_not_cost_the_batch(item: Connector) -> None:
    for case in [case for case in cases_of(item) if case.suffix == ".json"]:
        body = case.body.replace(b"ada@example.com", b"ada\\ud800@example.com")
        body = body.replace(b'"created": 1767221995', b'"created": NaN')
        events = parse(item.name, body, headers=case.headers).events
        assert len(events) == len(case.expected["events"])
        for event in events:
            Codec().encode(event)


@pytest.mark.parametrize("provider", ["sendgrid", "kumomta"])
def test_an_empty_list_is_no_event_and_no_failure(provider: str) -> None:
    result = parse(provider, b"[]")
    assert (result.events, result.failures) == ([], [])


# ---------------------------------------------------------------- registry, KumoMTA, meanings


def test_a_second_connector_of_the_same_name_is_a_defect() -> None:
    with pytest.raises(ValueError, match="two connectors are called 'ses'"):
        by_name((*CONNECTORS, connector("ses")))


def test_an_unknown_provider_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(Misconfigured, match="did you mean 'sendgrid'"):
        connector("sendgird")
    with pytest.raises(Misconfigured, match=r"known providers: .*mailgun"):
        connector("zzz")


def test_kumomta_takes_basic_credentials_too() -> None:
    item = connector("kumomta")
    assert verify(item, Signed({"authorization": "Basic aG9vazpzM2NyZXQ="}, b"[]"), secrets=["hook:s3cret"]) == 0
    for wrong in ("Basic aG9vazpvdGhlcg==", "Basic ???", "Digest hook:s3cret", "Bearer", "hook:s3cret"):
        refused(item, Signed({"authorization": wrong}, b"[]"), secrets=["hook:s3cret"])


@EACH_CASE
def test_what_the_service_suppressed_never_counts_as_a_bounce(case: Case) -> None:
    for event in parse_case(case).events:
        if isinstance(event, EmailEvent) and event.bounce_reason == BounceReason.SUPPRESSED:
            assert event.event_type == EventType.REJECTED
