"""A transition as a signed request: the documented body, under its own id; what answers mean."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.controls.base import ControlAnswer, Verdict
from connectors.segment_webhook import payload, request
from connectors.signed_post import interpret
from schemas.segment_webhooks import SegmentWebhook
from schemas.signed_webhook import signing_key
from schemas.transitions import SegmentTransition

ROOT = Path(__file__).resolve().parents[3]
KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the specification's example
WEBHOOK = SegmentWebhook(
    name="crm", url=SecretStr("https://crm.example/very-secret"), secret=SecretStr(f"whsec_{KEY}"), tenant="acme"
)
ENTERED = SegmentTransition(
    transition_id="5f0c2b8e9d4a4f7c8b1e6a3d2c9f0e17",
    tenant="acme",
    recipient_key="9b1d0e7c2f3a4b5c6d7e8f9012345678",
    segment_id="vip",
    rule_version="c41d",
    is_member=1,
    detected_at=1_774_569_600_250,
    effective_at=1_774_569_600_000,
    cause="0a1b",
    number=3,
)


def left() -> SegmentTransition:
    return SegmentTransition(**{name: getattr(ENTERED, name) for name in ENTERED.__slots__} | {"is_member": 0})


def documented(language: str) -> str:
    """The block of that language in the documentation's section."""
    section = (ROOT / "docs/segments.md").read_text(encoding="utf-8").split("## Telling another system")[1]
    return section.split(f"```{language}\n")[1].split("```")[0]


def test_the_body_is_the_documented_one() -> None:
    assert json.loads(payload(ENTERED)) == json.loads(documented("json"))
    assert json.loads(payload(left()))["type"] == "segment.left"


def test_the_documented_way_to_verify_takes_what_is_sent_and_nothing_else() -> None:
    names: dict[str, Any] = {}
    exec(documented("python"), names)
    verify, secret, now_ms = names["verify"], WEBHOOK.secret.get_secret_value(), int(time.time() * 1000)
    made, late = request(ENTERED, WEBHOOK, now_ms), request(ENTERED, WEBHOOK, now_ms - 301_000)
    assert verify(made.headers, made.body, secret)
    assert not verify(made.headers, made.body + b" ", secret)
    assert not verify(made.headers, made.body, "whsec_" + "A" * 32)
    assert not verify(late.headers, late.body, secret)


def test_a_later_attempt_has_the_same_id_and_body_and_a_signature_of_its_own() -> None:
    one, two = request(ENTERED, WEBHOOK, 1_774_569_601_000), request(ENTERED, WEBHOOK, 1_774_569_700_999)
    assert one.body == two.body
    assert one.headers["webhook-id"] == two.headers["webhook-id"] == ENTERED.transition_id
    assert two.headers["webhook-timestamp"] == "1774569700"
    assert one.headers["webhook-signature"] != two.headers["webhook-signature"]


def test_the_signature_is_hmac_sha256_over_id_timestamp_and_body_as_the_specification_has_it() -> None:
    made = request(ENTERED, WEBHOOK, 1_774_569_601_000)
    signed = b"%s.%s.%s" % (ENTERED.transition_id.encode(), b"1774569601", made.body)
    digest = hmac.digest(signing_key(SecretStr(KEY)), signed, hashlib.sha256)
    assert made.headers["webhook-signature"].startswith("v1,")
    assert signing_key(SecretStr(made.headers["webhook-signature"][3:])) == digest


def test_neither_address_nor_secret_is_printed() -> None:
    assert "very-secret" not in repr(WEBHOOK)
    assert KEY not in repr(WEBHOOK)


@pytest.mark.parametrize(
    ("status", "verdict", "says"),
    [
        (200, Verdict.DONE, "taken with 200"),
        (204, Verdict.DONE, "taken with 204"),
        (400, Verdict.REFUSED, "refused with 400: no such person"),
        (422, Verdict.REFUSED, "refused with 422: no such person"),
        (302, Verdict.RETRY, "answered 302; redirects are not followed; check `url`"),
        (401, Verdict.RETRY, "answered 401; check `secret`"),
        (404, Verdict.RETRY, "answered 404; check `url`"),
        (410, Verdict.RETRY, "answered 410; it is gone; take the webhook away or set another `url`"),
        (429, Verdict.RETRY, "answered 429"),
        (500, Verdict.RETRY, "answered 500"),
        (-1, Verdict.RETRY, "answered -1"),
    ],
)
def test_what_it_says_of_the_transition_is_final_and_what_it_says_of_itself_is_not(
    status: int, verdict: Verdict, says: str
) -> None:
    result = interpret(ControlAnswer(status=status, body=b"no such\nperson"))
    assert (result.verdict, result.detail) == (verdict, says)
