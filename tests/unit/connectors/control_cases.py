"""Decisions, controls and answers for tests."""

from __future__ import annotations

import json
from typing import Any

from schemas.config import Control, Source
from schemas.remediation import Action, Decision, Mode

SECRETS = {
    "sendgrid": "SG.very-secret",
    "kumomta": "admin:very-secret",
    "webhook": "whsec_dmVyeS1zZWNyZXQtdmVyeS1zZWNyZXQ=",
    "none": "",
}


def decision_of(action: Action = Action.PAUSE_CAMPAIGN, mode: Mode = Mode.ACT, **changes: Any) -> Decision:
    """A decision about campaign "spring-2026"."""
    given: dict[str, Any] = {
        "decision_id": "0123456789abcdef0123456789abcdef", "tenant": "acme", "kind": "campaign", "key": "spring-2026",
        "action": action, "mode": mode, "level": "paused", "previous_level": "healthy",
        "reason": "Pause campaign spring-2026", "evidence": json.dumps({"score": 55.0}), "policy_version": "1",
        "campaign_id": "spring-2026", "sending_ip": "192.0.2.1", "mailbox_provider": "gmail", "sources": ["esp"],
    }  # fmt: skip
    return Decision(**(given | changes))


def control_of(driver: str, **changes: Any) -> Control:
    """A control of that driver with address and secret."""
    return Control(**({"driver": driver, "base_url": "https://control.example", "secret": SECRETS[driver]} | changes))


def source_of(driver: str, **changes: Any) -> Source:
    """A source with that control."""
    return Source(name="esp", provider="sendgrid", control=control_of(driver, **changes))
