"""A demo scenario in one process, without broker or waiting: what every topic of the log holds at its end.

The simulated senders post, the gateway's check verifies, the connectors parse; second by second of the simulated wall
clock, as the services do. `River.truth` is the simulator's own account.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from connectors.registry import connector
from schemas.aggregates import Tick
from schemas.avro import Codec
from schemas.config_file import parse_config
from schemas.envelope import RawWebhook
from schemas.errors import Rejected
from schemas.events import EmailEvent
from schemas.remediation import Action, Decision
from schemas.topics import ACTIVITY_EVENTS, DEAD_LETTERS, EMAIL_EVENTS, WEBHOOKS
from streams.core.normalise import Origin, explode
from streams.gateway.envelope import Endpoint
from streams.gateway.http import Head
from streams.simulator.packer import Packer, Parcel
from streams.simulator.simulator import Simulator
from streams.simulator.truth import Post, Truth
from tests.scenario.judging import Judging
from tests.scenario.people import People

DURATION_S, RATE, SEED = 300, 28.0, 7
STEP_S = 0.1
STEPS_A_SECOND = 10


class Stamped(NamedTuple):
    """A record and when it was written, in ms."""

    at: int
    value: bytes


@dataclass(slots=True)
class River:
    """`topics`: records by topic. Event time goes from `begin_ms` to `end_ms`, receipts from `opened_ms`."""

    truth: Truth
    begin_ms: int
    opened_ms: int
    end_ms: int
    topics: dict[str, list[Stamped]] = field(default_factory=lambda: defaultdict(list))


def flow(scenario: str, end_ms: int, folder: Path) -> River:
    """Run it so that it ends at `end_ms`. `folder`: for the segments' rows."""
    return _Run(scenario, end_ms, folder).run()


class _Run:
    def __init__(self, scenario: str, end_ms: int, folder: Path) -> None:
        self._opened_s = end_ms / 1000 - DURATION_S
        self._simulator = Simulator(scenario, SEED, RATE, DURATION_S, wall=lambda: self._opened_s)
        self._simulator._begin()
        config = parse_config(self._simulator.config("http://127.0.0.1:1"), {}, "the simulator")
        self._codec, self._config = Codec(), config
        self._endpoints = {
            source.name: Endpoint(source, connector(source.provider), self._codec.encode, "http://gateway")
            for source in config.sources
        }
        world = self._simulator.world
        self._packer = Packer(world, self._simulator._providers, self._simulator.scenario.disturbance, SEED)
        self._judging = Judging(config, self._codec, self._carry_out)
        self._people = People(folder, self._codec, int(self._opened_s * 1000))
        self._river = River(self._simulator.truth, world.start_ms, int(self._opened_s * 1000), end_ms)
        self._held: list[tuple[float, int, Post]] = []
        self._certificates = _Certificates(self._simulator.certificates())
        self._posts = 0

    def run(self) -> River:
        self._write(self._opened_s, self._people.announce())
        for second in range(DURATION_S):
            self._second(second)
        last = [*self._packer.finish(self._opened_s + DURATION_S)]
        self._hold(self._opened_s + DURATION_S, last)
        for second in range(DURATION_S, DURATION_S + 8):  # what was held back, and what only time closes
            self._pass(self._opened_s + second + 1, [])
        self._people.close()
        return self._river

    def _second(self, second: int) -> None:
        fresh: list[bytes] = []
        for step in range(second * STEPS_A_SECOND + 1, (second + 1) * STEPS_A_SECOND + 1):
            elapsed_s = step * STEP_S
            wall_s = self._opened_s + elapsed_s
            world = self._simulator.world
            happened = world.step(world.start_ms + int(elapsed_s * self._simulator.speed * 1000))
            self._hold(wall_s, self._packer.pack(happened, step, wall_s))
            self._hold(wall_s, self._simulator.shop.pack(elapsed_s, wall_s))
            fresh += self._deliver(wall_s)
        self._pass(self._opened_s + second + 1, fresh)

    def _hold(self, wall_s: float, parcels: Iterator[Parcel] | list[Parcel]) -> None:
        for parcel in parcels:
            self._posts += 1
            heapq.heappush(self._held, (wall_s + parcel.delay_s, self._posts, parcel.post))

    def _deliver(self, wall_s: float) -> list[bytes]:
        """Post what is due; the events' topic values, mails and activities."""
        found: list[bytes] = []
        while self._held and self._held[0][0] <= wall_s:
            due_s, _, post = heapq.heappop(self._held)
            head = Head("POST", f"/webhooks/{post.source}", {k.lower(): v for k, v in post.headers.items()})
            try:
                checked = self._endpoints[post.source].check(head, post.body, int(due_s * 1000), self._certificates)
            except Rejected as refusal:
                self._simulator.truth.answered(post, refusal.status, due_s, 1.0)
                continue
            self._simulator.truth.answered(post, 200, due_s, 1.0)
            found += self._normalised(checked.value, int(due_s * 1000))
        return found

    def _normalised(self, value: bytes, now_ms: int) -> Iterator[bytes]:
        raws = self._river.topics[WEBHOOKS.name]
        raws.append(Stamped(now_ms, value))
        origin = Origin(WEBHOOKS.name, 0, len(raws) - 1)
        exploded = explode(self._codec.decode(value, RawWebhook), origin, self._config, connector)
        for letter in exploded.dead_letters:
            self._river.topics[DEAD_LETTERS.name].append(Stamped(now_ms, self._codec.encode(letter)))
        for event in exploded.events:
            topic = EMAIL_EVENTS if isinstance(event, EmailEvent) else ACTIVITY_EVENTS
            encoded = self._codec.encode(event)
            self._river.topics[topic.name].append(Stamped(now_ms, encoded))
            yield encoded

    def _pass(self, wall_s: float, fresh: list[bytes]) -> None:
        """A second is over: what came in it, then its tick."""
        now_ms = int(wall_s * 1000)
        records = [*fresh, *self._deliver(wall_s), self._codec.encode(Tick(at=now_ms, writer="scenario"))]
        header = self._codec.header(EmailEvent)
        mails = [value for value in records[:-1] if value.startswith(header)]
        self._write(wall_s, self._judging.take([*mails, records[-1]], now_ms))
        self._write(wall_s, self._people.take(records))

    def _write(self, wall_s: float, said: Iterator[tuple[str, bytes]]) -> None:
        for topic, value in said:
            self._river.topics[topic].append(Stamped(int(wall_s * 1000), value))

    def _carry_out(self, decision: Decision) -> None:
        world = self._simulator.world
        where = decision.mailbox_provider or "*"
        if decision.action in (Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN):
            for source in decision.sources:
                is_paused = decision.action == Action.PAUSE_CAMPAIGN
                world.set_paused(source, decision.campaign_id, is_paused=is_paused)
        elif decision.action == Action.REST_IP:
            world.rest(decision.sending_ip, where)
        elif decision.action == Action.RETURN_IP:
            world.unrest(decision.sending_ip, where)


@dataclass(frozen=True, slots=True)
class _Certificates:
    by_url: dict[str, str]

    def get(self, url: str) -> bytes:
        return self.by_url[url].encode()
