"""Alerts, messages and outcomes for tests."""

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr

from connectors.alerts.base import Message
from schemas.alerts import Alert
from schemas.remediation import Decision, Outcome, OutcomeStatus
from tests.unit.connectors.control_cases import decision_of

SECRETS: dict[str, dict[str, Any]] = {
    "slack": {"url": SecretStr("https://chat.example/services/T0/B0/very-secret")},
    "teams": {"url": SecretStr("https://flow.example/workflows/1?sig=very-secret")},
    "webhook": {
        "url": SecretStr("https://hook.example/very-secret"),
        "secret": SecretStr("whsec_dmVyeS1zZWNyZXQtdmVyeS1zZWNyZXQ="),
    },
    "email": {
        "host": "mail.example", "user": "very-secret-user", "password": SecretStr("very-secret"),
        "sender": "mailweir@very-secret.example", "to": ["ops@very-secret.example", "two@very-secret.example"],
    },
}  # fmt: skip
SIGNALS = [
    {"detector": "bounce_cusum", "statistic": 2.0, "warn": 7.0, "throttle": 9.0, "pause": 12.0, "level": "healthy",
     "numerator": 3, "denominator": 5120, "explanation": ""},
    {"detector": "complaint_exposure", "statistic": 1204.5, "warn": 20, "throttle": 100, "pause": 1000,
     "level": "paused", "numerator": 14, "denominator": 5120.4, "explanation": "14 complaints where 5.1 are tolerable"},
]  # fmt: skip


def alert_of(kind: str, **changes: Any) -> Alert:
    """A channel of that kind with all it needs."""
    return Alert(**({"name": f"ops-{kind}", "kind": kind} | SECRETS[kind] | changes))


def told(**changes: Any) -> Decision:
    """A decision with times and evidence."""
    given: dict[str, Any] = {
        "reason": "14 complaints where 5.1 are tolerable. Pause campaign spring-2026",
        "evidence": json.dumps({"signals": SIGNALS}),
        "first_signal_at": 1_795_377_615_000,
        "as_of": 1_795_377_660_000,
        "decided_at": 1_795_377_661_000,
    }
    return decision_of(**(given | changes))


def outcome(decision: Decision, status: OutcomeStatus = OutcomeStatus.DONE, **changes: Any) -> Outcome:
    """What a control answered."""
    given: dict[str, Any] = {
        "outcome_id": f"outcome-{decision.decision_id}", "decision_id": decision.decision_id, "tenant": decision.tenant,
        "kind": decision.kind, "key": decision.key, "action": decision.action, "source": "acme-sendgrid",
        "driver": "sendgrid", "status": status, "attempt": 1, "http_status": 201,
        "detail": "SendGrid confirmed with 201", "executed_at": 1_795_377_662_000,
    }  # fmt: skip
    return Outcome(**(given | changes))


MESSAGE = Message(
    message_id="f00dfeed",
    title="Done: pause campaign spring-2026 (acme)",
    lines=("14 complaints where 5.1 are tolerable.", "acme-sendgrid: done."),
    commands=("mailweir decisions revert 0123456789abcdef",),
    link="https://console.example/#decision=0123456789abcdef",
    data={"decision_id": "0123456789abcdef", "key": "spring-2026"},
)
HOSTILE = Message(
    message_id="bad",
    title="Done: pause campaign <!channel> *x*\r\nBcc: all@victims.example (acme)",
    lines=("@all [click](https://evil.example) <https://evil.example|bank> `code` & \u202e\x07 more" + "x" * 5000,),
)
