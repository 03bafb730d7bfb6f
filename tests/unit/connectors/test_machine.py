"""Who opened: a flag, then the user agent."""

from __future__ import annotations

import pytest

from connectors.machine import AgentRule, judge, rules
from schemas.events import Machine


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.reason)
def test_a_rule_judges_its_own_examples(rule: AgentRule) -> None:
    assert {agent: judge(agent) for agent in rule.examples} == dict.fromkeys(rule.examples, (rule.verdict, rule.reason))


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
        "Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 20) AppleWebKit/537.36 Mobile Safari/537.36",
    ],
)
def test_an_ordinary_agent_is_a_persons(agent: str) -> None:
    assert judge(agent) == (Machine.HUMAN, "ordinary_agent")


def test_the_providers_flag_beats_the_agent() -> None:
    assert judge("Mozilla/5.0 (Windows NT 10.0)", is_machine=True, flag="apple") == (
        Machine.MACHINE,
        "provider_flag:apple",
    )
    assert judge("", is_machine=True) == (Machine.MACHINE, "provider_flag")
