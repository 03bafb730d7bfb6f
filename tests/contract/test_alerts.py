"""What every alert channel promises, for each one in the registry; answers as documented, over real connections."""

from __future__ import annotations

import asyncio
import json
import typing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from connectors.alert import CHANNELS, channel_of
from connectors.alert_delivery import send
from connectors.alerts.base import AlertRequest, Channel
from connectors.control import ControlAnswer, Verdict
from schemas.alerts import Alert, AlertKind
from schemas.remediation import OutcomeStatus
from streams.core.remediation.announce import Delivery, deliver
from tests.alert_servers import ChatServer, SmtpServer, chat_server, smtp_server
from tests.unit.connectors.alert_cases import HOSTILE, MESSAGE, alert_of

NOW = 1_795_377_700_000
EACH = pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.kind)
HTTP = pytest.mark.parametrize("kind", ["slack", "teams", "webhook"])
ANSWERS = json.loads((Path(__file__).parents[1] / "fixtures/alerts/answers.json").read_text(encoding="utf-8"))
CASES = [(kind, case) for kind, of in ANSWERS.items() for case in of["cases"]]


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_ms, self.slept = NOW, list[float]()

    def clock_ms(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_ms += int(seconds * 1000)


async def delivered(alert: Alert, time: Time) -> Delivery:
    async with httpx.AsyncClient() as client:

        async def over(request: AlertRequest, timeout_s: float) -> ControlAnswer:
            return await send(client, request, timeout_s)

        return await deliver(MESSAGE, alert, over, time.clock_ms, time.sleep)


@EACH
def test_a_channel_is_found_under_the_kind_that_configuration_knows(channel: Channel) -> None:
    assert channel.kind in typing.get_args(AlertKind)
    assert channel_of(typing.cast("AlertKind", channel.kind)) is channel


def test_every_kind_of_the_configuration_has_a_channel_and_documented_answers() -> None:
    assert set(typing.get_args(AlertKind)) == {channel.kind for channel in CHANNELS} == set(ANSWERS)


@EACH
def test_the_same_message_is_the_same_request_again(channel: Channel) -> None:
    one, two = (channel.request(MESSAGE, alert_of(channel.kind), NOW) for _ in range(2))
    assert one == two


@EACH
def test_no_secret_and_no_address_is_printed_with_an_alert_or_a_request(channel: Channel) -> None:
    alert = alert_of(channel.kind)
    request = channel.request(MESSAGE, alert, NOW)
    assert "very-secret" not in repr(alert)
    assert "very-secret" not in repr(request).replace(getattr(request, "url", "\0"), "")


@EACH
def test_a_hostile_name_stays_a_name(channel: Channel) -> None:
    request = channel.request(HOSTILE, alert_of(channel.kind), NOW)
    sent = getattr(request, "content", None) or getattr(request, "body")  # noqa: B009 - one of two types
    if channel.kind == "webhook":
        assert json.loads(sent)["data"]["title"] == HOSTILE.title  # data for a program, as they are
        return
    text = sent.decode()
    assert "<!channel>" not in text or channel.kind == "email"  # plain text, where it is nothing
    assert "\nBcc:" not in text
    assert "](https://evil" not in text or channel.kind in {"slack", "email"}  # where it is no link
    assert "\\u202e" not in text
    assert len(text) < 8000


@pytest.mark.parametrize(
    ("kind", "case"), CASES, ids=lambda value: value if isinstance(value, str) else value["status"]
)
def test_a_documented_answer_is_read_as_what_it_means(kind: AlertKind, case: dict[str, Any]) -> None:
    result = channel_of(kind).interpret(ControlAnswer(status=case["status"], body=case["body"].encode()))
    assert result.verdict == Verdict(case["verdict"])
    assert case["says"] in result.detail
    assert "@" not in result.detail


@EACH
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\x00", b"x" * 100_000, b"ops@very-secret.example"])
@pytest.mark.parametrize("status", [-1, 0, 199, 200, 302, 400, 429, 500, 599])
def test_any_answer_becomes_a_short_sentence(channel: Channel, status: int, body: bytes) -> None:
    detail = channel.interpret(ControlAnswer(status=status, body=body)).detail
    assert str(status) in detail
    assert detail.isprintable()
    assert len(detail) < 400


@asynccontextmanager
async def http_channel(kind: str, *answers: Any) -> AsyncIterator[tuple[Alert, ChatServer]]:
    async with chat_server(*answers) as server:
        yield alert_of(kind, url=SecretStr(server.url)), server


@HTTP
async def test_a_message_is_delivered_once(kind: str) -> None:
    time = Time()
    async with http_channel(kind, (200, {})) as (alert, server):
        result = await delivered(alert, time)
    assert (result.status, result.attempt, result.reply) == (OutcomeStatus.DONE, 1, 200)
    assert len(server.requests) == 1
    assert server.requests[0][1]["content-type"] == "application/json"


@HTTP
async def test_a_429_is_waited_for_as_long_as_it_says(kind: str) -> None:
    time = Time()
    async with http_channel(kind, (429, {"retry-after": "7"}), (200, {})) as (alert, server):
        result = await delivered(alert, time)
    assert (result.status, result.attempt, time.slept) == (OutcomeStatus.DONE, 2, [7.0])
    assert server.requests[0][2] == server.requests[1][2]


@HTTP
async def test_a_broken_server_is_asked_five_times_and_given_up(kind: str) -> None:
    time = Time()
    async with http_channel(kind, (503, {})) as (alert, server):
        result = await delivered(alert, time)
    assert (result.status, len(server.requests)) == (OutcomeStatus.FAILED, 5)
    assert result.detail.startswith("given up after 5 attempts")
    assert all(0.5 <= wait <= 8 for wait in time.slept)


@HTTP
async def test_a_lost_answer_is_tried_again_under_the_same_id(kind: str) -> None:
    time = Time()
    async with http_channel(kind, None, (200, {})) as (alert, server):
        result = await delivered(alert, time)
    assert (result.status, result.attempt) == (OutcomeStatus.DONE, 2)
    if kind == "webhook":
        assert [headers["webhook-id"] for _, headers, _ in server.requests] == ["f00dfeed"] * 2


@HTTP
async def test_a_refusal_is_final_and_says_which_setting(kind: str) -> None:
    time = Time()
    async with http_channel(kind, (404, {})) as (alert, server):
        result = await delivered(alert, time)
    assert (result.status, len(server.requests), time.slept) == (OutcomeStatus.FAILED, 1, [])
    assert "very-secret" not in result.detail


@HTTP
async def test_a_wait_longer_than_the_time_allowed_is_not_begun(kind: str) -> None:
    time = Time()
    async with http_channel(kind, (503, {"retry-after": "60"})) as (alert, server):
        result = await delivered(alert, time)
    assert (result.status, len(server.requests), time.slept) == (OutcomeStatus.FAILED, 2, [60.0])


async def test_a_refused_connection_is_tried_again_and_names_the_host_only() -> None:
    async with chat_server((200, {})) as server:
        url = server.url
    result = await delivered(alert_of("slack", url=SecretStr(url)), Time())
    assert result.detail == "given up after 5 attempts: ConnectError on the way to 127.0.0.1"


async def test_a_mail_that_is_put_off_is_sent_again_with_the_same_message_id() -> None:
    time = Time()
    server = SmtpServer(replies={"mail": "451 4.3.0 later"})

    async def mend(seconds: float) -> None:
        server.replies = {}
        await time.sleep(seconds)

    async with smtp_server(server), httpx.AsyncClient() as client:
        alert = alert_of("email", host="127.0.0.1", port=server.port, security="none", user="", password=SecretStr(""))
        result = await asyncio.wait_for(
            deliver(MESSAGE, alert, lambda request, s: send(client, request, s), time.clock_ms, mend), 30
        )
    assert (result.status, result.attempt, result.reply) == (OutcomeStatus.DONE, 2, 250)
    assert [b"<f00dfeed@mailweir.invalid>" in content for _, _, content in server.mails] == [True, True]
