"""Verdicts, rulings and a desk for tests, built in a line. Times are minutes from START."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.aggregates import KeyKind, Level, Signal
from schemas.policy import Policy
from schemas.remediation import Decision, Mode, Ruling, Verb
from schemas.reports import StandingReport
from schemas.verdicts import Verdict
from streams.core.remediation.desk import Desk

START = 1_750_000_000_000 // 3_600_000 * 3_600_000  # a full hour, 2025-06-15 15:00 UTC
MINUTE = 60_000
HOUR = 60.0  # minutes
DAY = 24 * HOUR
ACT = Policy(mode=Mode.ACT, version="7")
IP = "192.0.2.1"


def at(minute: float) -> int:
    """The log's time, `minute` minutes after START."""
    return START + round(minute * MINUTE)


def verdict_of(
    minute: float = 0.0,
    level: Level = Level.PAUSED,
    kind: KeyKind = KeyKind.CAMPAIGN,
    key: str = "spring",
    *,
    detector: str = "bounce_cusum",
    tenant: str = "acme",
    sources: Sequence[str] = ("esp",),
    exposed: float = 0.0,
    **counts: int,
) -> Verdict:
    """A verdict whose one signal asks for `level`."""
    statistic = {Level.HEALTHY: 1.0, Level.WATCH: 8.0, Level.THROTTLED: 10.0}.get(level, 13.0)
    signal = Signal(
        detector=detector, statistic=statistic, warn=7.0, throttle=9.0, pause=12.0, level=level, numerator=40,
        denominator=300, explanation="40 of the last 300 attempts failed",
    )  # fmt: skip
    return Verdict(
        tenant=tenant, kind=kind, key=key, at=at(minute), event_at=at(minute) - 500, began_at=START, level=level,
        exposed=exposed, parameters="p1", sources=list(sources), signals=[signal], **counts,
    )  # fmt: skip


def of_tenant(minute: float = 0.0, level: Level = Level.PAUSED) -> Verdict:
    """A verdict of the tenant's own key, which is only ever reported."""
    return verdict_of(minute, level, KeyKind.TENANT, "acme")


def desk_with(policy: Policy = ACT) -> Desk:
    """A desk at which every tenant has this policy."""
    return Desk(lambda _: policy)


def run(desk: Desk, *verdicts: Verdict) -> list[Decision]:
    """What these verdicts call for."""
    return [decision for verdict in verdicts for decision in desk.judge(verdict)]


def wait(desk: Desk, since: float, until: float, every: float = 1.0) -> list[Decision]:
    """Ticks from `since` to `until`, minutes; the decisions they bring."""
    count = round((until - since) / every)
    return [decision for step in range(1, count + 1) for decision in desk.pass_time(at(since + step * every))]


def ruling_on(decision: Decision, verb: Verb, who: str = "ada", why: str = "known sender", minute: float = 0) -> Ruling:
    """A person's word on `decision`."""
    return Ruling(
        ruling_id=f"{verb}-{decision.decision_id}", tenant=decision.tenant, decision_id=decision.decision_id,
        verb=verb, who=who, why=why, ruled_at=at(minute),
    )  # fmt: skip


def hits(count: float = 3, day: float = -DAY, **fields: Any) -> StandingReport:
    """What SNDS says of the day that began `day` minutes from START."""
    plain: dict[str, Any] = {
        "event_id": f"e{day}", "tenant": "acme", "source": "outlook", "provider": "snds", "received_at": at(0),
        "sending_ip": IP, "metric": "trap_hits", "begins_at": at(day), "ends_at": at(day + DAY), "unit": "count",
        "value": count,
    }  # fmt: skip
    return StandingReport(**{**plain, **fields})


def said(decisions: Sequence[Decision]) -> list[tuple[str, float, str]]:
    """Action, share and state of each."""
    return [(decision.action, decision.share, decision.state) for decision in decisions]
