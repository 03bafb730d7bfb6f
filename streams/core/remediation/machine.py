"""One key's memory: which episode it is in, what was decided, and whether anything new is to be done.

An episode begins with the first score above healthy. It ends when the key has been healthy for an hour
of event time, or a day after its last decision if nothing was stopped. Within an episode each step
(action at level) is decided once; levels falling back do nothing. A key that was stopped stays stopped:
no second pause is decided until a resume is, and resuming by evidence is not built yet. Decisions are
deterministic: the id hashes the key, the step and the episode's number, which counts episodes with
decisions, so that `restore` finds the same number in the decisions themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from schemas.aggregates import RANK, KeyKind, Level, ReputationScore, Signal
from schemas.config import Policy
from schemas.identity import digest
from schemas.remediation import Action, Decision
from schemas.topics import DAY_MS, HOUR_MS
from streams.core.remediation.actions import STOPPING, wanted

QUIET_MS = HOUR_MS  # event time without a signal that ends an episode
Step = tuple[str, str]  # action, level
StateKey = tuple[str, str, str]  # tenant, kind, key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """What is remembered. `level` is the highest decided level of the episode; `steps` what was decided
    at which level; `first_signal_at` wall time, `quiet_since` and `decided_as_of` event time (ms, 0: none).
    """

    level: Level = Level.HEALTHY
    episodes: int = 0  # with at least one decision, the current one included
    steps: frozenset[Step] = frozenset()
    first_signal_at: int = 0
    quiet_since: int = 0
    decided_as_of: int = 0

    @property
    def is_stopped(self) -> bool:
        """Was a pause or a rest decided in this episode?"""
        return any(action in STOPPING for action, _ in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What other keys say. `explained_by`: the narrower key that causes this one's trouble, "" if none;
    `stops_last_hour`: pauses and rests decided for this tenant in the last hour."""

    explained_by: str = ""
    stops_last_hour: int = 0


ALONE = Context()


def step(
    state: KeyState, score: ReputationScore, policy: Policy, now_ms: int, context: Context = ALONE
) -> tuple[KeyState, Decision | None]:
    """The key's next state, and the decision if there is a new one. `now_ms` is wall time."""
    if score.level == Level.HEALTHY:
        return _quiet(state, score), None
    if state.steps and not state.is_stopped and score.as_of - state.decided_as_of >= DAY_MS:
        state = KeyState(episodes=state.episodes)
    state = replace(state, quiet_since=0, first_signal_at=state.first_signal_at or now_ms)
    action = wanted(score)
    if action is None or context.explained_by or state.is_stopped or RANK[Level(score.level)] < RANK[state.level]:
        return state, None
    if action in {done for done, level in state.steps if level == score.level}:
        return state, None
    action, note = _permitted(action, policy, context)
    if action is None or (action, score.level) in state.steps:
        return state, None
    decided = replace(
        state,
        level=Level(score.level),
        episodes=state.episodes + (not state.steps),
        steps=state.steps | {(action, score.level)},
        decided_as_of=score.as_of,
    )
    return decided, _decision(state, decided, score, policy, action, note, now_ms)


def restore(decisions: Iterable[Decision]) -> dict[StateKey, KeyState]:
    """The states that these decisions (every one of the topic, in any order) leave behind.

    An episode that had ended in quiet is found open again; it ends as soon as quiet is seen again.
    """
    states: dict[StateKey, KeyState] = {}
    for decision in sorted(decisions, key=lambda d: (d.decided_at, d.as_of, d.decision_id)):
        place = (decision.tenant, decision.kind, decision.key)
        held = states.get(place, KeyState())
        is_same = held.first_signal_at == decision.first_signal_at
        steps = held.steps if is_same else frozenset()
        states[place] = KeyState(
            level=Level(decision.level),
            episodes=held.episodes + (not steps),
            steps=steps | {(decision.action, decision.level)},
            first_signal_at=decision.first_signal_at,
            decided_as_of=decision.as_of,
        )
    return states


def _quiet(state: KeyState, score: ReputationScore) -> KeyState:
    """A healthy score: ends the episode once it has lasted, unless the key is stopped."""
    if state.is_stopped or not state.first_signal_at:
        return state
    since = state.quiet_since or score.as_of
    if score.as_of - since < QUIET_MS:
        return replace(state, quiet_since=since)
    return KeyState(episodes=state.episodes)


def _permitted(action: Action, policy: Policy, context: Context) -> tuple[Action | None, str]:
    """The action that policy and limit leave, and the sentence that says why it is not the wanted one."""
    note = ""
    if action in STOPPING and context.stops_last_hour >= policy.max_pauses_per_hour:
        note = (
            f" It is not stopped, because {context.stops_last_hour} were stopped in the last hour and the policy"
            f" allows {policy.max_pauses_per_hour}; a person should look."
        )
        action = Action.ALERT
    if action not in policy.actions:
        note += f" The policy does not allow {action}."
        action = Action.ALERT
    return (action if action in policy.actions else None), note


_VERBS = {
    Action.PAUSE_CAMPAIGN: "Pause", Action.RESUME_CAMPAIGN: "Resume", Action.THROTTLE: "Slow down",
    Action.REST_IP: "Rest", Action.ALERT: "Look at",
}  # fmt: skip
_NOUNS = {
    KeyKind.CAMPAIGN: "campaign", KeyKind.IP: "address", KeyKind.IP_POOL: "address pool",
    KeyKind.DOMAIN: "sending domain", KeyKind.PROVIDER: "mailbox provider", KeyKind.TENANT: "tenant",
    KeyKind.CAMPAIGN_PROVIDER: "campaign", KeyKind.IP_PROVIDER: "address", KeyKind.DOMAIN_PROVIDER: "sending domain",
}  # fmt: skip


def _decision(
    before: KeyState, after: KeyState, score: ReputationScore, policy: Policy, action: Action, note: str, now_ms: int
) -> Decision:
    kind = KeyKind(score.kind)
    name, provider = parts_of(kind, score.key)
    return Decision(
        decision_id=digest(score.tenant, score.kind, score.key, action, score.level, after.episodes),
        tenant=score.tenant,
        kind=score.kind,
        key=score.key,
        action=action,
        mode=policy.mode,
        level=score.level,
        previous_level=before.level,
        reason=_reason(kind, name, provider, action, score) + note,
        evidence=json.dumps(asdict(score), sort_keys=True, separators=(",", ":")),
        policy_version=policy.version,
        campaign_id=name if kind in {KeyKind.CAMPAIGN, KeyKind.CAMPAIGN_PROVIDER} else "",
        sending_ip=name if kind in {KeyKind.IP, KeyKind.IP_PROVIDER} else "",
        mailbox_provider=provider,
        sources=list(score.sources),
        as_of=score.as_of,
        first_signal_at=after.first_signal_at,
        decided_at=now_ms,
    )


def parts_of(kind: KeyKind, key: str) -> tuple[str, str]:
    """A key's own name and its mailbox provider, "" where it has none."""
    if kind == KeyKind.PROVIDER:
        return key, key
    if kind in {KeyKind.CAMPAIGN_PROVIDER, KeyKind.IP_PROVIDER, KeyKind.DOMAIN_PROVIDER}:
        name, _, provider = key.rpartition("|")
        return name, provider
    return key, ""


def _reason(kind: KeyKind, name: str, provider: str, action: Action, score: ReputationScore) -> str:
    where = f" at {provider}" if provider and kind != KeyKind.PROVIDER else ""
    strongest = max(score.signals, key=lambda s: (RANK[Level(s.level)], _strength(s)))
    return (
        f"{strongest.explanation}. {_VERBS[action]} {_NOUNS[kind]} {name}{where}:"
        f" {strongest.detector} {strongest.statistic:.4g}, {score.level} from"
        f" {strongest.pause if score.level == Level.PAUSED else strongest.throttle:.4g};"
        f" score {score.score:.0f}, 90 % interval {score.score_low:.0f} to {score.score_high:.0f}."
    )


def _strength(signal: Signal) -> float:
    return signal.statistic / signal.pause
