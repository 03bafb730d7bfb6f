"""From columns of email events to counts per (tenant, kind, key, source, minute).

One event counts once for each kind of key it has (IP, campaign, campaign at a provider, ...). Large
batches are coded and counted as columns, without a Python object per event; small ones are not worth the
three milliseconds that takes. Both ways give the same counts (property test).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from schemas.aggregates import KeyKind
from streams.core.meaning import METRICS, metric_index

MINUTE_MS = 60_000
COLUMNS: tuple[str, ...] = (  # in the order of the record
    "event_id", "tenant", "source", "event_type", "occurred_at", "received_at", "mailbox_provider", "campaign_id",
    "sending_ip", "ip_pool", "sending_domain", "bounce_reason", "bounce_permanence", "machine",
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
_MEANING = ("event_type", "bounce_reason", "bounce_permanence", "machine")
_FRAME = ("tenant", "source", "minute")  # what every key has beside its own parts
_PARTS = tuple(dict.fromkeys(name for _, names in KINDS for name in names))
_SMALL = 48  # events: below this, rows are quicker than columns
_MEDIUM = 1500  # below this, a dictionary codes a column quicker than a cast, which costs 0.2 ms to begin with
_TABLE_SIZE = 1 << 20  # codes up to here are made dense by a table of flags, more by sorting
_LAST = np.iinfo(np.int64).max

Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class Increments:
    """What a batch adds, one row for each of the distinct `keys` (`row_key`).

    `counts`: shape (keys, METRICS). `oldest`, `newest`: the receipt times a row's events span (ms).
    """

    keys: list[bytes]
    counts: Ints
    oldest: Ints
    newest: Ints


def row_key(tenant: str, kind: str, key: str, source: str, minute: int | str) -> bytes:
    """The changelog key of a row."""
    return f"{tenant}\x1f{kind}\x1f{key}\x1f{source}\x1f{minute}".encode()


def key_parts(row: bytes) -> tuple[str, str, str, str, str]:
    """Tenant, kind, key, source and minute of a `row_key`. Raises ValueError for what is none."""
    tenant, kind, rest = row.decode().split("\x1f", 2)  # only `key` is a stranger's text and may hold anything
    key, source, minute = rest.rsplit("\x1f", 2)
    return tenant, kind, key, source, minute


def count(events: pl.DataFrame) -> Increments:
    """Counts of a batch of distinct events (COLUMNS first; times as integers, ms). Order does not matter."""
    return _by_rows(events) if len(events) < _SMALL else _by_columns(events)


# -- few events: one by one ----------------------------------------------------------------------------------------


def _by_rows(events: pl.DataFrame) -> Increments:
    places: dict[bytes, int] = {}
    counts: list[list[int]] = []
    oldest: list[int] = []
    newest: list[int] = []
    for _, tenant, source, event_type, occurred_at, received_at, *rest in events.iter_rows():
        provider, campaign, ip, pool, domain, reason, permanence, machine = rest[:8]
        metric = metric_index(event_type, reason, permanence, machine)
        minute = occurred_at // MINUTE_MS * MINUTE_MS
        for kind, key in _keys(tenant, campaign, ip, pool, domain, provider):
            name = row_key(tenant, kind, key, source, minute)
            place = places.get(name)
            if place is None:
                places[name] = place = len(places)
                counts.append([0] * len(METRICS))
                oldest.append(received_at)
                newest.append(received_at)
            counts[place][metric] += 1
            if received_at < oldest[place]:
                oldest[place] = received_at
            elif received_at > newest[place]:
                newest[place] = received_at
    table = np.array(counts, dtype=np.int64).reshape(-1, len(METRICS))
    return Increments(list(places), table, np.array(oldest, dtype=np.int64), np.array(newest, dtype=np.int64))


def _keys(tenant: str, campaign: str, ip: str, pool: str, domain: str, provider: str) -> list[tuple[str, str]]:
    """Kind and key, in the order of KINDS, of those whose parts are all there."""
    texts = (
        tenant, campaign, ip, pool, domain, provider,
        f"{campaign}|{provider}" if campaign and provider else "",
        f"{ip}|{provider}" if ip and provider else "",
        f"{domain}|{provider}" if domain and provider else "",
    )  # fmt: skip
    return [(kind, key) for (kind, _), key in zip(KINDS, texts, strict=True) if key]


# -- many events: by columns ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Coded:
    """A column as numbers: `labels[codes[i]]` is the value of event i, `codes` dense from 0."""

    codes: Ints
    labels: Sequence[str]


def _by_columns(events: pl.DataFrame) -> Increments:
    coded = {name: _code(events[name]) for name in dict.fromkeys((*_FRAME[:2], *_PARTS, *_MEANING))}
    minutes = events["occurred_at"].to_numpy() // MINUTE_MS * MINUTE_MS
    unique, codes = np.unique(minutes, return_inverse=True)
    coded["minute"] = _Coded(codes, [str(minute) for minute in unique.tolist()])
    metric = _metrics(coded)
    received = events["received_at"].to_numpy()
    frame, labels = _combine([coded[name] for name in _FRAME])
    heads = [f"{tenant}\x1f" for tenant, _, _ in labels]
    tails = [f"\x1f{source}\x1f{minute}" for _, source, minute in labels]
    found = [_count_kind([coded[name] for name in names], frame, len(labels), metric, received) for _, names in KINDS]
    keys = [
        f"{heads[at]}{kind}\x1f{key}{tails[at]}".encode()
        for (kind, _), (places, texts, *_) in zip(KINDS, found, strict=True)
        for at, key in zip(places, texts, strict=True)
    ]
    counts, oldest, newest = (np.concatenate([part[column] for part in found]) for column in (2, 3, 4))
    return Increments(keys, counts, oldest, newest)


def _code(column: pl.Series) -> _Coded:
    if len(column) < _MEDIUM:
        texts = column.to_list()
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        codes = np.fromiter(map(places.__getitem__, texts), np.int64, len(texts))
        return _Coded(codes, list(places))
    raw = column.cast(pl.Categorical).to_physical().to_numpy()
    first = np.full(int(raw.max()) + 1, -1, dtype=np.int64)
    first[raw[::-1]] = np.arange(len(raw) - 1, -1, -1)
    is_used = first >= 0
    codes = raw.astype(np.int64) if is_used.all() else (np.cumsum(is_used) - 1)[raw]
    return _Coded(codes, column[first[is_used]].to_list())


def _dense(codes: Ints, size: int) -> tuple[Ints, Ints]:
    """The codes that occur, rising, and for each event which of them it has. All are below `size`."""
    if size > _TABLE_SIZE:
        unique, inverse = np.unique(codes, return_inverse=True)
        return unique, inverse
    is_used = np.zeros(size, dtype=np.bool_)
    is_used[codes] = True
    return np.flatnonzero(is_used), (np.cumsum(is_used) - 1)[codes]


def _combine(columns: Sequence[_Coded]) -> tuple[Ints, list[tuple[str, ...]]]:
    """Several columns as one: dense codes, and the values behind each."""
    sizes = tuple(len(column.labels) for column in columns)
    joint = np.ravel_multi_index(tuple(column.codes for column in columns), sizes)
    unique, codes = _dense(joint, int(np.prod(sizes)))
    parts = [
        [column.labels[code] for code in at.tolist()]
        for column, at in zip(columns, np.unravel_index(unique, sizes), strict=True)
    ]
    return codes, list(zip(*parts, strict=True))


def _metrics(coded: dict[str, _Coded]) -> Ints:
    codes, meanings = _combine([coded[name] for name in _MEANING])
    return np.array([metric_index(*meaning) for meaning in meanings], dtype=np.int64)[codes]


_Counted = tuple[list[int], list[str], Ints, Ints, Ints]


def _count_kind(parts: Sequence[_Coded], frame: Ints, frames: int, metric: Ints, received: Ints) -> _Counted:
    """One kind's rows: the place of each one's frame, its key, its counts and the receipt times it spans."""
    sizes = (frames, *(len(part.labels) for part in parts))
    joint = np.ravel_multi_index((frame, *(part.codes for part in parts)), sizes)
    missing = [(part, part.labels.index("")) for part in parts if "" in part.labels]
    if missing:
        has_key = np.logical_and.reduce([part.codes != code for part, code in missing])
        joint, metric, received = joint[has_key], metric[has_key], received[has_key]
    unique, row = _dense(joint, int(np.prod(sizes)))
    counts = np.bincount(row * len(METRICS) + metric, minlength=len(unique) * len(METRICS))
    oldest, newest = np.full(len(unique), _LAST), np.zeros(len(unique), dtype=np.int64)
    np.minimum.at(oldest, row, received)
    np.maximum.at(newest, row, received)
    places, *at = np.unravel_index(unique, sizes)
    texts = [[part.labels[code] for code in codes.tolist()] for part, codes in zip(parts, at, strict=True)]
    keys = texts[0] if len(texts) == 1 else [f"{one}|{other}" for one, other in zip(*texts, strict=True)]
    return places.tolist(), keys, counts.reshape(-1, len(METRICS)), oldest, newest
