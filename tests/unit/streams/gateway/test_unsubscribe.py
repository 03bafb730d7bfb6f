"""One-click links at the gateway: a POST is kept, a GET never is."""

from __future__ import annotations

import io
from contextlib import AbstractAsyncContextManager

import pytest

from connectors.base import Connector, Context, Request
from connectors.oneclick import Link, OneClick, token_of
from schemas.config import Config
from schemas.errors import Misconfigured, Transient
from schemas.events import EmailEvent, EventType
from streams.commands import unsubscribe_link
from tests.unit.streams.gateway.gate import NOW_MS, Gate, MemoryLog, error_of, serving

SECRET = "a-link-secret-of-good-length"
ADA = Link("default", "ada@example.com", "news <b>", "winter-sale")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
SOURCES = [{"name": "one-click", "provider": "oneclick", "secrets": [SECRET, "an-older-secret-of-length"]}]
CONFIG = Config.model_validate({"sources": SOURCES, "public_url": "https://hooks.shop.example"})


def one_click(name: str) -> Connector:
    assert name == "oneclick"
    return OneClick()


def gate(log: MemoryLog | None = None, config: Config = CONFIG) -> AbstractAsyncContextManager[Gate]:
    return serving(config, log=log, connectors=one_click)


async def test_a_post_is_kept_first_and_becomes_an_unsubscription() -> None:
    async with gate() as running:
        response = await running.client.post(f"/u/{token_of(ADA, SECRET)}", data=ONE_CLICK)
    (record,) = running.log.stored()
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "set-cookie" not in response.headers
    assert (record.source, record.provider, record.secret_index) == ("one-click", "oneclick", 0)
    request = Request(headers={}, body=record.body, url=record.url, received_at=record.received_at)
    context = Context(tenant="default", source="one-click", received_at=NOW_MS)
    (event,) = OneClick().parse(request, context).events
    assert isinstance(event, EmailEvent)
    assert (event.event_type, event.recipient, event.machine) == (EventType.UNSUBSCRIBED, "ada@example.com", "")
    assert (event.stream, event.campaign_id) == ("news <b>", "winter-sale")


async def test_a_get_or_head_shows_a_button_and_keeps_nothing() -> None:
    async with gate() as running:
        page = await running.client.get(f"/u/{token_of(ADA, SECRET)}")
        assert (await running.client.head(f"/u/{token_of(ADA, SECRET)}")).status_code == 200
        assert (await running.client.put(f"/u/{token_of(ADA, SECRET)}")).status_code == 405
    assert page.status_code == 200
    assert '<form method="post"><button name="List-Unsubscribe" value="One-Click">' in page.text
    assert "ada@example.com" in page.text
    assert "<b>" not in page.text
    assert "<script" not in page.text
    assert running.log.records == []


@pytest.mark.parametrize(
    "token",
    [
        token_of(ADA, "somebody-elses-secret"),
        token_of(Link("default", "bob@example.com"), SECRET)[:-22] + token_of(ADA, SECRET)[-22:],
    ],
)
async def test_a_link_that_we_did_not_sign_unsubscribes_nobody(token: str) -> None:
    async with gate() as running:
        assert "not valid" in (await running.client.get(f"/u/{token}")).text
        response = await running.client.post(f"/u/{token}", data=ONE_CLICK)
    assert (response.status_code, error_of(response)) == (401, "bad_signature")
    assert running.log.records == []


@pytest.mark.parametrize("token", ["", "x", "1abc.def", token_of(Link("other", "ada@example.com"), SECRET), "a/b"])
async def test_a_link_that_nobody_knows_is_answered_with_a_page(token: str) -> None:
    async with gate() as running:
        for response in (await running.client.get(f"/u/{token}"), await running.client.post(f"/u/{token}")):
            assert response.status_code == 404
            assert "not valid" in response.text
    assert running.log.records == []


async def test_a_link_of_an_older_secret_still_works() -> None:
    async with gate() as running:
        token = token_of(ADA, "an-older-secret-of-length")
        assert (await running.client.post(f"/u/{token}", data=ONE_CLICK)).status_code == 200
    assert running.log.stored()[0].secret_index == 1


async def test_nobody_is_told_that_it_is_done_before_the_log_has_it() -> None:
    async with gate(MemoryLog(error=Transient("the broker is away"))) as running:
        response = await running.client.post(f"/u/{token_of(ADA, SECRET)}", data=ONE_CLICK)
    assert (response.status_code, error_of(response)) == (503, "log_unavailable")


async def test_two_sources_for_one_tenants_links_are_refused() -> None:
    twice = Config.model_validate({"sources": [*SOURCES, {**SOURCES[0], "name": "again"}]})
    with pytest.raises(Misconfigured, match="both take one-click links"):
        async with gate(config=twice):
            pass


def test_the_command_prints_the_two_headers() -> None:
    out = io.StringIO()
    assert unsubscribe_link.run(CONFIG, ADA, "leave@shop.example", out) == 0
    first, second = out.getvalue().splitlines()
    token = token_of(ADA, SECRET)
    by_mail = f"<mailto:leave@shop.example?subject=unsubscribe%20{token}>"
    assert first == f"List-Unsubscribe: <https://hooks.shop.example/u/{token}>, {by_mail}"
    assert second == "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    ("config", "link", "message"),
    [
        (CONFIG, Link("acme", "ada@example.com"), "no source with `provider: oneclick`"),
        (CONFIG, Link("default", ""), "needs a recipient"),
        (Config.model_validate({"sources": SOURCES}), ADA, "https://"),
    ],
)
def test_the_command_says_what_is_missing(config: Config, link: Link, message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        unsubscribe_link.run(config, link, "", io.StringIO())
