"""Mail to spam traps, as a mailbox provider reports it: a word to a person, never a stop.

SNDS counts hits by IP and day and names neither campaign nor trap; it tells of a day one or two days later, and again
whenever it is asked. One IP may carry many campaigns, and resting it would cure nothing. So hits become an alert about
the IP with the cause `trap`: once a day at most, the newest day of hits, as the policy and its quiet hours allow. What
is remembered is a few numbers for each IP that has been hit, for 30 days.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.aggregates import KeyKind, Level
from schemas.identity import digest
from schemas.policy import Policy
from schemas.remediation import Action, Cause, Decision, Mode
from schemas.reports import StandingReport
from schemas.topics import DAY_MS
from streams.core.remediation.permission import ALONE, Wish, permit
from streams.core.remediation.state import Act, KeyState, StateKey, canonical

TRAPS = "traps"  # the kind of states that are no key's
FRESH_MS = 7 * DAY_MS  # older hits are not news
REMEMBERED_MS = 30 * DAY_MS
STEP = "trap"


class Hits(NamedTuple):
    """What one report says: how many on the day from `begins_at` to `ends_at` (ms), told by the source `source`."""

    source: str
    begins_at: int
    ends_at: int
    messages: int
    detail: str


@dataclass(frozen=True, slots=True)
class Known:
    """Of one IP. `day`: the newest that was said, `said_at` when (ms, 0: never); `waiting`: what is to be said, not
    before `until`."""

    day: int = 0
    said_at: int = 0
    waiting: Hits | None = None
    until: int = 0


NOBODY = Known()


def tells_of_traps(report: StandingReport) -> bool:
    """Does it say that mail of an IP went to spam traps?"""
    return (report.provider, report.metric) == ("snds", "trap_hits") and report.value >= 1 and bool(report.sending_ip)


class Traps:
    """What is known of every IP that was hit. A function of the reports and of the times it is asked at."""

    def __init__(self, policy_of: Callable[[str], Policy], state_of: Callable[[str, str, str], KeyState]) -> None:
        """`state_of`: what remediation remembers of a key."""
        self._policy_of, self._state_of = policy_of, state_of
        self._known: dict[StateKey, Known] = {}

    def take(self, report: StandingReport, now: int) -> list[StateKey]:
        """Remember what it says, if it is news; the places that changed."""
        place = (report.tenant, TRAPS, report.sending_ip)
        known = self._known.get(place, NOBODY)
        newest = max(known.day, known.waiting.begins_at if known.waiting else 0, now - FRESH_MS)
        if not tells_of_traps(report) or report.begins_at <= newest:
            return []
        waiting = Hits(report.source, report.begins_at, report.ends_at, int(report.value), report.detail)
        self._known[place] = replace(known, waiting=waiting, until=known.said_at + DAY_MS if known.said_at else now)
        return [place]

    def due(self, now: int) -> tuple[list[Decision], list[StateKey]]:
        """The words that are due, and the places that changed; what is no news any more is forgotten."""
        decisions, changed = [], []
        for place, known in sorted(self._known.items()):
            after, decision = self._said(place, known, now)
            if after == known:
                continue
            changed.append(place)
            decisions += [decision] if decision else []
            if after == NOBODY:
                del self._known[place]
            else:
                self._known[place] = after
        return decisions, changed

    def text(self, place: StateKey) -> str:
        """Canonical JSON; "" for nothing."""
        return canonical(asdict(self._known[place])) if place in self._known else ""

    def restore(self, place: StateKey, text: str) -> None:
        """The inverse of `text`. Raises ValueError or TypeError for what it did not write."""
        found = Known(**json.loads(text))
        self._known[place] = replace(found, waiting=Hits(*found.waiting)) if found.waiting else found

    def _said(self, place: StateKey, known: Known, now: int) -> tuple[Known, Decision | None]:
        hits = known.waiting
        if hits is None:
            return (NOBODY if known.said_at <= now - REMEMBERED_MS else known), None
        if now < known.until:
            return known, None
        if hits.begins_at <= now - FRESH_MS:
            return replace(known, waiting=None, until=0), None
        key = (place[0], str(KeyKind.IP), place[2])
        policy, state = self._policy_of(place[0]), self._state_of(*key)
        allowed = permit(Wish(Act(Action.ALERT, state.share, state.phase, STEP)), key, policy, ALONE, now)
        if allowed.waits_until:
            return replace(known, until=allowed.waits_until), None
        decision = _decision(key, hits, state, policy, allowed.mode, now) if allowed.act else None
        return Known(day=hits.begins_at, said_at=now), decision


def _decision(key: StateKey, hits: Hits, state: KeyState, policy: Policy, mode: Mode, now: int) -> Decision:
    tenant, kind, name = key
    day = datetime.fromtimestamp(hits.begins_at / 1000, UTC).date().isoformat()
    what = f"{hits.messages} {'message' if hits.messages == 1 else 'messages'} of {name} went to spam traps on {day}"
    todo = f"Look at address {name}: find the campaigns that mail addresses nobody signed up with."
    found = {"hits": hits._asdict(), "resumes": "nothing is held back", "policy": {"version": policy.version}}
    return Decision(
        decision_id=digest("traps", tenant, name, hits.begins_at),
        tenant=tenant,
        kind=kind,
        key=name,
        action=Action.ALERT,
        mode=mode,
        level=Level.WATCH,
        previous_level=state.phase,
        reason=f"{what}, says SNDS. {todo}",
        evidence=canonical(found),
        policy_version=policy.version,
        sending_ip=name,
        sources=[hits.source],
        as_of=hits.ends_at,
        first_signal_at=hits.begins_at,
        decided_at=now,
        share=state.share,
        cause=str(Cause.TRAP),
        state=state.phase,
    )
