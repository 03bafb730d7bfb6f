"""The reputation stage beside its peers: the same events on the same broker, each engine in a fresh process.

Measured from the first to the last event processed, start-up and joining the group left out; CPU seconds
are those of the engine's process with all its threads. mailweir's clock stops only when the flush with the
last event is durable. Its totals are compared row by row, the peers' by a fingerprint of their totals.
Peers that need seconds for what others do in one get a smaller topic made by the same generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import brokers, engines, lane_run
from benchmarks.engines import ENGINES, Answer, Engine, EngineFailedError
from benchmarks.events import Rows, Source, Traffic
from benchmarks.figure import Figure, Plan, median_of, missing

PARTITIONS = 4
_TIMEOUT_S = 150.0
GOAL_EPS, GOAL_CPU = ">= 150,000", "<= 7"
RATIOS = (
    ("reputation_vs_faust", "faust", ">= 120"),
    ("reputation_vs_quix", "quix", ">= 20"),
    ("reputation_vs_bare_loop", "bare_loop", ">= 0.8"),
    ("reputation_vs_bare_columns", "bare_columns", ""),
)
SIMPLER = "job: records per IP, provider and minute"


@dataclass(frozen=True, slots=True)
class Input:
    """A filled topic and what is true about it."""

    topic: str
    source: Source

    @property
    def events(self) -> int:
        """Records in it."""
        return self.source.traffic.events


def measure(plan: Plan) -> list[Figure]:
    """Figures per engine and their ratios, for every broker of the plan."""
    found: list[Figure] = []
    for index, name in enumerate(plan.brokers):
        suffix = f"_{name}" if index else ""
        try:
            with brokers.started(name, plan.work / name) as broker:
                figures = _on(broker.bootstrap, plan, name)
        except brokers.CannotRunError as error:
            figures = [missing("reputation_eps", "events/s", f"{name}: {error}", goal=GOAL_EPS)]
        found += [_renamed(figure, suffix) for figure in figures]
    return found


def sizes(plan: Plan) -> tuple[int, int]:
    """Records for the fast engines and for the slow ones."""
    return (500_000, 15_000) if plan.quick else (2_000_000, 50_000)


def _on(bootstrap: str, plan: Plan, broker: str) -> list[Figure]:
    many, few = (_input(bootstrap, name, size, plan) for name, size in zip(("many", "few"), sizes(plan), strict=True))
    plan.say(f"{broker}: {many.events:,} events for the fast engines, {few.events:,} for the slow ones")
    ours = Series("mailweir")
    others = {e.name: Series(e.name) for e in ENGINES if e.is_quick or not plan.quick}
    chosen = [engine for engine in ENGINES if engine.name in others]
    rows = many.source.rows()
    for number in range(plan.runs):  # in turns, so that a busy minute of the machine meets all of them
        log = plan.work / f"mailweir-{number}.log"
        ours.run(partial(_lane, bootstrap, many, rows, log), plan)
        for engine in chosen:
            one, of = plan.work / f"{engine.name}-{number}.log", few if engine.is_slow else many
            others[engine.name].run(partial(_peer, bootstrap, engine, of, one), plan)
    return _figures(ours, others, len(rows))


def _input(bootstrap: str, name: str, events: int, plan: Plan) -> Input:
    source = Source(Traffic(events=events, seed=plan.seed, partitions=PARTITIONS))
    topic = f"mailweir.email-events.v1-{name}"
    brokers.make_topic(bootstrap, topic, PARTITIONS)
    brokers.fill(bootstrap, topic, source.records())
    return Input(topic, source)


def _lane(bootstrap: str, given: Input, rows: Rows, log: Path) -> Answer:
    return lane_run.run(bootstrap, given.topic, given.events, PARTITIONS, rows, log, _TIMEOUT_S)[0]


def _peer(bootstrap: str, engine: Engine, given: Input, log: Path) -> Answer:
    digest = given.source.simple_digest()
    return engines.run(engine, bootstrap, given.topic, given.events, digest, log, _TIMEOUT_S)


class Series:
    """The runs of one engine; it is not run again after a failure."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answers: list[Answer] = []
        self.error = ""

    def run(self, once: Callable[[], Answer], plan: Plan) -> None:
        """One more run."""
        if self.error:
            return
        try:
            answer = once()
        except EngineFailedError as error:
            self.error = f"{self.name}: {error}"
            plan.say(self.error)
            return
        self.answers.append(answer)
        right = "right" if answer.is_right else "WRONG"
        plan.say(
            f"{self.name:<17} {answer.eps:>9,.0f} events/s {answer.cpu_s_per_million:>8.2f} CPU-s per million"
            f" {answer.peak_mb:>6,.0f} MB  totals {right}"
        )

    def figures(self, prefix: str, note: str, goal_eps: str = "", goal_cpu: str = "") -> list[Figure]:
        """Events per second and CPU seconds per million."""
        names = (f"{prefix}_eps", "events/s", goal_eps), (f"{prefix}_cpu_s_per_million", "CPU-s", goal_cpu)
        if self.error or not self.answers:
            return [missing(name, unit, self.error or "not run", goal=goal) for name, unit, goal in names]
        if not all(answer.is_right for answer in self.answers):
            note = f"wrong totals; {note}"
        values = [a.eps for a in self.answers], [a.cpu_s_per_million for a in self.answers]
        return [
            median_of(name, runs, unit, goal=goal, note=text)
            for (name, unit, goal), runs, text in zip(names, values, (note, ""), strict=True)
        ]


def _figures(ours: Series, others: dict[str, Series], keys: int) -> list[Figure]:
    note = f"all 9 kinds of keys ({keys:,} rows), duplicates dropped, changelog in transactions; totals right"
    found = ours.figures("reputation", note, GOAL_EPS, GOAL_CPU)
    for name, other, goal in RATIOS:
        found.append(_ratio(name, ours, others[other], goal))
    for name, series in others.items():
        found += series.figures(name, SIMPLER)
    return found


def _ratio(name: str, ours: Series, other: Series, goal: str) -> Figure:
    if ours.error or other.error:
        return missing(name, "x", ours.error or other.error, goal=goal)
    runs = [mine.eps / its.eps for mine, its in zip(ours.answers, other.answers, strict=True)]
    cpu = median(
        its.cpu_s_per_million / mine.cpu_s_per_million for mine, its in zip(ours.answers, other.answers, strict=True)
    )
    is_right = all(answer.is_right for answer in (*ours.answers, *other.answers))
    return median_of(name, runs, "x", goal=goal, note=f"{'' if is_right else 'wrong totals; '}by CPU {cpu:.3g} x")


def _renamed(figure: Figure, suffix: str) -> Figure:
    return replace(figure, name=figure.name + suffix) if suffix else figure
