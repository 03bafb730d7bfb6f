"""The tags of mail events that are read as columns: a list of texts, which no column has.

They stand right behind another text, whose end is known. Avro specification 1.11, "Arrays".
"""

from __future__ import annotations

import json
from functools import cache

from schemas.avro import newest
from schemas.events import EmailEvent
from streams.core.bodies import Block

_TAGS = "tags"


class TagReader:
    """Reads the tags of a block's rows. Its columns must have the text before them (`before_tags`)."""

    def __init__(self, block: Block) -> None:
        slot = block.slot(before_tags())
        self._data = block.data
        self._starts = (block.starts[slot] + block.sizes[slot]).tolist()
        self._no_tags: list[str] = []

    def of(self, row: int) -> list[str]:
        """The row's tags. Do not change the list."""
        at = self._starts[row]
        if not self._data[at]:
            return self._no_tags
        tags: list[str] = []
        count, at = self._long(at)
        while count:
            if count < 0:  # a block that says its size, which only others write
                count, (_, at) = -count, self._long(at)
            for _ in range(count):
                size, at = self._long(at)
                tags.append(self._data[at : at + size].tobytes().decode())
                at += size
            count, at = self._long(at)
        return tags

    def _long(self, at: int) -> tuple[int, int]:
        """A number in Avro's zigzag coding, and where it ends."""
        found = shift = 0
        while True:
            byte = int(self._data[at])
            at += 1
            found |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (found >> 1) ^ -(found & 1), at


@cache
def before_tags() -> str:
    """The text column that tags stand behind."""
    names = [field["name"] for field in json.loads(newest(EmailEvent).path.read_text(encoding="utf-8"))["fields"]]
    name: str = names[names.index(_TAGS) - 1]
    return name
