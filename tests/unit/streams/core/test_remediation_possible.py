"""What a sender's API cannot do is not planned: a trial with a share needs an API that takes shares."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.config import Config
from schemas.config_file import parse_config
from streams.core.remediation.possible import policies


def config_of(drivers: list[str], policy: dict[str, Any]) -> Config:
    sources: list[dict[str, Any]] = [
        {
            "name": f"s{n}", "provider": "sendgrid", "tenant": "acme", "is_unsigned": True,
            "control": {"driver": name, "base_url": "https://api.example"},
        }
        for n, name in enumerate(drivers)
    ]  # fmt: skip
    return parse_config({"tenants": [{"name": "acme"}], "sources": sources, "policies": [policy]}, {}, "x")


@pytest.mark.parametrize(
    ("drivers", "pool"),
    [(["ses"], "slow"), (["ses", "sendgrid"], "slow"), (["ses", "webhook"], ""), (["webhook"], ""), ([], "")],
)
def test_a_probation_pool_is_for_senders_that_cannot_slow_a_campaign_down(drivers: list[str], pool: str) -> None:
    config = config_of(drivers, {"tenant": "acme", "probation_pool": "slow"})
    assert policies(config)("acme").probation_pool == pool


@pytest.mark.parametrize(
    ("drivers", "share"),
    [
        (["webhook"], 0.02),
        (["sendgrid"], 1.0),
        (["webhook", "listmonk"], 1.0),
        (["none"], 0.02),
        (["brevo"], 0.02),
        ([], 0.02),
    ],
)
def test_a_campaign_comes_back_whole_where_its_api_takes_no_shares(drivers: list[str], share: float) -> None:
    recovery = {"canary_share": 0.02, "canary_messages": 900}
    policy_of = policies(config_of(drivers, {"tenant": "acme", "recovery": recovery}))
    assert policy_of("acme").recovery.canary_share == share
    assert policy_of("acme").recovery.canary_messages == 900
    assert policy_of("acme") is policy_of("acme")
    assert policy_of("other").recovery.canary_share == 0.01
