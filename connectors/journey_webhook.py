"""A step of a journey that calls as a signed request; its id is the step's."""

from __future__ import annotations

import json

from connectors.controls.base import ControlRequest
from connectors.signed_post import body_of, instant, signed_post
from schemas.journeys.steps import JourneyStep
from schemas.receivers import Receiver


def request(step: JourneyStep, receiver: Receiver, now_ms: int) -> ControlRequest:
    """The request that tells of it. `now_ms`: the wall time of this attempt."""
    return signed_post(step.step_id, payload(step), receiver, now_ms)


def payload(step: JourneyStep) -> bytes:
    """The body, in a fixed order; `key` and `data` as they were in the event and in the journey."""
    data = {
        "tenant": step.tenant,
        "recipient_key": step.recipient_key,
        "journey_id": step.journey_id,
        "version": step.version,
        "run_id": step.run_id,
        "number": step.number,
        "step": step.place,
        "at": instant(step.at),
        "cause": step.cause,
        "key": json.loads(step.key) if step.key else None,
        "data": json.loads(step.data) if step.data else {},
    }
    return body_of("journey.called", step.at, data)
