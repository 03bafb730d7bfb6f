"""A person's word on a decision: what it changes, and what is to be done about it.

* approve: the waiting decision is released: the same record under the same id, so that whoever has carried it out does
  not do so twice, in mode act, `decided_at` the time of the release, with who and why in its evidence. An alert is
  answered and not said again.
* reject: what waits is dropped and not proposed again in this episode; a rejected resume leaves the key to a person.
* revert: the way back, with `reverts` set. What was stopped or throttled sends all its mail again and is judged by new
  mail alone; what was resumed is stopped until a person resumes it. Each decision is taken back once.

A word on what is not waiting any more (expired, replaced by a newer proposal, of an episode that is over) changes
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from schemas.aggregates import KeyKind, Level
from schemas.identity import digest
from schemas.policy import Policy
from schemas.remediation import Action, Decision, Mode, Ruling, Verb
from streams.core.remediation.causes import questions_for
from streams.core.remediation.machine import applied
from streams.core.remediation.state import NOTHING, KeyState, StateKey, canonical
from streams.core.remediation.tally import tally
from streams.core.remediation.trial import accepted, begin

INVERSE = {
    Action.PAUSE_CAMPAIGN: Action.RESUME_CAMPAIGN,
    Action.RESUME_CAMPAIGN: Action.PAUSE_CAMPAIGN,
    Action.REST_IP: Action.RETURN_IP,
    Action.RETURN_IP: Action.REST_IP,
    Action.THROTTLE: Action.THROTTLE,
    Action.MOVE_POOL: Action.MOVE_POOL,
}
HOLDING_BACK = frozenset({Action.THROTTLE, Action.MOVE_POOL})
STOPPED_AGAIN = frozenset({Action.RESUME_CAMPAIGN, Action.RETURN_IP})
_REVERTED_KEPT = 64  # of an episode; beyond that the oldest could be taken back twice


class Case(NamedTuple):
    """A ruling on `decision`, the state of its key, and the log's clock."""

    state: KeyState
    ruling: Ruling
    decision: Decision
    policy: Policy
    now: int


Answer = tuple[KeyState, Decision | None]


def ruled(case: Case) -> Answer:
    """The state after the ruling, and what is to be done."""
    return _VERBS[Verb(case.ruling.verb)](case)


def _approved(case: Case) -> Answer:
    state, decision, pending = case.state, case.decision, case.state.pending
    if pending is None or pending.decision_id != decision.decision_id:
        return _answered(state, decision), None
    if case.now >= pending.expires_at:
        return state, None
    place = place_of_decision(decision)
    after = applied(replace(state, said_at=0, said_times=0, pending=None), pending.act, place, case.now, case.policy)
    evidence = _with_word(decision, case.ruling)
    released = replace(decision, mode=Mode.ACT, expires_at=0, decided_at=case.now, state=after.phase, evidence=evidence)
    return after, released


def _rejected(case: Case) -> Answer:
    state, decision, pending = case.state, case.decision, case.state.pending
    if pending is None or pending.decision_id != decision.decision_id:
        return _answered(state, decision), None
    held = f"{case.ruling.who} rejected its resume" if pending.act.phase == Level.RECOVERING else state.held
    return replace(state, pending=None, held=held, said_at=0, said_times=0), None


def _answered(state: KeyState, decision: Decision) -> KeyState:
    """An alert of this episode has found its reader."""
    if decision.action != Action.ALERT or decision.first_signal_at != state.episode:
        return state
    return replace(state, said_at=0, said_times=0)


def _reverted(case: Case) -> Answer:
    state, ruling, decision, now = case.state, case.ruling, case.decision, case.now
    action = INVERSE.get(Action(decision.action))
    is_of_now = state == NOTHING or decision.first_signal_at == state.episode
    if action is None or not is_of_now or decision.mode != Mode.ACT or decision.decision_id in state.reverted:
        return state, None
    is_stop = decision.action in STOPPED_AGAIN
    after = state if state == NOTHING else _back(state, decision, ruling, now, is_stop=is_stop)
    if state.phase == Level.PAUSED and action in HOLDING_BACK:  # stopped since; what held it back before is gone
        after = replace(state, is_moved=False, reverted=after.reverted)
    inverse = replace(
        decision,
        decision_id=digest("revert", decision.decision_id),
        action=action,
        previous_level=state.phase,
        reason=f"{ruling.who} takes back decision {decision.decision_id}: {ruling.why}",
        evidence=_with_word(decision, ruling),
        decided_at=now,
        share=0.0 if is_stop else 1.0,
        state=Level.PAUSED if is_stop else after.phase,
        ip_pool="" if action == Action.MOVE_POOL else decision.ip_pool,
        reverts=decision.decision_id,
        expires_at=0,
    )
    return after, inverse


def _back(state: KeyState, decision: Decision, ruling: Ruling, now: int, *, is_stop: bool) -> KeyState:
    said = replace(
        state,
        since=now,
        decided_at=now,
        pending=None,
        said_at=0,
        said_times=0,
        reverted=(*state.reverted, decision.decision_id)[-_REVERTED_KEPT:],
    )
    if is_stop:
        return replace(said, phase=Level.PAUSED, share=0.0, trial=None, held=f"{ruling.who} took back its resume")
    causes = state.causes
    trial = None
    if state.last is not None:
        questions = questions_for(KeyKind(decision.kind), causes)
        stopped = state.stopped or tally(state.last)
        trial = accepted(begin(state.last, stopped, questions, causes))
    return replace(said, phase=Level.RECOVERING, share=1.0, held="", stops=(), trial=trial, steps=(), is_moved=False)


_VERBS: dict[Verb, Callable[[Case], Answer]] = {
    Verb.APPROVE: _approved,
    Verb.REJECT: _rejected,
    Verb.REVERT: _reverted,
}


def place_of_decision(decision: Decision) -> StateKey:
    """Whose state a ruling on it concerns."""
    return decision.tenant, decision.kind, decision.key


def _with_word(decision: Decision, ruling: Ruling) -> str:
    evidence = json.loads(decision.evidence) if decision.evidence else {}
    word = {"verb": ruling.verb, "who": ruling.who, "why": ruling.why, "ruled_at": ruling.ruled_at}
    return canonical(evidence | {"ruling": word, "decided_before": decision.decided_at})
