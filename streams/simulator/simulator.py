"""The simulator as the demo sees it: settings for the gateway, traffic, control APIs, truth.

Simulated time runs `speed` times faster than the wall clock and begins in the past, so that it ends
at the present: no event ever lies in the future. Signatures carry wall time, as a service's would.
Pacing goes in steps of 20 ms; a machine that falls more than a second behind skips ahead instead of
bursting.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from streams.simulator.controls import Controls
from streams.simulator.courier import Courier, Progress
from streams.simulator.fleet import FLEET, SHOP_TENANT
from streams.simulator.kumomta import KumoMta
from streams.simulator.mailgun import Mailgun
from streams.simulator.packer import Packer
from streams.simulator.providers import Provider
from streams.simulator.scenarios import Disturbance, Scenario, scenario_named
from streams.simulator.sendgrid import SendGrid
from streams.simulator.ses import Ses
from streams.simulator.shop import PROVIDER as SHOP_PROVIDER
from streams.simulator.shop import SOURCE as SHOP
from streams.simulator.shop import Shop
from streams.simulator.truth import Incident, Truth
from streams.simulator.world import World

STEP_S = 0.02
SPEED = 600.0  # a minute is ten hours
LONGEST_SPAN_S = 48 * 3600  # of simulated time: later events than three days count as too late elsewhere
DRAIN_S = 60.0
_LAG_S = 1.0
_VISITS = 0.02  # to the shop, for each event
_MARGIN_MS = 2_000  # the simulated clock stays this far behind the wall clock
_DRIVERS = {"sendgrid": "sendgrid", "kumomta": "kumomta", "mailgun": "webhook", "ses": "webhook"}


class Simulator:
    """One run of one scenario. `rate`: events per second posted on average, `duration_s`: wall seconds.

    Raises KeyError for an unknown scenario, ValueError for a rate or duration that is not positive.
    """

    def __init__(
        self, scenario: str, seed: int, rate: float, duration_s: float, wall: Callable[[], float] = time.time
    ) -> None:
        if rate <= 0 or duration_s <= 0:
            raise ValueError(f"rate and duration must be positive, got {rate} events/s for {duration_s} s")
        self.scenario = scenario_named(scenario)
        self.duration_s = duration_s
        self.speed = max(1.0, min(SPEED, LONGEST_SPAN_S / duration_s))
        self.progress = Progress()
        self.truth = Truth(scenario, seed, incident=_incident(self.scenario))
        self._wall = wall
        self._ses = Ses(datetime.fromtimestamp(wall(), UTC))
        self._providers: dict[str, Provider] = {
            "sendgrid": SendGrid(),
            "kumomta": KumoMta(),
            "mailgun": Mailgun(),
            "ses": self._ses,
        }
        self._control_secrets = {sender.source: secrets.token_urlsafe(24) for sender in FLEET}
        self._control_secrets["kumomta"] = f"mailweir:{self._control_secrets['kumomta']}"  # HTTP Basic
        self._control_secrets.update({source: _webhook_secret() for source in ("mailgun", "ses")})
        self._recipient_secrets = {tenant: secrets.token_hex(16) for tenant in sorted({s.tenant for s in FLEET})}
        self._is_stopping = False
        self._runner: web.AppRunner | None = None
        events = rate * duration_s / _copies(self.scenario.disturbance)
        span_ms = int(duration_s * self.speed * 1000)
        begin_ms = self._begin_ms()
        self.world = World(self.scenario, seed, begin_ms, begin_ms + span_ms, events, self._providers)
        self.shop = Shop(self.world.customers, rate * _VISITS, self.scenario.disturbance, seed)

    def config(self, control_url: str) -> dict[str, Any]:
        """Contents of `mailweir.yaml`: tenants, sources with secrets and controls, policies that act."""
        return {
            "tenants": [{"name": n, "recipient_secret": secret} for n, secret in self._recipient_secrets.items()],
            "sources": [
                *(self._source(sender.source, control_url) for sender in FLEET),
                {"name": SHOP, "provider": SHOP_PROVIDER, "tenant": SHOP_TENANT, **self.shop.settings()},
            ],
            "policies": [{"tenant": "*", "mode": "act", "version": "demo-1"}],
        }

    def _source(self, source: str, control_url: str) -> dict[str, Any]:
        sender = next(sender for sender in FLEET if sender.source == source)
        driver = _DRIVERS[sender.provider]
        base_url = f"{control_url}/control/{source}" if driver == "webhook" else control_url
        control = {"driver": driver, "base_url": base_url, "secret": self._control_secrets[source]}
        settings = self._providers[source].settings()
        return {"name": source, "provider": sender.provider, "tenant": sender.tenant, "control": control, **settings}

    def certificates(self) -> dict[str, str]:
        """Signing certificates (PEM) by the address at which notifications say they are found."""
        return self._ses.certificates()

    async def run(self, gateway_url: str) -> None:
        """Post until the duration is over or `stop` is called, then finish repeats and retries."""
        self._begin()
        retries = {source: provider.retries for source, provider in self._providers.items()} | {SHOP: ()}
        packer = Packer(self.world, self._providers, self.scenario.disturbance, self.truth.seed)
        async with Courier(gateway_url.rstrip("/"), self.truth, self.progress, retries, self._wall) as courier:
            began = asyncio.get_running_loop().time()
            await self._pace(courier, packer)
            for parcel in packer.finish(self._wall()):
                await courier.put(parcel.post, parcel.delay_s)
            self.truth.duration_s = asyncio.get_running_loop().time() - began
            self._update_incident()
            await courier.drain(DRAIN_S)

    def stop(self) -> None:
        """End the run soon: no new events, but repeats and retries are finished."""
        self._is_stopping = True

    async def serve_controls(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Start the control APIs; the base address without a slash at the end. Ends with `close`."""
        controls = Controls(self.world, self._control_secrets, self.truth.controls, self._wall)
        self._runner = web.AppRunner(controls.application(), access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        bound = self._runner.addresses[0]
        return f"http://{bound[0]}:{bound[1]}"

    async def close(self) -> None:
        """Stop the control APIs."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _begin(self) -> None:
        """Move the simulated clock so that it ends with this run, however long ago the object was made."""
        self.truth.started_at = self._wall()
        self.world.begin_at(self._begin_ms())

    def _begin_ms(self) -> int:
        """Where simulated time must begin, now, to end at the present; a whole second."""
        return int(self._wall() + self.duration_s * (1 - self.speed)) * 1000 - _MARGIN_MS

    async def _pace(self, courier: Courier, packer: Packer) -> None:
        loop = asyncio.get_running_loop()
        began = due = loop.time()
        step_ms = STEP_S * self.speed * 1000
        for index in range(1, round(self.duration_s / STEP_S) + 1):
            while courier.is_congested and not self._is_stopping:
                await courier.release()
                await asyncio.sleep(STEP_S)
            if self._is_stopping or loop.time() - began >= self.duration_s + _LAG_S:
                return
            happened = self.world.step(self.world.start_ms + int(index * step_ms))
            wall_s = self._wall()
            for parcel in (*packer.pack(happened, index, wall_s), *self.shop.pack(index * STEP_S, wall_s)):
                await courier.put(parcel.post, parcel.delay_s)
            await courier.release()
            self._show_progress(index, step_ms)
            due = max(due + STEP_S, loop.time() - _LAG_S)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _show_progress(self, index: int, step_ms: float) -> None:
        self.progress.simulated_ms = self.world.start_ms + int(index * step_ms)
        self.progress.paused = self.world.paused
        self.progress.resting = sorted(f"{ip}|{where}" for ip, where in self.world.resting)
        self._update_incident()

    def _update_incident(self) -> None:
        if self.truth.incident is not None:
            self.truth.incident.messages_sent = self.world.sent_while_bad


def _incident(scenario: Scenario) -> Incident | None:
    if scenario.bad_list is not None:
        name = scenario.bad_list.campaign.name
        return Incident(key=f"campaign:{name}", campaign=name)
    if scenario.blocked_ip is not None:
        block = scenario.blocked_ip
        key = f"ip_provider:{block.ip}|{block.mailbox_provider}"
        return Incident(key=key, ip=block.ip, mailbox_provider=block.mailbox_provider)
    return None


def _copies(disturbance: Disturbance) -> float:
    """How many copies of an event are posted on average, forgeries included."""
    return 1 + disturbance.duplicates * (1 + disturbance.repeats) / 2 + disturbance.forged


def _webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
