"""One key's way through healthy, watch, throttled, paused and recovering: pure, by the log's clock.

* Up at once, down slowly. An episode begins with the first signal and ends after an hour of quiet, or a day without a
  word. In an episode each action at each level is decided once; what goes on for a day without being stopped is
  decided again.
* Throttled: the share follows `throttle.py`, a step at a time, until it is lifted or the key is stopped.
  Where the policy names a probation pool instead, its mail goes out through that until an hour is quiet.
* Paused: nothing is sent, so verdicts stop and only ticks pass the time. After the cool-down the key comes back on
  trial (`trial.py`): a campaign with a small share that grows, an address at once.
* Recovering: only mail sent since the resume is judged, because the watch's statistics remember the mail from before.
  The key stays on trial until the watch too has found it healthy for an hour, or has nothing to say for a day.
* What is remembered ends: with the episode, a week after the last stop, or, where a key is stopped or held back and
  nothing is heard of it, 30 days after an alert that says so.
"""

from __future__ import annotations

from dataclasses import replace

from schemas.aggregates import RANK, KeyKind, Level
from schemas.policy import Policy
from schemas.remediation import NEVER_ALONE, Action, Decision, Mode
from schemas.topics import DAY_MS
from schemas.verdicts import Verdict
from streams.core.remediation.actions import STOPPING, is_bad
from streams.core.remediation.causes import causes_of, only_by_a_person, questions_for, said_of_person
from streams.core.remediation.permission import Context, Wish, permit
from streams.core.remediation.record import Made, decision_of
from streams.core.remediation.state import IN_FORCE, NOTHING, Act, KeyState, Pending, StateKey
from streams.core.remediation.tally import tally
from streams.core.remediation.trial import accepted, begin, is_proven, next_step, refusal, taken
from streams.core.remediation.wake import FORGOTTEN_MS, QUIET_MS, WEEK_MS, minutes, next_look
from streams.core.remediation.wishes import Sight, wishes

MOST_AT_ONCE = 4  # decisions of a key at one time: a stop, what it supersedes, and a word to a person
STOPS_KEPT = 32  # of a key and week; far above `max_repauses`


def take(state: KeyState, verdict: Verdict) -> KeyState:
    """The state with what `verdict` says; the same state for one that was taken in before."""
    is_healthy = verdict.level == Level.HEALTHY
    if verdict.at <= state.at or (is_healthy and state == NOTHING):
        return state
    kind, trial = KeyKind(verdict.kind), state.trial
    phase = Level.WATCH if state.phase == Level.HEALTHY and not is_healthy else state.phase
    is_needed = is_bad(verdict.level) or bool(state.pending or state.said_at) or phase in IN_FORCE
    return replace(
        state,
        at=verdict.at,
        episode=state.episode or (0 if is_healthy else verdict.at),
        quiet_since=(state.quiet_since or verdict.at) if is_healthy else 0,
        phase=phase,
        volume=state.volume.grown(verdict) if _is_counted(state, kind) else state.volume,
        trial=taken(trial, verdict, questions_for(kind, trial.causes)) if trial else None,
        last=verdict if is_needed else None,  # something may be decided from it later
    )


def advance(
    state: KeyState, place: StateKey, now: int, policy: Policy, context: Context
) -> tuple[KeyState, list[Decision]]:
    """What is due at `now`: the state after it and the decisions, in order."""
    decisions: list[Decision] = []
    state = _settled(replace(state, waits_until=0) if state.waits_until else state, now, policy)
    while len(decisions) < MOST_AT_ONCE:
        for wish in wishes(Sight(state, place, now, policy, context)):
            state, decision = _carry(state, wish, place, now, policy, context)
            if decision is not None:
                decisions.append(decision)
                break
        else:
            break
    state = _settled(state, now, policy)
    wake_at = next_look(state, policy, now)
    return (state if wake_at == state.wake_at else replace(state, wake_at=wake_at)), decisions


def applied(state: KeyState, act: Act, place: StateKey, now: int, policy: Policy) -> KeyState:
    """The state once `act` is in force."""
    if act.action == Action.ALERT:
        return state
    if act.action == Action.MOVE_POOL:
        state = replace(state, is_moved=act.phase == Level.THROTTLED)
        if act.phase == Level.PAUSED:  # it was stopped before
            return state
    after = replace(state, phase=Level(act.phase), share=act.share, since=now, pending=None)
    if act.phase == Level.PAUSED:
        return _stopped(after, now, policy)
    if act.phase == Level.RECOVERING:
        return _on_trial(after, place)
    if act.phase == Level.WATCH:  # lifted: what comes next is decided anew
        return fresh(state, now) if now - state.at >= DAY_MS else replace(after, steps=(), decided=Level.HEALTHY)
    return after


def fresh(state: KeyState, now: int) -> KeyState:
    """What is left of an episode that is over: the stops of the week and, for a day, the blame."""
    stops = tuple(at for at in state.stops if at > now - WEEK_MS)
    blamed_at = state.blamed_at if state.blamed_at > now - DAY_MS else 0
    if not stops and not blamed_at:
        return NOTHING
    return KeyState(at=state.at, stops=stops, blamed_at=blamed_at, volume=state.volume)


def _is_counted(state: KeyState, kind: KeyKind) -> bool:
    """How much it sends is asked of campaigns only, and of a stopped one as it was when it was stopped."""
    return kind == KeyKind.CAMPAIGN and state.phase != Level.PAUSED


def _stopped(state: KeyState, now: int, policy: Policy) -> KeyState:
    stops = (*(at for at in state.stops if at > now - WEEK_MS), now)[-STOPS_KEPT:]
    found = refusal(state.trial) if state.trial else ""
    seen = causes_of(state.last) if state.last else ()
    if found:  # by new mail; the watch may meanwhile have seen a cause that only a person can end
        named = NEVER_ALONE.intersection(seen) if state.last and is_bad(state.last.level) else ()
        seen = tuple(sorted({*state.causes, found, *map(str, named)}))
    held = ""
    if person := only_by_a_person(seen):
        held = said_of_person(person)
    elif len(stops) - 1 > policy.recovery.max_repauses:
        held = f"it was stopped {len(stops)} times within seven days"
    stopped = tally(state.last) if state.last else None
    return replace(state, stops=stops, causes=seen, stopped=stopped, held=held, trial=None)


def _on_trial(state: KeyState, place: StateKey) -> KeyState:
    if state.trial is not None or state.last is None:
        return replace(state, trial=next_step(state.trial) if state.trial else None)
    questions = questions_for(KeyKind(place[1]), state.causes)
    return replace(state, trial=begin(state.last, state.stopped or tally(state.last), questions, state.causes))


def _settled(state: KeyState, now: int, policy: Policy) -> KeyState:
    """What happens without a decision: a trial is won, an episode is over."""
    if state.trial and not state.trial.is_accepted and is_proven(state.trial, policy.recovery.canary_messages):
        state = replace(state, trial=accepted(state.trial))
    is_silent = now - max(state.at, state.decided_at) >= DAY_MS
    is_quiet = bool(state.quiet_since) and now - state.quiet_since >= QUIET_MS
    if state.phase == Level.HEALTHY:
        return fresh(state, now) if state != NOTHING else state
    if state.phase == Level.WATCH:
        if is_quiet or is_silent:
            return fresh(state, now)
        is_old = bool(state.steps) and not state.pending and now - state.decided_at >= DAY_MS
        return _begun_again(state, now) if is_old and state.last and is_bad(state.last.level) else state
    if state.phase == Level.RECOVERING and state.share == 1.0 and state.trial and state.trial.is_accepted:
        return fresh(state, now) if is_quiet or is_silent else state
    return fresh(state, now) if now - max(state.at, state.decided_at) >= FORGOTTEN_MS else state


def _begun_again(state: KeyState, now: int) -> KeyState:
    """A trouble that goes on for a day is a new episode."""
    kept = KeyState(at=state.at, stops=state.stops, blamed_at=state.blamed_at, volume=state.volume, last=state.last)
    return replace(kept, phase=Level.WATCH, episode=now)


def _carry(
    state: KeyState, wish: Wish, place: StateKey, now: int, policy: Policy, context: Context
) -> tuple[KeyState, Decision | None]:
    """The wish as a decision, if it may be done now and was not decided before."""
    allowed = permit(wish, place, policy, context, now)
    act = allowed.act
    if act is None or state.last is None:
        return state, None
    is_once = bool(allowed.note) or not wish.is_next_step
    if is_once and (str(act.action), act.step) in state.steps:
        return state, None
    if allowed.waits_until:
        return replace(state, waits_until=allowed.waits_until), None
    counted = _counted(state, act, now, is_once=is_once)
    expires_at = now + minutes(policy.approval_min) if allowed.mode == Mode.APPROVE else 0
    after = applied(counted, act, place, now, policy)
    made = Made(before=state, after=after, number=counted.number, act=act, permit=allowed, why=wish.why, now=now)
    decision = decision_of(state.last, place, made, policy, expires_at)
    if allowed.mode == Mode.APPROVE:
        pending = Pending(decision_id=decision.decision_id, act=act, expires_at=expires_at)
        return replace(counted, pending=pending, said_at=now, said_times=0), decision
    return after, decision


def _counted(state: KeyState, act: Act, now: int, *, is_once: bool) -> KeyState:
    """The state with the decision counted, before it is in force."""
    level = Level(state.last.level) if state.last else Level.HEALTHY
    is_new_trouble = act.step == level
    is_answered = act.action == Action.ALERT and act.step.startswith("expired")
    pending = None if is_answered else state.pending
    was_resume = is_answered and state.pending is not None and state.pending.act.phase == Level.RECOVERING
    return replace(
        state,
        number=state.number + 1,
        decided_at=now,
        steps=(*state.steps, (str(act.action), act.step)) if is_once else state.steps,
        decided=max(state.decided, level, key=RANK.__getitem__) if is_new_trouble else state.decided,
        blamed_at=now if is_new_trouble or act.action in STOPPING else state.blamed_at,
        said_at=now if act.action == Action.ALERT else state.said_at,
        said_times=state.said_times + 1 if act.step == "again" else 0,
        pending=pending,
        held="nobody approved its resume in time" if was_resume else state.held,
    )
