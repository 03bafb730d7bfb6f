"""Who opened or clicked: a person, software, or nobody can tell. A pure function of one event or one request.

In this order: the provider's own flag; the user agent (`machine_agents.toml`, first match wins); then, for
agents that anybody may have, the network (`machine_networks.txt`) and the time since sending. What is
left is a person's. Image proxies of mailbox providers fetch when a person opens and only hide who it was.
Nothing is ever dropped: a machine's open is labelled, kept, and left out of engagement by those who
count it. Complaints and unsubscribes are never judged: whoever sent them, they are to be honoured.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from connectors.networks import network_of
from schemas.events import EmailEvent, EventType, Machine
from schemas.reports import Parsed

_RULES = Path(__file__).with_name("machine_agents.toml")
_CACHED_AGENTS = 8192  # distinct agents worth remembering; a few hundred make up most traffic
_NOT_A_PERSON_MS = 2_000  # from sending: it has to be delivered, noticed and opened
_HARDLY_A_PERSON_MS = 10_000
_BURST_LINKS = 3  # different links of one message ...
_BURST_MS = 2_000  # ... within this time
_HUMAN, _MACHINE, _CLICKED = Machine.HUMAN, Machine.MACHINE, EventType.CLICKED  # an enum's look-up is a slow one


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


def judge(
    user_agent: str, *, client_ip: str = "", after_sending_ms: int = -1, is_machine: bool = False, flag: str = ""
) -> tuple[Machine, str]:
    """(verdict, reason) for one open or click.

    `is_machine`: the provider says it was software, `flag` is the provider's word. A provider that does
    not say so proves nothing (most only flag Apple), so then the rest decides. `after_sending_ms`: below 0
    where nobody told when the message was sent.
    """
    if is_machine:
        return _MACHINE, f"provider_flag:{flag}" if flag else "provider_flag"
    found = _by_agent(user_agent)
    if found[0] is _MACHINE:
        return found
    if 0 <= after_sending_ms < _NOT_A_PERSON_MS:
        return _MACHINE, "at_once_after_sending"
    is_proxy = found[0] is _HUMAN and found[1] != "ordinary_agent"
    if not is_proxy and client_ip and (network := network_of(client_ip)):
        return network.verdict, f"network:{network.name}"
    if found[0] is _HUMAN and 0 <= after_sending_ms < _HARDLY_A_PERSON_MS:
        return Machine.UNCERTAIN, "soon_after_sending"
    return found


def label_bursts(events: Iterable[Parsed]) -> None:
    """Clicks on several links of one message, in one request and within two seconds, become a machine's."""
    clicks: dict[tuple[str, str], list[EmailEvent]] = {}
    for event in events:
        if isinstance(event, EmailEvent) and event.event_type is _CLICKED:
            clicks.setdefault((event.message_id, event.recipient_key), []).append(event)
    for whose, found in clicks.items():
        if len(found) >= _BURST_LINKS and all(whose):
            _label_burst(sorted(found, key=lambda click: click.occurred_at))


def _label_burst(clicks: list[EmailEvent]) -> None:
    first = 0
    for last, click in enumerate(clicks):
        while click.occurred_at - clicks[first].occurred_at > _BURST_MS:
            first += 1
        if len({one.url for one in clicks[first : last + 1]}) >= _BURST_LINKS:
            for one in clicks[first : last + 1]:
                if one.machine != _MACHINE:
                    one.machine, one.machine_reason = _MACHINE, "many_links_at_once"
