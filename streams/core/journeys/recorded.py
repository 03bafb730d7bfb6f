"""Steps of one recipient as records of the topic."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.journeys.steps import JourneyStep, step_id
from streams.core.journeys.ops import Step


def recorded(tenant: str, recipient_key: str, steps: Sequence[Step]) -> list[JourneyStep]:
    """The records, in the same order."""
    return [
        JourneyStep(
            step_id=step_id(step.run_id, step.number),
            tenant=tenant,
            recipient_key=recipient_key,
            journey_id=step.journey_id,
            version=step.version,
            run_id=step.run_id,
            number=step.number,
            kind=step.kind,
            outcome=step.outcome,
            place=step.place,
            at=step.at,
            cause=step.cause,
            key=step.key,
            data=step.data,
        )
        for step in steps
    ]
