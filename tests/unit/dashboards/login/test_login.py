"""The login over real HTTP: in, what one may, and out."""

from __future__ import annotations

import asyncio
import json
import time
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from multidict import CIMultiDictProxy

from dashboards.console.login.hashes import password_hash
from tests.unit.dashboards.fakes import Clock, FakeStore
from tests.unit.dashboards.login.house import HOUR, MINUTE, TOKEN, house, login, script, user
from tests.unit.dashboards.login.test_users import written

APPROVE = "/api/decisions/d1/approve"


def set_cookie(headers: CIMultiDictProxy[str], name: str) -> str:
    """The header that sets that cookie."""
    return next(each for each in headers.getall("Set-Cookie") if SimpleCookie(each).get(name))


async def test_without_a_session_a_page_leads_to_the_login_and_the_api_says_so() -> None:
    async with house(user("dana")) as browser:
        page = await browser.get("/segments?x=1", allow_redirects=False)
        assert (page.status, page.headers["Location"]) == (303, "/login?to=%2Fsegments%3Fx%3D1")
        for path in ("/api/overview", "/api/stream", "/api/queries/totals", "/api/me", "/api/nothing"):
            refused = await browser.get(path)
            assert refused.status == 401, path
            assert "/login" in (await refused.json())["error"]
        assert (await browser.post(APPROVE, json={})).status == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/login", "/static/frame.js", "/api/login"])
async def test_what_is_open_stays_open_and_says_nothing_of_mail(path: str) -> None:
    store = FakeStore({"totals": (["events"], [[12]])})
    async with house(user("dana"), store=store) as browser:
        assert (await browser.get(path)).status == 200


async def test_name_and_password_lead_in_and_logout_leads_out() -> None:
    async with house(user("dana", "operator", "acme")) as browser:
        entered = await login(browser)
        assert (entered.status, await entered.json()) == (
            200, {"name": "dana", "role": "operator", "tenants": ["acme"]},
        )  # fmt: skip
        me = await (await browser.get("/api/me")).json()
        assert me == {"name": "dana", "role": "operator", "tenants": ["acme"], "is_known": True}
        assert (await browser.get("/")).status == 200
        there = await browser.get("/login", allow_redirects=False)
        assert (there.status, there.headers["Location"]) == (303, "/")
        held = next(cookie.value for cookie in browser.session.cookie_jar)
        assert (await browser.post("/api/logout", json={})).status == 200
        assert (await browser.get("/api/me")).status == 401
        stolen = await browser.get("/api/me", headers={"Cookie": f"mailweir={held}"})
        assert stolen.status == 401


@pytest.mark.parametrize(("is_https", "name"), [(False, "mailweir"), (True, "__Host-mailweir")])
async def test_the_cookie_is_for_the_browser_alone(is_https: bool, name: str) -> None:
    async with house(user("dana"), is_https=is_https) as browser:
        said = set_cookie((await login(browser)).headers, name)
        assert "HttpOnly" in said
        assert "SameSite=Lax" in said
        assert "Path=/" in said
        assert "Domain" not in said
        assert ("Secure" in said) is is_https


async def test_the_answer_to_a_wrong_name_and_to_a_wrong_password_is_the_same() -> None:
    async with house(user("dana"), script("nightly")) as browser:
        answers = [await login(browser, *who) for who in (("dana", "wrong"), ("nobody", "wrong"), ("nightly", TOKEN))]
        assert {(answer.status, await answer.text()) for answer in answers} == {
            (401, '{"error":"The name or the password is wrong."}')
        }
        assert not any("Set-Cookie" in answer.headers for answer in answers)


async def test_a_wrong_name_takes_as_long_as_a_wrong_password() -> None:
    async def shortest(name: str) -> float:
        took = []
        for _ in range(3):
            began = time.perf_counter()
            await login(browser, name, "wrong")
            took.append(time.perf_counter() - began)
        return min(took)

    async with house(user("dana")) as browser:
        await login(browser)
        assert await shortest("nobody") > 0.4 * await shortest("dana")


async def test_logins_are_counted_without_names() -> None:
    async with house(user("dana")) as browser:
        for _ in range(6):
            await login(browser, password="wrong")
        await browser.get("/login/callback")
        text = await (await browser.get("/metrics")).text()
    assert 'mailweir_logins_total{result="refused",way="password"} 5.0' in text
    assert 'mailweir_logins_total{result="too_often",way="password"} 1.0' in text
    assert "dana" not in text


@pytest.mark.parametrize("body", [{}, {"name": "dana"}, {"name": "dana", "password": 1}, {"name": "d", "pasword": "x"}])
async def test_a_login_that_says_too_little_is_told_so(body: object) -> None:
    async with house(user("dana")) as browser:
        assert (await browser.post("/api/login", json=body)).status == 422


async def test_after_five_wrong_passwords_the_right_one_has_to_wait_and_other_people_have_not() -> None:
    clock = Clock()
    async with house(user("dana"), user("erin"), clock=clock) as browser:
        assert [(await login(browser, password="wrong")).status for _ in range(5)] == [401] * 5
        refused = await login(browser)
        assert refused.status == 429
        assert refused.headers["Retry-After"] == str(15 * 60)
        assert (await refused.json())["error"] == "That was tried too often; wait 15 minutes."
        assert (await login(browser, "erin")).status == 200
        clock.at_ms += 15 * MINUTE
        assert (await login(browser)).status == 200


async def test_tries_at_the_same_time_are_counted_as_well() -> None:
    async with house(user("dana")) as browser:
        answers = await asyncio.gather(*(login(browser, password="wrong") for _ in range(12)))
        assert sorted(answer.status for answer in answers) == [401] * 5 + [429] * 7


async def test_behind_a_proxy_the_address_is_that_of_the_person_and_of_nobody_else() -> None:
    async with house(user("dana"), proxies=["127.0.0.0/8"]) as browser:
        one = {"X-Forwarded-For": "10.9.9.9, 192.0.2.1"}
        assert [(await login(browser, password="wrong", **one)).status for _ in range(5)] == [401] * 5
        assert (await login(browser, **one)).status == 429
        made_up = {"X-Forwarded-For": "192.0.2.77, 192.0.2.1"}
        assert (await login(browser, **made_up)).status == 429
        assert (await login(browser, **{"X-Forwarded-For": "192.0.2.2"})).status == 200


async def test_who_forwards_without_being_a_proxy_is_not_believed() -> None:
    async with house(user("dana")) as browser:
        tries = [
            await login(browser, password="wrong", **{"X-Forwarded-For": f"192.0.2.{number}"}) for number in range(6)
        ]
        assert [answer.status for answer in tries] == [401] * 5 + [429]


async def test_an_idle_session_ends_and_one_in_use_ends_at_its_time() -> None:
    clock = Clock()
    async with house(user("dana"), clock=clock) as browser:
        await login(browser)
        clock.at_ms += HOUR
        assert (await browser.get("/api/me")).status == 401
        await login(browser)
        for _ in range(12):
            clock.at_ms += HOUR - MINUTE
            assert (await browser.get("/api/me")).status == 200
        clock.at_ms += 20 * MINUTE
        assert (await browser.get("/api/me")).status == 401


async def test_what_changes_in_the_file_counts_at_once(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "users.yaml"
    async with house(user("dana", "admin"), clock=clock, path=file) as browser:
        await login(browser)
        written(file, user("dana", "viewer", "acme"), user("x"))
        clock.at_ms += 2_000
        me = await (await browser.get("/api/me")).json()
        assert (me["role"], me["tenants"]) == ("viewer", ["acme"])
        written(file, {**user("dana", "viewer", "acme"), "password": password_hash("other words than before")})
        clock.at_ms += 2_000
        assert (await browser.get("/api/me")).status == 401
        assert (await login(browser, password="other words than before")).status == 200
        written(file, user("x"))
        clock.at_ms += 2_000
        assert (await browser.get("/api/me")).status == 401


async def test_a_stream_ends_with_the_session() -> None:
    clock = Clock()
    async with house(user("dana"), clock=clock) as browser:
        await login(browser)
        async with browser.get("/api/stream") as stream, asyncio.timeout(20):
            assert stream.status == 200
            await browser.post("/api/logout", json={})
            while await stream.content.readline():
                pass
        assert (await browser.get("/api/stream")).status == 401


async def test_a_viewer_may_look_and_not_rule() -> None:
    async with house(user("dana", "viewer"), user("erin", "operator")) as browser:
        await login(browser)
        assert (await browser.get("/api/decisions")).status == 200
        refused = await browser.post(APPROVE, json={"why": "x"})
        assert refused.status == 403
        assert (await refused.json())["error"] == "Your role is viewer; this needs the role operator."
        await login(browser, "erin")
        assert (await browser.post(APPROVE, json={"why": "x"})).status == 404  # taken, and there is no such decision


async def test_a_script_comes_with_a_token_and_a_wrong_one_is_nobody_even_with_a_session() -> None:
    async with house(user("dana"), script("nightly", "viewer", "acme")) as browser:
        answer = await browser.get("/api/me", headers={"Authorization": f"Bearer {TOKEN}"})
        assert await answer.json() == {"name": "nightly", "role": "viewer", "tenants": ["acme"], "is_known": True}
        await login(browser)
        refused = await browser.get("/api/me", headers={"Authorization": "Bearer wrong"})
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


async def test_another_site_can_do_nothing_with_a_persons_cookie() -> None:
    async with house(user("dana")) as browser:
        await login(browser)
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            for path in (APPROVE, "/api/login", "/api/logout"):
                assert (await browser.post(path, json={}, headers=headers)).status == 403
        form = {"Content-Type": "text/plain"}
        assert (await browser.post(APPROVE, data=json.dumps({"why": "x"}), headers=form)).status == 415
        assert (await browser.get("/api/me")).status == 200


async def test_the_login_page_may_be_framed_by_nobody_and_is_kept_by_no_cache() -> None:
    async with house(user("dana")) as browser:
        page = await browser.get("/login")
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"
        assert "no-store" in (await login(browser)).headers["Cache-Control"]
