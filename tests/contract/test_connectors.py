"""What every connector promises, checked for each one in the registry against its fixtures.

Fixtures are files: tests/fixtures/webhooks/<provider>/<case>/{body.json|body.form|body.txt|body.xml|body.eml|body.bin,
headers.json, expected.json}, and url.txt where the URL says something. A connector without fixtures, or without a
signer in `signing.py`, fails here. What a body is, its suffix says: `.json` bodies are mutated field by field, `.form`
bodies field by field and within the JSON that a field holds, all others byte by byte.
"""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Connector, Request
from connectors.registry import CONNECTORS, by_name, connector
from schemas.avro import Codec
from schemas.errors import FailureCode, Misconfigured, Rejected
from schemas.events import BounceReason, EmailEvent, EventType
from schemas.reports import AuthReport, StandingReport
from tests.contract.cases import CASES, NOW, Case, cases_of, parse_case, signable, visible
from tests.contract.signers.base import Signed, Signer
from tests.contract.signers.ses import FakeCertificates
from tests.contract.signing import SIGNERS

DAY_MS = 86_400_000


ALL = pytest.mark.parametrize("item", CONNECTORS, ids=lambda item: item.name)
EACH_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.provider}/{case.name}")


def signer_of(item: Connector) -> Signer:
    found = [signer for signer in SIGNERS if signer.provider == item.name]
    assert found, f"{item.name} has no signer: add one to tests/contract/signing.py"
    return found[0]


def signed_request(item: Connector, key: int = 0, at_ms: int = NOW) -> Signed:
    return signer_of(item).sign(signable(item), at_ms, key)


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


@EACH_CASE
def test_every_event_of_a_fixture_is_complete_and_fits_its_schema(case: Case) -> None:
    codec = Codec()
    for index, event in enumerate(parse_case(case).events):
        assert codec.decode(codec.encode(event), type(event)) == event
        assert (event.tenant, event.source, event.provider) == ("acme", "src", case.provider)
        assert event.raw_index == index
        assert len(event.event_id) == 32
        if not isinstance(event, AuthReport | StandingReport):
            assert bool(event.recipient_key) == bool(event.recipient)
        if not isinstance(event, EmailEvent):
            assert isinstance(event, AuthReport | StandingReport) or event.activity
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
