"""All keys together: verdicts, ticks and rulings in, decisions out; a pure function of what it was given, in order.

Times are the log's. A verdict older than the newest, or taken in before, is a repetition and changes nothing, and so
is a tick. What is remembered can be taken out key by key (`changed`) and put back (`restore`) at any point; a desk that
was put back goes on as if it had never stopped, byte for byte. Beside the keys' own states there is one per tenant
(limits), one per IP that hit spam traps, and one for the clock, under kinds of their own.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable
from dataclasses import replace

from schemas.aggregates import KeyKind, Level
from schemas.policy import Policy
from schemas.remediation import Decision, Ruling
from schemas.reports import StandingReport
from schemas.verdicts import Verdict
from streams.core.remediation.actions import STOPPING, is_bad, place_of
from streams.core.remediation.blame import Blame
from streams.core.remediation.limits import Tenant
from streams.core.remediation.machine import advance, take
from streams.core.remediation.permission import ALONE, Context
from streams.core.remediation.rulings import Case, place_of_decision, ruled
from streams.core.remediation.state import NOTHING, KeyState, StateKey, as_text, canonical, from_text
from streams.core.remediation.traps import TRAPS, Traps
from streams.core.remediation.wake import next_look

LIMITS, CLOCK = "limits", "clock"  # kinds of states that are no key's
_CLOCK_PLACE: StateKey = ("", CLOCK, "")


class Desk:
    """States of every key in trouble. Not thread-safe; grows with keys in trouble, not with keys watched."""

    def __init__(self, policy_of: Callable[[str], Policy]) -> None:
        """`policy_of`: the policy of a tenant; must give the same for the same name while the desk lives."""
        self._policy_of = policy_of
        self._states: dict[StateKey, KeyState] = {}
        self._tenants: dict[str, Tenant] = {}
        self._blame = Blame()
        self._alarms: list[tuple[int, tuple[int, str, str], StateKey]] = []
        self._armed: dict[StateKey, int] = {}
        self._judged_at = self._ticked_at = 0
        self._traps = Traps(policy_of, self.state)
        self._changed: set[StateKey] = set()

    def judge(self, verdict: Verdict) -> list[Decision]:
        """What this verdict calls for. Verdicts come in log order, those of a slot in `judging_order`."""
        if verdict.at < self._judged_at:
            return []
        self._pass(judged_at=verdict.at)
        place = (verdict.tenant, str(verdict.kind), verdict.key)
        if verdict.kind == KeyKind.TENANT:
            self._count(verdict)
        before = self._states.get(place, NOTHING)
        state = take(before, verdict)
        if state is before:
            return []
        return self._advance(place, state)

    def pass_time(self, at_ms: int) -> list[Decision]:
        """A tick: what falls due without a verdict, key by key, narrow kinds first."""
        if at_ms <= self._ticked_at:
            return []
        self._pass(ticked_at=at_ms)
        return [
            *(decision for place in self._due() for decision in self._advance(place, self._states[place])),
            *self._told_of_traps(),
        ]

    def report(self, report: StandingReport) -> list[Decision]:
        """What a mailbox provider says of an IP: hits of spam traps are told, everything else is passed over."""
        self._changed.update(self._traps.take(report, self._now))
        return self._told_of_traps()

    def rule(self, ruling: Ruling, decision: Decision | None) -> list[Decision]:
        """What a person's word on `decision` (as it is stored; None: nobody knows it) calls for."""
        if decision is None or decision.tenant != ruling.tenant or decision.decision_id != ruling.decision_id:
            return []
        place, policy = place_of_decision(decision), self._policy_of(decision.tenant)
        before = self._states.get(place, NOTHING)
        state, made = ruled(Case(before, ruling, decision, policy, self._now))
        if state is not before:
            self._keep(place, replace(state, wake_at=next_look(state, policy, self._now)))
        return [made] if made else []

    def state(self, tenant: str, kind: str, key: str) -> KeyState:
        """What is remembered of one key."""
        return self._states.get((tenant, kind, key), NOTHING)

    def changed(self) -> list[tuple[StateKey, str]]:
        """Keys whose state changed since the last call, sorted, with the state as one line; "": forget it."""
        found = [(place, self._text(place)) for place in sorted(self._changed)]
        self._changed.clear()
        return found

    def restore(self, states: Iterable[tuple[StateKey, str]]) -> None:
        """Put back what `changed` gave out: of every key the newest. Raises ValueError for what it did not write."""
        keys: dict[StateKey, KeyState] = {}
        for place, text in states:
            if place == _CLOCK_PLACE and text:
                clock = json.loads(text)
                self._judged_at, self._ticked_at = clock["judged_at"], clock["ticked_at"]
            elif place[1] == LIMITS and text:
                self._tenant(place[0]).take(text)
            elif place[1] == TRAPS and text:
                self._traps.restore(place, text)
            elif text:
                keys[place] = from_text(text)
        for place, state in sorted(keys.items(), key=lambda item: (item[1].blamed_at, item[0])):
            self._keep(place, state)
        self._changed.clear()

    @property
    def _now(self) -> int:
        return max(self._judged_at, self._ticked_at)

    def _pass(self, judged_at: int = 0, ticked_at: int = 0) -> None:
        if judged_at > self._judged_at or ticked_at > self._ticked_at:
            self._changed.add(_CLOCK_PLACE)
        self._judged_at, self._ticked_at = max(self._judged_at, judged_at), max(self._ticked_at, ticked_at)

    def _told_of_traps(self) -> list[Decision]:
        decisions, changed = self._traps.due(self._now)
        self._changed.update(changed)
        return decisions

    def _advance(self, place: StateKey, state: KeyState) -> list[Decision]:
        policy = self._policy_of(place[0])
        after, decisions = advance(state, place, self._now, policy, self._context(place, state, policy))
        self._keep(place, after)
        for decision in decisions:
            if decision.action in STOPPING:
                self._tenant(place[0]).count_stop(self._now)
                self._changed.add((place[0], LIMITS, ""))
        return decisions

    def _context(self, place: StateKey, state: KeyState, policy: Policy) -> Context:
        """What the others say; only asked for a key in trouble."""
        if state.last is None or not is_bad(state.last.level):
            return ALONE
        tenant, still = self._tenant(place[0]), None
        if policy.max_paused_share < 1.0 and place[1] == KeyKind.CAMPAIGN:
            still = tenant.share_with(place, state.volume)
        return Context(self._blame.explains(state.last, self._now), tenant.stops_since(self._now), still)

    def _keep(self, place: StateKey, state: KeyState) -> None:
        if state == NOTHING:
            self._states.pop(place, None)
        else:
            self._states[place] = state
        self._blame.keep(place, state.blamed_at)
        self._changed.add(place)
        self._arm(place, state.wake_at)
        if place[1] == KeyKind.CAMPAIGN:
            self._tenant(place[0]).keep(place, state.volume.daily if state.phase == Level.PAUSED else 0.0)

    def _arm(self, place: StateKey, wake_at: int) -> None:
        """An alarm no later than `wake_at`; the one that rings too early is set again then."""
        armed = self._armed.get(place, 0)
        if wake_at and (not armed or wake_at < armed):
            self._armed[place] = wake_at
            heapq.heappush(self._alarms, (wake_at, place_of(*place), place))

    def _due(self) -> list[StateKey]:
        """Keys to be looked at now, narrow kinds first."""
        due: set[StateKey] = set()
        while self._alarms and self._alarms[0][0] <= self._now:
            at, _, place = heapq.heappop(self._alarms)
            if self._armed.get(place) != at:
                continue
            del self._armed[place]
            wake_at = self._states[place].wake_at if place in self._states else 0
            if wake_at > self._now:
                self._arm(place, wake_at)
            elif wake_at:
                due.add(place)
        return sorted(due, key=lambda place: place_of(*place))

    def _tenant(self, name: str) -> Tenant:
        return self._tenants.setdefault(name, Tenant())

    def _count(self, verdict: Verdict) -> None:
        tenant = self._tenant(verdict.tenant)
        if verdict.at > tenant.volume.at:
            tenant.count(verdict)
            self._changed.add((verdict.tenant, LIMITS, ""))

    def _text(self, place: StateKey) -> str:
        if place == _CLOCK_PLACE:
            return canonical({"judged_at": self._judged_at, "ticked_at": self._ticked_at})
        if place[1] == LIMITS:
            return self._tenant(place[0]).as_text()
        if place[1] == TRAPS:
            return self._traps.text(place)
        return as_text(self._states.get(place, NOTHING))
