"""The control APIs over real HTTP: credentials are checked, and a pause really stops the mail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from streams.simulator.simulator import Simulator

NOW_S = 1_795_305_600.0


@dataclass
class Served:
    """A simulator whose control APIs listen, and a client to call them with."""

    simulator: Simulator
    url: str
    session: aiohttp.ClientSession

    def secret(self, source: str) -> str:
        config = self.simulator.config(self.url)
        return next(str(s["control"]["secret"]) for s in config["sources"] if s["name"] == source)

    async def call(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self.session.request(method, self.url + path, headers=headers, data=data) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    def sends_after(self, campaign: str) -> bool:
        """Whether the campaign sends anything in the next simulated half hour."""
        world = self.simulator.world
        before = world.messages_sent[campaign]
        world.step(world.now_ms + 1_800_000)
        return world.messages_sent[campaign] > before

    def uses(self, source: str, campaign: str) -> set[str]:
        """The addresses that the source uses for new mail in the next simulated hour."""
        world = self.simulator.world
        happened = world.step(world.now_ms + 3_600_000)
        return {
            h.message.ip
            for h in happened
            if h.message.campaign.name == campaign
            and h.kind in {"queued", "sent"}
            and h.message.sender.source == source
        }


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    simulator = Simulator("healthy", 7, 500, 60, lambda: NOW_S)
    url = await simulator.serve_controls()
    async with aiohttp.ClientSession() as session:
        yield Served(simulator, url, session)
    await simulator.close()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}


def signed(secret: str, body: bytes, *, at_s: float = NOW_S) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"dec-1.{int(at_s)}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": "dec-1",
        "webhook-timestamp": str(int(at_s)),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def order(**data: str) -> bytes:
    return json.dumps({"type": f"mailweir.{data['action']}", "data": data}).encode()


async def test_sendgrid_pauses_a_batch_and_releases_it(served: Served) -> None:
    key = bearer(served.secret("sendgrid"))
    assert served.sends_after("loyalty-points")
    status, body = await served.call(
        "POST", "/v3/user/scheduled_sends", key, {"batch_id": "loyalty-points", "status": "pause"}
    )
    assert (status, body["batch_id"]) == (201, "loyalty-points")
    assert not served.sends_after("loyalty-points")
    assert served.sends_after("order-updates")
    assert (await served.call("DELETE", "/v3/user/scheduled_sends/loyalty-points", key))[0] == 204
    assert served.sends_after("loyalty-points")


async def test_sendgrid_unschedules_a_single_send(served: Served) -> None:
    key = bearer(served.secret("sendgrid"))
    status, body = await served.call("DELETE", "/v3/marketing/singlesends/spring-lookbook/schedule", key)
    assert (status, body["status"]) == (200, "draft")
    assert not served.sends_after("spring-lookbook")


async def test_sendgrid_refuses_what_it_does_not_know(served: Served) -> None:
    key = bearer(served.secret("sendgrid"))
    unknown = {"batch_id": "no-such", "status": "pause"}
    assert (await served.call("POST", "/v3/user/scheduled_sends", key, unknown))[0] == 400
    assert (await served.call("POST", "/v3/user/scheduled_sends", key, {"batch_id": "x", "status": "go"}))[0] == 400
    assert (await served.call("POST", "/v3/user/scheduled_sends", key, b"not json"))[0] == 400
    assert (await served.call("DELETE", "/v3/marketing/singlesends/no-such/schedule", key))[0] == 404


async def test_kumomta_suspends_a_campaign_until_the_suspension_is_lifted(served: Served) -> None:
    auth = basic(served.secret("kumomta"))
    wish = {"campaign": "daily-briefing", "reason": "test", "duration": "7d"}
    status, body = await served.call("POST", "/api/admin/suspend/v1", auth, wish)
    assert status == 200
    assert not served.sends_after("daily-briefing")
    assert (await served.call("DELETE", "/api/admin/suspend/v1", auth, {"id": body["id"]}))[0] == 200
    assert served.sends_after("daily-briefing")
    assert (await served.call("DELETE", "/api/admin/suspend/v1", auth, {"id": body["id"]}))[0] == 404


async def test_kumomta_suspends_a_ready_queue_towards_one_site(served: Served) -> None:
    auth = basic(served.secret("kumomta"))
    name = "192.0.2.22->gmail-smtp-in.l.google.com@smtp_client"
    assert (await served.call("POST", "/api/admin/suspend-ready-q/v1", auth, {"name": name, "reason": "test"}))[
        0
    ] == 200
    assert served.simulator.world.resting == {("192.0.2.22", "gmail")}


async def test_a_signed_webhook_pauses_and_resumes_a_campaign(served: Served) -> None:
    for action, sends in (("pause_campaign", False), ("resume_campaign", True)):
        body = order(action=action, campaign_id="welcome-series")
        assert (await served.call("POST", "/control/mailgun", signed(served.secret("mailgun"), body), body))[0] == 200
        assert served.sends_after("welcome-series") is sends


async def test_a_signed_webhook_rests_an_address(served: Served) -> None:
    body = order(action="rest_ip", sending_ip="203.0.113.42", mailbox_provider="")
    assert served.uses("ses", "receipts") == {"203.0.113.41", "203.0.113.42"}
    assert (await served.call("POST", "/control/ses", signed(served.secret("ses"), body), body))[0] == 200
    assert served.uses("ses", "receipts") == {"203.0.113.41"}


async def test_an_action_that_this_sender_cannot_take_is_refused(served: Served) -> None:
    for body in (
        order(action="pause_campaign", campaign_id="receipts"),
        order(action="rest_ip", sending_ip="10.0.0.1"),
    ):
        assert (await served.call("POST", "/control/mailgun", signed(served.secret("mailgun"), body), body))[0] == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v3/user/scheduled_sends"),
        ("DELETE", "/v3/user/scheduled_sends/loyalty-points"),
        ("DELETE", "/v3/marketing/singlesends/loyalty-points/schedule"),
        ("POST", "/api/admin/suspend/v1"),
        ("DELETE", "/api/admin/suspend/v1"),
        ("POST", "/api/admin/suspend-ready-q/v1"),
        ("POST", "/control/mailgun"),
    ],
)
async def test_wrong_credentials_do_nothing(served: Served, method: str, path: str) -> None:
    body = order(action="pause_campaign", campaign_id="welcome-series")
    for headers in ({}, bearer("wrong"), basic("mailweir:wrong"), signed("whsec_" + "A" * 32, body)):
        assert (await served.call(method, path, headers, body))[0] == 401
    assert served.simulator.world.paused == []
    assert served.simulator.world.resting == set()


async def test_an_old_signature_is_refused(served: Served) -> None:
    body = order(action="pause_campaign", campaign_id="welcome-series")
    headers = signed(served.secret("mailgun"), body, at_s=NOW_S - 3_600)
    assert (await served.call("POST", "/control/mailgun", headers, body))[0] == 401


async def test_every_call_is_kept_with_its_time_and_key(served: Served) -> None:
    body = order(action="pause_campaign", campaign_id="welcome-series")
    await served.call("POST", "/control/mailgun", signed(served.secret("mailgun"), body), body)
    await served.call("POST", "/v3/user/scheduled_sends", {})
    done, refused = served.simulator.truth.controls
    assert (done.source, done.action, done.target, done.status) == ("mailgun", "pause_campaign", "welcome-series", 200)
    assert (done.at, done.idempotency_key) == (int(NOW_S * 1000), "dec-1")
    assert refused.status == 401
