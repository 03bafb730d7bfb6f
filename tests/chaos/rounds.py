"""The kinds of rounds: what is done to the workers or the broker while events pour in."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from tests.chaos.rig import Rig, Verdict
from tests.kafka_broker import KafkaBroker
from tests.lane_worker import TEAR

_PAUSE_S = 8.0  # past the session of 6 s
_DEADLINE_S = 120.0

Disturbance = Callable[[Rig, random.Random], None]


def _kill(rig: Rig, dice: random.Random) -> None:
    """Somebody dies; sometimes the successor too, in its start, its restore or its first batches."""
    rig.workers.kill(rig.workers.one(dice))
    if dice.random() < 0.3:
        rig.wait(dice.uniform(1.0, 8.0))
        rig.workers.kill(rig.workers.one(dice))


def _pause(rig: Rig, dice: random.Random) -> None:
    """A process sleeps past its session, perhaps in a flush, and wakes up an owner no more."""
    zombie = rig.workers.one(dice)
    zombie.send_signal(signal.SIGSTOP)
    rig.wait(_PAUSE_S)
    zombie.send_signal(signal.SIGCONT)


def _join(rig: Rig, dice: random.Random) -> None:
    """Another worker comes and, before or after it has its share, goes."""
    before = len(rig.workers)
    rig.workers.want(before + 1)
    rig.wait(dice.uniform(2.0, 7.0))
    if dice.random() < 0.3:
        rig.workers.kill(rig.workers.one(dice))
    rig.workers.want(before)


def _torn(rig: Rig, _dice: random.Random) -> None:
    """In the flow, everybody's next flush ends between its rows and its marker."""
    before = dict(rig.reader.markers)
    rig.wait(20, lambda: rig.reader.markers != before)
    rig.workers.tell(TEAR)


def _broker_killed(rig: Rig, dice: random.Random) -> None:
    assert isinstance(rig.broker, KafkaBroker)
    rig.broker.kill()
    rig.wait(dice.uniform(0.0, 2.0))
    rig.broker.start()


def _broker_restarted(rig: Rig, _dice: random.Random) -> None:
    assert isinstance(rig.broker, KafkaBroker)
    rig.broker.restart()


def _broker_and_worker(rig: Rig, dice: random.Random) -> None:
    """The broker dies while the group rebalances."""
    assert isinstance(rig.broker, KafkaBroker)
    rig.workers.kill(rig.workers.one(dice))
    rig.wait(dice.uniform(0.0, 4.0))
    rig.broker.kill()
    rig.broker.start()


KINDS: dict[str, Disturbance] = {"kill": _kill, "pause": _pause, "join": _join, "torn": _torn}
BROKER_KINDS: dict[str, Disturbance] = {
    "broker-kill": _broker_killed,
    "broker-stop": _broker_restarted,
    "both-kill": _broker_and_worker,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round as it is reported. `ends`: how processes ended in it; `failed` ones ended by themselves."""

    broker: str
    number: int
    kind: str
    workers: int
    events: int
    seconds: float
    ends: dict[str, int]
    verdict: Verdict

    @property
    def line(self) -> str:
        """At most 80 columns."""
        ends = " ".join(f"{why}:{times}" for why, times in sorted(self.ends.items()))
        result = "exact" if self.verdict.is_exact else "WRONG"
        return (
            f"{self.broker:5} {self.number:4} {self.kind:11} {self.workers}w {self.events:7,} events"
            f" {self.seconds:5.1f} s {result} {ends}"
        )[:80]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def run_round(rig: Rig, number: int, kind: str, workers: int, dice: random.Random, events: int) -> Round:
    """Pour in events, disturb at a random moment, wait for the end, compare."""
    began, before = time.monotonic(), Counter(rig.workers.ends)
    rig.workers.want(workers)
    feed = rig.feed(events, burst=round(events * dice.uniform(0.2, 0.8)), seconds=dice.uniform(1.0, 5.0))
    rig.wait(dice.uniform(0.0, 4.0))
    {**KINDS, **BROKER_KINDS}[kind](rig, dice)
    verdict = rig.settle(feed, _DEADLINE_S)
    return Round(
        broker=rig.broker.name,
        number=number,
        kind=kind,
        workers=workers,
        events=events,
        seconds=time.monotonic() - began,
        ends=dict(rig.workers.ends - before),
        verdict=verdict,
    )


def planned(rounds: int, dice: random.Random, *, has_broker_kinds: bool) -> list[tuple[str, int]]:
    """(kind, workers) of each round: every kind equally often with one worker and with two, in random order."""
    kinds = [*KINDS, *(BROKER_KINDS if has_broker_kinds else {})]
    plan = [(kinds[index % len(kinds)], 1 + index // len(kinds) % 2) for index in range(rounds)]
    dice.shuffle(plan)
    return plan
