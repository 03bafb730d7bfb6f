"""Who opened or clicked: a person, software, or nobody can tell. A first cut, by flag and user agent.

Rules are in `machine_agents.toml`, first match wins; an agent that no rule knows counts as a person's.
Apple Mail Privacy Protection fetches every pixel with the bare agent "Mozilla/5.0", read or not; image
proxies of Gmail and Yahoo fetch when a person opens and only hide who it was. Nothing is ever dropped:
a machine's open is labelled, kept, and left out of engagement by those who count it.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from schemas.events import Machine

_RULES = Path(__file__).with_name("machine_agents.toml")
_CACHED_AGENTS = 8192  # distinct agents worth remembering; a few hundred make up most traffic


@dataclass(frozen=True, slots=True)
class AgentRule:
    """User agents that match `pattern` (case-insensitive search) are `verdict`, for `reason`."""

    reason: str
    verdict: Machine
    pattern: re.Pattern[str]
    examples: tuple[str, ...]


@cache
def rules() -> tuple[AgentRule, ...]:
    """The rules of `machine_agents.toml` in their order."""
    data = tomllib.loads(_RULES.read_text(encoding="utf-8"))
    return tuple(
        AgentRule(
            reason=item["reason"],
            verdict=Machine(item["verdict"]),
            pattern=re.compile(item["pattern"], re.IGNORECASE),
            examples=tuple(item["examples"]),
        )
        for item in data["rule"]
    )


@lru_cache(maxsize=_CACHED_AGENTS)
def _by_agent(user_agent: str) -> tuple[Machine, str]:
    agent = user_agent.strip()
    for rule in rules():
        if rule.pattern.search(agent):
            return rule.verdict, rule.reason
    return Machine.HUMAN, "ordinary_agent"


def judge(user_agent: str, *, is_machine: bool = False, flag: str = "") -> tuple[Machine, str]:
    """(verdict, reason) for one open or click.

    `is_machine`: the provider says it was software, `flag` is the provider's word. A provider that does
    not say so proves nothing (most only flag Apple), so then the user agent decides.
    """
    if is_machine:
        return Machine.MACHINE, f"provider_flag:{flag}" if flag else "provider_flag"
    return _by_agent(user_agent)
