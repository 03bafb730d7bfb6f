"""The simulation command, and whole rivers: counts in, decisions out."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from schemas.aggregates import KeyKind, ReputationPartial
from schemas.policy import Policy
from schemas.remediation import Decision, Mode
from streams.commands import simulate_reputation as simulation
from streams.commands.simulated_campaigns import Shares, draw, fates_of
from streams.core.meaning import METRICS
from streams.core.remediation.actions import judging_order
from streams.core.remediation.desk import Desk
from streams.core.reputation.watch import Watch
from tests.unit.streams.core.reputation_cases import partial_of
from tests.unit.streams.core.watch_cases import SLOT, name_of, take

PROVIDERS = {"gmail": 0.5, "yahoo": 0.3, "outlook": 0.2}
MINUTES = 120
POLICY = Policy(mode=Mode.ACT)


SHORT = replace(simulation.NORMAL, messages=40_000, minutes=10)
GOOD = (simulation.Good(name="healthy", campaign=SHORT, goal=0.0),)
BAD = (simulation.Bad(name="bad_list_paused_after", campaign=simulation.BAD_LIST, unit="messages", goal=700.0),)


def test_the_command_prints_a_table_and_writes_the_same_figures(tmp_path: Path) -> None:
    out = io.StringIO()
    code = simulation.run(runs=20, seed=5, json_path=tmp_path / "figures.json", out=out, good=GOOD, bad=BAD)
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    by_name = {figure["name"]: figure for figure in figures}
    assert by_name["healthy_paused"]["value"] == 0
    assert by_name["bad_list_paused_after_median"]["unit"] == "messages"
    assert all(figure.keys() == {"name", "value", "unit", "goal", "runs"} for figure in figures)
    assert all(name in out.getvalue() for name in by_name)
    met = all(figure["goal"] is None or figure["value"] <= figure["goal"] for figure in figures)
    assert code == (0 if met else 1)


def test_the_same_seed_gives_the_same_fates_and_another_one_others() -> None:
    fates = [fates_of(simulation.BAD_LIST, 10, seed) for seed in (9, 9, 10)]
    assert fates[0] == fates[1] != fates[2]


@pytest.mark.parametrize("in_runs", [0.0, 0.5])
def test_campaigns_are_drawn_with_the_rates_that_were_asked_for(in_runs: float) -> None:
    campaign = replace(SHORT, shares=Shares(bounces=0.03, complaints=0.01), tilt=0.5, in_runs=in_runs)
    drawn = draw(campaign, 50, np.random.default_rng(1))
    sent = drawn.sent.sum() * 50
    half = len(drawn.sent) // 2
    assert drawn.sent.sum() == campaign.messages
    assert drawn.bounced.sum() / sent == pytest.approx(0.03, rel=0.03)
    assert drawn.late.shape[1] / sent == pytest.approx(0.97 * 0.01, rel=0.03)
    assert drawn.bounced[:half].sum() / drawn.bounced[half:].sum() == pytest.approx(1.25 / 0.75, rel=0.06)
    spread = drawn.bounced.var(axis=1).mean() / drawn.bounced.mean()
    assert spread == pytest.approx(1.0, abs=0.1) if not in_runs else spread > 3.0


Events = dict[tuple[str, str, str], dict[str, int]]  # (campaign, ip, provider) -> counts of one minute


def river(minute: int, generator: np.random.Generator, bounces: dict[str, float], blocked: str = "") -> Events:
    """One minute of campaigns with these bounce rates, over two addresses to three providers."""
    events: Events = {}
    for campaign, rate in bounces.items():
        for address in ("192.0.2.1", "192.0.2.2"):
            for provider, share in PROVIDERS.items():
                sent = int(200 * share)
                bad = int(generator.binomial(sent, rate))
                counts = {"bounced_address": bad, "delivered": sent - bad}
                if f"{address}|{provider}" == blocked and minute > 20:
                    refused = int(generator.binomial(sent - bad, 0.6))
                    counts = {"bounced_address": bad, "bounced_block": refused, "delivered": sent - bad - refused}
                events[campaign, address, provider] = counts
    return events


def partials(minute: int, events: Events) -> Iterable[ReputationPartial]:
    """The minute's events counted under every kind of key."""
    sums: dict[tuple[KeyKind, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (campaign, address, provider), counts in events.items():
        keys = {
            KeyKind.TENANT: "acme", KeyKind.CAMPAIGN: campaign, KeyKind.IP: address, KeyKind.DOMAIN: "acme.example",
            KeyKind.PROVIDER: provider, KeyKind.CAMPAIGN_PROVIDER: f"{campaign}|{provider}",
            KeyKind.IP_PROVIDER: f"{address}|{provider}", KeyKind.DOMAIN_PROVIDER: f"acme.example|{provider}",
        }  # fmt: skip
        for place in keys.items():
            for name, count in counts.items():
                sums[place][name] += count
    for (kind, key), totals in sums.items():
        yield partial_of(minute, minute, kind=kind.value, key=key, **totals)


def part(counts: dict[str, int], second: int) -> dict[str, int]:
    """What of a minute's counts falls into a second."""
    return {name: counts[name] * (second + 1) // 60 - counts[name] * second // 60 for name in METRICS}


def decisions_of(bounces: dict[str, float], blocked: str = "", seed: int = 1) -> list[Decision]:
    generator = np.random.default_rng(seed)
    watch, desk = Watch(), Desk(lambda _: POLICY)
    decided: list[Decision] = []
    for minute in range(MINUTES):
        counted = list(partials(minute, river(minute, generator, bounces, blocked)))
        rows = [(name_of(one.kind, one.key), one.minute, asdict(one)) for one in counted]
        for second in range(60):
            slot = SLOT + minute * 60 + second
            take(watch, slot, *((name, at, part(counts, second)) for name, at, counts in rows))
            said = [watch.verdict(name, slot) for name in watch.due(slot)]
            decided += [made for verdict in sorted(said, key=judging_order) for made in desk.judge(verdict)]
        decided += desk.pass_time((SLOT + minute * 60 + 60) * 1_000)
    return decided


@pytest.mark.parametrize("seed", [1, 2])
def test_healthy_campaigns_provoke_no_decision_at_all(seed: int) -> None:
    assert decisions_of({"a": 0.02, "b": 0.02, "c": 0.015}, seed=seed) == []


def test_a_bought_list_is_paused_and_nothing_that_it_shares_with_others() -> None:
    decided = decisions_of({"a": 0.02, "b": 0.02, "bought": 0.15})
    stopped = [(d.action, d.key) for d in decided if d.action in {"pause_campaign", "rest_ip"}]
    assert set(stopped) == {("pause_campaign", "bought")}
    assert {d.campaign_id for d in decided if d.kind.startswith("campaign")} == {"bought"}
    assert {d.action for d in decided if not d.kind.startswith("campaign")} <= {"alert"}


def test_an_address_blocked_at_one_provider_is_rested_there_and_no_campaign_suffers() -> None:
    decided = decisions_of({"a": 0.02, "b": 0.02}, blocked="192.0.2.1|gmail")
    acted = {(d.action, d.kind, d.key) for d in decided if d.action != "alert"}
    assert ("rest_ip", "ip_provider", "192.0.2.1|gmail") in acted
    assert {kind for _, kind, _ in acted} == {"ip_provider"}
    assert all(d.sending_ip == "192.0.2.1" and d.mailbox_provider == "gmail" for d in decided if d.action == "rest_ip")
