"""The records in docs/decisions-explained.md are what the code makes, and the page speaks of every field."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from schemas.aggregates import KeyKind, Level, Signal
from schemas.policy import Policy
from schemas.remediation import Decision, Mode
from schemas.verdicts import Verdict
from streams.core.remediation.desk import Desk
from tests.unit.streams.core.remediation_cases import START, at

PAGE = Path(__file__).parents[4] / "docs" / "decisions-explained.md"


def verdict(minute: int, attempts: int, bounced: int, statistic: float, level: Level, run: tuple[int, int]) -> Verdict:
    """`run`: bounces and attempts of the stretch that the detector speaks of."""
    signal = Signal(
        detector="bounce_cusum", statistic=statistic, warn=7.0, throttle=9.0, pause=12.0, level=level,
        numerator=run[0], denominator=run[1],
        explanation=f"{run[0]} of the last {run[1]} attempts failed because the address does not exist, where"
        f" {run[1] * 0.04:.1f} were tolerable (4%)",
    )  # fmt: skip
    return Verdict(
        tenant="acme", kind=KeyKind.CAMPAIGN, key="spring-sale", at=at(minute), event_at=at(minute) - 800,
        began_at=START - 3_600_000, level=level, exposed=round((attempts - bounced) * 0.02, 3), parameters="p1",
        sources=["esp"], signals=[signal], sent=attempts, delivered=attempts - bounced, bounced_address=bounced,
    )  # fmt: skip


def course() -> list[Decision]:
    """Paused; after an hour a canary; it is clean, so more is let through."""
    policy = Policy(tenant="acme", version="3", mode=Mode.ACT)
    desk = Desk(lambda _: policy)
    decisions = desk.judge(verdict(0, 11_820, 303, 7.9, Level.WATCH, (31, 330)))
    decisions += desk.judge(verdict(1, 12_000, 324, 14.6, Level.PAUSED, (52, 510)))
    for minute in range(2, 63):
        decisions += desk.pass_time(at(minute))
    decisions += desk.judge(verdict(200, 12_700, 329, 3.2, Level.HEALTHY, (5, 60)))
    return decisions


def readable(record: Decision) -> dict[str, Any]:
    """The record as the page shows it: evidence as JSON, what is empty or zero left out."""
    evidence = {name: value for name, value in json.loads(record.evidence).items() if value not in (0, 0.0, "", [])}
    kept = {name: value for name, value in asdict(record).items() if value not in (0, "", []) or name == "share"}
    return kept | {"evidence": evidence}


def blocks() -> list[Any]:
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)]


def test_the_records_on_the_page_are_what_the_code_makes() -> None:
    pause, canary, step = course()
    shown = blocks()
    made = json.loads(json.dumps([readable(pause), json.loads(step.evidence)["recovery"]]))
    assert shown == made, json.dumps(made, indent=2)
    assert canary.decided_at == pause.decided_at + 3_600_000


def test_the_page_speaks_of_every_field_of_a_decision_and_its_evidence() -> None:
    text = PAGE.read_text(encoding="utf-8")
    pause, _, step = course()
    names = {item.name for item in fields(Decision)} | set(json.loads(step.evidence)) - {
        f.name for f in fields(Verdict)
    }
    names |= set(json.loads(step.evidence)["recovery"]) | set(json.loads(pause.evidence)["machine"])
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []
