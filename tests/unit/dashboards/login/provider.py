"""A small identity provider that speaks the documented protocol: discovery, authorization code with PKCE, JWKS.

Written from OpenID Connect Core 1.0, Discovery 1.0, RFC 6749 and RFC 7636, and not from our client: it refuses what a
provider must refuse. What its tokens say, and how they are signed, a test may change.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CLIENT, SECRET = "mailweir", "s:ecret/+"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def number(value: int, size: int = 0) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8))


def public_keys() -> list[dict[str, Any]]:
    of_rsa, of_ec = RSA_KEY.public_key().public_numbers(), EC_KEY.public_key().public_numbers()
    return [
        {"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": number(of_rsa.n), "e": number(of_rsa.e)},
        {"kty": "EC", "kid": "e", "crv": "P-256", "x": number(of_ec.x, 32), "y": number(of_ec.y, 32)},
    ]


def signed(claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """The claims as a JWS by one of the two keys, whatever else the header says."""
    body = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
    if str(header["alg"]).startswith("ES"):
        r, s = decode_dss_signature(EC_KEY.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{body}.{b64(r.to_bytes(32) + s.to_bytes(32))}"
    return f"{body}.{b64(RSA_KEY.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@dataclass
class Idp:
    """`claims` beside or in place of the usual ones; `header` of the tokens; what clients asked."""

    clock_s: Callable[[], float]
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "r"})
    methods: list[str] = field(default_factory=lambda: ["client_secret_basic"])
    keys: list[dict[str, Any]] = field(default_factory=public_keys)
    issuer: str = ""
    is_denying: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self.discovery)
        app.router.add_get("/authorize", self.authorize)
        app.router.add_post("/token", self.token)
        app.router.add_get("/keys", self.jwks)
        return app

    async def discovery(self, _request: web.Request) -> web.Response:
        self.asked.append("discovery")
        endpoints = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        document = {name: f"{self.issuer}/{path}" for name, path in endpoints.items()}
        return web.json_response({
            "issuer": self.issuer, **document, "token_endpoint_auth_methods_supported": self.methods,
        })  # fmt: skip

    async def authorize(self, request: web.Request) -> web.Response:
        """A person who always says yes (or no), and is sent back at once."""
        asked = dict(request.query)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = {"error": "access_denied"} if self.is_denying else {"code": code}
        where = f"{asked['redirect_uri']}?{urlencode({**back, 'state': asked['state']})}"
        return web.Response(status=302, headers={"Location": where})

    async def token(self, request: web.Request) -> web.Response:
        form = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        proof = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if not self._is_client(request, form) or asked is None or proof != asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        assert form["redirect_uri"] == asked["redirect_uri"]
        now = self.clock_s()
        usual = {"iss": self.issuer, "aud": CLIENT, "sub": "u1", "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        said = {"email": "dana@example.test", "email_verified": True, "roles": ["operator"], **self.claims}
        claims = {name: value for name, value in {**usual, **said}.items() if value is not None}
        return web.json_response({"access_token": "x", "token_type": "Bearer", "id_token": signed(claims, self.header)})

    async def jwks(self, _request: web.Request) -> web.Response:
        self.asked.append("keys")
        return web.json_response({"keys": self.keys})

    def _is_client(self, request: web.Request, form: Mapping[str, str]) -> bool:
        if "client_secret_basic" not in self.methods:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        given = base64.b64decode(request.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        return [unquote_plus(part) for part in given.split(":")] == [CLIENT, SECRET]


@asynccontextmanager
async def provider(clock_s: Callable[[], float]) -> AsyncIterator[Idp]:
    idp = Idp(clock_s)
    async with TestServer(idp.app()) as server:
        idp.issuer = f"http://127.0.0.1:{server.port}"
        yield idp


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
