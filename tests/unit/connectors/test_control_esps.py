"""Requests to Amazon SES, Postmark and SparkPost, and their answers, against their documentation."""

from __future__ import annotations

import json

import pytest
from pydantic import SecretStr

from connectors.control import ControlAnswer, Driver, Verdict
from connectors.controls.postmark import POSTMARK
from connectors.controls.sendgrid import SENDGRID
from connectors.controls.ses import SES
from connectors.controls.sparkpost import SPARKPOST
from schemas.errors import Misconfigured, Permanent
from schemas.remediation import Action
from tests.unit.connectors.control_cases import assert_reads, control_of, decision_of, made

NOW = 1_763_780_000_000


@pytest.mark.parametrize(("action", "is_sending"), [(Action.PAUSE_CAMPAIGN, False), (Action.RESUME_CAMPAIGN, True)])
def test_ses_switches_sending_of_the_configuration_set_that_the_campaign_is_named_after(
    action: Action, is_sending: bool
) -> None:
    request = made(SES.request(decision_of(action), control_of("ses"), NOW))
    root = "https://email.eu-west-1.control.example"
    assert (request.method, request.url) == ("PUT", f"{root}/v2/email/configuration-sets/spring-2026/sending")
    assert json.loads(request.body) == {"SendingEnabled": is_sending}


def test_ses_moves_a_resting_ip_to_the_pool_that_nothing_sends_through() -> None:
    request = made(SES.request(decision_of(Action.REST_IP), control_of("ses"), NOW))
    assert request.url == "https://email.eu-west-1.control.example/v2/email/dedicated-ips/192.0.2.1/pool"
    assert json.loads(request.body) == {"DestinationPoolName": "mailweir_resting"}


def test_ses_requests_are_signed_for_region_day_and_service_with_the_session_token() -> None:
    headers = made(SES.request(decision_of(), control_of("ses"), NOW)).headers
    assert headers["x-amz-date"] == "20251122T025320Z"
    assert headers["x-amz-security-token"] == "token-very-secret"
    assert headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251122/eu-west-1/ses/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
    )
    assert ":very-secret" not in str(headers)


def test_ses_without_temporary_credentials_sends_no_session_token() -> None:
    control = control_of("ses", secret=SecretStr("AKIDEXAMPLE:very/secret+"))
    assert "x-amz-security-token" not in made(SES.request(decision_of(), control, NOW)).headers


@pytest.mark.parametrize("secret", ["AKID", "AKID:", ":key", "AKID:key:", "::"])
def test_ses_wants_both_halves_of_an_access_key(secret: str) -> None:
    with pytest.raises(Misconfigured, match="ACCESS_KEY_ID:SECRET_ACCESS_KEY"):
        SES.request(decision_of(), control_of("ses", secret=SecretStr(secret)), NOW)


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("https://email.us-east-1.amazonaws.com", "us-east-1"),
        ("https://email-fips.us-gov-west-1.amazonaws.com/", "us-gov-west-1"),
        ("https://email.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://vpce-0a1b-2c3d.email.ap-southeast-2.vpce.amazonaws.com", "ap-southeast-2"),
    ],
)
def test_ses_reads_the_region_out_of_the_address(address: str, region: str) -> None:
    request = made(SES.request(decision_of(), control_of("ses", base_url=address), NOW))
    assert f"/{region}/ses/aws4_request" in request.headers["authorization"]


@pytest.mark.parametrize("address", ["https://email.amazonaws.com", "https://control.example", ""])
def test_ses_guesses_no_region(address: str) -> None:
    with pytest.raises(Misconfigured, match=r"control\.base_url"):
        SES.request(decision_of(), control_of("ses", base_url=address), NOW)


@pytest.mark.parametrize("campaign", ["Black Friday", "../../account", "a/b", "", "x" * 65, "ä"])
def test_ses_refuses_a_campaign_that_cannot_be_a_configuration_set(campaign: str) -> None:
    with pytest.raises(Permanent):
        SES.request(decision_of(campaign_id=campaign), control_of("ses"), NOW)


@pytest.mark.parametrize(
    ("status", "error", "verdict"),
    [
        (200, "", Verdict.DONE),  # also for a set that is paused already
        (400, "BadRequestException", Verdict.REFUSED),
        (400, "ThrottlingException", Verdict.RETRY),
        (400, "RequestExpired", Verdict.UNAUTHORIZED),
        (403, "SignatureDoesNotMatch", Verdict.UNAUTHORIZED),
        (403, "AccessDeniedException:http://internal.amazon.com/coral/", Verdict.UNAUTHORIZED),
        (404, "NotFoundException", Verdict.REFUSED),
        (409, "ConcurrentModificationException", Verdict.RETRY),
        (429, "TooManyRequestsException", Verdict.RETRY),
        (503, "ServiceUnavailable", Verdict.RETRY),
    ],
)
def test_ses_answers_are_read_by_the_errors_name_too(status: int, error: str, verdict: Verdict) -> None:
    headers = {"x-amzn-errortype": error} if error else {}
    result = SES.interpret(ControlAnswer(status=status, headers=headers, body=b'{"message": "no"}'))
    assert result.verdict is verdict
    assert str(status) in result.detail


def test_ses_says_what_to_check_when_it_knows_no_such_set() -> None:
    detail = SES.interpret(ControlAnswer(status=404)).detail
    assert "configuration set" in detail
    assert "region" in detail


@pytest.mark.parametrize(
    ("action", "verb"), [(Action.PAUSE_CAMPAIGN, "archive"), (Action.RESUME_CAMPAIGN, "unarchive")]
)
def test_postmark_archives_the_stream_that_the_campaign_is_named_after(action: Action, verb: str) -> None:
    request = made(POSTMARK.request(decision_of(action), control_of("postmark", base_url=""), NOW))
    assert (request.method, request.url) == ("POST", f"https://api.postmarkapp.com/message-streams/spring-2026/{verb}")
    assert request.headers["x-postmark-server-token"] == "very-secret-token"
    assert request.body == b""


@pytest.mark.parametrize("campaign", ["Black Friday", "../servers", "a/b", "", "x" * 101, "ä"])
def test_postmark_refuses_a_campaign_that_cannot_be_a_stream(campaign: str) -> None:
    with pytest.raises(Permanent):
        POSTMARK.request(decision_of(campaign_id=campaign), control_of("postmark"), NOW)


def test_postmark_says_when_an_archived_stream_will_be_deleted() -> None:
    body = b'{"ID": "spring-2026", "ServerID": 123457, "ExpectedPurgeDate": "2026-01-06T12:00:00.0000000-05:00"}'
    result = POSTMARK.interpret(ControlAnswer(status=200, body=body))
    assert result.verdict is Verdict.DONE
    assert "2026-01-06" in result.detail


@pytest.mark.parametrize(
    ("status", "body", "verdict", "word"),
    [
        (200, b'{"ID": "spring-2026", "ExpectedPurgeDate": null}', Verdict.DONE, "confirmed"),
        (401, b'{"ErrorCode": 10, "Message": "No Account or Server API tokens"}', Verdict.UNAUTHORIZED, "secret"),
        (404, b"", Verdict.REFUSED, "campaign id"),
        (422, b'{"ErrorCode": 1, "Message": "This stream is already archived."}', Verdict.DONE, "already"),
        (422, b'{"ErrorCode": 1, "Message": "Default streams cannot be archived."}', Verdict.REFUSED, "Default"),
        (429, b"", Verdict.RETRY, "429"),
        (500, b"", Verdict.RETRY, "500"),
    ],
)
def test_postmark_answers(status: int, body: bytes, verdict: Verdict, word: str) -> None:
    assert_reads(POSTMARK, ControlAnswer(status=status, body=body), verdict, word)


def test_sparkpost_moves_a_resting_ip_to_the_pool_that_nothing_sends_through() -> None:
    request = made(SPARKPOST.request(decision_of(Action.REST_IP), control_of("sparkpost", base_url=""), NOW))
    assert (request.method, request.url) == ("PUT", "https://api.sparkpost.com/api/v1/sending-ips/192.0.2.1")
    assert json.loads(request.body) == {"ip_pool": "mailweir_resting"}
    assert request.headers["authorization"] == "very-secret-key"


@pytest.mark.parametrize(
    ("status", "body", "verdict", "word"),
    [
        (200, b'{"results": {"message": "Updated Sending IP."}}', Verdict.DONE, "confirmed"),
        (400, b'{"errors": [{"message": "IP Pool x does not exist."}]}', Verdict.REFUSED, "mailweir_resting"),
        (401, b'{"errors": [{"message": "Unauthorized."}]}', Verdict.UNAUTHORIZED, "secret"),
        (403, b'{"errors": [{"message": "Forbidden."}]}', Verdict.UNAUTHORIZED, "rights"),
        (404, b'{"errors": [{"message": "Sending IP does not exist"}]}', Verdict.REFUSED, "dedicated"),
        (429, b"", Verdict.RETRY, "429"),
        (503, b"", Verdict.RETRY, "503"),
    ],
)
def test_sparkpost_answers(status: int, body: bytes, verdict: Verdict, word: str) -> None:
    assert_reads(SPARKPOST, ControlAnswer(status=status, body=body), verdict, word)


@pytest.mark.parametrize("driver", [SES, SPARKPOST], ids=lambda driver: driver.name)
def test_an_ip_that_only_one_mailbox_provider_refuses_is_not_rested_everywhere(driver: Driver) -> None:
    decision = decision_of(Action.REST_IP, mailbox_provider="gmail")
    with pytest.raises(Permanent, match="gmail alone"):
        driver.request(decision, control_of(driver.name), NOW)


@pytest.mark.parametrize("driver", [SES, SPARKPOST], ids=lambda driver: driver.name)
@pytest.mark.parametrize("ip", ["192.0.2.1/../..", "localhost", "192.0.2.0/24"])
def test_what_is_no_address_never_becomes_a_path(driver: Driver, ip: str) -> None:
    with pytest.raises(Permanent):
        driver.request(decision_of(Action.REST_IP, sending_ip=ip), control_of(driver.name), NOW)


RETURNING = pytest.mark.parametrize("driver", [SES, SPARKPOST, SENDGRID], ids=lambda driver: driver.name)


@RETURNING
def test_an_ip_returns_to_the_pool_that_the_decision_names_before_the_controls(driver: Driver) -> None:
    named = decision_of(Action.RETURN_IP, ip_pool="newsletters")
    request = made(driver.request(named, control_of(driver.name), NOW))
    assert "newsletters" in request.url + request.body.decode()
    assert "marketing" not in request.url + request.body.decode()


@RETURNING
def test_an_ip_without_a_pool_to_return_to_stays_where_it_is(driver: Driver) -> None:
    with pytest.raises(Permanent, match=r"control\.ip_pool"):
        driver.request(decision_of(Action.RETURN_IP), control_of(driver.name, ip_pool=""), NOW)


def test_the_name_of_a_pool_never_becomes_another_path() -> None:
    decision = decision_of(Action.REST_IP, ip_pool="../../user")
    url = made(SENDGRID.request(decision, control_of("sendgrid"), NOW)).url
    assert url == "https://control.example/v3/ips/pools/..%2F..%2Fuser/ips/192.0.2.1"


def test_ses_never_drops_the_demand_for_tls_when_a_campaign_moves_to_another_pool() -> None:
    decision = decision_of(Action.MOVE_POOL, ip_pool="newsletters")
    with pytest.raises(Misconfigured, match=r"control\.tls_policy"):
        SES.request(decision, control_of("ses", tls_policy=""), NOW)
    body = made(SES.request(decision, control_of("ses"), NOW)).body
    assert json.loads(body) == {"SendingPoolName": "newsletters", "TlsPolicy": "REQUIRE"}


@pytest.mark.parametrize(
    ("action", "status", "body", "is_done"),
    [
        (Action.PAUSE_CAMPAIGN, 200, b'[{"batch_id": "spring-2026", "status": "pause"}]', True),
        (Action.PAUSE_CAMPAIGN, 200, b"[]", False),
        (Action.RESUME_CAMPAIGN, 200, b"[]", True),
        (Action.RESUME_CAMPAIGN, 404, b"", True),
        (Action.RESUME_CAMPAIGN, 200, b'[{"batch_id": "spring-2026", "status": "pause"}]', False),
        (Action.RESUME_CAMPAIGN, 500, b"[]", False),
        (Action.REST_IP, 200, b'{"ip": "192.0.2.1", "pools": ["other"]}', True),
        (Action.REST_IP, 200, b'{"ip": "192.0.2.1", "pools": ["marketing"]}', False),
        (Action.RETURN_IP, 200, b'{"ip": "192.0.2.1", "pools": ["other"]}', False),
    ],
)
def test_sendgrid_is_looked_at_before_anything_is_repeated(
    action: Action, status: int, body: bytes, is_done: bool
) -> None:
    answer = ControlAnswer(status=status, body=body)
    assert SENDGRID.is_done(decision_of(action), control_of("sendgrid"), answer) == is_done
