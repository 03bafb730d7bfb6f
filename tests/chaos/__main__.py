"""`make chaos`: rounds on Apache Kafka, then on Tansu; a line for each, a summary, exit 1 when one was wrong.

python -m tests.chaos [--seed N] [--json FILE] [--kafka-rounds N] [--tansu-rounds N] [--segments-rounds N] [--events N]
    [--quick]

The last rounds are with the segments service, on Kafka.

Logs of the brokers and workers are kept where a round was wrong, and the topics are left for new ones: what
one round broke would show in all later ones.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import confluent_kafka

from streams.local.broker import Tansu
from tests.chaos import segments
from tests.chaos.rig import Log, Rig
from tests.chaos.rounds import Round, planned, run_round
from tests.kafka_broker import KafkaBroker

_RIG_ROUNDS = 10  # then new topics: Tansu cleans no log, and restores would take most of the time
_QUICK = {"kafka": 7, "tansu": 4, segments.NAME: 4}
_GOALS = {"kafka": 100, "tansu": 50, segments.NAME: 20}
_SEGMENT_EVENTS = 3_000  # of a round: the truth is made of all of them again


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _arguments(arguments)
    folder = Path(tempfile.mkdtemp(prefix="mailweir-chaos-"))
    rounds: list[Round] = []
    try:
        for name, number in (("kafka", asked.kafka_rounds), ("tansu", asked.tansu_rounds)):
            if number:
                rounds += _all_rounds(name, _QUICK[name] if asked.quick else number, asked, folder / name)
        if asked.segments_rounds:
            number = _QUICK[segments.NAME] if asked.quick else asked.segments_rounds
            rounds += _segments_rounds(number, asked, folder / segments.NAME)
    finally:
        wrong = [item for item in rounds if not item.verdict.is_exact]
        _say(_summary(rounds))
        if asked.json:
            Path(asked.json).write_text(json.dumps(_report(rounds, asked.seed), indent=1, default=str))
        if wrong:
            _say(f"seed {asked.seed}; logs are kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong else 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="of the kinds and the moments")
    parser.add_argument("--json", help="a file for the report")
    parser.add_argument("--kafka-rounds", type=int, default=_GOALS["kafka"])
    parser.add_argument("--tansu-rounds", type=int, default=_GOALS["tansu"])
    parser.add_argument("--segments-rounds", type=int, default=_GOALS[segments.NAME], help="with the segments service")
    parser.add_argument("--events", type=int, default=100_000, help="records in each round, but those of segments")
    parser.add_argument("--quick", action="store_true", help=f"a few rounds: {_QUICK}")
    return parser.parse_args(arguments)


def _all_rounds(name: str, number: int, asked: argparse.Namespace, folder: Path) -> Iterator[Round]:
    """The rounds of one broker; a new rig after some, and after a wrong one."""
    dice = random.Random(f"{asked.seed}-{name}")
    rig = None
    with _broker(name, folder) as broker:
        try:
            for index, (kind, workers) in enumerate(planned(number, dice, has_broker_kinds=name == "kafka"), 1):
                rig = rig or Rig(broker, folder / f"from-round-{index}", asked.seed + index)
                done = run_round(rig, index, kind, workers, dice, asked.events)
                _say(done.line)
                yield done
                if not done.verdict.is_exact:
                    (rig.folder / "verdict.json").write_text(json.dumps(done.as_json(), indent=1, default=str))
                if not done.verdict.is_exact or index % _RIG_ROUNDS == 0:
                    rig.close()
                    rig = None
        finally:
            if rig is not None:
                rig.close()


def _segments_rounds(number: int, asked: argparse.Namespace, folder: Path) -> Iterator[Round]:
    with _broker("kafka", folder) as broker:
        dice = random.Random(f"{asked.seed}-segments")
        assert isinstance(broker, KafkaBroker)
        for done in segments.rounds(broker, number, dice, folder, _SEGMENT_EVENTS):
            _say(done.line)
            if done.verdict.behind:
                _say("\n".join(done.verdict.behind))
            yield done


@contextmanager
def _broker(name: str, folder: Path) -> Iterator[Log]:
    folder.mkdir(parents=True)
    if name == "tansu":
        with Tansu(folder) as tansu:
            yield tansu
        return
    kafka = KafkaBroker(folder).create()
    try:
        yield kafka
    finally:
        kafka.kill()


def _summary(rounds: list[Round]) -> str:
    lines = []
    for name in sorted({item.broker for item in rounds}):
        of = [item for item in rounds if item.broker == name]
        wrong = sum(not item.verdict.is_exact for item in of)
        ends = sum((Counter(item.ends) for item in of), Counter[str]())
        shown = ", ".join(f"{times} {why}" for why, times in sorted(ends.items()))
        events, seconds = sum(item.events for item in of), sum(item.seconds for item in of)
        lines.append(f"{name}: {len(of)} rounds, {wrong} wrong, {events:,} events, {seconds:.0f} s; workers: {shown}")
    return "\n".join(lines)


def _report(rounds: list[Round], seed: int) -> dict[str, Any]:
    figures = [
        {"name": f"chaos_{name}_{what}", "value": value, "unit": "rounds", "goal": goal, "runs": [value]}
        for name in _GOALS
        for of in [[item for item in rounds if item.broker == name]]
        for what, value, goal in (
            ("rounds", len(of), str(_GOALS[name])),
            ("wrong", sum(not item.verdict.is_exact for item in of), "0"),
        )
    ]
    return {
        "machine": f"{platform.platform()}, Python {platform.python_version()}, "
        f"confluent-kafka {confluent_kafka.version()}",
        "seed": seed,
        "figures": figures,
        "rounds": [item.as_json() for item in rounds],
    }


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
