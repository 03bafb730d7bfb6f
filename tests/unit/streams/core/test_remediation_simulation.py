"""Campaigns that were stopped: cured ones come back without a person and stay, others are stopped during the canary.

In every run the mail from before the stop goes on being complained about for days.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from schemas.remediation import Decision
from tests.unit.streams.core.simulated_campaign import HORIZON_MIN, Campaign, Habits

RUNS = [pytest.param(6, id="6 runs"), pytest.param(100, id="100 runs", marks=pytest.mark.slow)]
BOUGHT = Habits(bounces=0.08, complaints=0.003)
SPAM = Habits(complaints=0.003)
CURED = Habits()
KINDS = {"bought list": (BOUGHT, 200, 60_000), "complaints": (SPAM, 4_167, 700_000)}


def campaign(kind: str, after: Habits, seed: int) -> Campaign:
    before, per_minute, messages = KINDS[kind]
    generator = np.random.default_rng(seed)
    return Campaign(before=before, after=after, per_minute=per_minute, messages=messages, generator=generator)


def stops_of(decisions: list[Decision]) -> tuple[int, int]:
    """Stops during a canary, and later ones of mail that had been accepted."""
    acts = [(decision.action, decision.share) for decision in decisions]
    before = [share for (_, share), (action, _) in itertools.pairwise(acts) if action == "pause_campaign"]
    return before.count(0.01), sum(0.01 < share < 1.0 for share in before[1:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runs", RUNS)
def test_a_campaign_whose_cause_is_cured_comes_back_without_a_person_and_stays(runs: int, kind: str) -> None:
    doubted = 0
    for seed in range(runs):
        lived = campaign(kind, CURED, seed)
        decisions = lived.live(HORIZON_MIN - 10)
        assert (decisions[-1].action, decisions[-1].share) == ("resume_campaign", 1.0), seed
        assert "alert" not in {decision.action for decision in decisions}
        assert lived.sent == lived.messages
        in_canary, later = stops_of(decisions)
        assert later == 0, seed
        doubted += in_canary > 0
    assert doubted <= max(1, runs // 10)  # cured means just half of what is tolerable: the test doubts one in twenty


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runs", RUNS)
def test_a_campaign_whose_cause_is_not_cured_is_stopped_again_during_every_canary(runs: int, kind: str) -> None:
    for seed in range(runs):
        decisions = campaign(kind, KINDS[kind][0], seed).live(HORIZON_MIN - 10)
        acts = [(decision.action, decision.share) for decision in decisions if decision.action != "throttle"]
        again = [(before, after) for before, after in itertools.pairwise(acts) if after[0] == "pause_campaign"]
        assert again[-3:] == [(("resume_campaign", 0.01), ("pause_campaign", 0.0))] * 3, seed
        assert acts[-1] == ("alert", 0.0)


def test_complaints_twice_as_late_as_thought_cost_time_and_no_person() -> None:
    late = Habits(complaints=0.003, delay_h=8.0)
    for seed in range(4):
        generator = np.random.default_rng(seed)
        cured = Campaign(
            before=late, after=Habits(delay_h=8.0), per_minute=4_167, messages=1_500_000, generator=generator
        )
        decisions = cured.live(HORIZON_MIN - 10)
        assert "alert" not in {decision.action for decision in decisions}, seed
        assert decisions[-1].share == 1.0, seed
