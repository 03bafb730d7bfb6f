"""One rule for tests of what stands around the evaluator: somebody is in `recent-buyers` for 30 days after an order."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.announcements import RulesAnnounced
from schemas.journeys.journey import Journey
from schemas.segments.rules import Segment
from streams.core.journeys.flows import Flows
from streams.core.segments.announced import packed, packed_journeys, unpacked
from streams.core.segments.fact import Fact
from streams.core.segments.pieces import RECIPIENT
from streams.core.segments.program import Program
from streams.core.segments.recipient import Change, Recipient

DAY = 86_400_000
WITHIN = 30 * DAY
SEGMENT = "recent-buyers"


def segment(within: str = "30d", id_: str = SEGMENT) -> Segment:
    return Segment.model_validate(
        {"id": id_, "tenant": "acme", "rule": {"event": {"name": ["order_completed", "poison"], "within": within}}}
    )


class Delicate(Recipient):
    """Cannot bear a fact called `poison`; nor, where the key ends with `dead`, that time goes by."""

    def advance(self, now: int) -> list[Change]:
        if self.bodies[RECIPIENT].endswith(b"dead"):
            raise ZeroDivisionError("time")
        return super().advance(now)

    def apply(self, fact: Fact, now: int) -> list[Change]:
        if fact.name == "poison":
            raise ZeroDivisionError("poison")
        return super().apply(fact, now)


class Buyers(Program):
    """The program."""

    def open(self, recipient_key: str, packed: bytes | None) -> Recipient:
        return Delicate(self, recipient_key, packed)


def program(live: bytes, building: bytes) -> Program:
    """That of announced rules."""
    return Buyers(unpacked(live), unpacked(building))


def rules(
    *live: Segment, building: Sequence[Segment] = (), journeys: Sequence[Journey] = (),
    earlier: Sequence[Journey] = (), number: int = 1,
) -> RulesAnnounced:  # fmt: skip
    """The announcement of the only tenant's."""
    own = [each.model_copy(update={"tenant": "acme"}) for each in Flows(journeys, earlier).rules]
    return RulesAnnounced(
        tenant="acme", number=number, live=packed([*(live or [segment()]), *own]), building=packed(building),
        journeys=packed_journeys(journeys), earlier=packed_journeys(earlier),
    )  # fmt: skip
