"""Webhooks of journeys: whom a step `call` tells, as a frozen model; `docs/journeys.md` has an example."""

from __future__ import annotations

from typing import ClassVar

from schemas.journeys.steps import JourneyStep, StepKind
from schemas.receivers import Receiver

MOST_JOURNEY_WEBHOOKS = 20  # each is a consumer of its own


class JourneyWebhook(Receiver):
    """One receiver, told of every step of a journey of `tenant` that calls it by its name."""

    called: ClassVar[str] = "journey webhook"

    @property
    def label(self) -> str:
        """Its name in metrics, where one of segments may have the same."""
        return f"journey/{self.name}"

    def wants(self, step: JourneyStep) -> bool:
        """Is this receiver told of it?"""
        return step.kind == StepKind.CALLED and step.outcome == self.name and step.tenant == self.tenant
