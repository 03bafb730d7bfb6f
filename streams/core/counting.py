"""From columns of email events to counts per (tenant, kind, key, source, minute).

One event counts once for each kind of key it has (IP, campaign, campaign at a provider, ...). Texts become
codes, codes become rows, and only a row's key becomes a Python object: no event does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.aggregates import KeyKind
from schemas.memo import Memo
from streams.core.bodies import Block
from streams.core.compiled import Ints, SmallInts, as_bytes, slices
from streams.core.grouping import count_rows, join_keys
from streams.core.meaning import METRICS, metric_of, part_of

MINUTE_MS = 60_000
COLUMNS: tuple[str, ...] = (  # in the order of the record
    "event_id", "tenant", "source", "event_type", "occurred_at", "received_at", "mailbox_provider", "campaign_id",
    "sending_ip", "ip_pool", "sending_domain", "bounce_reason", "bounce_permanence", "bounce_blocklist", "machine",
)  # fmt: skip
# Each kind of key with the columns it is made of. Plain texts: an enum member's hash is a Python call.
KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (KeyKind.TENANT.value, ("tenant",)),
    (KeyKind.CAMPAIGN.value, ("campaign_id",)),
    (KeyKind.IP.value, ("sending_ip",)),
    (KeyKind.IP_POOL.value, ("ip_pool",)),
    (KeyKind.DOMAIN.value, ("sending_domain",)),
    (KeyKind.PROVIDER.value, ("mailbox_provider",)),
    (KeyKind.CAMPAIGN_PROVIDER.value, ("campaign_id", "mailbox_provider")),
    (KeyKind.IP_PROVIDER.value, ("sending_ip", "mailbox_provider")),
    (KeyKind.DOMAIN_PROVIDER.value, ("sending_domain", "mailbox_provider")),
)
_MEANING = ("event_type", "bounce_reason", "bounce_permanence", "machine", "bounce_blocklist")
_FRAME = ("tenant", "source")  # what every key has beside its own parts and the minute
_PARTS = tuple(dict.fromkeys(name for _, names in KINDS for name in names))
# The same for compiled loops: places in _PARTS, -1 where a key has one part only; and the names on end.
_KIND_PARTS = np.array([[*map(_PARTS.index, names), -1][:2] for _, names in KINDS], np.int64)
_KIND_NAMES = as_bytes("".join(kind for kind, _ in KINDS).encode())
_KIND_NAME_ENDS = np.cumsum([len(kind) for kind, _ in KINDS])
_MARKS = as_bytes(b"\x1f|")


@dataclass(slots=True)
class Increments:
    """What a batch adds, one row for each of the distinct `keys` (`row_key`).

    `counts`: shape (keys, METRICS). `oldest`, `newest`: the receipt times a row's events span (ms). `entries`: the
    counts again, by second; shape (entries, 4): row, seconds after `first_second`, metric, how many.
    """

    keys: list[bytes]
    counts: Ints
    oldest: Ints
    newest: Ints
    first_second: int
    entries: SmallInts


def row_key(tenant: str, kind: str, key: str, source: str, minute: int | str) -> bytes:
    """The changelog key of a row."""
    return f"{tenant}\x1f{kind}\x1f{key}\x1f{source}\x1f{minute}".encode()


def key_parts(row: bytes) -> tuple[str, str, str, str, str]:
    """Tenant, kind, key, source and minute of a `row_key`. Raises ValueError for what is none."""
    tenant, kind, rest = row.decode().split("\x1f", 2)  # only `key` is a stranger's text and may hold anything
    key, source, minute = rest.rsplit("\x1f", 2)
    return tenant, kind, key, source, minute


@dataclass(frozen=True, slots=True)
class Events:
    """Some email events of a block: the values at `rows`, in order. A part of them shares the block.

    `seconds`: the slot that each falls into (`core/slots.py`).
    """

    block: Block
    rows: Ints
    seconds: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice) -> Events:
        return Events(self.block, self.rows[part], self.seconds[part])

    def texts(self, name: str) -> list[str]:
        """A column's texts."""
        return [self.block.text(name, row) for row in self.rows.tolist()]


def count(events: Events) -> Increments:
    """Counts of distinct events, read with COLUMNS. Order does not matter."""
    block, rows = events.block, events.rows
    (frame, _), (meanings, kinds_of), *coded = block.code((_FRAME, _MEANING, *((name,) for name in _PARTS)), rows)
    parts = np.array([codes for codes, _ in coded])
    empty = np.array([_empty_code(block, name, firsts) for name, (_, firsts) in zip(_PARTS, coded, strict=True)])
    metrics = np.array([_METRICS[meaning] for meaning in block.joined(_MEANING, kinds_of)], np.int64).reshape(-1, 2)
    received = block.number("received_at")[rows]
    occurred = np.minimum(block.number("occurred_at")[rows], received)  # a sender's clock may be days ahead
    minutes = occurred // MINUTE_MS * MINUTE_MS
    first = int(events.seconds.min()) if len(events) else 0
    numbers, counts, entries = count_rows(
        _KIND_PARTS, frame, parts, empty, minutes, received, meanings, metrics, events.seconds - first, len(METRICS)
    )
    return Increments(_keys(events, numbers, minutes), counts, numbers[:, 2], numbers[:, 3], first, entries)


def _empty_code(block: Block, name: str, firsts: Ints) -> int:
    """Which code of a column means the empty text; -1 if none does."""
    places = np.flatnonzero(block.sizes[block.slot(name), firsts] == 0)
    return int(places[0]) if len(places) else -1


def _metrics(meaning: bytes) -> tuple[int, int]:
    """The places of the metric and of the part it counts as beside, -1 for none."""
    texts = meaning.decode().split("\x1f")[:-1]
    if len(texts) != len(_MEANING):
        return METRICS.index("other"), -1  # a separator within: nobody's
    *known, blocklist = texts
    metric = metric_of(*known)
    part = part_of(metric, known[1], blocklist)
    return METRICS.index(metric), METRICS.index(part) if part else -1


_METRICS = Memo(_metrics, 4096)  # by the texts of _MEANING, each with a separator behind it


def _keys(events: Events, numbers: Ints, minutes: Ints) -> list[bytes]:
    """The rows' changelog keys, as `row_key` makes them."""
    block = events.block
    frame = np.array([block.slot(name) for name in _FRAME], np.int64)
    slots = np.array([block.slot(name) for name in _PARTS], np.int64)
    kinds = np.where(_KIND_PARTS < 0, -1, slots[_KIND_PARTS])
    return slices(
        *join_keys(
            block.data, block.starts, block.sizes, frame, kinds, events.rows, numbers, minutes,
            _KIND_NAMES, _KIND_NAME_ENDS, _MARKS,
        )
    )  # fmt: skip
