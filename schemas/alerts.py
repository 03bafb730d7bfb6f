"""Alerts: whom decisions are told to, and by which way, as frozen models.

A channel's address is a secret where knowing it is enough to post to it (chat webhooks); people's addresses are no
secrets, but are kept out of every `repr` as well. `docs/alerts.md` has examples.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from schemas.aggregates import RANK, Level
from schemas.policy import EVERYONE, tenant_or_everyone
from schemas.remediation import Action, Decision, Mode
from schemas.signed_webhook import WebhookSecret, WebhookUrl

AlertKind = Literal["slack", "teams", "webhook", "email"]
_ADDRESS = re.compile(r"[^\s@<>\"(),:;]{1,64}@[^\s@<>\"(),:;]{1,253}")
_MOST_RECIPIENTS = 20  # a list of people, not a campaign


class Alert(BaseModel):
    """One channel. `url` and `secret` are for chat and webhook; `host` to `to` are for e-mail.

    Told is a decision for `tenant` ("*": for any) with one of `actions` when its key is, or was before it, at
    `min_level` or worse; in every mode but observe. Over `max_per_hour` messages the rest comes in a digest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    kind: AlertKind
    tenant: str = EVERYONE
    min_level: Literal[Level.WATCH, Level.THROTTLED, Level.PAUSED] = Level.THROTTLED
    actions: list[Action] = Field(default_factory=lambda: list(Action))
    max_per_hour: int = Field(default=20, ge=1, le=1000)
    url: WebhookUrl = SecretStr("")
    secret: WebhookSecret = SecretStr("")
    host: str = ""
    port: int = Field(default=0, ge=0, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = Field(default="", repr=False)
    password: SecretStr = SecretStr("")
    sender: str = Field(default="", repr=False)
    to: list[str] = Field(default_factory=list, repr=False, max_length=_MOST_RECIPIENTS)

    @field_validator("tenant")
    @classmethod
    def _is_name(cls, tenant: str) -> str:
        return tenant_or_everyone(tenant)

    @field_validator("actions")
    @classmethod
    def _has_actions(cls, actions: list[Action]) -> list[Action]:
        if not actions:
            raise ValueError("an empty list tells nothing; leave `actions` out to tell everything")
        return actions

    @field_validator("sender", "to")
    @classmethod
    def _are_addresses(cls, given: str | list[str]) -> str | list[str]:
        for address in [given] if isinstance(given, str) else given:
            if address and not (_ADDRESS.fullmatch(address) and address.isascii()):
                raise ValueError("expected an address such as ops@example.com, without a name around it")
        return given

    @model_validator(mode="after")
    def _is_complete(self) -> Alert:
        missing = [name for name in _NEEDED[self.kind] if not _is_set(getattr(self, name))]
        if missing:
            raise ValueError(f"a channel of kind {self.kind} needs {' and '.join(f'`{name}`' for name in missing)}")
        foreign = [name for name in _OWN if name in self.model_fields_set and name not in _ALLOWED[self.kind]]
        if foreign:
            raise ValueError(f"a channel of kind {self.kind} has no `{foreign[0]}`; take it away")
        if self.password.get_secret_value() and self.security == "none":
            raise ValueError("with `security: none` the password would travel readable; use starttls or tls")
        return self

    def wants(self, decision: Decision) -> bool:
        """Is this channel told of it? A resume counts by the level that it ends."""
        worst = max(_rank(decision.level), _rank(decision.previous_level))
        is_ours = self.tenant in {EVERYONE, decision.tenant}
        is_only_watched = decision.mode == Mode.OBSERVE
        return is_ours and not is_only_watched and decision.action in self.actions and worst >= RANK[self.min_level]


_NEEDED: dict[AlertKind, tuple[str, ...]] = {
    "slack": ("url",), "teams": ("url",), "webhook": ("url", "secret"), "email": ("host", "sender", "to"),
}  # fmt: skip
_ALLOWED: dict[AlertKind, frozenset[str]] = {
    "slack": frozenset({"url"}),
    "teams": frozenset({"url"}),
    "webhook": frozenset({"url", "secret"}),
    "email": frozenset({"host", "port", "security", "user", "password", "sender", "to"}),
}
_OWN = sorted(frozenset().union(*_ALLOWED.values()))


def _is_set(value: object) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _rank(level: str) -> int:
    return RANK[Level(level)] if level in set(Level) else 0
