"""A campaign's report out of the answers to its questions. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.campaigns.asking import Asked, bucket_s
from dashboards.campaigns.figures import (
    DELIVERED,
    MESSAGES,
    Course,
    Link,
    Part,
    Refusal,
    Report,
    Score,
    figure,
    part_of,
)
from dashboards.campaigns.maturity import maturity
from dashboards.campaigns.words import sentence
from dashboards.decisions import brief
from schemas.events import EventType
from schemas.rulings import RefusedError
from streams.core.reputation.delay import CAMPAIGN_DELAY, DelayCurve

Rows = Sequence[Mapping[str, Any]]

OTHER = "other"
NO_VARIANT = "(none)"


def report_of(found: Asked, answers: Mapping[str, Rows], now_ms: int, delay: DelayCurve = CAMPAIGN_DELAY) -> Report:
    """The report. `answers`: rows by the names of `asking.questions`; `delay`: how late complaints come.

    Raises RefusedError where every event was replaced by another campaign's since it was found.
    """
    rows = answers["campaign_messages"]
    if not rows:
        raise RefusedError(404, f"the mail of campaign {found.campaign!r} is counted for another campaign by now")
    total = part_of(rows[0])
    grown = maturity(answers["campaign_ages"], delay)
    refusals = tuple(_refusal(row, total.messages) for row in answers["campaign_refusals"])
    scores = tuple(_score(row, found.campaign) for row in answers["campaign_scores"])
    decisions = tuple(brief(row) for row in answers["decisions"])
    return Report(
        campaign=found.campaign,
        tenant=found.tenant,
        sentence=sentence(found.campaign, total, grown, refusals, scores, decisions),
        first_at=found.from_ms,
        last_at=found.to_ms - 1,
        as_of=now_ms,
        total=total,
        events={each.value: count for each in EventType if (count := int(rows[0][f"events_{each}"]))},
        maturity=grown,
        providers=tuple(part_of(row, OTHER) for row in answers["providers"]),
        variants=_variants(answers["variants"]),
        refusals=refusals,
        links=tuple(_link(row, total) for row in answers["campaign_links"]),
        course=Course(bucket_s(found.to_ms - found.from_ms), tuple(dict(row) for row in answers["campaign_course"])),
        scores=scores,
        decisions=decisions,
    )


def _variants(rows: Rows) -> tuple[Part, ...]:
    """None where no message names its variant."""
    named = any(row["name"] for row in rows)
    return tuple(part_of(row, NO_VARIANT) for row in rows) if named else ()


def _refusal(row: Mapping[str, Any], messages: int) -> Refusal:
    return Refusal(
        outcome=row["outcome"],
        reason=row["bounce_reason"],
        scope=row["bounce_scope"],
        permanence=row["bounce_permanence"],
        messages=figure(row["outcome"], int(row["messages"]), MESSAGES, messages),
        events=int(row["events"]),
        main_provider=row["main_provider"],
        example=row["example"],
    )


def _link(row: Mapping[str, Any], total: Part) -> Link:
    people = figure("people", int(row["people"]), DELIVERED, total.figures["delivered"].count)
    return Link(row["link"], people, int(row["clicks"]), int(row["clicks_of_machines"]))


def _score(row: Mapping[str, Any], campaign: str) -> Score:
    penalties = sorted(json.loads(row["penalties"] or "[]"), key=lambda penalty: -float(penalty["points"]))
    reasons = [f"{penalty['reason']} (-{float(penalty['points']):.0f} points)" for penalty in penalties]
    return Score(
        provider=row["key"].removeprefix(campaign).removeprefix("|"),
        level=row["level"],
        score=round(float(row["score"]), 1),
        low=round(float(row["score_low"]), 1),
        high=round(float(row["score_high"]), 1),
        as_of=row["as_of"],
        reasons=tuple(reasons),
        advice=row["advice"],
    )
