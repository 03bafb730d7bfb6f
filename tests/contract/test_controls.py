"""What every control driver promises, for each one in the registry."""

from __future__ import annotations

import typing

import httpx
import pytest
from pydantic import SecretStr

from connectors.control import DRIVERS, ControlAnswer, Driver, Verdict, driver_named
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.remediation import Action
from tests.unit.connectors.control_cases import SECRETS, control_of, decision_for, decision_of

NOW = 1_763_780_000_000
EACH = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
BODIES = (b"", b"{", b"\xff\xfe\x00", b"[]", b'{"errors": null}', b"x" * 100_000)


@EACH
def test_a_driver_is_found_under_the_name_that_configuration_knows(driver: Driver) -> None:
    assert driver_named(driver.name) is driver
    assert driver.name in typing.get_args(Control.model_fields["driver"].annotation)


def test_every_driver_in_the_configuration_exists_and_an_unknown_one_is_named() -> None:
    assert set(typing.get_args(Control.model_fields["driver"].annotation)) == {driver.name for driver in DRIVERS}
    known = "brevo, klaviyo, kumomta, listmonk, none, postmark, sendgrid, ses, sparkpost, webhook"
    with pytest.raises(Misconfigured, match=f"known: {known}"):
        driver_named("carrier-pigeon")


@EACH
def test_what_is_supported_becomes_a_request_that_http_can_carry(driver: Driver) -> None:
    assert driver.supports
    for action in driver.supports:
        request = driver.request(decision_for(driver.name, action), control_of(driver.name), NOW)
        if request is None:
            continue
        built = httpx.Request(request.method, request.url, headers=dict(request.headers), content=request.body)
        assert built.url.host.endswith("control.example")
        assert built.url.scheme == "https"
        assert all(name == name.lower() for name in request.headers)


@EACH
def test_the_same_decision_asks_for_the_same_thing_again(driver: Driver) -> None:
    for action in driver.supports:
        one, two = (
            driver.request(decision_for(driver.name, action), control_of(driver.name), NOW + wait) for wait in (0, 5000)
        )
        assert (one and (one.method, one.url, one.body)) == (two and (two.method, two.url, two.body))


@EACH
def test_no_secret_is_printed_with_a_request(driver: Driver) -> None:
    for action in driver.supports:
        request = driver.request(decision_for(driver.name, action), control_of(driver.name), NOW)
        assert "secret" not in repr(request)
        assert not SECRETS[driver.name] or SECRETS[driver.name] not in repr(request)


@EACH
def test_an_action_without_its_campaign_or_ip_is_never_sent_as_one_for_everything(driver: Driver) -> None:
    if driver.name in {"none", "webhook"}:
        return  # they carry the decision as it is
    for action in driver.supports:
        with pytest.raises(Exception, match="names none"):
            driver.request(decision_of(action, campaign_id="", sending_ip=""), control_of(driver.name), NOW)


@EACH
@pytest.mark.parametrize("base_url", ["ftp://control.example", "control.example", "file:///etc/passwd"])
def test_an_address_that_is_not_http_is_a_clear_configuration_error(driver: Driver, base_url: str) -> None:
    if driver.name == "none":
        return
    with pytest.raises(Misconfigured, match=r"control\.base_url"):
        driver.request(decision_of(), control_of(driver.name, base_url=base_url), NOW)


@EACH
def test_a_malformed_secret_is_a_clear_configuration_error_that_does_not_repeat_it(driver: Driver) -> None:
    if driver.name == "none":
        return
    broken = {
        "sendgrid": "SG.bad\nbad", "ses": "bad-without-colon", "postmark": "bad\tbad", "sparkpost": "bad\r\nbad",
        "brevo": "xkeysib-bad\nbad", "klaviyo": "pk_bad\nbad",
        "listmonk": "bad-without-colon", "kumomta": "bad-without-colon", "webhook": "whsec_bad!",
    }[driver.name]  # fmt: skip
    with pytest.raises(Misconfigured, match=r"control\.secret") as caught:
        driver.request(decision_of(), control_of(driver.name, secret=SecretStr(broken)), NOW)
    assert "bad" not in str(caught.value).replace("base64", "")


@EACH
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DONE), (201, Verdict.DONE), (204, Verdict.DONE), (302, Verdict.REFUSED),
        (400, Verdict.REFUSED), (401, Verdict.UNAUTHORIZED), (403, Verdict.UNAUTHORIZED), (404, Verdict.REFUSED),
        (410, Verdict.REFUSED), (408, Verdict.RETRY), (429, Verdict.RETRY), (500, Verdict.RETRY), (503, Verdict.RETRY),
    ],
)  # fmt: skip
def test_answers_mean_what_their_status_says(driver: Driver, status: int, verdict: Verdict, body: bytes) -> None:
    if driver.name == "none":
        return
    result = driver.interpret(ControlAnswer(status=status, body=body))
    assert result.verdict == verdict
    assert str(status) in result.detail
    assert len(result.detail) < 400
    assert result.detail.isprintable()


def test_unsupported_actions_are_declared_as_such() -> None:
    supported = {driver.name: set(driver.supports) for driver in DRIVERS}
    assert supported == {
        "sendgrid": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN},
        "ses": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN, Action.REST_IP},
        "postmark": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN},
        "sparkpost": {Action.REST_IP},
        "brevo": {Action.PAUSE_CAMPAIGN},
        "klaviyo": {Action.PAUSE_CAMPAIGN},
        "listmonk": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN},
        "kumomta": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN},
        "webhook": set(Action),
        "none": set(Action),
    }
