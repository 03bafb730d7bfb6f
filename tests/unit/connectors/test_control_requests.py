"""Each API's own request, against its documentation."""

from __future__ import annotations

import base64
import json

import pytest
from pydantic import SecretStr

from connectors.control import ControlAnswer, Verdict
from connectors.controls.brevo import BREVO
from connectors.controls.greenarrow import GREENARROW
from connectors.controls.klaviyo import KLAVIYO
from connectors.controls.kumomta import KUMOMTA
from connectors.controls.listmonk import LISTMONK
from connectors.controls.sendgrid import SENDGRID
from connectors.controls.standard_webhooks import STANDARD_WEBHOOKS, signature
from schemas.errors import Misconfigured, Permanent
from schemas.remediation import Action
from tests.unit.connectors.control_cases import assert_reads, control_of, decision_for, decision_of, made

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


def test_kumomta_resumes_by_a_suspension_of_the_same_campaign_that_is_over_at_once() -> None:
    pause, resume = (
        json.loads(made(KUMOMTA.request(decision_of(action), control_of("kumomta"), NOW)).body)
        for action in (Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN)
    )
    criteria = {"campaign", "tenant", "domain", "routing_domain", "queue_names"}  # what KumoMTA replaces by
    assert {name: pause.get(name) for name in criteria} == {name: resume.get(name) for name in criteria}
    assert resume["duration"] == "1s"


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
    assert document["data"].keys() >= {"share", "cause", "state", "reverts", "ip_pool", "expires_at"}


@pytest.mark.parametrize(("action", "status"), [(Action.PAUSE_CAMPAIGN, "paused"), (Action.RESUME_CAMPAIGN, "running")])
def test_listmonk_sets_the_status_of_the_campaign_with_that_number(action: Action, status: str) -> None:
    request = made(LISTMONK.request(decision_for("listmonk", action), control_of("listmonk"), NOW))
    assert (request.method, request.url) == ("PUT", "https://control.example/api/campaigns/12/status")
    assert json.loads(request.body) == {"status": status}
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"mailweir:very-secret").decode()
    assert request.headers["content-type"] == "application/json"


def test_listmonk_needs_to_be_told_where_it_is() -> None:
    with pytest.raises(Misconfigured, match=r"control\.base_url"):
        LISTMONK.request(decision_for("listmonk"), control_of("listmonk", base_url=""), NOW)


NOT_NUMBERS = [
    "spring-2026",
    "57702beb-6fae-4355-a324-c2fd5b59a549",
    "0",
    "01",
    "-1",
    "1/2",
    "../lists/1",
    "1" * 19,
    "٣",
]


@pytest.mark.parametrize("campaign", NOT_NUMBERS)
def test_listmonk_and_brevo_refuse_a_campaign_that_is_no_number(campaign: str) -> None:
    with pytest.raises(Permanent, match="number"):
        LISTMONK.request(decision_of(campaign_id=campaign), control_of("listmonk"), NOW)
    with pytest.raises(Permanent, match="number"):
        BREVO.request(decision_of(campaign_id=campaign), control_of("brevo"), NOW)


@pytest.mark.parametrize(
    ("status", "body", "verdict", "said"),
    [
        (200, b'{"data":{"id":12,"status":"paused"}}', Verdict.DONE, "200"),
        (400, b'{"message":"Only active campaigns can be paused."}', Verdict.DONE, "already"),
        (400, b'{"message":"Only paused campaigns and drafts can be started."}', Verdict.REFUSED, "runs already"),
        (400, b'{"message":"Campaign not found"}', Verdict.REFUSED, "does not know the campaign"),
        (404, b"<html>nginx</html>", Verdict.REFUSED, "control.base_url"),
        (403, b'{"message":"permission denied: campaigns:manage"}', Verdict.UNAUTHORIZED, "control.secret"),
        (502, b"<html>nginx</html>", Verdict.RETRY, "502"),
    ],
)
def test_listmonks_answers_are_read(status: int, body: bytes, verdict: Verdict, said: str) -> None:
    assert_reads(LISTMONK, ControlAnswer(status=status, body=body), verdict, said)


def test_brevo_suspends_the_marketing_campaign_with_that_number() -> None:
    request = made(BREVO.request(decision_for("brevo"), control_of("brevo", base_url=""), NOW))
    assert (request.method, request.url) == ("PUT", "https://api.brevo.com/v3/emailCampaigns/12/status")
    assert json.loads(request.body) == {"status": "suspended"}
    assert request.headers == {"api-key": "xkeysib-very-secret", "content-type": "application/json"}


@pytest.mark.parametrize(
    ("status", "body", "verdict", "said"),
    [
        (204, b"", Verdict.DONE, "204"),
        (400, b'{"code":"invalid_parameter","message":"Status is not valid"}', Verdict.REFUSED, "Status is not valid"),
        (404, b'{"code":"document_not_found","message":"Campaign ID does not exist"}', Verdict.REFUSED, "campaign id"),
        (401, b'{"code":"unauthorized","message":"Key not found"}', Verdict.UNAUTHORIZED, "control.secret"),
        (429, b'{"code":"too_many_requests"}', Verdict.RETRY, "429"),
        (500, b"", Verdict.RETRY, "500"),
    ],
)
def test_brevos_answers_are_read(status: int, body: bytes, verdict: Verdict, said: str) -> None:
    assert_reads(BREVO, ControlAnswer(status=status, body=body), verdict, said)


def test_klaviyo_sets_the_flow_to_manual() -> None:
    request = made(KLAVIYO.request(decision_for("klaviyo"), control_of("klaviyo", base_url=""), NOW))
    assert (request.method, request.url) == ("PATCH", "https://a.klaviyo.com/api/flows/XVTP5Q")
    assert json.loads(request.body) == {"data": {"type": "flow", "id": "XVTP5Q", "attributes": {"status": "manual"}}}
    assert request.headers["authorization"] == "Klaviyo-API-Key pk_very-secret"
    assert request.headers["revision"] == "2026-04-15"
    assert request.headers["content-type"] == "application/vnd.api+json"


@pytest.mark.parametrize("campaign", ["01H7F525FKR31P27Y7PNGVBBKK", "spring-2026", "a/b/cd", "XVTP5", "XVTP5Q\n"])
def test_klaviyo_never_touches_what_is_no_flow(campaign: str) -> None:
    with pytest.raises(Permanent, match="flows only"):
        KLAVIYO.request(decision_of(campaign_id=campaign), control_of("klaviyo"), NOW)


@pytest.mark.parametrize(
    ("status", "body", "verdict", "said"),
    [
        (200, b'{"data":{"type":"flow","id":"XVTP5Q","attributes":{"status":"manual"}}}', Verdict.DONE, "200"),
        (400, b'{"errors":[{"code":"invalid","detail":"Bad status."}]}', Verdict.REFUSED, "Bad status."),
        (404, b'{"errors":[{"code":"not_found","detail":"A flow does not exist."}]}', Verdict.REFUSED, "no flow"),
        (403, b'{"errors":[{"code":"permission_denied"}]}', Verdict.UNAUTHORIZED, "control.secret"),
        (429, b'{"errors":[{"code":"throttled"}]}', Verdict.RETRY, "429"),
        (503, b"", Verdict.RETRY, "503"),
    ],
)
def test_klaviyos_answers_are_read(status: int, body: bytes, verdict: Verdict, said: str) -> None:
    assert_reads(KLAVIYO, ControlAnswer(status=status, body=body), verdict, said)


@pytest.mark.parametrize(("action", "status"), [(Action.PAUSE_CAMPAIGN, "pause"), (Action.RESUME_CAMPAIGN, "normal")])
def test_greenarrow_sets_the_status_of_the_send_that_the_campaign_is_named_after(action: Action, status: str) -> None:
    request = made(GREENARROW.request(decision_of(action), control_of("greenarrow"), NOW))
    url = "https://control.example/ga/api/v3/eng/sends_by_sendid/spring-2026/status"
    assert (request.method, request.url) == ("POST", url)
    assert json.loads(request.body) == {"send": {"status": status}}


@pytest.mark.parametrize("campaign", ["Black Friday", "../1", "a/b", "x" * 101, "ä"])
def test_greenarrow_refuses_a_campaign_that_cannot_be_a_send(campaign: str) -> None:
    with pytest.raises(Permanent, match="SendID"):
        GREENARROW.request(decision_of(campaign_id=campaign), control_of("greenarrow"), NOW)


@pytest.mark.parametrize(
    ("status", "body", "verdict", "said"),
    [
        (200, b'{"success":true,"data":{"send":{"id":2,"status":"pause"}}}', Verdict.DONE, "200"),
        (
            200,
            b'{"success": false, "error_code": "not_found", "error_messages": ["no send"]}',
            Verdict.REFUSED,
            "no send",
        ),
        (404, b'{"success": false}', Verdict.REFUSED, "SendID"),
        (401, b"", Verdict.UNAUTHORIZED, "control.secret"),
        (429, b"", Verdict.RETRY, "429"),
        (503, b"", Verdict.RETRY, "503"),
    ],
)
def test_greenarrows_answers_are_read(status: int, body: bytes, verdict: Verdict, said: str) -> None:
    assert_reads(GREENARROW, ControlAnswer(status=status, body=body), verdict, said)
