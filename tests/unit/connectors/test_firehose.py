"""Amazon SES through Firehose and EventBridge: who may post, what is answered, and that no record can cost much."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from connectors import firehose
from connectors.base import Context, ParseResult, Request, Verdict
from connectors.registry import connector
from schemas.avro import Codec
from schemas.errors import FailureCode, Rejected
from tests.contract.damage import mutations
from tests.contract.signers.base import source_of
from tests.contract.signers.ses import TOPIC, FakeCertificates

FIXTURES = Path(__file__).parents[2] / "fixtures" / "webhooks" / "ses"
NOW = 1_767_225_600_000
SES = connector("ses")
KEYS = ["first-access-key", "second-access-key"]
REQUEST_ID = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f"
CONTEXT = Context(tenant="acme", source="src", received_at=NOW)


def fixture(name: str) -> bytes:
    return (FIXTURES / name / "body.json").read_bytes()


def event(name: str = "delivery") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.loads(fixture(name))["Message"])
    return found


def batch(*contents: bytes) -> bytes:
    records = [{"data": base64.b64encode(content).decode()} for content in contents]
    return json.dumps({"requestId": REQUEST_ID, "timestamp": NOW, "records": records}).encode()


def parse(*contents: bytes) -> ParseResult:
    return SES.parse(Request(headers={}, body=batch(*contents), received_at=NOW), CONTEXT)


def verify(headers: dict[str, str], body: bytes, **changes: Any) -> Verdict:
    request = Request(headers=headers, body=body, received_at=NOW)
    return SES.verify(request, source_of("ses", KEYS, changes), FakeCertificates())


def refused(headers: dict[str, str], body: bytes, **changes: Any) -> FailureCode:
    with pytest.raises(Rejected) as caught:
        verify(headers, body, **changes)
    return caught.value.code


def posted(key: str = KEYS[0]) -> dict[str, str]:
    return {firehose.REQUEST_ID: REQUEST_ID, firehose.ACCESS_KEY: key}


# ---------------------------------------------------------------- who may post, what is answered


@pytest.mark.parametrize("index", [0, 1])
def test_firehose_is_known_by_its_access_key_and_answered_with_its_request_id(index: int) -> None:
    verdict = verify(posted(KEYS[index]), fixture("firehose_batch"))
    assert verdict.secret_index == index
    assert json.loads(verdict.reply) == {"requestId": REQUEST_ID, "timestamp": NOW}


def test_firehose_without_the_right_key_is_refused() -> None:
    body = fixture("firehose_batch")
    assert refused(posted("another-access-key"), body) == FailureCode.BAD_SIGNATURE
    assert refused({firehose.REQUEST_ID: REQUEST_ID}, body) == FailureCode.MISSING_SIGNATURE
    assert refused({**posted(""), "authorization": f"Bearer {KEYS[0]}"}, body) == FailureCode.MISSING_SIGNATURE


def test_firehose_is_answered_in_its_form_by_a_source_without_secrets_too() -> None:
    verdict = verify(posted("any"), fixture("firehose_batch"), secrets=[], is_unsigned=True)
    assert (verdict.secret_index, json.loads(verdict.reply)["requestId"]) == (-1, REQUEST_ID)


def test_event_bridge_sends_a_bearer_token_or_basic_credentials() -> None:
    body = fixture("eventbridge_delivery")
    verdict = verify({"authorization": f"Bearer {KEYS[1]}"}, body)
    assert (verdict.secret_index, verdict.reply) == (1, b"")
    basic = base64.b64encode(b"ses:s3cret-password").decode()
    assert verify({"authorization": f"Basic {basic}"}, body, secrets=["ses:s3cret-password"]).secret_index == 0
    assert refused({"authorization": "Bearer other"}, body) == FailureCode.BAD_SIGNATURE
    assert refused({}, body) == FailureCode.MISSING_SIGNATURE


def test_a_source_with_topics_takes_sns_messages_only() -> None:
    body = fixture("firehose_batch")
    assert refused(posted(), body, topic_arns=[TOPIC]) == FailureCode.TOPIC_NOT_ALLOWED


def test_an_sns_message_does_not_pass_by_its_signature_where_a_key_is_asked_for() -> None:
    assert refused({}, fixture("delivery")) == FailureCode.MISSING_SIGNATURE


# ---------------------------------------------------------------- what a record may hold


def test_the_same_event_means_the_same_by_every_way() -> None:
    plain = json.dumps(event()).encode()
    direct = SES.parse(Request(headers={}, body=fixture("delivery")), CONTEXT).events
    pretty = json.dumps(event(), indent=2).encode()
    for content in (
        plain,
        plain + b"\n",
        pretty,
        gzip.compress(plain),
        fixture("delivery"),
        fixture("eventbridge_delivery"),
    ):
        assert [e.event_id for e in parse(content).events] == [e.event_id for e in direct]


def test_one_unreadable_record_never_costs_the_others() -> None:
    plain = json.dumps(event()).encode()
    result = parse(b"no json", plain, b"\xff\xfe", gzip.compress(plain)[:-1], b"5", plain + b"\n{\n" + plain)
    assert len(result.events) == 3
    assert [failure.code for failure in result.failures] == [FailureCode.ITEM_UNREADABLE] * 5
    places = [failure.index for failure in result.failures]
    assert len(set(places)) == 5, "a dead letter is known by its place"


def test_empty_records_hold_nothing() -> None:
    result = parse(b"", b"\n\n", gzip.compress(b""))
    assert (result.events, result.failures) == ([], [])


def test_gzip_is_unpacked_within_a_bound_for_the_whole_request() -> None:
    plain = json.dumps(event()).encode()
    half = gzip.compress(plain + b" " * (firehose.MOST_UNPACKED * 6 // 10))
    result = parse(half, gzip.compress(plain), half, gzip.compress(plain))
    assert len(result.events) == 2
    assert ["gzip" in failure.reason for failure in result.failures] == [True, True], "what failed has cost as much"


def test_gzip_of_gzip_members_is_bounded_too() -> None:
    plain = json.dumps(event()).encode() + b"\n"
    assert len(parse(gzip.compress(plain) * 3).events) == 3
    assert len(parse(gzip.compress(b" ") * 1_000).failures) == 1


@pytest.mark.parametrize(
    "body",
    [
        batch(b"1\n" * (firehose.MOST_DOCUMENTS * 2)),
        batch(gzip.compress(b"1\n" * (firehose.MOST_DOCUMENTS * 2))),
        json.dumps({"requestId": "r", "records": [{}] * (firehose.MOST_DOCUMENTS * 2)}).encode(),
    ],
)
def test_the_documents_of_one_request_are_bounded_and_the_rest_is_kept_in_one_piece(body: bytes) -> None:
    result = SES.parse(Request(headers={}, body=body), CONTEXT)
    assert firehose.MOST_DOCUMENTS <= len(result.failures) <= firehose.MOST_DOCUMENTS + 1
    assert len(result.failures[-1].item) > firehose.MOST_DOCUMENTS


@pytest.mark.parametrize("junk", [None, 5, "text", [], {}, {"data": None}, {"data": 5}, {"data": {}}, {"data": "é"}])
def test_a_record_that_is_none_is_kept(junk: Any) -> None:
    body = json.dumps({"requestId": REQUEST_ID, "records": [junk]}).encode()
    result = SES.parse(Request(headers={}, body=body), CONTEXT)
    assert [json.loads(failure.item) for failure in result.failures] == [junk]


@pytest.mark.parametrize("name", ["bounce_two_recipients", "delivery_delay", "subscription", "tags_and_headers"])
def test_an_event_inside_a_record_may_be_mutilated_anywhere(name: str) -> None:
    codec, contents = Codec(), [json.dumps(changed).encode() for changed in mutations(event(name))]
    result = parse(*contents)
    for found in result.events:
        codec.encode(found)
    assert len(result.events) + len(result.failures) >= len(contents)
