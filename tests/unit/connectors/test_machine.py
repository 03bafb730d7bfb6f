"""Who opened or clicked: a flag, the user agent, the network, the time."""

from __future__ import annotations

import pytest

from connectors.base import Context
from connectors.canonical import complete
from connectors.machine import AgentRule, judge, label_bursts, rules
from schemas.events import EmailEvent, EventType, Machine

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0; Pro)"
BARRACUDA = "209.222.82.7"


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


@pytest.mark.parametrize(
    ("agent", "client_ip", "after_ms", "verdict"),
    [
        (CHROME, BARRACUDA, -1, (Machine.MACHINE, "network:barracuda")),
        (OUTLOOK, BARRACUDA, -1, (Machine.MACHINE, "network:barracuda")),
        (CHROME, "203.0.113.7", -1, (Machine.HUMAN, "ordinary_agent")),
        (GMAIL, BARRACUDA, -1, (Machine.HUMAN, "google_image_proxy")),
        ("curl/8.5.0", BARRACUDA, 0, (Machine.MACHINE, "http_library")),
        (CHROME, "", 0, (Machine.MACHINE, "at_once_after_sending")),
        (GMAIL, "", 1_999, (Machine.MACHINE, "at_once_after_sending")),
        (CHROME, "", 2_000, (Machine.UNCERTAIN, "soon_after_sending")),
        (OUTLOOK, "", 2_000, (Machine.UNCERTAIN, "office_application")),
        (CHROME, "", 10_000, (Machine.HUMAN, "ordinary_agent")),
        (CHROME, "", -5_000, (Machine.HUMAN, "ordinary_agent")),
    ],
)
def test_network_and_time_decide_about_agents_that_anybody_may_have(
    agent: str, client_ip: str, after_ms: int, verdict: tuple[Machine, str]
) -> None:
    assert judge(agent, client_ip=client_ip, after_sending_ms=after_ms) == verdict


def clicks(*at_and_url: tuple[int, str], message_id: str = "m1") -> list[EmailEvent]:
    return [
        EmailEvent(
            event_id=f"{at}{url}", tenant="t", source="s", provider="p", event_type=EventType.CLICKED, occurred_at=at,
            received_at=0, message_id=message_id, recipient_key="r", url=url, machine=Machine.HUMAN,
        )
        for at, url in at_and_url
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "machines"),
    [
        (clicks((1000, "a"), (1000, "b"), (3000, "c")), 3),
        (clicks((9000, "d"), (3000, "c"), (1000, "a"), (1000, "b")), 3),
        (clicks((1000, "a"), (1000, "a"), (1000, "a")), 0),
        (clicks((1000, "a"), (2000, "b"), (3001, "c")), 0),
        (clicks((1000, "a"), (1000, "b")), 0),
        (clicks((1000, "a"), (1000, "b"), (1000, "c"), message_id=""), 0),
        ([*clicks((0, "a"), (0, "b")), *clicks((0, "c"), message_id="m2")], 0),
    ],
)
def test_clicks_on_many_links_at_once_are_a_machines(found: list[EmailEvent], machines: int) -> None:
    label_bursts(found)
    labelled = [click for click in found if click.machine == Machine.MACHINE]
    assert len(labelled) == machines
    assert {click.machine_reason for click in labelled} <= {"many_links_at_once"}


def test_only_opens_and_clicks_are_ever_judged() -> None:
    context = Context(tenant="t", source="s", received_at=1_000, recipient_secret="secret")
    for event_type in EventType:
        event = EmailEvent(
            event_id="", tenant="t", source="s", provider="p", event_type=event_type, occurred_at=1, received_at=2,
            sent_at=1, user_agent="curl/8.5.0", client_ip=BARRACUDA,
        )  # fmt: skip
        complete(event, context, is_machine=True, flag="bot")
        is_reader = event_type in {EventType.OPENED, EventType.CLICKED}
        assert event.machine == (Machine.MACHINE if is_reader else Machine.NOT_APPLICABLE), event_type
