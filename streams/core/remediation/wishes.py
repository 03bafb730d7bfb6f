"""What would be done with a key now: one rule for each reason there is, from the key's state alone.

A rule gives a wish or None; whether a wish may be carried out is `permission.py`'s matter, and doing it `machine.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from schemas.aggregates import RANK, KeyKind, Level
from schemas.policy import Policy
from schemas.remediation import Action
from schemas.topics import DAY_MS
from streams.core.remediation import throttle
from streams.core.remediation.actions import WITH_SHARES, back_of, is_bad, stop_of, wanted
from streams.core.remediation.permission import Context, Wish
from streams.core.remediation.state import IN_FORCE, Act, KeyState, StateKey
from streams.core.remediation.trial import refusal
from streams.core.remediation.wake import QUIET_MS, WARNED_MS, is_concerned, minutes


class Sight(NamedTuple):
    """All that a rule may look at."""

    state: KeyState
    place: StateKey
    now: int
    policy: Policy
    context: Context


Rule = Callable[[Sight], Wish | None]


def wishes(sight: Sight) -> Iterator[Wish]:
    """What the machine would do now, the most pressing first; not all of it may be done."""
    for rule in (_lapsed, *_RULES[sight.state.phase], _person_needed, _given_up, _said_again):
        wish = rule(sight)
        if wish is not None:
            yield wish


def _at_level(sight: Sight) -> Wish | None:
    """What the table asks for at the level of the last verdict."""
    state, context = sight.state, sight.context
    verdict = state.last
    action = wanted(verdict) if verdict else None
    if verdict is None or action is None or context.is_explained:
        return None
    if action == Action.THROTTLE and sight.place[1] == KeyKind.CAMPAIGN and sight.policy.probation_pool:
        action = Action.MOVE_POOL
    if RANK[Level(verdict.level)] < RANK[state.decided] or (str(action), verdict.level) in state.steps:
        return None
    share, phase = {
        Action.THROTTLE: (throttle.FIRST, Level.THROTTLED),
        Action.MOVE_POOL: (state.share, Level.THROTTLED),
        Action.ALERT: (state.share, state.phase),
    }.get(action, (0.0, Level.PAUSED))
    return Wish(Act(action, share, phase, verdict.level))


def _throttle_step(sight: Sight) -> Wish | None:
    """AIMD: halved while the verdicts of a step ask for it, raised after a clean one, lifted at last."""
    state, now, policy = sight.state, sight.now, sight.policy
    verdict = state.last
    if verdict is None or state.is_moved or now < state.since + minutes(policy.recovery.step_min):
        return None
    if now - state.at >= DAY_MS:
        why = "Nothing was heard of it for a day."
        return Wish(Act(Action.THROTTLE, 1.0, Level.WATCH, "lifted"), why, is_next_step=True)
    share = state.share
    if not is_bad(verdict.level):
        share = throttle.faster(state.share)
    elif verdict.at > state.since and wanted(verdict) != Action.ALERT:
        share = throttle.slower(state.share)
    if share == state.share:
        return None
    if share == 1.0:
        return Wish(Act(Action.THROTTLE, 1.0, Level.WATCH, "lifted"), "Its steps were clean.", is_next_step=True)
    why = "The last step was clean." if share > state.share else "The last step was no better."
    return Wish(Act(Action.THROTTLE, share, Level.THROTTLED, "step"), why, is_next_step=True)


def _moved_back(sight: Sight) -> Wish | None:
    """An hour without a signal, or a day without a word, takes a campaign out of the probation pool."""
    state, now = sight.state, sight.now
    if not state.is_moved:
        return None
    if now - state.at >= DAY_MS:
        why = "Nothing was heard of it for a day."
    elif state.quiet_since and now - state.quiet_since >= QUIET_MS:
        why = "An hour was quiet."
    else:
        return None
    return Wish(Act(Action.MOVE_POOL, 1.0, Level.WATCH, "lifted"), why, is_next_step=True)


def _moved_at_rest(sight: Sight) -> Wish | None:
    """A stopped campaign will come back through its own pool."""
    if not sight.state.is_moved:
        return None
    return Wish(Act(Action.MOVE_POOL, 0.0, Level.PAUSED, "home"), "Nothing of it is sent now.", is_next_step=True)


def _way_back(sight: Sight) -> Wish | None:
    """After the cool-down: a canary, or the address itself."""
    state, place, now, policy = sight.state, sight.place, sight.now, sight.policy
    recovery = policy.recovery
    if state.held or state.pending or not recovery.is_automatic or state.last is None:
        return None
    if now < state.since + minutes(recovery.cool_down_min):
        return None
    why = f"It stood still for {(now - state.since) // 60_000} minutes; new mail shall show whether the cause is over."
    share = recovery.canary_share if KeyKind(place[1]) in WITH_SHARES else 1.0
    return Wish(Act(back_of(place), share, Level.RECOVERING, f"canary {len(state.stops)}"), why)


def _refused(sight: Sight) -> Wish | None:
    """Its new mail is no better."""
    state, place = sight.state, sight.place
    cause = refusal(state.trial) if state.trial else ""
    if not cause:
        return None
    why = f"The mail sent since it came back shows that the cause ({cause}) is not over."
    return Wish(Act(stop_of(place), 0.0, Level.PAUSED, "refused"), why, is_next_step=True)


def _ramp_step(sight: Sight) -> Wish | None:
    """A clean step lets more through."""
    state, place, now, policy = sight.state, sight.place, sight.now, sight.policy
    recovery, trial = policy.recovery, state.trial
    if trial is None or not trial.is_accepted or state.share >= 1.0 or not trial.is_clean:
        return None
    if now < state.since + minutes(recovery.step_min):
        return None
    share = min(round(state.share * recovery.ramp_factor, 4), 1.0)
    why = "New mail shows that the cause is over." if trial.base == trial.step else "The last step was clean."
    return Wish(Act(back_of(place), share, Level.RECOVERING, "step"), why, is_next_step=True)


def _lapsed(sight: Sight) -> Wish | None:
    """Nobody approved it in time."""
    state, now = sight.state, sight.now
    pending = state.pending
    if pending is None or now < pending.expires_at:
        return None
    why = f"Nobody approved {pending.act.action} (decision {pending.decision_id}) in time; it is not done."
    return Wish(Act(Action.ALERT, state.share, state.phase, f"expired {pending.decision_id}"), why)


def _person_needed(sight: Sight) -> Wish | None:
    """It was stopped too often to come back by itself."""
    state, policy = sight.state, sight.policy
    if state.phase != Level.PAUSED or len(state.stops) - 1 <= policy.recovery.max_repauses or not state.held:
        return None
    if (str(Action.ALERT), "person") in state.steps:
        return None
    return Wish(Act(Action.ALERT, state.share, state.phase, "person"), f"A person must resume it: {state.held}.")


def _given_up(sight: Sight) -> Wish | None:
    """Stopped or held back for so long that it will be forgotten."""
    state, now = sight.state, sight.now
    if state.phase not in IN_FORCE or state.share == 1.0 or now - max(state.at, state.decided_at) < WARNED_MS:
        return None
    if (str(Action.ALERT), "forgotten") in state.steps:
        return None
    why = (
        "Nothing was heard of it for 29 days. It stays as it is until a person resumes it; 30 days on it is forgotten."
    )
    return Wish(Act(Action.ALERT, state.share, state.phase, "forgotten"), why)


def _said_again(sight: Sight) -> Wish | None:
    """Nobody has answered yet."""
    state, now, policy = sight.state, sight.now, sight.policy
    escalation = policy.escalation
    if escalation is None or not is_concerned(state) or state.said_times >= escalation.times:
        return None
    if now < state.said_at + minutes(escalation.after_min):
        return None
    why = f"Nobody has answered for {(now - state.said_at) // 60_000} minutes; said again, {state.said_times + 1} of"
    return Wish(Act(Action.ALERT, state.share, state.phase, "again"), f"{why} {escalation.times}.", is_next_step=True)


_RULES: dict[Level, tuple[Rule, ...]] = {
    Level.HEALTHY: (),
    Level.WATCH: (_at_level,),
    Level.THROTTLED: (_at_level, _moved_back, _throttle_step),
    Level.PAUSED: (_moved_at_rest, _way_back),
    Level.RECOVERING: (_refused, _ramp_step),
}
