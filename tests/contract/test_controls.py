"""What every control driver promises, for each one in the registry."""

from __future__ import annotations

import dataclasses
import typing

import httpx
import pytest
from pydantic import SecretStr

from connectors.control import DRIVERS, ControlAnswer, ControlRequest, Driver, Effect, Verdict, driver_named
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.remediation import Action
from tests.unit.connectors.control_cases import LOCAL, SECRETS, control_of, decision_for, decision_of

NOW = 1_763_780_000_000
EACH = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
BODIES = (b"", b"{", b"\xff\xfe\x00", b"[]", b'{"errors": null}', b"x" * 100_000)


@EACH
def test_a_driver_is_found_under_the_name_that_configuration_knows(driver: Driver) -> None:
    assert driver_named(driver.name) is driver
    assert driver.name in typing.get_args(Control.model_fields["driver"].annotation)


def test_every_driver_in_the_configuration_exists_and_an_unknown_one_is_named() -> None:
    assert set(typing.get_args(Control.model_fields["driver"].annotation)) == {driver.name for driver in DRIVERS}
    with pytest.raises(Misconfigured, match=r"known: brevo, greenarrow, kafka, .*, sparkpost, webhook"):
        driver_named("carrier-pigeon")


@EACH
def test_what_is_supported_becomes_a_request_that_http_can_carry(driver: Driver) -> None:
    assert driver.supports
    for action in driver.supports:
        request = driver.request(decision_for(driver.name, action), control_of(driver.name), NOW)
        assert (request is None) == (driver.name == "none")
        if not isinstance(request, ControlRequest):
            continue
        built = httpx.Request(request.method, request.url, headers=dict(request.headers), content=request.body)
        assert built.url.host.endswith("control.example")
        assert built.url.scheme == "https"
        assert all(name == name.lower() for name in request.headers)


def asked_for(effect: Effect | None) -> object:
    """All of it but the headers, which carry times and signatures."""
    return effect and {name: value for name, value in dataclasses.asdict(effect).items() if name != "headers"}


@EACH
def test_the_same_decision_asks_for_the_same_thing_again(driver: Driver) -> None:
    for action in driver.supports:
        one, two = (
            driver.request(decision_for(driver.name, action), control_of(driver.name), NOW + wait) for wait in (0, 5000)
        )
        assert asked_for(one) == asked_for(two)


@EACH
def test_no_secret_is_printed_with_a_request(driver: Driver) -> None:
    for action in driver.supports:
        request = driver.request(decision_for(driver.name, action), control_of(driver.name), NOW)
        assert "secret" not in repr(request)
        assert not SECRETS[driver.name] or SECRETS[driver.name] not in repr(request)


@EACH
def test_an_action_without_its_campaign_or_ip_is_never_sent_as_one_for_everything(driver: Driver) -> None:
    if driver.name in {"none", "webhook", "kafka"}:
        return  # they carry the decision as it is
    for action in driver.supports:
        with pytest.raises(Exception, match="names none"):
            driver.request(decision_of(action, campaign_id="", sending_ip=""), control_of(driver.name), NOW)


@EACH
@pytest.mark.parametrize("base_url", ["ftp://control.example", "control.example", "file:///etc/passwd"])
def test_an_address_that_is_not_http_is_a_clear_configuration_error(driver: Driver, base_url: str) -> None:
    if driver.name in LOCAL:
        return
    with pytest.raises(Misconfigured, match=r"control\.base_url"):
        driver.request(decision_of(), control_of(driver.name, base_url=base_url), NOW)


@EACH
def test_a_malformed_secret_is_a_clear_configuration_error_that_does_not_repeat_it(driver: Driver) -> None:
    if not SECRETS[driver.name]:
        return
    broken = {
        "sendgrid": "SG.bad\nbad", "ses": "bad-without-colon", "postmark": "bad\tbad", "sparkpost": "bad\r\nbad",
        "brevo": "xkeysib-bad\nbad", "klaviyo": "pk_bad\nbad",
        "listmonk": "bad-without-colon", "kumomta": "bad-without-colon",
        "greenarrow": "bad-without-colon", "kafka": "whsec_bad!", "webhook": "whsec_bad!",
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
    if driver.name in LOCAL:
        return
    result = driver.interpret(ControlAnswer(status=status, body=body))
    assert result.verdict == verdict
    assert str(status) in result.detail
    assert len(result.detail) < 400
    assert result.detail.isprintable()


def test_unsupported_actions_are_declared_as_such() -> None:
    supported = {driver.name: set(driver.supports) for driver in DRIVERS}
    assert supported == {
        "sendgrid": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN, Action.REST_IP, Action.RETURN_IP},
        "ses": {
            *(Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN, Action.REST_IP, Action.RETURN_IP, Action.MOVE_POOL),
        },
        "postmark": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN},
        "sparkpost": {Action.REST_IP, Action.RETURN_IP},
        "brevo": {Action.PAUSE_CAMPAIGN},
        "klaviyo": {Action.PAUSE_CAMPAIGN},
        "listmonk": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN},
        "kumomta": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN},
        "greenarrow": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN},
        "postfix": {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN},
        "kafka": set(Action),
        "webhook": set(Action),
        "none": set(Action),
    }


def test_only_senders_of_ones_own_let_a_share_of_the_mail_through() -> None:
    assert {driver.name for driver in DRIVERS if driver.shares} == {"webhook", "kafka", "none"}
    assert all(driver.shares <= driver.supports for driver in DRIVERS)


@EACH
def test_what_must_not_be_repeated_blindly_can_be_looked_at(driver: Driver) -> None:
    for action in driver.supports:
        look = driver.look(decision_for(driver.name, action), control_of(driver.name), NOW)
        assert (look is None) == driver.is_idempotent
        if look is not None:
            assert (look.method, look.body) == ("GET", b"")
            assert SECRETS[driver.name] not in repr(look)


@EACH
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", [200, 204, 400, 401, 429, 500])
def test_a_look_that_says_nothing_is_never_taken_for_done(driver: Driver, status: int, body: bytes) -> None:
    for action in driver.supports - {Action.RESUME_CAMPAIGN}:
        answer = ControlAnswer(status=status, body=body)
        assert not driver.is_done(decision_for(driver.name, action), control_of(driver.name), answer)


@EACH
def test_every_driver_says_how_fast_it_may_be_asked(driver: Driver) -> None:
    assert 0 < driver.pace.per_s <= 100
    assert driver.pace.burst >= 1
