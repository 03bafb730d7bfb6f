"""`mailweir warmup`: the published plans, how far each IP has come in its own, and whether the configuration is sound.

`show` replays every day since an IP's start from the store, so no service has to run and nothing is remembered: the
same counts and levels give the same answer on any day they are asked for.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TextIO

from connectors.warmup_plans import Plan, plans
from schemas.config import Config
from schemas.errors import Misconfigured
from schemas.warmup import Warmup
from sinks.warmup_days import DayRow
from streams.core import warmup as core

_SHOWN_DAYS = 14
DaysOf = Callable[[Warmup], Sequence[DayRow]]


def run_plans(out: TextIO, *, as_json: bool) -> int:
    """Every plan with its source and steps. Raises Misconfigured for a broken file of plans."""
    known = plans().values()
    if as_json:
        _write_json([dataclasses.asdict(plan) for plan in known], out)
        return 0
    for plan in known:
        out.write(f"{plan.name}: {plan.title}\n  {plan.source}\n")
        out.write(f"  messages per {plan.per}: {', '.join(f'{step:,}' for step in plan.steps)}\n")
        out.write(f"  {len(plan.steps)} steps, a day each at least; {plan.sent_share:.0%} of a step must be sent\n")
    return 0


def run_show(config: Config, days_of: DaysOf, ip: str, today: date, out: TextIO, *, as_json: bool) -> int:
    """What each IP (or the one) may send today, why, and what comes next. Raises what `days_of` does, Misconfigured."""
    answers = [_answer(warmup, days_of(warmup), today) for warmup in _wanted(config, ip)]
    if as_json:
        _write_json(answers, out)
    else:
        out.writelines("\n".join(_lines(answer, with_days=bool(ip))) + "\n" for answer in answers)
        if not answers:
            out.write("no IP is being warmed up: list them under `warmups` in mailweir.yaml (docs/warmup.md)\n")
    return 0


def run_check(config: Config, today: date, out: TextIO) -> int:
    """The plans and the configured warm-ups, a line each. Raises Misconfigured with every mistake."""
    known = plans()
    mistakes = [sentence for place, warmup in enumerate(config.warmups) if (sentence := _mistake(place, warmup, today))]
    if mistakes:
        raise Misconfigured("\n".join(mistakes))
    out.write(f"{len(known)} plans, {len(config.warmups)} warm-ups: fine\n")
    for warmup in config.warmups:
        plan = known[warmup.plan]
        out.write(f"{warmup.ip} ({warmup.tenant}): {plan.name} since {warmup.started_on}, {len(plan.steps)} steps\n")
    return 0


def _wanted(config: Config, ip: str) -> list[Warmup]:
    found = [warmup for warmup in config.warmups if not ip or warmup.ip == ip]
    if ip and not found:
        known = ", ".join(warmup.ip for warmup in config.warmups) or "none"
        raise Misconfigured(f"{ip} is not being warmed up; IPs under `warmups` in mailweir.yaml: {known}")
    return found


def _plan_of(warmup: Warmup) -> Plan:
    known = plans()
    if warmup.plan not in known:
        near = difflib.get_close_matches(warmup.plan, known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
        raise Misconfigured(f"the warm-up of {warmup.ip} names the plan {warmup.plan!r}, which there is not; {hint}")
    return known[warmup.plan]


def _mistake(place: int, warmup: Warmup, today: date) -> str:
    try:
        _plan_of(warmup)
    except Misconfigured as error:
        return f"`warmups[{place}].plan`: {error}"
    if warmup.started_on > today:
        return f"`warmups[{place}].started_on`: {warmup.started_on} lies ahead; until then nothing limits {warmup.ip}"
    return ""


def _answer(warmup: Warmup, rows: Sequence[DayRow], today: date) -> dict[str, Any]:
    """One IP's answer, ready for JSON."""
    plan = _plan_of(warmup)
    days = {row.on: core.Day(**row._asdict()) for row in rows}
    state, moves = core.replay(plan, warmup.started_on, days, today)
    now = core.today(plan, state, days.get(today, core.Day(on=today)))
    return {
        "ip": warmup.ip,
        "tenant": warmup.tenant,
        "plan": plan.name,
        "started_on": warmup.started_on.isoformat(),
        "phase": state.phase.value,
        "step": state.step + 1,
        "steps": len(plan.steps),
        "since": state.since.isoformat(),
        "limit": now.limit,
        "per": now.per,
        "sent_today": now.sent,
        "reason": now.reason,
        "next_on": now.next_on.isoformat() if now.next_on else None,
        "next_limit": now.next_limit,
        "needed_today": now.needed,
        "days": [
            {
                "on": move.day.on.isoformat(),
                "step": move.before.step + 1,
                "sent": move.day.sent,
                "busiest_hour": move.day.busiest_hour,
                "level": move.day.level.value,
                "reason": move.reason,
            }
            for move in moves[-_SHOWN_DAYS:]
        ],
    }


def _lines(answer: dict[str, Any], *, with_days: bool) -> list[str]:
    limit = "no limit" if answer["limit"] is None else f"{answer['limit']:,} messages per {answer['per']}"
    lines = [
        f"{answer['ip']} ({answer['tenant']}, plan {answer['plan']}): {limit}",
        f"  {answer['reason']}; sent today: {answer['sent_today']:,}" + _busiest(answer),
    ]
    if answer["next_on"]:
        lines.append(f"  {_next(answer)}")
    if with_days:
        lines += [
            f"  {day['on']}  step {day['step']:2}  {day['sent']:>11,} sent  {day['level']:<9}  {day['reason']}"
            for day in answer["days"]
        ]
    return lines


def _busiest(answer: dict[str, Any]) -> str:
    return " in the busiest hour" if answer["per"] == "hour" else ""


def _next(answer: dict[str, Any]) -> str:
    goal = "the plan is done" if answer["next_limit"] is None else f"{answer['next_limit']:,} per {answer['per']}"
    if not answer["needed_today"]:
        return f"{answer['next_on']}: {goal}, if today stays without a pause"
    where = "in one hour of today" if answer["per"] == "hour" else "today"
    return f"{answer['next_on']}: {goal}, if {answer['needed_today']:,} are sent {where} and no detector warns"


def _write_json(value: Any, out: TextIO) -> None:
    out.write(json.dumps(value, indent=1) + "\n")
