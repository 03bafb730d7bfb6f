"""Logging in at an identity provider, over real HTTP on both sides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from dashboards.console.login.oidc import Provider
from schemas.console import Oidc
from tests.unit.dashboards.fakes import Clock
from tests.unit.dashboards.login.house import Browser, house
from tests.unit.dashboards.login.provider import CLIENT, SECRET, Idp, provider, query_of

CALLBACK = "http://127.0.0.1/login/callback"


@asynccontextmanager
async def logging_in(clock: Clock | None = None, **config: Any) -> AsyncIterator[tuple[Browser, Idp]]:
    clock = clock or Clock()
    async with provider(lambda: clock.at_ms / 1000) as idp:
        said = {"issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET, "tenants": ["*"], **config}
        async with house(clock=clock, provider=Provider(Oidc.model_validate(said), CALLBACK, clock)) as browser:
            yield browser, idp


async def step(browser: Browser, path: str) -> str:
    """Where it leads."""
    answer = await browser.get(path, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    return answer.headers["Location"]


async def callback_of(browser: Browser, to: str = "/") -> str:
    """Through the provider, up to where it sends back: the path with the code and the state."""
    away = await step(browser, f"/login/oidc?to={to}")
    async with browser.session.get(away, allow_redirects=False) as said:
        assert said.status == 302
        back = said.headers["Location"]
    assert back.startswith(f"{CALLBACK}?")
    return back.removeprefix("http://127.0.0.1")


async def whole_way(browser: Browser, to: str = "/") -> str:
    return await step(browser, await callback_of(browser, to))


async def who(browser: Browser) -> dict[str, Any]:
    answer = await browser.get("/api/me")
    return await answer.json() if answer.status == 200 else {}


async def test_the_way_through_the_provider_leads_in_and_to_the_page_that_was_wanted() -> None:
    async with logging_in() as (browser, idp):
        assert (await (await browser.get("/api/login")).json())["provider"] == "your organisation"
        assert await whole_way(browser, "/segments%3Fx%3D1") == "/segments?x=1"
        assert await who(browser) == {
            "name": "dana@example.test", "role": "operator", "tenants": ["*"], "is_known": True,
        }  # fmt: skip
        await browser.post("/api/logout", json={})
        await whole_way(browser)
        assert idp.asked == ["discovery", "keys"]


@pytest.mark.parametrize("header", [{"alg": "RS256", "kid": "r"}, {"alg": "ES256", "kid": "e"}, {"alg": "ES256"}])
async def test_both_kinds_of_signatures_are_known(header: dict[str, str]) -> None:
    async with logging_in() as (browser, idp):
        idp.header = header
        assert await whole_way(browser) == "/"


async def test_a_provider_that_takes_the_secret_only_in_the_form_gets_it_there() -> None:
    async with logging_in() as (browser, idp):
        idp.methods = ["client_secret_post"]
        assert await whole_way(browser) == "/"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        {"aud": None},
        {"exp": 1_000_000},
        {"exp": None},
        {"exp": "9999999999"},
        {"iat": 9_999_999_999},
        {"nonce": "of-another-login"},
        {"nonce": None},
        {"sub": ""},
    ],
)
async def test_a_token_that_says_something_else_leads_nowhere(claims: dict[str, Any]) -> None:
    async with logging_in() as (browser, idp):
        idp.claims = claims
        assert await whole_way(browser) == "/login?why=refused"
        assert not await who(browser)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256", "kid": "r"},
        {"alg": "RS512", "kid": "r"},
        {"alg": ["RS256"]},
        {"alg": "RS256", "kid": "unknown"},
        {"alg": "RS256", "kid": "e"},
        {"alg": "RS256", "kid": "r", "crit": ["b64"]},
    ],
)
async def test_a_signature_of_another_kind_leads_nowhere(header: dict[str, Any]) -> None:
    async with logging_in() as (browser, idp):
        idp.header = header
        assert await whole_way(browser) == "/login?why=refused"


async def test_a_key_of_somebody_else_leads_nowhere() -> None:
    async with logging_in() as (browser, idp):
        key = idp.keys[0]["n"]
        idp.keys[0]["n"] = key[:-8] + ("AAAAAAAA" if key[-8:] != "AAAAAAAA" else "BBBBBBBB")
        assert await whole_way(browser) == "/login?why=refused"


async def test_a_new_key_is_looked_for_but_not_all_the_time() -> None:
    clock = Clock()
    async with logging_in(clock) as (browser, idp):
        new, idp.keys = idp.keys[0], [idp.keys[1]]
        assert await whole_way(browser) == "/login?why=refused"
        idp.keys = [new]
        assert await whole_way(browser) == "/login?why=refused"
        assert idp.asked.count("keys") == 1
        clock.at_ms += 61_000
        assert await whole_way(browser) == "/"
        assert idp.asked.count("keys") == 2


@pytest.mark.parametrize(
    ("config", "claims", "role", "tenants"),
    [
        ({}, {"roles": ["viewer", "admin", "other"]}, "admin", ["*"]),
        ({}, {"roles": "viewer"}, "viewer", ["*"]),
        ({"roles_claim": "groups", "roles": {"ops": "operator"}}, {"groups": ["ops", "admin"]}, "operator", ["*"]),
        ({"tenants": ["b", "a"]}, {}, "operator", ["a", "b"]),
        ({"tenants": [], "tenants_claim": "for"}, {"for": ["a", "no tenant's"]}, "operator", ["a"]),
        ({"tenants": [], "tenants_claim": "for"}, {"for": "*"}, "operator", ["*"]),
    ],
)
async def test_role_and_tenants_are_what_the_claims_say(
    config: dict[str, Any], claims: dict[str, Any], role: str, tenants: list[str]
) -> None:
    async with logging_in(**config) as (browser, idp):
        idp.claims = claims
        await whole_way(browser)
        found = await who(browser)
        assert (found["role"], found["tenants"]) == (role, tenants)


@pytest.mark.parametrize(
    ("config", "claims", "why"),
    [
        ({}, {"roles": None}, "role"),
        ({}, {"roles": ["boss", 1]}, "role"),
        ({"roles": {"ops": "operator"}}, {"roles": ["admin"]}, "role"),
        ({"tenants": [], "tenants_claim": "for"}, {}, "tenants"),
        ({"tenants": [], "tenants_claim": "for"}, {"for": {"acme": True}}, "tenants"),
    ],
)
async def test_who_has_no_role_or_no_tenant_here_is_turned_away(
    config: dict[str, Any], claims: dict[str, Any], why: str
) -> None:
    async with logging_in(**config) as (browser, idp):
        idp.claims = claims
        assert await whole_way(browser) == f"/login?why={why}"
        assert not await who(browser)


async def test_an_address_that_the_provider_has_not_verified_is_no_name() -> None:
    async with logging_in() as (browser, idp):
        idp.claims = {"email": "boss@example.test", "email_verified": False}
        await whole_way(browser)
        assert (await who(browser))["name"] == "u1"


async def test_who_is_refused_there_is_told_so() -> None:
    async with logging_in() as (browser, idp):
        idp.is_denying = True
        assert await whole_way(browser) == "/login?why=denied"


async def test_a_code_counts_in_the_browser_where_its_login_began_and_once() -> None:
    async with logging_in() as (browser, _idp):
        back = await callback_of(browser)
        async with aiohttp.ClientSession() as stranger:
            answer = await stranger.get(browser.make_url(back), allow_redirects=False)
            assert answer.headers["Location"] == "/login?why=late"
        wrong = back.replace(query_of(back)["state"], "made-up")
        assert await step(browser, wrong) == "/login?why=late"
        assert await step(browser, back) == "/"
        assert await step(browser, back) == "/login?why=late"


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/%5Cevil.example", "evil", "/a%0D%0Ab"])
async def test_nobody_is_led_to_another_site(to: str) -> None:
    async with logging_in() as (browser, _idp):
        assert await whole_way(browser, to) == "/"


async def test_a_provider_that_is_away_or_another_one_is_told() -> None:
    clock = Clock()
    config = {"issuer": "http://127.0.0.1:1", "client_id": CLIENT, "tenants": ["*"]}
    gone = Provider(Oidc.model_validate(config), CALLBACK, clock)
    async with house(clock=clock, provider=gone) as browser:
        assert await step(browser, "/login/oidc") == "/login?why=away"
    async with logging_in() as (browser, idp):
        idp.issuer = "http://127.0.0.1:2"
        assert await step(browser, "/login/oidc") == "/login?why=away"
