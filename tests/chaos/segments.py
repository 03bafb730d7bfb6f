"""Rounds with the segments service: after each its topic holds what one pass over the log says, each transition once.

Workers are killed, put to sleep past their session, joined by another and left, and the broker dies, while events come
in. The truth is the evaluator over the whole log again, in a store of its own.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from streams.local import processes
from tests.chaos.rig import Verdict
from tests.chaos.rounds import Round
from tests.kafka_broker import KafkaBroker
from tests.segment_flow import Flow

NAME = "segments"
_FLOW_ROUNDS = 10  # then new topics: the truth is made of the whole log, after every round
_PAUSE_S = 8.0  # past the session of 6 s
_DEADLINE_S = 120.0

Disturbance = Callable[["Run", random.Random], None]


class Run:
    """A flow on a broker, and how its workers have ended."""

    def __init__(self, broker: KafkaBroker, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.broker, self.flow, self.wanted = broker, Flow(broker.bootstrap, folder), 1
        self.ends = Counter[str]()

    def wait(self, seconds: float) -> None:
        """Read and keep the workers alive for so long."""
        until = time.monotonic() + seconds
        self.flow.wait(lambda: time.monotonic() >= until, workers=self.wanted)

    def kill(self, dice: random.Random) -> None:
        """Any of the workers."""
        processes.kill(dice.choice(self.flow.workers))
        self.ends["killed"] += 1


def _kill(run: Run, dice: random.Random) -> None:
    """Somebody dies; sometimes the successor too, in its start, its restore or its first batches."""
    run.kill(dice)
    if dice.random() < 0.4:
        run.wait(dice.uniform(1.0, 8.0))
        run.kill(dice)


def _pause(run: Run, dice: random.Random) -> None:
    """A process sleeps past its session, perhaps in a flush, and wakes up an owner no more."""
    zombie = dice.choice(run.flow.workers)
    zombie.send_signal(signal.SIGSTOP)
    run.wait(_PAUSE_S)
    zombie.send_signal(signal.SIGCONT)


def _join(run: Run, dice: random.Random) -> None:
    """Another worker comes and, before or after it has its share, the first one goes, in order or not."""
    run.wanted += 1
    run.wait(dice.uniform(2.0, 12.0))
    if dice.random() < 0.3:
        run.kill(dice)
        run.wait(0.1)
    run.wanted -= 1
    run.flow.leave()
    run.ends["left"] += 1


def _broker_killed(run: Run, dice: random.Random) -> None:
    run.broker.kill()
    run.wait(dice.uniform(0.0, 2.0))
    run.broker.start()


KINDS: dict[str, Disturbance] = {"kill": _kill, "pause": _pause, "join": _join, "broker-kill": _broker_killed}


def rounds(broker: KafkaBroker, number: int, dice: random.Random, folder: Path, events: int) -> Iterator[Round]:
    """So many; a new flow after some, and after a wrong one."""
    run: Run | None = None
    kinds = [list(KINDS)[index % len(KINDS)] for index in range(number)]
    dice.shuffle(kinds)
    try:
        for index, kind in enumerate(kinds, 1):
            run = run or Run(broker, folder / f"from-round-{index}")
            yield (done := _round(run, index, kind, 1 + index % 2, dice, events))
            if not done.verdict.is_exact or index % _FLOW_ROUNDS == 0:
                run.flow.close()
                run = None
    finally:
        if run is not None:
            run.flow.close()


def _round(run: Run, number: int, kind: str, workers: int, dice: random.Random, events: int) -> Round:
    """Pour in events, disturb at a random moment, wait for the end, compare."""
    began, before, over_s = time.monotonic(), Counter(run.ends), dice.uniform(2.0, 6.0)
    while len(run.flow.workers) > workers:
        run.flow.leave()
    run.wanted = workers
    verdict = Verdict([], 0, [])
    try:
        run.flow.wait(lambda: bool(run.flow.workers), workers=workers)
        feed = threading.Thread(
            target=run.flow.feed, args=(events, random.Random(dice.random())), kwargs={"over_s": over_s}, daemon=True
        )
        feed.start()
        run.wait(dice.uniform(0.0, over_s))
        KINDS[kind](run, dice)
        run.flow.wait(lambda: not feed.is_alive(), workers=run.wanted, deadline_s=_DEADLINE_S)
        run.flow.wait(lambda: run.flow.is_done, workers=run.wanted, deadline_s=_DEADLINE_S)
        run.flow.check(is_each_once=True)
    except AssertionError as error:
        verdict = Verdict([], 0, [str(error)[:2_000]])
    return Round(
        broker=NAME, number=number, kind=kind, workers=workers, events=events, seconds=time.monotonic() - began,
        ends=dict(run.ends - before), verdict=verdict,
    )  # fmt: skip
