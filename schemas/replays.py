"""What was processed again: who had it done, why, and where in the log the record lies now.

A replay appends a record again to the topic it came from, with the same key and bytes, so everything behind that topic
sees it as it would a sender's repetition. For a dead letter there is one entry a letter; a replay of a topic has one
entry as a whole, which grows. Entries are written once the
records they tell of are in the log.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.errors import MailweirError
from schemas.events import Millis
from schemas.rulings import MAX_WHO, MAX_WHY

HEADER = "mailweir-replay"
"""The Kafka header of every record that a replay appended; its value is the replay's id."""


@dataclass(slots=True, kw_only=True)
class Replay:
    """`dead_letter_id` "" and partition and offset -1: the replay of a topic as a whole, `records` of it so far.

    `again_partition`, `again_offset`: where the record lies now, in `origin_topic`.
    """

    replay_id: str
    tenant: str
    dead_letter_id: str
    who: str
    why: str
    replayed_at: Millis
    origin_topic: str
    origin_partition: int
    origin_offset: int
    again_partition: int
    again_offset: int
    records: int


class NotReplayedError(MailweirError):
    """A replay cannot be made as it was asked for; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Whose replay it is and why. `replay_id`: of the person's whole request."""

    replay_id: str
    who: str
    why: str


def wish(replay_id: str, who: str, why: str) -> Wish:
    """The two texts, trimmed. Raises NotReplayedError for one that is empty or too long."""
    found = {"who": " ".join(who.split()), "why": why.strip()}
    for (name, bound), missing in zip((("who", MAX_WHO), ("why", MAX_WHY)), ("your name", "the reason"), strict=True):
        if not found[name]:
            raise NotReplayedError(f"the field {name} is empty; say {missing}")
        if len(found[name]) > bound:
            raise NotReplayedError(f"the field {name} has {len(found[name])} characters; at most {bound} are kept")
    return Wish(replay_id=replay_id, **found)
