"""An identity provider over HTTP: what it publishes, a code for an ID token, and the person whom its claims mean.

OpenID Connect Discovery 1.0 for the addresses, Core 1.0 for the rest, PKCE by RFC 7636. Answers are bounded, redirects
are not followed, addresses must be https where the issuer's is. A few questions at a time: anybody can begin a login.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
import msgspec

from dashboards.console.login.id_token import BadTokenError, Claims, Expected, Jwk, UnknownKeyError, claims_of
from dashboards.console.login.person import Person
from dashboards.console.scope import ALL, is_tenant_name, scope_of
from schemas.console import Oidc, Role
from schemas.errors import MailweirError

_TIMEOUT_S = 10.0
_MOST_BYTES = 256 * 1024
_KEPT_MS = 3_600_000  # what it publishes; keys are looked for again when one is new
_KEY_PAUSE_MS = 60_000  # so that made-up keys do not make us ask all the time
_MOST_NAME = 100
_MOST_AT_ONCE = 8
_MOST_KEYS = 100
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_log = logging.getLogger(__name__)


class NotLoggedInError(MailweirError):
    """The login failed. `why`: a word that the login page makes a sentence of."""

    def __init__(self, why: str, reason: str) -> None:
        super().__init__(reason)
        self.why = why
        _log.warning("login refused", extra={"why": why, "reason": reason})


class Provider:
    """One provider. `callback`: where it sends people back to; `clock_ms`: wall time."""

    def __init__(self, config: Oidc, callback: str, clock_ms: Callable[[], int]) -> None:
        self.name = config.name
        self._config, self._callback, self._clock_ms = config, callback, clock_ms
        self._document: Mapping[str, str] = {}
        self._document_at = self._keys_at = 0
        self._keys: Sequence[Jwk] = ()
        self._free = asyncio.Semaphore(_MOST_AT_ONCE)

    async def address(self, state: str, nonce: str, challenge: str) -> str:
        """Where to send a browser. Raises NotLoggedInError."""
        document = await self._published()
        given = {
            "response_type": "code", "client_id": self._config.client_id, "redirect_uri": self._callback,
            "scope": " ".join(self._config.scopes), "state": state, "nonce": nonce,
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        where = document["authorization_endpoint"]
        return f"{where}{'&' if '?' in where else '?'}{urlencode(given)}"

    async def person(self, code: str, verifier: str, nonce: str) -> Person:
        """Who has logged in there. Raises NotLoggedInError."""
        token = await self._exchanged(code, verifier)
        now_ms = self._clock_ms()
        expected = Expected(
            issuer=self._config.issuer, client_id=self._config.client_id, nonce=nonce, now_s=now_ms / 1000
        )
        try:
            try:
                claims = claims_of(token, await self._published_keys(now_ms - self._keys_at > _KEPT_MS), expected)
            except UnknownKeyError:
                claims = claims_of(token, await self._published_keys(now_ms - self._keys_at > _KEY_PAUSE_MS), expected)
        except BadTokenError as error:
            raise NotLoggedInError("refused", f"the ID token is not believed: {error}") from None
        return person_in(claims, self._config)

    async def _published(self) -> Mapping[str, str]:
        if self._document and self._clock_ms() - self._document_at < _KEPT_MS:
            return self._document
        found = await self._asked("GET", f"{self._config.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self._config.issuer:
            raise NotLoggedInError("away", "the provider publishes another issuer; write that one under `oidc.issuer`")
        is_https = self._config.issuer.startswith("https://")
        for name in _ENDPOINTS:
            if not str(found.get(name, "")).startswith("https://" if is_https else "http"):
                raise NotLoggedInError("away", f"the provider publishes no safe {name}")
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        by = "post" if "client_secret_basic" not in methods else "basic"
        self._document = {**{name: str(found[name]) for name in _ENDPOINTS}, "by": by}
        self._document_at = self._clock_ms()
        return self._document

    async def _published_keys(self, is_asked: bool) -> Sequence[Jwk]:  # noqa: FBT001 - one yes or no
        if is_asked or not self._keys_at:
            self._keys_at = self._clock_ms()
            found = (await self._asked("GET", (await self._published())["jwks_uri"])).get("keys")
            listed = found if isinstance(found, list) else []
            self._keys = [key for key in listed if isinstance(key, dict)][:_MOST_KEYS]
        return self._keys

    async def _exchanged(self, code: str, verifier: str) -> str:
        document = await self._published()
        given = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._callback, "code_verifier": verifier,
        }  # fmt: skip
        secret, auth = self._config.client_secret.get_secret_value(), None
        if secret and document["by"] == "basic":
            auth = httpx.BasicAuth(quote_plus(self._config.client_id), quote_plus(secret))
        else:
            given |= {"client_id": self._config.client_id, **({"client_secret": secret} if secret else {})}
        found = await self._asked("POST", document["token_endpoint"], data=given, auth=auth)
        return str(found.get("id_token", ""))

    async def _asked(self, method: str, url: str, **given: Any) -> dict[str, Any]:
        if self._free.locked():
            raise NotLoggedInError("away", "too many logins at the identity provider at this moment")
        async with self._free:
            return await _asked(method, url, **given)


def person_in(claims: Claims, config: Oidc) -> Person:
    """Whom the claims mean. Raises NotLoggedInError for somebody without a role or tenants here."""
    words = _words(claims.get(config.roles_claim))
    known = config.roles or {role.value: role for role in Role}
    role = max((known[word] for word in words if word in known), key=list(Role).index, default=None)
    if role is None:
        raise NotLoggedInError("role", f"the claim {config.roles_claim!r} has no role that is known here")
    tenants = _words(claims.get(config.tenants_claim)) if config.tenants_claim else config.tenants
    if not any(each == ALL or is_tenant_name(each) for each in tenants):
        raise NotLoggedInError("tenants", f"the claim {config.tenants_claim!r} names no tenant")
    return Person(_name(claims, config.name_claim), role, scope_of(tenants))


def _name(claims: Claims, claim: str) -> str:
    """What is written down as `who`: an address only if the provider has seen that it is theirs."""
    found = claims.get(claim)
    is_doubtful = claim == "email" and claims.get("email_verified") is False
    name = found if isinstance(found, str) and found.strip() and not is_doubtful else str(claims["sub"])
    return " ".join(name.split())[:_MOST_NAME]


def _words(found: Any) -> list[str]:
    listed = found if isinstance(found, list) else str(found or "").split()
    return [each for each in listed if isinstance(each, str)]


async def _asked(method: str, url: str, **given: Any) -> dict[str, Any]:
    """The JSON object that is answered. Raises NotLoggedInError."""
    body = b""
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False) as client,
            client.stream(method, url, headers={"Accept": "application/json"}, **given) as answer,
        ):
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise NotLoggedInError("away", "the identity provider answers too much")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotLoggedInError("away", f"the identity provider does not answer ({type(error).__name__})") from None
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if answer.status_code != 200 or not isinstance(found, dict):
        raise NotLoggedInError("refused", f"the identity provider answers {answer.status_code}")
    return found
