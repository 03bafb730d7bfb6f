"""From happenings to requests: batches, signatures, repeats, forgeries, garbage.

Deterministic like the world: batches close by step count, every draw comes from one seeded generator.
Only timestamps and tokens of signatures depend on the wall clock that is passed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from streams.simulator.behaviour import Happening
from streams.simulator.providers import Provider, Signed
from streams.simulator.scenarios import Disturbance
from streams.simulator.truth import EventKey, Fact, Post, PostKind
from streams.simulator.world import World

FLUSH_STEPS = 10  # a fifth of a second: real services wait longer, but then the demo would only wait for them


@dataclass(frozen=True, slots=True)
class Parcel:
    """One request and how long to hold it back (wall seconds)."""

    delay_s: float
    post: Post


def copies(post: Post, rough: Disturbance, rng: Random) -> Iterator[Parcel]:
    """The request, perhaps held back, and perhaps some times more."""
    is_held = rng.random() < rough.delay_share
    delay_s = rng.uniform(0, rough.delay_s) if is_held else 0.0
    yield Parcel(delay_s, post)
    if rng.random() < rough.duplicates:
        for number in range(rng.randint(1, rough.repeats)):
            yield Parcel(delay_s + rng.uniform(0.05, rough.delay_s) * (number + 1), replace(post))


@dataclass(slots=True)
class Packer:
    """Gathers each source's events into requests. `disturbance` says how roughly."""

    world: World
    providers: dict[str, Provider]
    disturbance: Disturbance
    seed: int
    _rng: Random = field(init=False)
    _waiting: dict[str, list[Happening]] = field(default_factory=dict)
    _since: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rng = Random(f"{self.seed}:packing")

    def pack(self, happenings: list[Happening], step: int, wall_s: float) -> Iterator[Parcel]:
        """Requests that are ready after this step."""
        for happening in happenings:
            source = happening.message.sender.source
            waiting = self._waiting.setdefault(source, [])
            if not waiting:
                self._since[source] = step
            waiting.append(happening)
            if len(waiting) >= self.providers[source].batch_limit:
                yield from self._close(source, wall_s)
        for source, since in list(self._since.items()):
            if self._waiting[source] and step - since >= FLUSH_STEPS:
                yield from self._close(source, wall_s)

    def finish(self, wall_s: float) -> Iterator[Parcel]:
        """Requests with whatever is still waiting."""
        for source, waiting in self._waiting.items():
            if waiting:
                yield from self._close(source, wall_s)

    def _close(self, source: str, wall_s: float) -> Iterator[Parcel]:
        happenings, self._waiting[source] = self._waiting[source], []
        rough, rng = self.disturbance, self._rng
        yield from copies(self._genuine(source, happenings, wall_s), rough, rng)
        if rng.random() < rough.forged:
            yield Parcel(0.0, self._forged(source, happenings, wall_s))
        if rng.random() < rough.garbage:
            signed = self.providers[source].garbage(wall_s, rng)
            if signed is not None:
                yield Parcel(0.0, _post(source, signed, (), PostKind.GARBAGE, unreadable=1))

    def _genuine(self, source: str, happenings: list[Happening], wall_s: float) -> Post:
        provider, rough, rng = self.providers[source], self.disturbance, self._rng
        if rng.random() < rough.delay_share:
            rng.shuffle(happenings)
        items: list[Any] = [provider.item(happening) for happening in happenings]
        if rough.mistyped:
            for item in items:
                if rng.random() < rough.mistyped:
                    provider.mistype(item, rng)
        unreadable = 0
        if provider.batch_limit > 1 and rng.random() < rough.unreadable:
            items.insert(rng.randint(0, len(items)), rng.choice((42, "delivered", None, ["event"])))
            unreadable = 1
        facts = tuple(self._fact(happening) for happening in happenings)
        return _post(source, provider.sign(items, wall_s, rng), facts, PostKind.GENUINE, unreadable=unreadable)

    def _forged(self, source: str, happenings: list[Happening], wall_s: float) -> Post:
        """What a stranger would make of it: the same kinds of events for messages that never were."""
        provider, rng = self.providers[source], self._rng
        ghosts = []
        for happening in happenings[:5]:
            message = replace(happening.message, token=f"{rng.getrandbits(128):032x}")
            message.message_id = provider.message_id(message)
            ghosts.append(replace(happening, message=message, event_id=rng.getrandbits(128)))
        signed = provider.forge([provider.item(ghost) for ghost in ghosts], wall_s, rng)
        return _post(source, signed, tuple(self._fact(ghost) for ghost in ghosts), PostKind.FORGED)

    def _fact(self, happening: Happening) -> Fact:
        message = happening.message
        key = EventKey(message.sender.provider, message.message_id, happening.kind, happening.at, message.recipient)
        return Fact(key, message.sender.tenant, message.campaign.name, self.world.is_bad_happening(happening))


def _post(source: str, signed: Signed, facts: tuple[Fact, ...], kind: PostKind, *, unreadable: int = 0) -> Post:
    return Post(source, dict(signed.headers), signed.body, facts, kind, unreadable)
