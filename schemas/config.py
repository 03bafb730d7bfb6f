"""Configuration: `mailweir.yaml` for sources, tenants, policies and controls; `MAILWEIR_*` for addresses.

Unknown keys are refused with the nearest known name; secrets are typed so that they cannot be printed.
A secret is a text, or `{env: NAME}`, or `{file: PATH}`. This module reads the file and the mapping of
environment variables it is given; only `streams.environment` touches `os.environ`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import Misconfigured
from schemas.remediation import Action, Mode

DEFAULT_TENANT = "default"
_NAME = r"^[a-z0-9][a-z0-9_.-]{0,62}$"
_DOMAIN = r"(?=.{3,253})(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}"
POLLED = ("postmaster", "snds")  # providers that `mailweir poll` can ask


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tenant(_Strict):
    """One sender organisation. `recipient_secret` keys the hash that stands for an address."""

    name: str = Field(default=DEFAULT_TENANT, pattern=_NAME)
    recipient_secret: SecretStr = SecretStr("")


class Control(_Strict):
    """How to act on the sender behind a source: which driver, at which address, with which credentials."""

    driver: Literal["sendgrid", "kumomta", "webhook", "none"] = "none"
    base_url: str = ""
    secret: SecretStr = SecretStr("")


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


class Policy(_Strict):
    """How far remediation may go for one tenant ("*": every tenant without a policy of its own).

    `actions` are those that may be taken at all; `max_pauses_per_hour` bounds the harm of a mistake.
    """

    tenant: str = "*"
    mode: Mode = Mode.SUGGEST
    actions: list[Action] = Field(default_factory=lambda: list(Action))
    max_pauses_per_hour: int = Field(default=10, ge=0)
    version: str = "1"


class Limits(_Strict):
    """The gateway's bounds; each is what one request, or all requests together, may cost."""

    max_body_bytes: int = Field(default=5 * 1024 * 1024, ge=1024)  # five times the largest documented batch
    max_decompressed_bytes: int = Field(default=20 * 1024 * 1024, ge=1024)
    body_timeout_s: float = Field(default=10.0, gt=0)  # the shortest retry timer of a provider's client
    max_in_flight: int = Field(default=256, ge=1)  # x body limit = memory bound
    ack_timeout_s: float = Field(default=8.0, gt=0)


class Config(_Strict):
    """The whole of `mailweir.yaml`. `public_url`: the gateway's address as the providers see it."""

    public_url: str = ""
    tenants: list[Tenant] = Field(default_factory=lambda: [Tenant()])
    sources: list[Source] = Field(default_factory=list)
    policies: list[Policy] = Field(default_factory=lambda: [Policy()])
    limits: Limits = Limits()

    @field_validator("sources", "tenants")
    @classmethod
    def _unique(cls, items: list[Any]) -> list[Any]:
        names = [item.name for item in items]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the name {twice[0]!r} is used twice; names must be unique")
        return items

    @model_validator(mode="after")
    def _tenants_exist(self) -> Config:
        known = {tenant.name for tenant in self.tenants}
        for source in self.sources:
            if source.tenant not in known:
                raise ValueError(
                    f"source {source.name!r} names the tenant {source.tenant!r}, which is not under `tenants`;"
                    f" known: {', '.join(sorted(known))}"
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


class Settings(BaseSettings):
    """Addresses and knobs of one process, from `MAILWEIR_*` environment variables."""

    model_config = SettingsConfigDict(env_prefix="MAILWEIR_", extra="ignore", frozen=True)

    kafka: str = "127.0.0.1:9092"
    clickhouse: str = "http://127.0.0.1:8123"
    clickhouse_user: str = "default"
    clickhouse_password: SecretStr = SecretStr("")
    schema_registry: str = ""
    config: Path = Path("mailweir.yaml")
    mailbox_domains: str = ""  # path of what `mailweir mailboxes` wrote
    partitions: int = Field(default=4, ge=1, le=1024)
    replication: int = Field(default=1, ge=1, le=9)
    host: str = "127.0.0.1"
    gateway_port: int = Field(default=8610, ge=0, le=65535)
    gateway_processes: int = Field(default=1, ge=1, le=64)
    console_port: int = Field(default=8600, ge=0, le=65535)
    store_port: int = Field(default=8123, ge=0, le=65535)
    data: Path = Path("data")
    session_timeout_ms: int = Field(default=10_000, ge=6_000, le=300_000)
    flush_s: float = Field(default=1.0, gt=0, le=60)
    tick_s: float = Field(default=1.0, ge=0, le=60)
    metrics_port: int = Field(default=0, ge=0, le=65535)  # /healthz, /readyz, /metrics of a worker; 0: none
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """Read and check `mailweir.yaml`. Raises Misconfigured with file, place and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Misconfigured(
            f"{path}: no such file; write one (docs/configuration.md) or point MAILWEIR_CONFIG to it"
        ) from None
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise Misconfigured(f"{path}{line}: not valid YAML ({getattr(error, 'problem', error)})") from error
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise Misconfigured(f"{path}: expected keys such as `sources:` at the top, found a {type(data).__name__}")
    return parse_config(data, environ, str(path))


def parse_config(data: dict[str, Any], environ: Mapping[str, str], where: str) -> Config:
    """Check a configuration given as plain data. Raises Misconfigured naming `where` and the key."""
    try:
        return Config.model_validate(_resolve(data, environ, where))
    except ValidationError as error:
        raise Misconfigured("\n".join(_sentence(where, item) for item in error.errors())) from None


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`. Raises Misconfigured naming the variable."""
    given = {k[9:].lower(): v for k, v in environ.items() if k.startswith("MAILWEIR_") and v != ""}
    try:
        return Settings(**{name: given[name] for name in Settings.model_fields if name in given})  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"MAILWEIR_{str(e['loc'][0]).upper()}: {e['msg']}, got {e['input']!r}" for e in error.errors()]
        raise Misconfigured("\n".join(lines)) from None


def _resolve(data: Any, environ: Mapping[str, str], where: str) -> Any:
    """Replace `{env: NAME}` and `{file: PATH}` by what they name."""
    if isinstance(data, dict):
        if set(data) == {"env"}:
            name = str(data["env"])
            if name not in environ:
                raise Misconfigured(f"{where}: the environment variable {name} is not set")
            return environ[name]
        if set(data) == {"file"}:
            try:
                return Path(str(data["file"])).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise Misconfigured(f"{where}: secret file {data['file']} cannot be read ({error.strerror})") from error
        return {key: _resolve(value, environ, where) for key, value in data.items()}
    return [_resolve(item, environ, where) for item in data] if isinstance(data, list) else data


def _sentence(where: str, error: Any) -> str:
    """One validation error as one sentence: file, place, what is wrong, what to do."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    if error["type"] == "extra_forbidden":
        known = _fields_at(error["loc"][:-1])
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(sorted(known))}"
        return f"{where}: unknown key `{place}`; {hint}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{where}: `{place}`: {message}" if place else f"{where}: {message}"


def _fields_at(path: tuple[str | int, ...]) -> list[str]:
    """The known keys of the model that stands at `path`."""
    models: dict[str, type[BaseModel]] = {
        "tenants": Tenant,
        "sources": Source,
        "control": Control,
        "inbox": Inbox,
        "poll": Poll,
        "policies": Policy,
        "limits": Limits,
    }
    names = [part for part in path if isinstance(part, str)]
    return list((models[names[-1]] if names else Config).model_fields)
