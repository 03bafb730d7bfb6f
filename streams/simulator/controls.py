"""The senders' control APIs, on one loopback port: what remediation calls to stop a campaign.

Three dialects, each with its own credentials: SendGrid (`/v3/...`, bearer key), KumoMTA's admin API
(`/api/admin/...`, HTTP Basic "user:password"), and signed webhooks (`/control/{source}`, Standard
Webhooks specification: `v1,` and the base64 HMAC-SHA256 over id, timestamp and body). What they are told
takes effect in the `World` at once; every call is kept for the report, refused ones too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from streams.simulator.fleet import sender_of
from streams.simulator.mailboxes import MAILBOXES
from streams.simulator.truth import ControlCall
from streams.simulator.world import World

TOLERANCE_S = 300  # of a signed timestamp
KEPT_CALLS = 10_000  # for the report; a run makes a handful
_SUSPENSIONS = 10_000
_SENDGRID, _KUMOMTA = "sendgrid", "kumomta"


@dataclass(slots=True)
class Controls:
    """`secrets` by source. `calls` receives every call; `wall` is the wall clock in seconds."""

    world: World
    secrets: Mapping[str, str]
    calls: list[ControlCall]
    wall: Callable[[], float]
    _suspensions: dict[str, Callable[[], object]] = field(default_factory=dict)

    def application(self) -> web.Application:
        """All dialects in one application."""
        application = web.Application(client_max_size=1 << 20)
        application.add_routes(
            [
                web.delete("/v3/marketing/singlesends/{campaign}/schedule", self._unschedule),
                web.post("/v3/user/scheduled_sends", self._hold_batch),
                web.delete("/v3/user/scheduled_sends/{campaign}", self._release_batch),
                web.post("/api/admin/suspend/v1", self._suspend),
                web.delete("/api/admin/suspend/v1", self._unsuspend),
                web.post("/api/admin/suspend-ready-q/v1", self._suspend_ready),
                web.delete("/api/admin/suspend-ready-q/v1", self._unsuspend),
                web.post("/control/{source}", self._webhook),
            ]
        )
        return application

    # -- SendGrid ------------------------------------------------------------------------------------------------

    async def _unschedule(self, request: web.Request) -> web.Response:
        if not self._has_key(request):
            return self._answer(request, _SENDGRID, "pause_campaign", "", 401)
        campaign = request.match_info["campaign"]
        status = 200 if self._set_paused(_SENDGRID, campaign, is_paused=True) else 404
        return self._answer(request, _SENDGRID, "pause_campaign", campaign, status, {"id": campaign, "status": "draft"})

    async def _hold_batch(self, request: web.Request) -> web.Response:
        if not self._has_key(request):
            return self._answer(request, _SENDGRID, "pause_campaign", "", 401)
        body = await _json(request)
        campaign = str(body.get("batch_id", ""))
        if body.get("status") not in {"pause", "cancel"}:
            return self._answer(request, _SENDGRID, "pause_campaign", campaign, 400)
        status = 201 if self._set_paused(_SENDGRID, campaign, is_paused=True) else 400
        return self._answer(request, _SENDGRID, "pause_campaign", campaign, status, body)

    async def _release_batch(self, request: web.Request) -> web.Response:
        if not self._has_key(request):
            return self._answer(request, _SENDGRID, "resume_campaign", "", 401)
        campaign = request.match_info["campaign"]
        status = 204 if self._set_paused(_SENDGRID, campaign, is_paused=False) else 404
        return self._answer(request, _SENDGRID, "resume_campaign", campaign, status)

    def _has_key(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self.secrets[_SENDGRID]}".encode())

    # -- KumoMTA -------------------------------------------------------------------------------------------------

    async def _suspend(self, request: web.Request) -> web.Response:
        if not self._has_password(request):
            return self._answer(request, _KUMOMTA, "pause_campaign", "", 401)
        campaign = str((await _json(request)).get("campaign") or "")
        # A node takes any name; a suspension that matches nothing is no error there.
        self._set_paused(_KUMOMTA, campaign, is_paused=True)
        number = self._remember(lambda: self._set_paused(_KUMOMTA, campaign, is_paused=False))
        return self._answer(request, _KUMOMTA, "pause_campaign", campaign, 200, {"id": number})

    async def _suspend_ready(self, request: web.Request) -> web.Response:
        if not self._has_password(request):
            return self._answer(request, _KUMOMTA, "rest_ip", "", 401)
        name = str((await _json(request)).get("name") or "")
        ip, _, site = name.partition("->")
        where = next((box.provider for box in MAILBOXES if site and box.mx_host in site), "*")
        self.world.rest(ip, where)
        number = self._remember(lambda: self.world.unrest(ip, where))
        return self._answer(request, _KUMOMTA, "rest_ip", name, 200, {"id": number})

    async def _unsuspend(self, request: web.Request) -> web.Response:
        if not self._has_password(request):
            return self._answer(request, _KUMOMTA, "resume", "", 401)
        number = str((await _json(request)).get("id") or "")
        undo = self._suspensions.pop(number, None)
        if undo is not None:
            undo()
        return self._answer(request, _KUMOMTA, "resume", number, 200 if undo else 404)

    def _has_password(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        wanted = "Basic " + base64.b64encode(self.secrets[_KUMOMTA].encode()).decode()
        return hmac.compare_digest(given.encode(), wanted.encode())

    def _remember(self, undo: Callable[[], object]) -> str:
        number = str(uuid.uuid4())
        if len(self._suspensions) < _SUSPENSIONS:
            self._suspensions[number] = undo
        return number

    # -- signed webhooks -----------------------------------------------------------------------------------------

    async def _webhook(self, request: web.Request) -> web.Response:
        source = request.match_info["source"]
        secret = self.secrets.get(source, "")
        if not secret.startswith("whsec_"):
            return self._answer(request, source, "", "", 404)
        if not self._is_signed(request, await request.read(), secret):
            return self._answer(request, source, "", "", 401)
        data = (await _json(request)).get("data")
        if not isinstance(data, dict):
            return self._answer(request, source, "", "", 400)
        action = str(data.get("action", ""))
        target, is_done = self._act(source, action, data)
        return self._answer(request, source, action, target, 200 if is_done else 422)

    def _act(self, source: str, action: str, data: Mapping[str, Any]) -> tuple[str, bool]:
        """Carry an action out: what it was about, and whether this sender can do it."""
        campaign, ip = str(data.get("campaign_id") or ""), str(data.get("sending_ip") or "")
        if action in {"pause_campaign", "resume_campaign"}:
            return campaign, self._set_paused(source, campaign, is_paused=action == "pause_campaign")
        if action == "rest_ip" and ip in sender_of(source).ips:
            where = str(data.get("mailbox_provider") or "*")
            return f"{ip}|{where}", self.world.rest(ip, where)
        return campaign or ip, action in {"alert", "throttle"}  # taken note of

    def _is_signed(self, request: web.Request, body: bytes, secret: str) -> bool:
        number, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        if not number or not stamp.isdecimal() or abs(self.wall() - int(stamp)) > TOLERANCE_S:
            return False
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.digest(key, f"{number}.{stamp}.".encode() + body, hashlib.sha256)
        wanted = "v1," + base64.b64encode(digest).decode()
        given = request.headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(one.encode(), wanted.encode()) for one in given)

    # -- all -----------------------------------------------------------------------------------------------------

    def _set_paused(self, source: str, campaign: str, *, is_paused: bool) -> bool:
        """Pause or resume one of this source's campaigns; False if it has none of that name."""
        return self.world.set_paused(source, campaign, is_paused=is_paused)

    def _answer(
        self,
        request: web.Request,
        source: str,
        action: str,
        target: str,
        status: int,
        body: Mapping[str, Any] | None = None,
    ) -> web.Response:
        key = request.headers.get("Idempotency-Key") or request.headers.get("webhook-id") or ""
        if len(self.calls) < KEPT_CALLS:
            self.calls.append(ControlCall(int(self.wall() * 1000), source, action, target, status, key))
        if status == 204:
            return web.Response(status=204)
        answer = dict(body) if body is not None and status < 300 else {}
        if status >= 400:
            answer = {"errors": [{"message": f"{action or 'the request'} refused with {status}"}]}
        return web.json_response(answer, status=status)


async def _json(request: web.Request) -> dict[str, Any]:
    """The body as an object; empty for anything else."""
    try:
        body = msgspec.json.decode(await request.read() or b"{}")
    except msgspec.DecodeError:
        return {}
    return body if isinstance(body, dict) else {}
