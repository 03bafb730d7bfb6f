"""When must a key be looked at again, if nothing is heard of it? So the desk knows which keys a tick concerns."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.aggregates import Level
from schemas.policy import Policy
from schemas.topics import DAY_MS, HOUR_MS
from streams.core.remediation.actions import is_bad
from streams.core.remediation.state import NOTHING, KeyState

QUIET_MS = HOUR_MS  # without a signal: an episode is over
WEEK_MS = 7 * DAY_MS  # how long a stop counts as the last one's repetition
FORGOTTEN_MS = 30 * DAY_MS  # as long as verdicts are kept
WARNED_MS = 29 * DAY_MS


def minutes(count: int) -> int:
    """Milliseconds."""
    return count * 60_000


def is_concerned(state: KeyState) -> bool:
    """Is something said that waits for an answer, with the trouble still there?"""
    is_in_trouble = bool(state.pending or state.held) or (state.last is not None and is_bad(state.last.level))
    return bool(state.said_at) and is_in_trouble


def next_look(state: KeyState, policy: Policy, now: int) -> int:
    """The next time at which something may be due; 0: never. What was due and not done is looked at a step later."""
    if state == NOTHING:
        return 0
    later = now + minutes(policy.recovery.step_min)
    return min(at if at > now else later for at in (*_for_all(state, policy), *_OF_PHASE[state.phase](state, policy)))


def _for_all(state: KeyState, policy: Policy) -> Iterator[int]:
    if state.pending:
        yield state.pending.expires_at
    if state.waits_until:
        yield state.waits_until
    escalation = policy.escalation
    if escalation and is_concerned(state) and state.said_times < escalation.times:
        yield state.said_at + minutes(escalation.after_min)


def _over(state: KeyState, _: Policy) -> Iterator[int]:
    """The episode is over; what is left of it ends."""
    yield max((state.stops[-1] if state.stops else 0) + WEEK_MS, state.blamed_at + DAY_MS)


def _calm(state: KeyState, _: Policy) -> Iterator[int]:
    yield max(state.at, state.decided_at) + DAY_MS
    if state.quiet_since:
        yield state.quiet_since + QUIET_MS
    if state.steps:
        yield state.decided_at + DAY_MS


def _throttled(state: KeyState, policy: Policy) -> Iterator[int]:
    yield state.since + minutes(policy.recovery.step_min)


def _paused(state: KeyState, policy: Policy) -> Iterator[int]:
    yield from _forgetting(state)
    if policy.recovery.is_automatic and not state.held and not state.pending:
        yield state.since + minutes(policy.recovery.cool_down_min)


def _recovering(state: KeyState, policy: Policy) -> Iterator[int]:
    yield from _forgetting(state)
    if state.trial is None or not state.trial.is_accepted:
        return
    if state.share < 1.0:
        yield state.since + minutes(policy.recovery.step_min)
    else:
        yield from _calm(state, policy)


def _forgetting(state: KeyState) -> Iterator[int]:
    heard = max(state.at, state.decided_at)
    yield heard + WARNED_MS
    yield heard + FORGOTTEN_MS


_OF_PHASE = {
    Level.HEALTHY: _over,
    Level.WATCH: _calm,
    Level.THROTTLED: _throttled,
    Level.PAUSED: _paused,
    Level.RECOVERING: _recovering,
}
