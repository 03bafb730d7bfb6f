"""What a person may say to a decision, depending on where it stands; and what taking it back would do.

One table for the console, its API and the command line, so that they cannot disagree. The states are those of the
view `decision_states` (`sinks/migrations/014_rulings.sql`). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from schemas.errors import MailweirError
from schemas.identity import digest
from schemas.remediation import Action, Mode, Ruling, Verb

MAX_WHO = 200  # characters; a name or an address of a person
MAX_WHY = 2_000  # a paragraph or two


class State(StrEnum):
    """Where a decision stands."""

    OPEN = "open"  # decided, nothing came of it yet
    WAITING = "waiting"  # for a person's approval
    APPROVED = "approved"  # on its way
    DONE = "done"
    DRY_RUN = "dry_run"
    SUGGESTED = "suggested"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"  # nobody approved it in time
    REVERTING = "reverting"
    REVERTED = "reverted"
    REVERT_FAILED = "revert_failed"


WHEN: Mapping[Verb, frozenset[State]] = {
    Verb.APPROVE: frozenset({State.WAITING}),
    Verb.REJECT: frozenset({State.WAITING}),
    # a failed one may have been acted on before the answer was lost
    Verb.REVERT: frozenset({State.DONE, State.DRY_RUN, State.FAILED}),
}
AFTER: Mapping[Verb, State] = {
    Verb.APPROVE: State.APPROVED,
    Verb.REJECT: State.REJECTED,
    Verb.REVERT: State.REVERTING,
}
_STANDS: Mapping[State, str] = {
    State.OPEN: "is on its way and needs no approval",
    State.WAITING: "still waits for approval",
    State.APPROVED: "was approved{by} and is on its way",
    State.DONE: "was carried out",
    State.DRY_RUN: "ended in a dry run",
    State.SUGGESTED: "is a suggestion that a person carries out by other means",
    State.UNSUPPORTED: "can be carried out by no control of the key's sources",
    State.FAILED: "failed",
    State.REJECTED: "was rejected{by}",
    State.EXPIRED: "expired, because nobody approved it in time",
    State.REVERTING: "is being reverted{by}",
    State.REVERTED: "was reverted{by}",
    State.REVERT_FAILED: "was reverted{by}, which failed; put it right at the sender",
}
_ONLY: Mapping[Verb, str] = {
    Verb.APPROVE: "only one that waits can be approved",
    Verb.REJECT: "only one that waits can be rejected",
    Verb.REVERT: "only one that was carried out can be reverted, once",
}
_UNDOING: Mapping[Action, str] = {
    Action.PAUSE_CAMPAIGN: "The campaign {key} is resumed",
    Action.RESUME_CAMPAIGN: "The campaign {key} is paused again",
    Action.THROTTLE: "The limit on {key} is lifted",
    Action.REST_IP: "The address {key} goes back to sending",
    Action.RETURN_IP: "The address {key} is rested again",
    Action.MOVE_POOL: "The mail of {key} goes back to its own pool",
}  # fmt: skip
_MISSING = {"who": "your name", "why": "the reason"}


class RefusedError(MailweirError):
    """A person's word is not taken. `status`: what HTTP says, 404 no such decision, 409 not now, 422 not like this."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a decision when somebody speaks about it. `who`: whose word counted so far, "" nobody's."""

    decision_id: str
    tenant: str
    key: str
    action: str  # Action
    mode: str  # Mode
    state: str  # State
    who: str = ""
    expires_at: int = 0


def rule(standing: Standing, verb: Verb, who: str, why: str, now_ms: int, idempotency_key: str = "") -> Ruling:
    """The ruling to write. Raises RefusedError.

    Its id hashes the decision, the verb and the caller's key, so the same call twice is the same ruling.
    """
    text = {"who": _line(who), "why": why.strip()}
    for name, bound in (("who", MAX_WHO), ("why", MAX_WHY)):
        if not text[name]:
            raise RefusedError(422, f"the field {name} is empty; say {_MISSING[name]}")
        if len(text[name]) > bound:
            raise RefusedError(422, f"the field {name} has {len(text[name])} characters; at most {bound} are kept")
    found = objection(standing, verb, now_ms)
    if found:
        raise RefusedError(409, found)
    return Ruling(
        ruling_id=ruling_id(standing, verb, idempotency_key),
        tenant=standing.tenant,
        decision_id=standing.decision_id,
        verb=verb,
        who=text["who"],
        why=text["why"],
        ruled_at=now_ms,
    )


def ruling_id(standing: Standing, verb: Verb, idempotency_key: str) -> str:
    """The id that this call's ruling has, now and whenever it is repeated."""
    return digest(standing.tenant, standing.decision_id, verb, idempotency_key)


def objection(standing: Standing, verb: Verb, now_ms: int) -> str:
    """Why the verb cannot be said to the decision now; "" when it can. `now_ms`: wall time."""
    state = State(standing.state)
    if state not in WHEN[verb]:
        by = f" by {standing.who}" if standing.who else ""
        return f"the decision {_STANDS[state].format(by=by)}; {_ONLY[verb]}"
    if verb is Verb.REVERT and not undoing(standing):
        return "an alert changes nothing at the sender, so there is nothing to revert"
    if verb is Verb.REVERT and standing.mode == Mode.OBSERVE:
        return "the policy only observes: nothing was done that could be reverted"
    if verb is Verb.APPROVE and 0 < standing.expires_at < now_ms:
        return f"the time to approve the decision ended at {_utc(standing.expires_at)}"
    return ""


def possible(standing: Standing, now_ms: int) -> list[Verb]:
    """What can be said to the decision now."""
    return [verb for verb in Verb if not objection(standing, verb, now_ms)]


def undoing(standing: Standing) -> str:
    """What a revert would do, as a sentence; "" for an action that changes nothing."""
    words = _UNDOING.get(Action(standing.action))
    return f"{words.format(key=standing.key)}; the detectors go on watching it." if words else ""


def _line(text: str) -> str:
    return " ".join(text.split())


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
