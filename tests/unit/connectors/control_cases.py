"""Decisions, controls and answers for tests."""

from __future__ import annotations

import json
from typing import Any

from connectors.control import ControlAnswer, ControlRequest, Driver, Effect, Verdict
from schemas.config import Control, Source
from schemas.remediation import Action, Decision, Mode

SECRETS = {
    "sendgrid": "SG.very-secret",
    "ses": "AKIDEXAMPLE:very-secret:token-very-secret",
    "postmark": "very-secret-token",
    "sparkpost": "very-secret-key",
    "brevo": "xkeysib-very-secret",
    "klaviyo": "pk_very-secret",
    "listmonk": "mailweir:very-secret",
    "kumomta": "admin:very-secret",
    "greenarrow": "mailweir:very-secret",
    "postfix": "",
    "kafka": "whsec_dmVyeS1zZWNyZXQtdmVyeS1zZWNyZXQ=",
    "webhook": "whsec_dmVyeS1zZWNyZXQtdmVyeS1zZWNyZXQ=",
    "none": "",
}
LOCAL = frozenset({"postfix", "kafka", "none"})  # what they do is no request over HTTP
ADDRESSES = {"ses": "https://email.eu-west-1.control.example"}  # where the address says more than where
CAMPAIGNS = {"brevo": "12", "klaviyo": "XVTP5Q", "listmonk": "12"}
"""Where the API's campaign ids have a form of their own."""


def decision_of(action: Action = Action.PAUSE_CAMPAIGN, mode: Mode = Mode.ACT, **changes: Any) -> Decision:
    """A decision about campaign "spring-2026"; an IP is rested altogether."""
    given: dict[str, Any] = {
        "decision_id": "0123456789abcdef0123456789abcdef", "tenant": "acme", "kind": "campaign", "key": "spring-2026",
        "action": action, "mode": mode, "level": "paused", "previous_level": "healthy",
        "reason": "Pause campaign spring-2026", "evidence": json.dumps({"score": 55.0}), "policy_version": "1",
        "campaign_id": "spring-2026", "sending_ip": "192.0.2.1", "sources": ["esp"],
        "mailbox_provider": "" if action in {Action.REST_IP, Action.RETURN_IP} else "gmail",
    }  # fmt: skip
    return Decision(**(given | changes))


def decision_for(driver: str, action: Action = Action.PAUSE_CAMPAIGN) -> Decision:
    """A decision about a campaign whose id the driver's API could have given."""
    return decision_of(action, campaign_id=CAMPAIGNS.get(driver, "spring-2026"))


def control_of(driver: str, **changes: Any) -> Control:
    """A control of that driver with address and secret."""
    address = ADDRESSES.get(driver, "https://control.example")
    given = {
        "driver": driver, "base_url": address, "secret": SECRETS[driver], "ip_pool": "marketing",
        "tls_policy": "require", "topic": "acme.decisions", "path": "/etc/postfix/mailweir_hold.regexp",
    }  # fmt: skip
    return Control(**(given | changes))


def source_of(driver: str, **changes: Any) -> Source:
    """A source with that control."""
    return Source(name="esp", provider="sendgrid", control=control_of(driver, **changes))


def made(request: Effect | None) -> ControlRequest:
    """The request over HTTP, of which there must be one."""
    assert isinstance(request, ControlRequest)
    return request


def assert_reads(driver: Driver, answer: ControlAnswer, verdict: Verdict, said: str) -> None:
    """The driver takes the answer for `verdict`, and its sentence has `said` in it."""
    result = driver.interpret(answer)
    assert result.verdict is verdict
    assert said in result.detail
