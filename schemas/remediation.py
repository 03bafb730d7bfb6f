"""Decisions and their outcomes: what mailweir wanted to do, why, and what came of it.

A decision explains itself: the counts, thresholds, interval and policy version it was made from
travel with it. Its id is a hash of what it is about, so the same evidence read twice is one decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from schemas.events import Millis


class Action(StrEnum):
    """What can be done about a key."""

    PAUSE_CAMPAIGN = "pause_campaign"
    RESUME_CAMPAIGN = "resume_campaign"
    THROTTLE = "throttle"
    REST_IP = "rest_ip"
    ALERT = "alert"


class Mode(StrEnum):
    """How far a policy lets mailweir go."""

    OBSERVE = "observe"  # decide and record, do nothing
    SUGGEST = "suggest"  # record and ask a person
    ACT = "act"  # do it


class OutcomeStatus(StrEnum):
    """What became of a decision."""

    DONE = "done"  # the sender's API confirmed it
    DRY_RUN = "dry_run"  # the same way, ending in the driver that does nothing
    SUGGESTED = "suggested"  # waits for a person
    UNSUPPORTED = "unsupported"  # no control of the key's sources can do this
    FAILED = "failed"  # refused for good, or retries used up


@dataclass(slots=True, kw_only=True)
class Decision:
    """One thing to do about one key. `evidence` is JSON text: the score record it was made from."""

    decision_id: str
    tenant: str
    kind: str  # KeyKind
    key: str
    action: str  # Action
    mode: str  # Mode
    level: str  # Level that the detectors ask for
    previous_level: str
    reason: str  # one sentence for a person
    evidence: str
    policy_version: str
    campaign_id: str = ""
    sending_ip: str = ""
    mailbox_provider: str = ""
    sources: list[str] = field(default_factory=list)
    as_of: Millis = 0  # event time of the evidence
    first_signal_at: Millis = 0  # wall time of the first score above healthy in this episode
    decided_at: Millis = 0


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one control answered to one decision. Newest `attempt` wins."""

    outcome_id: str
    decision_id: str
    tenant: str
    kind: str
    key: str
    action: str
    source: str
    driver: str
    status: str  # OutcomeStatus
    attempt: int
    http_status: int
    detail: str
    executed_at: Millis
