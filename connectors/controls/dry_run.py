"""The driver that does nothing: a source without a control, and the end of every dry run.

Decisions take the same way through the executor as real ones; only the request is missing.
"""

from __future__ import annotations

from connectors.controls.base import ControlAnswer, ControlRequest, ControlResult, EndState, Verdict
from schemas.config import Control
from schemas.remediation import Action, Decision


class DryRun(EndState):
    """Supports everything by sending nothing."""

    name = "none"
    supports = frozenset(Action)
    shares = frozenset(Action)

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """Nothing to send."""
        return None

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """There is no answer to read."""
        return ControlResult(verdict=Verdict.DONE, detail="nothing was sent")


DRY_RUN = DryRun()
