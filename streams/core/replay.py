"""What may be processed again, and as what: rules about a dead letter and the record it came from.

The whole record is always appended again, never the one item that failed: only the whole is what the parser was
written for, and of its other items the events have the ids that are known already. Where the letter's record cannot be
had any more, or where a second one would do what the first did not fail to do, the answer is a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from schemas.config import Config
from schemas.envelope import RawWebhook
from schemas.identity import digest
from schemas.topics import (
    ACTIVITY_EVENTS,
    AUTH_REPORTS,
    DAY_MS,
    EMAIL_EVENTS,
    JOURNEY_STEPS,
    RECIPIENT_EVENTS,
    SEGMENT_TRANSITIONS,
    STANDING_REPORTS,
    TOPICS,
    WEBHOOKS,
)

AGAIN = frozenset(
    topic.name
    for topic in (
        *(WEBHOOKS, EMAIL_EVENTS, ACTIVITY_EVENTS, RECIPIENT_EVENTS),
        *(SEGMENT_TRANSITIONS, JOURNEY_STEPS, AUTH_REPORTS, STANDING_REPORTS),
    )
)
"""Topics whose readers know a record that comes again by its id."""
TOLD_AGAIN = frozenset({SEGMENT_TRANSITIONS.name, JOURNEY_STEPS.name})
"""Of those the ones whose readers tell others: the same `webhook-id`, but a call all the same."""
COUNTED_MS = 3 * DAY_MS
"""Older events are stored and not counted (`streams/core/partials.py`): their ids are no longer remembered."""
_RETENTION_MS = {topic.name: topic.retention_ms for topic in TOPICS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a replay needs to know of a dead letter. `original` is there only where `is_whole`.

    `is_whole`: the letter is about a record that could not be decoded, and holds its bytes.
    """

    dead_letter_id: str
    tenant: str
    source: str
    stage: str
    code: str
    received_at: int
    topic: str
    partition: int
    offset: int
    item_index: int
    original: bytes = b""

    @property
    def is_whole(self) -> bool:
        """Nothing of the record could be read, so the letter has no tenant of its own and the record's bytes."""
        return not (self.tenant or self.source) and self.item_index < 0


def objection(letter: Letter) -> str:
    """Why the letter's record is not appended again, "" where it may be."""
    if letter.topic not in AGAIN:
        return (
            f"records of {letter.topic} are not put back: its writer says anew what counts, and an old word must not"
            " follow a newer one"
        )
    is_turn = letter.topic == RECIPIENT_EVENTS.name and letter.dead_letter_id != digest(
        letter.topic, letter.partition, letter.offset, -1
    )
    if is_turn:
        return (
            "it is about the turn of a recipient, not about a record; the recipient's next event takes the turn again"
        )
    return ""


def gone(letter: Letter) -> str:
    """That the log has the letter's record no more."""
    days = _RETENTION_MS.get(letter.topic, 0) // DAY_MS
    kept = f", which keeps records for {days} days" if days else ""
    what = "the record is" if letter.item_index < 0 else "the request that the item came in is"
    return f"{what} no longer in {letter.topic}{kept}; the letter holds its bytes, but not what belongs to them"


def is_same(letter: Letter, value: bytes, raw: RawWebhook | None) -> bool:
    """Whether the record at the letter's position is the letter's: a log that began anew has other records there."""
    if letter.is_whole:
        return letter.original == value
    if raw is None:
        return letter.topic != WEBHOOKS.name
    return (raw.tenant, raw.source, raw.received_at) == (letter.tenant, letter.source, letter.received_at)


def as_configured(raw: RawWebhook, config: Config) -> RawWebhook:
    """The request with the provider that its source has now; everything else, its time of receipt too, stays."""
    source = config.source(raw.source)
    return raw if source is None or source.provider == raw.provider else replace(raw, provider=source.provider)


def consequences(ages_ms: Mapping[str, int]) -> list[str]:
    """What people must know before. `ages_ms`: for each topic, how long ago its oldest record was received."""
    said = []
    if any(topic in TOLD_AGAIN for topic in ages_ms):
        said.append(
            "Every webhook of segments or journeys that follows these is called again, with the webhook-id of before."
        )
    if max(ages_ms.values(), default=0) > COUNTED_MS:
        said.append(
            "Events older than 72 hours are stored, replacing what is there, and are not counted for reputation again."
        )
    return said
