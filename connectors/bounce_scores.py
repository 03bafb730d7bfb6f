"""How well the bounce rules read replies they were not written from: agreement, precision, recall.

A labelled file has a line per reply: reason, verdict, source, reply, separated by tabs; lines that start
with "#" and the header are skipped. The verdict says whether a person who reads the reply would suppress
the address ("suppress") or not ("keep"). Precision is the share of our suppressions that a reader makes
too, recall the share of a reader's suppressions that we make; both have a 95 % Wilson interval, since a
few hundred lines prove less than they seem to (E. B. Wilson, JASA 22 (1927), 209-212).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt

from connectors.bounces import classify
from schemas.events import BounceAction, BounceReason

_Z = 1.959964  # 95 %, two-sided
_SUPPRESS, _KEEP = "suppress", "keep"
_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Labelled:
    """One reply with what a reader makes of it."""

    reason: BounceReason
    is_suppressed: bool
    source: str
    reply: str


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` out of `count`; the share is 1 where there is nothing to count."""

    hits: int
    count: int

    @property
    def share(self) -> float:
        """`hits` by `count`."""
        return self.hits / self.count if self.count else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the share."""
        if not self.count:
            return 0.0, 1.0
        n, p, square = self.count, self.share, _Z * _Z
        middle = (p + square / (2 * n)) / (1 + square / n)
        half = _Z * sqrt(p * (1 - p) / n + square / (4 * n * n)) / (1 + square / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of one labelled file. `missed`: (label, what we said, the rule that said it)."""

    reasons: Share
    precision: Share
    recall: Share
    missed: tuple[tuple[Labelled, BounceReason, str], ...]


def read(lines: Iterable[str]) -> Iterator[Labelled]:
    """The labelled replies of a file. Raises ValueError for a line that is not one, with its number."""
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        if not text or text.startswith(("#", "reason\t")):
            continue
        parts = text.split("\t", _COLUMNS - 1)
        if len(parts) != _COLUMNS or parts[1] not in {_SUPPRESS, _KEEP}:
            raise ValueError(f"line {number}: expected reason, suppress or keep, source and reply, with tabs between")
        yield Labelled(BounceReason(parts[0]), parts[1] == _SUPPRESS, parts[2], parts[3])


def score(labelled: Iterable[Labelled]) -> Score:
    """The rules' figures on these replies."""
    replies = tuple(labelled)
    found = tuple(classify(item.reply) for item in replies)
    ours = tuple(item.action is BounceAction.SUPPRESS for item in found)
    both = sum(we and item.is_suppressed for we, item in zip(ours, replies, strict=True))
    missed = tuple(
        (item, said.reason, said.rule)
        for item, said in zip(replies, found, strict=True)
        if said.reason is not item.reason
    )
    return Score(
        reasons=Share(len(replies) - len(missed), len(replies)),
        precision=Share(both, sum(ours)),
        recall=Share(both, sum(item.is_suppressed for item in replies)),
        missed=missed,
    )
