"""What a decision would have held back: mail of its campaign that was sent while the decision would have been in force.

A stop or a limit is in force from its decision to the next one on the same key. One that waits for a person was never
in force in a back-test, so its span is what would have been, had somebody agreed at once: until the next decision, or
until it would have come too late. A campaign at one mailbox provider counts what its campaign alone lets through.
Addresses that rest send elsewhere, so nothing is held back by them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.aggregates import KeyKind
from schemas.remediation import Action, Decision, Mode

_LIMITING = frozenset({Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN, Action.THROTTLE})
_KINDS = frozenset({KeyKind.CAMPAIGN, KeyKind.CAMPAIGN_PROVIDER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A decision's time in force, from `begin` up to, not including, `end` (ms); `share` is let through.

    `provider`: the mailbox provider it is about, "" for all. `is_done`: in mode act, nobody had to agree.
    """

    place: int  # of the decision
    tenant: str
    campaign_id: str
    provider: str
    begin: int
    end: int
    share: float
    is_done: bool


class Sent(NamedTuple):
    """Messages, and how many of them bounced for good (list quality) or were complained about."""

    messages: float = 0.0
    bounces: float = 0.0
    complaints: float = 0.0

    def plus(self, other: Sent, weight: float) -> Sent:
        """With a share of others."""
        return Sent(*(mine + weight * theirs for mine, theirs in zip(self, other, strict=True)))

    def rounded(self) -> Sent:
        """In whole messages."""
        return Sent(*(float(round(number)) for number in self))


NONE_SENT = Sent()
Cells = Mapping[tuple[int, str], Sent]
"""What a campaign sent, by stretch (0: before the first edge) and mailbox provider."""


def spans_of(decisions: Sequence[Decision], until: int) -> list[Span]:
    """The spans of the decisions that hold something back, in their order. `until`: the end of the back-test (ms)."""
    found: list[Span] = []
    following: dict[tuple[str, str, str], int] = {}  # of each key: when the next decision is in force
    proposed: dict[tuple[str, str, str], int] = {}  # or is made at all
    for place in range(len(decisions) - 1, -1, -1):
        decision = decisions[place]
        key = (decision.tenant, decision.kind, decision.key)
        if decision.kind not in _KINDS or decision.action not in _LIMITING:
            continue
        is_waiting = decision.mode == Mode.APPROVE
        end = min((proposed if is_waiting else following).get(key, until), until)
        if is_waiting and decision.expires_at:
            end = min(end, decision.expires_at)
        if decision.share < 1.0 and end > decision.decided_at:
            found.append(_span(decision, place, end))
        proposed[key] = decision.decided_at
        if not is_waiting:
            following[key] = decision.decided_at
    return found[::-1]


def _span(decision: Decision, place: int, end: int) -> Span:
    return Span(
        place=place,
        tenant=decision.tenant,
        campaign_id=decision.campaign_id,
        provider=decision.mailbox_provider,
        begin=decision.decided_at,
        end=end,
        share=decision.share,
        is_done=decision.mode == Mode.ACT,
    )


def edges_of(spans: Iterable[Span]) -> list[int]:
    """When anything begins or ends, rising."""
    return sorted({at for span in spans for at in (span.begin, span.end)})


def held_back(spans: Sequence[Span], cells: Cells) -> list[Sent]:
    """What each span of one campaign holds back; `cells` by the stretches between `edges_of(spans)`."""
    edges = edges_of(spans)
    return [_held(span, spans, edges, cells).rounded() for span in spans]


def _held(span: Span, spans: Sequence[Span], edges: Sequence[int], cells: Cells) -> Sent:
    found = NONE_SENT
    for (stretch, provider), sent in sorted(cells.items()):
        begin = edges[stretch - 1] if stretch else -1
        if span.begin <= begin < span.end and span.provider in {"", provider}:
            found = found.plus(sent, (1.0 - span.share) * _let_through(span, spans, begin))
    return found


def _let_through(span: Span, spans: Sequence[Span], at: int) -> float:
    """The share that the whole campaign is allowed, where the span is about a part of it."""
    if not span.provider:
        return 1.0
    wider = (s for s in spans if not s.provider and s.is_done == span.is_done and s.begin <= at < s.end)
    return min((s.share for s in wider), default=1.0)
