"""Each API's own request, against its documentation."""

from __future__ import annotations

import base64
import json

import pytest
from pydantic import SecretStr

from connectors.control import ControlAnswer, Verdict
from connectors.controls.kumomta import KUMOMTA
from connectors.controls.sendgrid import SENDGRID
from connectors.controls.standard_webhooks import STANDARD_WEBHOOKS, signature
from schemas.errors import Misconfigured, Permanent
from schemas.remediation import Action
from tests.unit.connectors.control_cases import control_of, decision_of, made

NOW = 1_763_780_000_000


def test_sendgrid_pauses_the_batch_that_the_campaign_is_named_after() -> None:
    request = made(SENDGRID.request(decision_of(), control_of("sendgrid"), NOW))
    assert (request.method, request.url) == ("POST", "https://control.example/v3/user/scheduled_sends")
    assert json.loads(request.body) == {"batch_id": "spring-2026", "status": "pause"}
    assert request.headers["authorization"] == "Bearer SG.very-secret"


def test_sendgrid_resumes_by_lifting_the_pause() -> None:
    request = made(SENDGRID.request(decision_of(Action.RESUME_CAMPAIGN), control_of("sendgrid", base_url=""), NOW))
    assert (request.method, request.url) == ("DELETE", "https://api.sendgrid.com/v3/user/scheduled_sends/spring-2026")


@pytest.mark.parametrize("campaign", ["Black Friday", "../../user", "a/b", "", "x" * 101, "ä"])
def test_sendgrid_refuses_a_campaign_that_cannot_be_a_batch(campaign: str) -> None:
    with pytest.raises(Permanent):
        SENDGRID.request(decision_of(campaign_id=campaign), control_of("sendgrid"), NOW)


def test_a_batch_that_sendgrid_had_paused_already_counts_as_paused() -> None:
    body = b'{"errors":[{"field":null,"message":"a status for this batch id exists, try PATCH to update the status"}]}'
    assert SENDGRID.interpret(ControlAnswer(status=400, body=body)).verdict is Verdict.DONE


def test_sendgrid_without_a_key_says_which_key_it_needs() -> None:
    with pytest.raises(Misconfigured, match="API key"):
        SENDGRID.request(decision_of(), control_of("sendgrid", secret=SecretStr("")), NOW)


def test_kumomta_suspends_the_campaign_for_longer_than_the_default_of_five_minutes() -> None:
    request = made(KUMOMTA.request(decision_of(), control_of("kumomta"), NOW))
    assert (request.method, request.url) == ("POST", "https://control.example/api/admin/suspend/v1")
    body = json.loads(request.body)
    assert body.keys() == {"campaign", "reason", "duration"}
    assert (body["campaign"], body["duration"]) == ("spring-2026", "7d")
    assert "0123456789abcdef" in body["reason"]
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"admin:very-secret").decode()


def test_kumomta_trusts_the_host_when_no_secret_is_given() -> None:
    request = made(KUMOMTA.request(decision_of(), control_of("kumomta", secret=SecretStr("")), NOW))
    assert "authorization" not in request.headers


def test_webhook_signatures_agree_with_the_example_of_the_specification() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_carries_the_decision_and_its_evidence_under_the_decisions_id() -> None:
    request = made(STANDARD_WEBHOOKS.request(decision_of(Action.REST_IP), control_of("webhook"), NOW))
    assert request.headers["webhook-id"] == "0123456789abcdef0123456789abcdef"
    assert request.headers["webhook-timestamp"] == "1763780000"
    document = json.loads(request.body)
    assert document["type"] == "mailweir.rest_ip"
    assert document["data"]["sending_ip"] == "192.0.2.1"
    assert document["data"]["evidence"] == {"score": 55.0}
