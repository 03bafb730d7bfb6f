"""Steps of journeys: what a run did, one record each, as they follow from the log alone.

A log that is read again gives the same ones, byte for byte, and the id tells a repeat from news.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.events import Millis
from schemas.identity import digest


class StepKind(StrEnum):
    """What a run did; `REFUSED`: there were too many runs already, so none began."""

    ENTERED = "entered"
    WAITED = "waited"
    BRANCHED = "branched"
    SPLIT = "split"
    CALLED = "called"
    LEFT = "left"
    REFUSED = "refused"


@dataclass(slots=True, kw_only=True)
class JourneyStep:
    """One step of one run of a recipient.

    `number`: the run's how-manieth, from 1; with the run's id it makes the step's. `place`: of the step in the journey,
    such as `steps[1].branch.then[0]`; "" for what is none. `outcome`: of a wait `time`, `event` or `if`; of a branch
    `then` or `else`; of a split the part's number, from 0; of a call the webhook's name; of leaving `done`, `exit`,
    `exit_when`, `capped`, or `gone` for a journey that is not known any more. `at`: the instant, of time alone the
    exact one. `cause`: the event's id, "" for time, "rule" for a change of the rules. `key`: the run's, as JSON, ""
    without. `data`: what a call sends along, a JSON object, else "".
    """

    step_id: str
    tenant: str
    recipient_key: str
    journey_id: str
    version: str
    run_id: str
    number: int
    kind: StepKind
    outcome: str
    place: str
    at: Millis
    cause: str
    key: str
    data: str


def run_id(tenant: str, recipient_key: str, journey_id: str, key: str, entering: str) -> str:
    """32 hex digits: the same recipient, let in by the same event or change, has the same run whoever finds it."""
    return digest("journey", tenant, recipient_key, journey_id, key, entering)


def step_id(run: str, number: int) -> str:
    """32 hex digits of a run's step."""
    return digest(run, number)
