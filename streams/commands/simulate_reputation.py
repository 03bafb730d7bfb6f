"""`mailweir reputation simulate`: false alarms and delays of the detectors on simulated campaigns.

Every campaign is sent second by second and judged by the very watch that judges real ones, all runs of a kind
beside each other, while mail is sent and for a day after. Same seed, same figures.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from schemas.aggregates import RANK, KeyKind, Level
from streams.commands.simulated_campaigns import Campaign, Fate, Shares, fates_of
from streams.core.reputation.watch import PARAMETERS, Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the report; a `goal` is an upper bound."""

    name: str
    value: float
    unit: str
    goal: float | None
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """A campaign that must not be paused: the share that may be."""

    name: str
    campaign: Campaign
    goal: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A campaign that must be paused: `unit` messages, share or seconds after it turned bad, `goal` for the median."""

    name: str
    campaign: Campaign
    unit: str
    goal: float | None


HEALTHY, BORDERLINE = Shares(bounces=0.02, complaints=0.0005), Shares(bounces=0.036, complaints=0.0009)
BOUNCING, SPAMMING = Shares(bounces=0.08), Shares(complaints=0.003)
NORMAL = Campaign(messages=1_000_000, minutes=250, shares=HEALTHY)
BLAST = Campaign(messages=500_000, minutes=120, shares=HEALTHY)
BAD_LIST = Campaign(messages=4_000, minutes=400, shares=BOUNCING)
IN_RUNS = replace(BAD_LIST, messages=8_000, minutes=800, in_runs=0.3, run_length=4.0)
TURNED_BAD = replace(BAD_LIST, shares=Shares(bounces=0.02), later=BOUNCING, turns_at=0.5)
SPAM = Campaign(messages=500_000, minutes=120, shares=SPAMMING)
DAILY = Campaign(messages=1_000_000, minutes=5 * 1440, shares=HEALTHY, every_s=60, kind=KeyKind.DOMAIN)
BLOCKED = Campaign(
    messages=50_000, minutes=500, shares=Shares(bounces=0.0, complaints=0.0, blocks=0.01), kind=KeyKind.IP_PROVIDER
)

GOOD = (
    Good(name="healthy", campaign=NORMAL, goal=0.0),
    Good(
        name="healthy_correlated",
        campaign=replace(NORMAL, tilt=0.5, in_runs=0.3, run_length=4.0),
        goal=0.0,
    ),
    Good(name="borderline", campaign=replace(NORMAL, shares=BORDERLINE), goal=0.01),
    Good(
        name="borderline_correlated",
        campaign=replace(NORMAL, shares=BORDERLINE, tilt=0.1, in_runs=0.3, run_length=4.0),
        goal=0.01,
    ),
    Good(
        name="borderline_correlated_at_1000_a_minute",
        campaign=replace(NORMAL, minutes=1_000, shares=BORDERLINE, tilt=0.1, in_runs=0.3, run_length=4.0),
        goal=0.01,
    ),
    Good(name="healthy_blast", campaign=BLAST, goal=0.0),
    Good(name="healthy_blast_complaints_twice_as_fast", campaign=replace(BLAST, delay_h=2.0), goal=0.02),
    Good(name="healthy_blast_complaints_twice_as_slow", campaign=replace(BLAST, delay_h=8.0), goal=0.02),
    Good(name="healthy_domain", campaign=DAILY, goal=0.0),
    Good(name="healthy_ip_at_provider", campaign=BLOCKED, goal=None),
)
BAD = (
    Bad(name="bad_list_paused_after", campaign=BAD_LIST, unit="messages", goal=700.0),
    Bad(
        name="bad_list_at_1000_a_minute_paused_after",
        campaign=replace(BAD_LIST, messages=10_000, minutes=10),
        unit="messages",
        goal=700.0,
    ),
    Bad(
        name="bad_list_at_4000_a_minute_paused_after",
        campaign=replace(BAD_LIST, messages=20_000, minutes=5),
        unit="messages",
        goal=700.0,
    ),
    Bad(name="bad_list_in_runs_paused_after", campaign=IN_RUNS, unit="messages", goal=700.0),
    Bad(
        name="bad_list_in_runs_at_1000_a_minute_paused_after",
        campaign=replace(IN_RUNS, messages=20_000, minutes=20),
        unit="messages",
        goal=700.0,
    ),
    Bad(
        name="bad_list_in_runs_at_4000_a_minute_paused_after",
        campaign=replace(IN_RUNS, messages=40_000, minutes=10),
        unit="messages",
        goal=None,
    ),
    Bad(
        name="list_turned_bad_at_1000_a_minute_paused_after",
        campaign=replace(TURNED_BAD, messages=40_000, minutes=40),
        unit="messages",
        goal=None,
    ),
    Bad(
        name="list_turned_bad_at_4000_a_minute_paused_after",
        campaign=replace(TURNED_BAD, messages=80_000, minutes=20),
        unit="messages",
        goal=None,
    ),
    Bad(name="spam_paused_with_sent", campaign=SPAM, unit="share", goal=0.4),
    Bad(name="spam_paused_after", campaign=SPAM, unit="minutes", goal=None),
    Bad(
        name="domain_turned_to_spam_paused_after",
        campaign=replace(DAILY, later=SPAMMING, turns_at=0.6),
        unit="messages",
        goal=None,
    ),
    Bad(
        name="ip_at_provider_blocked_paused_after",
        campaign=replace(BLOCKED, later=Shares(bounces=0.0, complaints=0.0, blocks=0.2), turns_at=0.5),
        unit="messages",
        goal=None,
    ),
)


def run(
    *,
    runs: int,
    seed: int,
    json_path: Path | None,
    out: TextIO,
    good: Sequence[Good] = GOOD,
    bad: Sequence[Bad] = BAD,
    parameters: Parameters = PARAMETERS,
) -> int:
    """Simulate, print the table, write the JSON; the exit code (0: every goal met, 1: not)."""
    figures = simulate(runs, seed, good, bad, parameters)
    out.write(table(figures))
    if json_path is not None:
        document = {"figures": [_as_json(figure) for figure in figures]}
        json_path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if all(figure.goal is None or figure.value <= figure.goal for figure in figures) else 1


def simulate(
    runs: int, seed: int, good: Sequence[Good], bad: Sequence[Bad], parameters: Parameters = PARAMETERS
) -> list[Figure]:
    """Every figure, from `runs` campaigns of each kind."""
    figures: list[Figure] = []
    messages, paused = 0, 0
    for place, one in enumerate(good):
        fates = fates_of(one.campaign, runs, seed + place, parameters)
        for word, level, goal in (("paused", Level.PAUSED, one.goal), ("throttled", Level.THROTTLED, None)):
            share = _share(fates, level)
            figures.append(Figure(name=f"{one.name}_{word}", value=share, unit="share", goal=goal, runs=runs))
        if one.campaign.shares == HEALTHY:
            messages += runs * one.campaign.messages
            paused += sum(fate.worst is Level.PAUSED for fate in fates)
    if messages:
        name = "false_pauses_per_million_healthy_messages"
        figures.append(Figure(name=name, value=paused / messages * 1e6, unit="pauses", goal=None, runs=runs))
    drawn: dict[Campaign, list[Fate]] = {}
    for place, other in enumerate(bad):
        fates = drawn.get(other.campaign) or fates_of(other.campaign, runs, seed + 100 + place, parameters)
        drawn[other.campaign] = fates
        figures += _delays(other, fates)
    return figures


def table(figures: list[Figure]) -> str:
    """The figures as aligned text."""
    lines = [f"{'figure':<50}{'value':>12} {'unit':<10}{'goal':>8}{'runs':>7}"]
    for figure in figures:
        goal = "" if figure.goal is None else f"<= {figure.goal:g}"
        lines.append(f"{figure.name:<50}{figure.value:>12.4g} {figure.unit:<10}{goal:>8}{figure.runs:>7}")
    return "\n".join(lines) + "\n"


def _share(fates: list[Fate], level: Level) -> float:
    """The share of campaigns that ever got this far."""
    return sum(RANK[fate.worst] >= RANK[level] for fate in fates) / len(fates)


def _delays(of: Bad, fates: list[Fate]) -> list[Figure]:
    began = of.campaign.turns_at * of.campaign.messages
    measured: dict[str, Callable[[Fate], float]] = {
        "messages": lambda fate: fate.sent - began,
        "share": lambda fate: fate.sent / of.campaign.messages,
        "minutes": lambda fate: fate.after_s / 60,
    }
    values = [measured[of.unit](fate) if fate.sent >= 0 else math.inf for fate in fates]
    middle, late = (float(np.quantile(values, share, method="higher")) for share in (0.5, 0.95))
    return [
        Figure(name=f"{of.name}_median", value=middle, unit=of.unit, goal=of.goal, runs=len(fates)),
        Figure(name=f"{of.name}_p95", value=late, unit=of.unit, goal=None, runs=len(fates)),
    ]


def _as_json(figure: Figure) -> dict[str, Any]:
    value = figure.value if math.isfinite(figure.value) else None
    return {"name": figure.name, "value": value, "unit": figure.unit, "goal": figure.goal, "runs": figure.runs}
