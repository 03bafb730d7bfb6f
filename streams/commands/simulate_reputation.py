"""`mailweir reputation simulate`: false alarms and delays of the detectors on simulated campaigns.

Campaigns are drawn minute by minute (binomial bounces, Poisson complaints with lognormal delays) and
judged by the very detectors that judge real ones, at every minute while mail is sent and every ten
minutes for a day after. Independent messages: real lists are clustered, so real delays are shorter and
false alarms more frequent than these. Same seed, same figures.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from schemas.aggregates import RANK, KeyKind, Level
from streams.core.reputation.detectors import BOUNCES, COMPLAINTS
from streams.core.reputation.ledger import Key, KeyView
from streams.core.reputation.levels import Detector
from streams.core.reputation.series import COLUMN, FIELDS, MINUTE_MS, Ints

DAY_MIN = 24 * 60
START_MS = 1_750_000_000_000 // MINUTE_MS * MINUTE_MS  # any instant: nothing depends on it
KEY = Key("simulated", KeyKind.CAMPAIGN, "campaign")
HEALTHY_RUNS = 0.1  # a healthy campaign is looked at a thousand times, so it gets a tenth of the runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is sent: `messages` evenly over `minutes`; rates are shares; complaints come a median of
    `delay_h` hours late (lognormal, sigma 1.3)."""

    messages: int
    minutes: int
    bounces: float
    complaints: float
    delay_h: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One campaign's fate: the minute at which it was paused (-1: never) and messages sent by then."""

    paused_at: int
    sent: int
    worst: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the report; a `goal` is an upper bound."""

    name: str
    value: float
    unit: str
    goal: float | None
    runs: int


NORMAL = Campaign(messages=1_000_000, minutes=1000, bounces=0.02, complaints=0.0005)
BORDERLINE = Campaign(messages=1_000_000, minutes=1000, bounces=0.036, complaints=0.0009)
BLAST = Campaign(messages=500_000, minutes=120, bounces=0.02, complaints=0.0005)
BLAST_FAST = Campaign(messages=500_000, minutes=120, bounces=0.02, complaints=0.0005, delay_h=2.0)
BLAST_SLOW = Campaign(messages=500_000, minutes=120, bounces=0.02, complaints=0.0005, delay_h=8.0)
BAD_LIST = Campaign(messages=4_000, minutes=400, bounces=0.08, complaints=0.0005)
SPAM = Campaign(messages=500_000, minutes=120, bounces=0.02, complaints=0.003)


def run(*, runs: int, seed: int, json_path: Path | None, out: TextIO) -> int:
    """Simulate, print the table, write the JSON; the exit code (0: every goal met, 1: not)."""
    figures = simulate(runs, seed)
    out.write(table(figures))
    if json_path is not None:
        document = {"figures": [_as_json(figure) for figure in figures]}
        json_path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if all(figure.goal is None or figure.value <= figure.goal for figure in figures) else 1


def simulate(runs: int, seed: int) -> list[Figure]:
    """Every figure, from `runs` campaigns of each bad kind and a tenth of that of each healthy kind."""
    few = max(1, round(runs * HEALTHY_RUNS))
    figures: list[Figure] = []
    for place, (name, campaign, goal) in enumerate(
        (
            ("healthy", NORMAL, 0.0),
            ("borderline", BORDERLINE, None),
            ("healthy_blast", BLAST, 0.0),
            ("healthy_blast_complaints_twice_as_fast", BLAST_FAST, 0.02),
            ("healthy_blast_complaints_twice_as_slow", BLAST_SLOW, 0.02),
        )
    ):
        fates = _fates(campaign, (BOUNCES, COMPLAINTS), few, seed + place)
        figures += [
            Figure(name=f"{name}_paused", value=_share(fates, Level.PAUSED), unit="share", goal=goal, runs=few),
            Figure(name=f"{name}_throttled", value=_share(fates, Level.THROTTLED), unit="share", goal=None, runs=few),
        ]
    bad = _fates(BAD_LIST, (BOUNCES,), runs, seed + 100)
    figures += _delays("bad_list_paused_after", [fate.sent for fate in bad], "messages", 700.0)
    spam = _fates(SPAM, (COMPLAINTS,), runs, seed + 200)
    shares = [fate.sent / SPAM.messages for fate in spam]
    figures += _delays("spam_paused_with_sent", shares, "share", 0.4)
    minutes = [fate.paused_at if fate.paused_at >= 0 else math.inf for fate in spam]
    return [*figures, *_delays("spam_paused_after", minutes, "minutes", None)]


def table(figures: list[Figure]) -> str:
    """The figures as aligned text."""
    lines = [f"{'figure':<50}{'value':>12} {'unit':<10}{'goal':>8}{'runs':>7}"]
    for figure in figures:
        goal = "" if figure.goal is None else f"<= {figure.goal:g}"
        lines.append(f"{figure.name:<50}{figure.value:>12.4g} {figure.unit:<10}{goal:>8}{figure.runs:>7}")
    return "\n".join(lines) + "\n"


def fate_of(campaign: Campaign, detectors: tuple[Detector, ...], generator: np.random.Generator) -> Run:
    """Send one campaign and judge it as it goes, until it is paused or a day has passed."""
    counts = draw(campaign, generator)
    minutes = START_MS + np.arange(len(counts), dtype=np.int64) * MINUTE_MS
    tried = np.cumsum(counts[:, COLUMN["delivered"]] + counts[:, COLUMN["bounced_address"]])
    worst = Level.HEALTHY
    for now in _looks(campaign, len(counts)):
        view = KeyView(
            key=KEY, as_of=int(minutes[now - 1]) + MINUTE_MS, minutes=minutes[:now], counts=counts[:now]
        )  # fmt: skip
        for detector in detectors:
            worst = max(worst, Level(detector.signal(view).level), key=RANK.__getitem__)
        if worst is Level.PAUSED:
            return Run(paused_at=now, sent=int(tried[now - 1]), worst=worst)
    return Run(paused_at=-1, sent=int(tried[-1]), worst=worst)


def draw(campaign: Campaign, generator: np.random.Generator) -> Ints:
    """Counts per minute (rows as in a KeyView) while the campaign is sent and for a day after."""
    size = campaign.minutes + DAY_MIN
    counts = np.zeros((size, len(FIELDS)), np.int64, order="F")
    upto = np.linspace(0, campaign.messages, campaign.minutes + 1).astype(np.int64)
    sent: Ints = upto[1:] - upto[:-1]
    bounced = generator.binomial(sent, campaign.bounces)
    delivered = sent - bounced
    counts[: campaign.minutes, COLUMN["bounced_address"]] = bounced
    counts[: campaign.minutes, COLUMN["delivered"]] = delivered
    sent_at = np.repeat(np.arange(campaign.minutes), generator.poisson(delivered * campaign.complaints))
    late = generator.lognormal(math.log(campaign.delay_h * 60), 1.3, len(sent_at))
    at = (sent_at + generator.random(len(sent_at)) + late).astype(np.int64)
    counts[:, COLUMN["complained"]] = np.bincount(at[at < size], minlength=size)
    return counts


def _looks(campaign: Campaign, size: int) -> list[int]:
    """After how many minutes somebody looks."""
    return [*range(1, campaign.minutes + 1), *range(campaign.minutes + 10, size + 1, 10)]


def _fates(campaign: Campaign, detectors: tuple[Detector, ...], runs: int, seed: int) -> list[Run]:
    generator = np.random.default_rng(seed)
    return [fate_of(campaign, detectors, generator) for _ in range(runs)]


def _share(fates: list[Run], level: Level) -> float:
    """The share of campaigns that ever got this far."""
    return sum(RANK[fate.worst] >= RANK[level] for fate in fates) / len(fates)


def _delays(name: str, values: list[float] | list[int], unit: str, goal: float | None) -> list[Figure]:
    quantile: Callable[[float], Any] = lambda share: np.quantile(values, share, method="higher")  # noqa: E731
    return [
        Figure(name=f"{name}_median", value=float(quantile(0.5)), unit=unit, goal=goal, runs=len(values)),
        Figure(name=f"{name}_p95", value=float(quantile(0.95)), unit=unit, goal=None, runs=len(values)),
    ]


def _as_json(figure: Figure) -> dict[str, Any]:
    value = figure.value if math.isfinite(figure.value) else None
    return {"name": figure.name, "value": value, "unit": figure.unit, "goal": figure.goal, "runs": figure.runs}
