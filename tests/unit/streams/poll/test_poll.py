"""Postmaster Tools and SNDS are asked for once a day, their answers kept raw, and nothing secret with them."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as some

from connectors.base import Context, Request
from connectors.registry import connector
from schemas.config import Config, Source
from schemas.envelope import RawWebhook
from schemas.errors import Misconfigured, Transient
from streams.poll import asking, postmaster
from streams.poll.position import Position, PositionFile
from streams.poll.service import Poller, days_to_ask, serve, sources_of, watch
from streams.poll.tokens import GOOGLE, assertion
from tests.unit.streams.inbox.keeping import MemoryLog
from tests.unit.streams.poll.provider import NOW_MS, SECRETS, Provider, Route, poller

DAY_MS = 86_400_000
CSV = b"192.0.2.10,12/30/2025 8:00 AM,12/31/2025 8:00 AM,422,409,422,GREEN,< 0.1%,,,0,,,\r\n"
COMPLIANCE = (
    b'{"complianceData":{"domainId":"shop.example","rowData":[{"requirement":"SPF","status":{"status":"COMPLIANT"}}]}}'
)
GOOGLE_USER = {"client_id": "c", "client_secret": "client-secret", "refresh_token": "refresh-one"}
MICROSOFT_USER = {"client_id": "c", "refresh_token": "refresh-one"}


def token(**more: str) -> httpx.Response:
    return httpx.Response(200, json={"access_token": "access-token", "token_type": "Bearer", **more})


def page(*days: int, following: str = "") -> httpx.Response:
    stats = [
        {
            "name": "domains/shop.example/domainStats/x",
            "metric": "spam_rate",
            "date": {"year": 2025, "month": 12, "day": day},
            "value": {"doubleValue": 0.001},
        }
        for day in days
    ]
    return httpx.Response(200, json={"domainStats": stats, **({"nextPageToken": following} if following else {})})


def google(*pages: Route) -> Provider:
    provider = Provider()
    provider.route("oauth2.googleapis.com", token())
    provider.route("domainStats:query", *(pages or (page(30),)))
    provider.route("complianceStatus", httpx.Response(200, content=COMPLIANCE))
    return provider


def gmail(provider: Provider, log: MemoryLog, folder: Path, now_ms: int = NOW_MS, **poll: Any) -> Poller:
    given_ = {"credentials": json.dumps(GOOGLE_USER), "domains": ["shop.example"], **poll}
    return poller(provider, log, folder, now_ms, provider="postmaster", poll=given_)


def outlook(provider: Provider, log: MemoryLog, folder: Path, now_ms: int = NOW_MS, **poll: Any) -> Poller:
    given_ = {"credentials": json.dumps(MICROSOFT_USER), **poll}
    return poller(provider, log, folder, now_ms, provider="snds", poll=given_)


def ids(records: list[RawWebhook]) -> list[str]:
    found = []
    for raw in records:
        context = Context(tenant=raw.tenant, source=raw.source, received_at=raw.received_at)
        request = Request(headers={}, body=raw.body, url=raw.url, received_at=raw.received_at)
        result = connector(raw.provider).parse(request, context)
        assert not result.failures
        found += [event.event_id for event in result.events]
    return found


# ---------------------------------------------------------------- Postmaster Tools


async def test_every_page_and_the_compliance_status_are_kept_as_they_came(tmp_path: Path) -> None:
    log, provider = MemoryLog(), google(page(29, following="next"), page(30))
    assert await gmail(provider, log, tmp_path).round() == 3
    assert [raw.url for raw in log.stored()] == [
        *["poll:postmaster/domains/shop.example/domainStats:query"] * 2,
        "poll:postmaster/domains/shop.example/complianceStatus?day=2026-01-01",
    ]
    assert log.bodies()[2] == COMPLIANCE
    first, second = (json.loads(request.content) for request in provider.asked_for("domainStats:query"))
    assert first["timeQuery"]["dateRanges"]["dateRanges"] == [
        {"start": {"year": 2025, "month": 12, "day": 27}, "end": {"year": 2026, "month": 1, "day": 1}}
    ]
    assert (first.get("pageToken", ""), second["pageToken"]) == ("", "next")
    assert {"filter": 'auth_type = "spf"'}.items() <= first["metricDefinitions"][1].items()
    assert provider.asked_for("complianceStatus")[0].headers["authorization"] == "Bearer access-token"


async def test_endless_pages_end(tmp_path: Path) -> None:
    with pytest.raises(Transient, match="more than 50 pages"):
        await gmail(google(page(30, following="again")), MemoryLog(), tmp_path).round()


async def test_a_domain_without_access_does_not_cost_the_others(tmp_path: Path) -> None:
    log = MemoryLog()
    of = gmail(google(httpx.Response(403), page(30)), log, tmp_path, domains=["other.example", "shop.example"])
    assert await of.round() == 2
    assert of.metrics.failures.labels("standing")._value.get() == 1


def test_a_service_accounts_assertion_is_signed_and_says_for_whom() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {"client_email": "robot@project.example", "private_key": pem, "private_key_id": "7"}
    head, claims, signature = assertion(account, postmaster.SCOPE, "ada@shop.example", 1_767_225_600).split(".")
    unpacked = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, claims)]
    assert unpacked[0] == {"alg": "RS256", "typ": "JWT", "kid": "7"}
    assert unpacked[1] == {
        "iss": "robot@project.example", "sub": "ada@shop.example", "scope": postmaster.SCOPE, "aud": GOOGLE,
        "iat": 1_767_225_600, "exp": 1_767_229_200,
    }  # fmt: skip
    signed = base64.urlsafe_b64decode(signature + "==")
    key.public_key().verify(signed, f"{head}.{claims}".encode(), padding.PKCS1v15(), SHA256())
    with pytest.raises(Misconfigured, match="private_key"):
        assertion({**account, "private_key": "none"}, "", "", 0)


# ---------------------------------------------------------------- SNDS


async def test_snds_is_asked_day_by_day_and_a_day_without_data_is_none(tmp_path: Path) -> None:
    log, provider = MemoryLog(), Provider()
    provider.route("login.microsoftonline.com", token())
    provider.route("report/data", httpx.Response(404), httpx.Response(200, content=CSV))
    assert await outlook(provider, log, tmp_path, days=2).round() == 1
    assert [str(request.url)[-10:] for request in provider.asked_for("report/data")] == ["2025-12-30", "2025-12-31"]
    assert [(raw.url, raw.body) for raw in log.stored()] == [("poll:snds/2025-12-31", CSV)]


async def test_a_refresh_token_that_was_replaced_is_used_next_time_until_another_is_configured(tmp_path: Path) -> None:
    provider = Provider()
    provider.route("login.microsoftonline.com", token(refresh_token="refresh-two"), token())
    provider.route("report/data", httpx.Response(200, content=CSV))
    for credentials in (MICROSOFT_USER, MICROSOFT_USER, {"client_id": "c", "refresh_token": "refresh-new"}):
        await outlook(provider, MemoryLog(), tmp_path, credentials=json.dumps(credentials)).round()
    used = [parse_qs(request.content.decode())["refresh_token"] for request in provider.asked_for("microsoftonline")]
    assert used == [["refresh-one"], ["refresh-two"], ["refresh-new"]]
    assert (tmp_path / "standing.json").stat().st_mode & 0o777 == 0o600


async def test_an_access_key_gets_the_newest_day(tmp_path: Path) -> None:
    log, provider = MemoryLog(), Provider()
    provider.route("data.aspx?key=access-key", httpx.Response(200, content=CSV))
    assert await outlook(provider, log, tmp_path, credentials="access-key").round() == 1
    assert log.stored()[0].url == "poll:snds/newest"


# ---------------------------------------------------------------- both


@pytest.mark.parametrize("status", [200, 401, 429, 500])
async def test_no_secret_is_kept_or_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # as streams.logs sets it up
    log = MemoryLog()
    for credentials in (json.dumps(MICROSOFT_USER), "access-key"):
        provider = Provider()
        provider.route(
            "login.microsoftonline.com",
            token() if status == 200 else httpx.Response(status, json=dict(zip(SECRETS, SECRETS, strict=True))),
        )
        provider.route("data", httpx.Response(status, content=CSV))

        async def sleep(_: float) -> None:
            if caplog.records:
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await watch(outlook(provider, log, tmp_path / credentials[:3], credentials=credentials), sleep)
        assert caplog.records
        written = caplog.text + "".join(map(repr, log.records))
        caplog.clear()
        assert not [secret for secret in SECRETS if secret in written]


async def test_what_may_succeed_later_is_asked_for_again_and_not_for_ever(tmp_path: Path) -> None:
    provider = google(
        httpx.Response(503), httpx.Response(429, headers={"retry-after": "30"}), httpx.ConnectError("x"), page(30)
    )
    assert await gmail(provider, MemoryLog(), tmp_path).round() == 2
    assert provider.waited == [2.0, 30.0, 60.0]
    provider = google(httpx.Response(429, headers={"retry-after": "999999"}))
    with pytest.raises(
        Transient, match=r"no answer from gmailpostmastertools.googleapis.com in 4 tries \(status 429\)"
    ):
        await gmail(provider, MemoryLog(), tmp_path).round()
    assert max(provider.waited) == 120.0


async def test_an_answer_without_end_is_cut_off(tmp_path: Path) -> None:
    provider = google(httpx.Response(200, content=b" " * (asking.MAX_ANSWER_BYTES + 1)))
    with pytest.raises(Transient, match="more than"):
        await gmail(provider, MemoryLog(), tmp_path).round()


async def test_a_restart_does_not_ask_again_and_a_round_that_broke_off_does(tmp_path: Path) -> None:
    log = MemoryLog(Transient("the log is away"))
    first = gmail(google(), log, tmp_path)
    with pytest.raises(Transient):
        await first.round()
    assert first.due_in_s() == 0
    await first.round()
    assert gmail(google(), log, tmp_path, NOW_MS + 3_600_000).due_in_s() == 23 * 3600
    assert gmail(google(), log, tmp_path, NOW_MS - 9 * DAY_MS).due_in_s() == 24 * 3600, "a clock that was set back"


async def test_the_same_answers_twice_give_the_same_ids(tmp_path: Path) -> None:
    log = MemoryLog()
    for hours in (0, 20):
        await gmail(google(page(29, 30)), log, tmp_path, NOW_MS + hours * 3_600_000).round()
    records = log.stored()
    assert len(records) == 4
    assert ids(records[:2]) == ids(records[2:])


@given(rate=some.floats(0, 1), later=some.floats(0, 1), hours=some.integers(0, 2000))
def test_a_corrected_figure_has_the_id_of_the_one_it_replaces(rate: float, later: float, hours: int) -> None:
    def raw(value: float, at: int) -> RawWebhook:
        stat = {"name": "domains/shop.example/domainStats/x", "metric": "spam_rate", "value": {"doubleValue": value}}
        body = json.dumps({"domainStats": [{**stat, "date": {"year": 2025, "month": 12, "day": 30}}]}).encode()
        return RawWebhook(
            request_id="", tenant="acme", source="s", provider="postmaster", received_at=at, url="", body=body
        )

    assert ids([raw(rate, NOW_MS)]) == ids([raw(later, NOW_MS + hours * 3_600_000)])


@pytest.mark.parametrize(("down_days", "asked"), [(0, 5), (1, 5), (4, 8), (400, 30)])
def test_days_that_were_missed_are_asked_for(down_days: int, asked: int) -> None:
    assert days_to_ask(5, Position(asked_at=NOW_MS - down_days * DAY_MS), NOW_MS) == asked
    assert days_to_ask(5, Position(), NOW_MS) == 5


async def test_the_service_stops_when_it_is_told_to(tmp_path: Path) -> None:
    class StoppingLog(MemoryLog):
        async def send(self, topic: str, value: bytes) -> tuple[int, int]:
            stop.set()
            return await super().send(topic, value)

    stop, log = asyncio.Event(), StoppingLog()
    async with asyncio.timeout(10):
        await serve([gmail(google(), log, tmp_path)], stop)
    assert log.records


async def test_credentials_that_are_none_end_the_service_without_being_shown(tmp_path: Path) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(Misconfigured, match=r"'standing'.*no JSON object") as caught:
            await serve([gmail(google(), MemoryLog(), tmp_path, credentials="client-secret")], asyncio.Event())
    assert "client-secret" not in str(caught.value)


def test_a_damaged_position_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "standing.json").write_text("{", encoding="utf-8")
    with pytest.raises(Misconfigured, match="delete it"):
        PositionFile(tmp_path, "standing").load()


@pytest.mark.parametrize(
    ("provider", "poll", "message"),
    [
        ("sendgrid", {"credentials": "x"}, "one of postmaster, snds"),
        ("snds", {"every_h": 5}, "no `credentials`"),
        ("postmaster", {"credentials": "x"}, "`domains` are needed"),
        ("snds", {"credentials": "x", "domains": ["shop.example"]}, "`domains` are needed"),
        ("postmaster", {"credentials": "x", "domains": ["shop.example/../x"]}, "no domain"),
    ],
)
def test_a_poll_that_cannot_work_is_refused(provider: str, poll: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Source.model_validate({"name": "standing", "provider": provider, "poll": poll})


def test_a_configuration_without_polls_has_nothing_to_ask() -> None:
    with pytest.raises(Misconfigured, match="docs/poll"):
        sources_of(Config())
