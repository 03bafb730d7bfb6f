"""The simulated senders at work: campaigns send at a steady pace, and every message lives its plan.

Deterministic: each campaign draws from a generator of its own (seed and campaign name), so the same
seed makes the same messages, and pausing one campaign changes nothing for the others. Time moves in
steps given from outside; an event is handed out once the step has reached its time, never earlier.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from streams.simulator.behaviour import Happening, Message, Plan, plan_message
from streams.simulator.fleet import FLEET, SHOP_TENANT, Campaign, Sender, sender_of
from streams.simulator.mailboxes import PROVIDERS, Customer, Mailbox, pick_address, pick_customers, pick_mailbox
from streams.simulator.providers import Provider
from streams.simulator.scenarios import BlockedIp, Scenario, Traits

_PILOT_MESSAGES = 150  # per campaign: events per message to about 5 %
_EVENTS_PER_CUSTOMER = 100  # so that each gets some four mails in a run, however short it is
_FEWEST, _MOST = 10, 2_000
_CUSTOMERS_SHARE = 4  # every fourth mail of who has a shop is to one of its customers


@dataclass(slots=True)
class Stream:
    """One campaign's sending. `starts_at` is a share of the run; `credit` the part of a message owed."""

    sender: Sender
    campaign: Campaign
    traits: Traits
    rng: Random
    starts_at: float = 0.0
    credit: float = 0.0
    events_per_message: float = 1.0
    is_paused: bool = False


@dataclass(slots=True)
class World:
    """`start_ms` to `end_ms` is the run in simulated time; `events` how many it should yield in all."""

    scenario: Scenario
    seed: int
    start_ms: int
    end_ms: int
    events: float
    providers: dict[str, Provider]
    resting: set[tuple[str, str]] = field(default_factory=set)  # (address, mailbox provider or "*")
    messages_sent: Counter[str] = field(default_factory=Counter)  # by campaign
    sent_while_bad: int = 0
    streams: list[Stream] = field(default_factory=list)
    customers: tuple[Customer, ...] = ()
    _due: list[tuple[int, int, Happening]] = field(default_factory=list)
    _planned: int = 0
    _now: int = 0
    _per_ms: float = 0.0

    def __post_init__(self) -> None:
        self._now = self.start_ms
        self.streams = _streams(self.scenario, self.seed)
        count = max(_FEWEST, min(_MOST, int(self.events) // _EVENTS_PER_CUSTOMER))
        self.customers = pick_customers(Random(f"{self.seed}:customers"), count)
        self._calibrate()

    def begin_at(self, start_ms: int) -> None:
        """Move the whole run in simulated time; only before the first step."""
        self.end_ms += start_ms - self.start_ms
        self.start_ms = self._now = start_ms

    def _calibrate(self) -> None:
        """Set the pace: pilot messages tell how many events one message makes before the run ends."""
        weighed = 0.0
        for stream in self.streams:
            pilot = Random(f"{self.seed}:pilot:{stream.campaign.name}")
            made = sum(self._pilot_events(stream, pilot) for _ in range(_PILOT_MESSAGES))
            stream.events_per_message = made / _PILOT_MESSAGES
            weighed += stream.campaign.weight * (1 - stream.starts_at) * stream.events_per_message
        self._per_ms = self.events / weighed / (self.end_ms - self.start_ms)

    def _pilot_events(self, stream: Stream, rng: Random) -> int:
        span = self.end_ms - self.start_ms
        at = self.start_ms + int(span * rng.uniform(stream.starts_at, 1.0))
        return sum(1 for happening in self._draw(stream, rng, at) if happening.at < self.end_ms)

    def step(self, until_ms: int) -> list[Happening]:
        """Move on to `until_ms` (at most the run's end); everything that happened since, in order of time."""
        until_ms = min(until_ms, self.end_ms)
        for stream in self.streams:
            self._send(stream, until_ms)
        self._now = max(self._now, until_ms)
        happened = []
        while self._due and self._due[0][0] < until_ms:
            happened.append(heapq.heappop(self._due)[2])
        return happened

    def _send(self, stream: Stream, until_ms: int) -> None:
        begin = max(self._now, self.start_ms + int(stream.starts_at * (self.end_ms - self.start_ms)))
        if stream.is_paused or begin >= until_ms:
            return
        stream.credit += stream.campaign.weight * self._per_ms * (until_ms - begin)
        count = int(stream.credit)
        stream.credit -= count
        for number in range(count):
            at = begin + (until_ms - begin) * number // count
            for happening in self._draw(stream, stream.rng, at):
                if happening.at < self.end_ms:
                    self._planned += 1
                    heapq.heappush(self._due, (happening.at, self._planned, happening))

    def _draw(self, stream: Stream, rng: Random, at: int) -> list[Happening]:
        """One message and its whole plan; none when every address of its sender is at rest."""
        sender, campaign = stream.sender, stream.campaign
        provider = self.providers[sender.source]
        mailbox = pick_mailbox(rng)
        recipient, token = pick_address(rng, mailbox), f"{rng.getrandbits(128):032x}"
        if sender.tenant == SHOP_TENANT and campaign in sender.campaigns:  # no bought list has them
            recipient, mailbox = self._customer(int(token, 16)) or (recipient, mailbox)
        ip = self._address(sender, mailbox, rng.randrange(len(sender.ips)))
        message = Message(sender, campaign, mailbox, recipient, ip, "", token, at)
        message.message_id = provider.message_id(message)
        plan = Plan(message, rng, provider.resolution_ms)
        is_blocked = self._is_blocked(self.scenario.blocked_ip, message) and rng.random() < self._block_share
        plan_message(plan, stream.traits, is_blocked=is_blocked)
        if not ip:  # drawn all the same, so that the campaign's later messages stay what they are
            return []
        if rng is stream.rng:
            self.messages_sent[campaign.name] += 1
            self.sent_while_bad += self._is_bad(message)
        return plan.happenings

    def _customer(self, draw: int) -> Customer | None:
        """One of the customers, for a share of the draws."""
        place, rest = divmod(draw, _CUSTOMERS_SHARE)
        return None if rest else self.customers[place % len(self.customers)]

    def _address(self, sender: Sender, mailbox: Mailbox, draw: int) -> str:
        """The drawn address, or the next one that is not at rest; "" if all are."""
        for offset in range(len(sender.ips)):
            ip = sender.ips[(draw + offset) % len(sender.ips)]
            if (ip, "*") not in self.resting and (ip, mailbox.provider) not in self.resting:
                return ip
        return ""

    @property
    def now_ms(self) -> int:
        """How far simulated time has come."""
        return self._now

    @property
    def _block_share(self) -> float:
        return self.scenario.blocked_ip.share if self.scenario.blocked_ip else 0.0

    def _is_blocked(self, block: BlockedIp | None, message: Message) -> bool:
        return (
            block is not None
            and message.ip == block.ip
            and message.mailbox.provider == block.mailbox_provider
            and message.sent_at >= self.start_ms + block.starts_at * (self.end_ms - self.start_ms)
        )

    def _is_bad(self, message: Message) -> bool:
        bad = self.scenario.bad_list
        return self._is_blocked(self.scenario.blocked_ip, message) or (
            bad is not None and message.campaign.name == bad.campaign.name
        )

    def is_bad_happening(self, happening: Happening) -> bool:
        """Whether the event belongs to what the scenario made bad."""
        return self._is_bad(happening.message)

    def set_paused(self, source: str, campaign: str, *, is_paused: bool) -> bool:
        """Stop or go on sending a source's campaign; late events go on. False: it has no such campaign."""
        found = [s for s in self.streams if s.campaign.name == campaign and s.sender.source == source]
        for stream in found:
            stream.is_paused = is_paused
        return bool(found)

    def rest(self, ip: str, mailbox_provider: str = "*") -> bool:
        """Stop using an address, at all or towards one mailbox provider. False: no such address.

        A mailbox provider that the senders do not know by this name means all of them, to be safe.
        """
        is_known = any(ip in sender.ips for sender in FLEET)
        if is_known:
            self.resting.add((ip, mailbox_provider if mailbox_provider in PROVIDERS else "*"))
        return is_known

    def unrest(self, ip: str, mailbox_provider: str = "*") -> None:
        """Use the address again."""
        self.resting.discard((ip, mailbox_provider if mailbox_provider in PROVIDERS else "*"))

    @property
    def paused(self) -> list[str]:
        """The campaigns that stand still, by name."""
        return sorted(stream.campaign.name for stream in self.streams if stream.is_paused)


def _streams(scenario: Scenario, seed: int) -> list[Stream]:
    streams = [
        Stream(sender, campaign, Traits(), Random(f"{seed}:{campaign.name}"))
        for sender in FLEET
        for campaign in sender.campaigns
    ]
    bad = scenario.bad_list
    if bad is not None:
        rng = Random(f"{seed}:{bad.campaign.name}")
        streams.append(Stream(sender_of(bad.source), bad.campaign, bad.traits, rng, bad.starts_at))
    return streams
