"""Configuration: what `mailweir.yaml` may say of sources, tenants and bounds, as frozen models.

Secrets are typed so that they cannot be printed. `schemas.config_file` reads the file and says what is wrong in it;
`schemas.settings` has what comes from environment variables instead.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from schemas.alerts import Alert
from schemas.console import Console
from schemas.journey_webhooks import MOST_JOURNEY_WEBHOOKS, JourneyWebhook
from schemas.policy import Policy
from schemas.segment_webhooks import MOST_SEGMENT_WEBHOOKS, SegmentWebhook
from schemas.warmup import Warmup

DEFAULT_TENANT = "default"
_NAME = r"^[a-z0-9][a-z0-9_.-]{0,62}$"
_DOMAIN = r"(?=.{3,253})(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}"
POLLED = ("postmaster", "snds")  # providers that `mailweir poll` can ask


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tenant(_Strict):
    """One sender organisation. `recipient_secret` keys the hash that stands for an address.

    `suppression_tokens`: who may ask for the tenant's suppressions, newest first.
    """

    name: str = Field(default=DEFAULT_TENANT, pattern=_NAME)
    recipient_secret: SecretStr = SecretStr("")
    suppression_tokens: list[SecretStr] = Field(default_factory=list)

    @field_validator("suppression_tokens")
    @classmethod
    def _no_short_token(cls, tokens: list[SecretStr]) -> list[SecretStr]:
        if any(len(token.get_secret_value().strip()) < 8 for token in tokens):
            raise ValueError("a token is shorter than 8 characters; make a long one with a generator")
        return tokens


class Control(_Strict):
    """How to act on the sender behind a source: which driver, at which address, with which credentials.

    `ip_pool`: the pool that resting IPs return to (and, with SendGrid, leave). `tls_policy`: what Amazon SES is
    to demand when a campaign moves to another pool, because it sets both at once. `topic`: for `kafka`;
    `path`: the file that `postfix` writes.
    """

    driver: Literal[
        "sendgrid", "ses", "postmark", "sparkpost", "brevo", "klaviyo", "listmonk", "kumomta", "greenarrow",
        "postfix", "kafka", "webhook", "none",
    ] = "none"  # fmt: skip
    base_url: str = ""
    secret: SecretStr = SecretStr("")
    ip_pool: str = ""
    tls_policy: Literal["", "require", "optional"] = ""
    topic: str = ""
    path: str = ""


class Inbox(_Strict):
    """Where a source's mails lie: a Maildir, an IMAP folder, or an address that listens for LMTP.

    `path`: the Maildir, or the Unix socket for LMTP; `port` 0: the usual one. `poll_s`: seconds between two looks.
    `done_folder`: the IMAP folder for mails that are kept; without one they are flagged as seen.
    """

    kind: Literal["none", "maildir", "imap", "lmtp"] = "none"
    path: str = ""
    host: str = ""
    port: int = Field(default=0, ge=0, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"
    user: str = ""
    password: SecretStr = SecretStr("")
    folder: str = "INBOX"
    done_folder: str = ""
    poll_s: float = Field(default=15.0, ge=0.1, le=3600)
    max_mail_bytes: int = Field(default=10 * 1024 * 1024, ge=10 * 1024, le=20 * 1024 * 1024)  # a record takes 24 MiB

    @model_validator(mode="after")
    def _is_complete(self) -> Inbox:
        missing = {
            "none": "",
            "maildir": "" if self.path else "path",
            "imap": "" if self.host and self.user else "host` and `user",
            "lmtp": "" if self.path or (self.host and self.port) else "path`, or `host` and `port",
        }[self.kind]
        if missing:
            raise ValueError(f"an inbox of kind {self.kind} needs `{missing}`")
        return self


class Poll(_Strict):
    """What `mailweir poll` asks a source's provider for; nothing without `credentials`.

    `credentials`: for Postmaster Tools the JSON of a service account or of a refresh token, for SNDS the JSON of a
    refresh token or an access key. `subject`: whom a service account acts for. `domains`: for Postmaster Tools only.
    `every_h`: hours from one round to the next; `days`: how many days back each round asks for.
    """

    credentials: SecretStr = SecretStr("")
    subject: str = ""
    domains: list[str] = Field(default_factory=list)
    every_h: float = Field(default=24.0, ge=1, le=168)
    days: int = Field(default=5, ge=1, le=30)

    @property
    def is_on(self) -> bool:
        """Whether there is anything to ask."""
        return bool(self.credentials.get_secret_value())

    @field_validator("domains")
    @classmethod
    def _are_domains(cls, domains: list[str]) -> list[str]:
        wrong = next((domain for domain in domains if not re.fullmatch(_DOMAIN, domain)), None)
        if wrong is not None:
            raise ValueError(f"{wrong[:80]!r} is no domain in lower case")
        return domains


class Source(_Strict):
    """One configured sender of webhooks, reached at `POST /webhooks/{name}`.

    `secrets`: every active secret or public key, newest first; any of them verifies a request. Without
    one the source must say `is_unsigned: true`. `tolerance_s`: replay window of signed timestamps in
    seconds. `topic_arns`: SNS topics that may post here (SES and Scaleway only). `is_sha1_accepted`: whether a
    signature with SHA-1 will do where the request has no better one (Postal before 3.2 only).
    """

    name: str = Field(pattern=_NAME)
    provider: str
    tenant: str = DEFAULT_TENANT
    secrets: list[SecretStr] = Field(default_factory=list)
    is_unsigned: bool = False
    tolerance_s: int = Field(default=86_400, ge=1, le=30 * 86_400)
    topic_arns: list[str] = Field(default_factory=list)
    is_sha1_accepted: bool = False
    control: Control = Control()
    inbox: Inbox = Inbox()
    poll: Poll = Poll()

    @field_validator("secrets")
    @classmethod
    def _no_empty_secret(cls, secrets: list[SecretStr]) -> list[SecretStr]:
        if any(not secret.get_secret_value().strip() for secret in secrets):
            raise ValueError("a secret is empty, so anybody could sign with it; set it, or leave it out")
        return secrets

    @model_validator(mode="after")
    def _inboxes_hold_mail(self) -> Source:
        if self.inbox.kind != "none" and self.provider != "mail":
            raise ValueError(f"source {self.name!r} has an inbox, which holds mail: its provider must be `mail`")
        return self

    @model_validator(mode="after")
    def _polls_can_be_asked(self) -> Source:
        if self.poll == Poll():
            return self
        if self.provider not in POLLED:
            raise ValueError(f"source {self.name!r} has a `poll`: its provider must be one of {', '.join(POLLED)}")
        if not self.poll.is_on:
            raise ValueError(f"the `poll` of source {self.name!r} has no `credentials`")
        if (self.provider == "postmaster") != bool(self.poll.domains):
            raise ValueError(
                f"the `poll` of source {self.name!r}: `domains` are needed for postmaster, and for it only"
            )
        return self


class Limits(_Strict):
    """The gateway's bounds; each is what one request, or all requests together, may cost."""

    max_body_bytes: int = Field(default=5 * 1024 * 1024, ge=1024)  # five times the largest documented batch
    max_decompressed_bytes: int = Field(default=20 * 1024 * 1024, ge=1024)
    body_timeout_s: float = Field(default=10.0, gt=0)  # the shortest retry timer of a provider's client
    max_in_flight: int = Field(default=256, ge=1)  # x body limit = memory bound
    ack_timeout_s: float = Field(default=8.0, gt=0)


class Config(_Strict):
    """The whole of `mailweir.yaml`. `public_url`: the gateway's address as the providers see it; `console_url`: the
    console's as people see it, for links in alerts and logins; `console`: who may see it. `segments`: the file or
    folder with segments, beside the configuration file unless it is an absolute path; "" for none. `segment_history`:
    whether a new segment is built from the stored events first. `segment_webhooks`: who is told of transitions.
    `journeys`: the file or folder with journeys, like `segments`; `journey_webhooks`: whom they call.
    """

    public_url: str = ""
    console_url: str = ""
    console: Console = Console()
    tenants: list[Tenant] = Field(default_factory=lambda: [Tenant()])
    sources: list[Source] = Field(default_factory=list)
    policies: list[Policy] = Field(default_factory=lambda: [Policy()])
    alerts: list[Alert] = Field(default_factory=list)
    limits: Limits = Limits()
    warmups: list[Warmup] = Field(default_factory=list)
    segments: str = ""
    segment_history: bool = True
    segment_webhooks: list[SegmentWebhook] = Field(default_factory=list, max_length=MOST_SEGMENT_WEBHOOKS)
    journeys: str = ""
    journey_webhooks: list[JourneyWebhook] = Field(default_factory=list, max_length=MOST_JOURNEY_WEBHOOKS)

    @field_validator("warmups")
    @classmethod
    def _one_plan_each(cls, warmups: list[Warmup]) -> list[Warmup]:
        names = [(warmup.tenant, warmup.ip) for warmup in warmups]
        twice = next((ip for place, (tenant, ip) in enumerate(names) if (tenant, ip) in names[:place]), None)
        if twice is not None:
            raise ValueError(f"the IP {twice} is warmed up twice; keep the plan that it follows")
        return warmups

    @field_validator("console_url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if url and not re.fullmatch(r"https?://[!-~]+", url):
            raise ValueError("expected an address that begins with https:// (or http://)")
        return url.rstrip("/")

    @field_validator("policies")
    @classmethod
    def _one_per_tenant(cls, policies: list[Policy]) -> list[Policy]:
        tenants = [policy.tenant for policy in policies]
        for index, tenant in enumerate(tenants):
            if tenant in tenants[:index]:
                first = tenants.index(tenant)
                raise ValueError(
                    f"policies[{first}] and policies[{index}] are both for the tenant {tenant!r}; make one of them"
                )
        return policies

    @field_validator("sources", "tenants", "alerts", "segment_webhooks", "journey_webhooks")
    @classmethod
    def _unique(cls, items: list[Any]) -> list[Any]:
        names = [item.name for item in items]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the name {twice[0]!r} is used twice; names must be unique")
        return items

    @model_validator(mode="after")
    def _logins_come_back(self) -> Config:
        if self.console.oidc and not self.console_url:
            raise ValueError(
                "`console.oidc` needs `console_url`, the address to which the identity provider sends back"
            )
        return self

    @model_validator(mode="after")
    def _tenants_exist(self) -> Config:
        known = {tenant.name for tenant in self.tenants}
        for source in self.sources:
            if source.tenant not in known:
                raise ValueError(
                    f"source {source.name!r} names the tenant {source.tenant!r}, which is not under `tenants`;"
                    f" known: {', '.join(sorted(known))}"
                )
        for warmup in self.warmups:
            if warmup.tenant not in known:
                raise ValueError(
                    f"the warm-up of {warmup.ip} names the tenant {warmup.tenant!r}, which is not under `tenants`;"
                    f" known: {', '.join(sorted(known))}"
                )
        for webhook in (*self.segment_webhooks, *self.journey_webhooks):
            if webhook.tenant not in known:
                raise ValueError(
                    f"{webhook.called} {webhook.name!r} names the tenant {webhook.tenant!r}, which is not under"
                    f" `tenants`; known: {', '.join(sorted(known))}"
                )
        return self

    def source(self, name: str) -> Source | None:
        """The source of that name, or None."""
        return next((source for source in self.sources if source.name == name), None)

    def tenant(self, name: str) -> Tenant:
        """The tenant of that name; a tenant that left the file keeps its name and has no secret."""
        return next((t for t in self.tenants if t.name == name), Tenant(name=name))

    def policy(self, tenant: str) -> Policy:
        """The tenant's own policy, else the one for "*", else the cautious default."""
        by_tenant = {policy.tenant: policy for policy in self.policies}
        return by_tenant.get(tenant) or by_tenant.get("*") or Policy()
