"""The simulation command, and whole rivers: counts in, decisions out."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from schemas.aggregates import KeyKind, ReputationPartial
from schemas.config import Policy
from schemas.remediation import Decision, Mode
from streams.commands import simulate_reputation as simulation
from streams.core.remediation.desk import Desk
from streams.core.reputation.detectors import COMPLAINTS, DETECTORS
from streams.core.reputation.ledger import Ledger, narrow_first
from streams.core.reputation.score import score
from tests.unit.streams.core.reputation_cases import START, apply, partial_of

PROVIDERS = {"gmail": 0.5, "yahoo": 0.3, "outlook": 0.2}
MINUTES = 120
POLICY = Policy(mode=Mode.ACT)


def test_the_command_prints_a_table_and_writes_the_same_figures(tmp_path: Path) -> None:
    out = io.StringIO()
    code = simulation.run(runs=3, seed=5, json_path=tmp_path / "figures.json", out=out)
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    by_name = {figure["name"]: figure for figure in figures}
    assert by_name["healthy_paused"]["value"] == 0
    assert by_name["bad_list_paused_after_median"]["unit"] == "messages"
    assert all(figure.keys() == {"name", "value", "unit", "goal", "runs"} for figure in figures)
    assert all(name in out.getvalue() for name in by_name)
    met = all(figure["goal"] is None or figure["value"] <= figure["goal"] for figure in figures)
    assert code == (0 if met else 1)


def test_the_same_seed_gives_the_same_fate() -> None:
    fates = [simulation.fate_of(simulation.SPAM, (COMPLAINTS,), np.random.default_rng(9)) for _ in range(2)]
    assert fates[0] == fates[1]


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


def decisions_of(bounces: dict[str, float], blocked: str = "", seed: int = 1) -> list[Decision]:
    generator = np.random.default_rng(seed)
    ledger, desk, decided = Ledger(), Desk(), []
    for minute in range(MINUTES):
        for partial in partials(minute, river(minute, generator, bounces, blocked)):
            apply(ledger, partial)
        for key in narrow_first(ledger.changed()):
            decision = desk.consider(score(ledger.view(key), DETECTORS, 0), POLICY, START + minute * 60_000)
            decided += [decision] if decision else []
    return decided


@pytest.mark.parametrize("seed", [1, 2])
def test_healthy_campaigns_provoke_no_decision_at_all(seed: int) -> None:
    assert decisions_of({"a": 0.02, "b": 0.02, "c": 0.015}, seed=seed) == []


def test_a_bought_list_is_paused_and_nothing_that_it_shares_with_others() -> None:
    decided = decisions_of({"a": 0.02, "b": 0.02, "bought": 0.15})
    assert [(d.action, d.key) for d in decided if d.action in {"pause_campaign", "rest_ip"}] == [
        ("pause_campaign", "bought")
    ]
    assert {d.campaign_id for d in decided if d.kind.startswith("campaign")} == {"bought"}
    assert {d.action for d in decided if not d.kind.startswith("campaign")} <= {"alert"}


def test_an_address_blocked_at_one_provider_is_rested_there_and_no_campaign_suffers() -> None:
    decided = decisions_of({"a": 0.02, "b": 0.02}, blocked="192.0.2.1|gmail")
    acted = {(d.action, d.kind, d.key) for d in decided if d.action != "alert"}
    assert ("rest_ip", "ip_provider", "192.0.2.1|gmail") in acted
    assert {kind for _, kind, _ in acted} == {"ip_provider"}
    assert all(d.sending_ip == "192.0.2.1" and d.mailbox_provider == "gmail" for d in decided if d.action == "rest_ip")
