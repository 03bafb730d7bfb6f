"""Two independent readings of the same documentation agree: connectors and drivers against the simulator.

Every simulated request goes through the product's own verification and parsing; every control call is
made by the product's own drivers. Neither side imports the other.
"""

from __future__ import annotations

import time
from collections import Counter

import aiohttp
import pytest

from connectors.base import Context, Request
from connectors.control import ControlAnswer, ControlRequest, Verdict, driver_named
from connectors.registry import connector
from schemas.config import Config
from schemas.config_file import parse_config
from schemas.errors import Rejected
from schemas.events import EmailEvent
from schemas.remediation import Action, Decision
from streams.simulator.packer import Packer
from streams.simulator.scenarios import SCENARIOS
from streams.simulator.simulator import Simulator
from streams.simulator.truth import EventKey, Post, PostKind

WALL_S = time.time()
NOW_MS = int(WALL_S * 1000)


def simulator(scenario: str, *, seed: int = 7) -> Simulator:
    return Simulator(scenario, seed, 110, 20, lambda: WALL_S)


def posts_of(run: Simulator) -> list[Post]:
    packer = Packer(run.world, run._providers, run.scenario.disturbance, 7)
    span = run.world.end_ms - run.world.start_ms
    posts = []
    for step in range(1, 401):
        parcels = packer.pack(run.world.step(run.world.start_ms + span * step // 400), step, WALL_S)
        posts += [parcel.post for parcel in parcels]
    return posts + [parcel.post for parcel in packer.finish(WALL_S)]


class Certificates:
    def __init__(self, run: Simulator) -> None:
        self._known = run.certificates()

    def get(self, url: str) -> bytes:
        return self._known[url].encode()


def request_of(post: Post) -> Request:
    headers = {name.lower(): value for name, value in post.headers.items()}
    return Request(headers=headers, body=post.body, received_at=NOW_MS)


def is_verified(run: Simulator, config: Config, post: Post) -> bool:
    source = config.source(post.source)
    assert source is not None
    try:
        connector(source.provider).verify(request_of(post), source, Certificates(run))
    except Rejected:
        return False
    return True


def key_of(event: EmailEvent) -> EventKey:
    return EventKey(event.provider, event.message_id, str(event.event_type), event.occurred_at, event.recipient)


@pytest.mark.parametrize("scenario", [scenario.name for scenario in SCENARIOS])
def test_the_connectors_verify_and_read_every_request_as_it_was_meant(scenario: str) -> None:
    run = simulator(scenario)
    config = parse_config(run.config("http://127.0.0.1:9"), {}, "the simulator's settings")
    seen: Counter[str] = Counter()
    for post in posts_of(run):
        source = config.source(post.source)
        assert source is not None
        assert is_verified(run, config, post) == (post.kind is not PostKind.FORGED)
        if post.kind is PostKind.FORGED:
            continue
        context = Context(tenant=source.tenant, source=source.name, received_at=NOW_MS, recipient_secret="k")
        result = connector(source.provider).parse(request_of(post), context)
        events = [event for event in result.events if isinstance(event, EmailEvent)]
        assert Counter(map(key_of, events)) == Counter(fact.key for fact in post.facts)
        assert {key_of(e): (e.tenant, e.campaign_id) for e in events} == {
            fact.key: (fact.tenant, fact.campaign) for fact in post.facts
        }
        assert len(result.failures) == post.unreadable
        seen.update(event.event_id for event in events)
        assert all(event.occurred_at <= run.world.end_ms for event in events)
    assert len(seen) > 1_200


def test_refusals_are_classified_by_what_was_meant() -> None:
    run = simulator("bad-list", seed=1)
    config = parse_config(run.config("http://127.0.0.1:9"), {}, "the simulator's settings")
    bad: Counter[str] = Counter()
    for post in posts_of(run):
        source = config.source(post.source)
        assert source is not None
        context = Context(tenant=source.tenant, source=source.name, received_at=NOW_MS)
        for event in connector(source.provider).parse(request_of(post), context).events:
            if isinstance(event, EmailEvent) and event.campaign_id == "winter-clearance":
                bad[f"{event.event_type}:{event.bounce_reason}"] += 1
    sent = bad["queued:"]
    assert 0.08 < bad["bounced:invalid_recipient"] / sent < 0.16


CONTROLS = [
    ("sendgrid", Action.PAUSE_CAMPAIGN, "loyalty-points", ""),
    ("kumomta", Action.PAUSE_CAMPAIGN, "daily-briefing", ""),
    ("mailgun", Action.PAUSE_CAMPAIGN, "welcome-series", ""),
    ("ses", Action.PAUSE_CAMPAIGN, "receipts", ""),
    ("mailgun", Action.REST_IP, "", "203.0.113.32"),
]


@pytest.mark.parametrize(("source", "action", "campaign", "ip"), CONTROLS)
async def test_the_drivers_stop_what_they_are_told_to(source: str, action: Action, campaign: str, ip: str) -> None:
    run = simulator("healthy")
    url = await run.serve_controls()
    try:
        control = next(s for s in parse_config(run.config(url), {}, "x").sources if s.name == source).control
        driver = driver_named(control.driver)
        decision = Decision(
            decision_id="d1", tenant="atelier", kind="campaign", key=campaign or ip, action=action, mode="act",
            level="paused", previous_level="healthy", reason="test", evidence="", policy_version="1",
            campaign_id=campaign, sending_ip=ip,
        )  # fmt: skip
        wish = driver.request(decision, control, NOW_MS)
        assert isinstance(wish, ControlRequest)
        async with (
            aiohttp.ClientSession() as session,
            session.request(wish.method, wish.url, headers=dict(wish.headers), data=wish.body) as answer,
        ):
            given = ControlAnswer(status=answer.status, body=await answer.read())
        assert driver.interpret(given).verdict is Verdict.DONE
    finally:
        await run.close()
    assert run.world.paused == ([campaign] if campaign else [])
    assert {address for address, _ in run.world.resting} == ({ip} if ip else set())
