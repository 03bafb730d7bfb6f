"""Who may see the console and do what there, as frozen models; `docs/console-login.md` has examples."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

_HTTPS = re.compile(r"https://[!-~]+|http://(127\.0\.0\.1|localhost)(:\d+)?(/[!-~]*)?")


class Role(StrEnum):
    """What somebody may do; each may what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def reaches(self, least: Role) -> bool:
        """Whether this is at least that role."""
        order = list(Role)
        return order.index(self) >= order.index(least)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Oidc(_Strict):
    """An identity provider that speaks OpenID Connect. `name`: how the login page calls it.

    `roles`: which values of `roles_claim` are which role; empty: the claim has our names. `tenants`: of all its people,
    where no claim tells.
    """

    issuer: str
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = SecretStr("")
    name: str = "your organisation"
    scopes: list[str] = Field(default_factory=lambda: ["openid", "profile", "email"])
    name_claim: str = "email"
    roles_claim: str = "roles"
    roles: dict[str, Role] = Field(default_factory=dict)
    tenants_claim: str = ""
    tenants: list[str] = Field(default_factory=list)

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        if not _HTTPS.fullmatch(issuer):
            raise ValueError("expected an address that begins with https://")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _asks_for_a_token(cls, scopes: list[str]) -> list[str]:
        if "openid" not in scopes:
            raise ValueError("`openid` is missing; without it there is no ID token")
        return scopes

    @model_validator(mode="after")
    def _says_whose(self) -> Oidc:
        if bool(self.tenants_claim) == bool(self.tenants):
            raise ValueError('say whose rows its people see: either `tenants_claim`, or `tenants` ("*" means all)')
        return self


class Console(_Strict):
    """How people prove who they are. `login`: `proxy` where a proxy in front has done it; `auto`: by `users` or `oidc`,
    and not at all where neither is given and the console listens on loopback. `users`: a file, beside the configuration
    file unless it is an absolute path. `proxies`: addresses whose `X-Forwarded-For` is believed.
    """

    login: Literal["auto", "proxy"] = "auto"
    users: str = ""
    oidc: Oidc | None = None
    session_hours: float = Field(default=12.0, gt=0, le=24 * 30)
    idle_minutes: float = Field(default=60.0, ge=1, le=60 * 24 * 30)
    proxies: list[str] = Field(default_factory=list, max_length=100)

    @property
    def has_login(self) -> bool:
        """Whether the console itself asks who comes."""
        return bool(self.users or self.oidc)

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, proxies: list[str]) -> list[str]:
        for each in proxies:
            try:
                ipaddress.ip_network(each)
            except ValueError:
                raise ValueError(f"{each[:60]!r} is no address or network like 10.0.0.7 or 10.0.0.0/8") from None
        return proxies

    @model_validator(mode="after")
    def _is_one_way(self) -> Console:
        if self.login == "proxy" and self.has_login:
            raise ValueError("`login: proxy` means that others do it; take it away, or `users` and `oidc`")
        return self
