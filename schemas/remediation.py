"""Decisions and their outcomes: what mailweir wanted to do, why, and what came of it.

A decision explains itself: the counts, thresholds, interval and policy version it was made from
travel with it. Its id is a hash of what it is about, so the same evidence read twice is one decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from schemas.events import Millis


class Action(StrEnum):
    """What can be done about a key."""

    PAUSE_CAMPAIGN = "pause_campaign"
    RESUME_CAMPAIGN = "resume_campaign"
    THROTTLE = "throttle"
    REST_IP = "rest_ip"
    RETURN_IP = "return_ip"  # a rested address goes back to where it was
    MOVE_POOL = "move_pool"  # a campaign's mail goes through another pool of addresses
    ALERT = "alert"


class Mode(StrEnum):
    """How far a policy lets mailweir go."""

    OBSERVE = "observe"  # decide and record, do nothing
    SUGGEST = "suggest"  # record; a person acts by other means
    APPROVE = "approve"  # record, and do it once a person has approved
    ACT = "act"  # do it


class OutcomeStatus(StrEnum):
    """What became of a decision."""

    DONE = "done"  # the sender's API confirmed it
    DRY_RUN = "dry_run"  # the same way, ending in the driver that does nothing
    SUGGESTED = "suggested"  # recorded only
    WAITING = "waiting"  # for a person's approval
    REJECTED = "rejected"  # by a person, or nobody approved it in time
    UNSUPPORTED = "unsupported"  # no control of the key's sources can do this
    FAILED = "failed"  # refused for good, or retries used up
    MISCONFIGURED = "misconfigured"  # credentials or settings are wrong: a person must change them


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
    decided_at: Millis = 0  # by the log's clock
    share: float = 1.0  # of the usual rate that is let through: 0 stopped, 1 all of it
    cause: str = ""  # Cause
    state: str = ""  # of the key's machine, once this is done
    reverts: str = ""  # the decision that this one takes back
    ip_pool: str = ""
    expires_at: Millis = 0  # when an approval comes too late


class Cause(StrEnum):
    """What is wrong with a key; some of these never end by themselves."""

    BOUNCES = "bounces"
    COMPLAINTS = "complaints"
    BLOCKS = "blocks"
    BLOCKLIST = "blocklist"  # refusals name a list that has the address or domain
    TRAP = "trap"  # a mailbox provider reports mail to spam traps; told to people, stops nothing
    COMPLIANCE = "compliance"  # refusals say that the sender is not authenticated


NEVER_ALONE = frozenset({Cause.BLOCKLIST, Cause.TRAP, Cause.COMPLIANCE})  # a person must resume these


class Verb(StrEnum):
    """What a person can say to a decision."""

    APPROVE = "approve"
    REJECT = "reject"
    REVERT = "revert"


@dataclass(slots=True, kw_only=True)
class Ruling:
    """A person's word on a decision: who, when, why. `ruling_id` makes a repeated call harmless."""

    ruling_id: str
    tenant: str
    decision_id: str
    verb: str  # Verb
    who: str
    why: str
    ruled_at: Millis


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

    @classmethod
    def of(cls, decision: Decision, **answer: Any) -> Self:
        """The outcome of this decision; `answer` holds the fields that are not the decision's own."""
        return cls(
            decision_id=decision.decision_id,
            tenant=decision.tenant,
            kind=decision.kind,
            key=decision.key,
            action=decision.action,
            **answer,
        )
