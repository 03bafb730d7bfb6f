"""Views, partials and scores for tests, built in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from schemas.aggregates import KeyKind, Level, ReputationPartial, ReputationScore, Signal
from schemas.avro import Codec
from streams.core.counting import row_key
from streams.core.reputation.ledger import Key, KeyView, Ledger
from streams.core.reputation.partial_rows import read_partials
from streams.core.reputation.series import COLUMN, FIELDS, MINUTE_MS

CODEC = Codec()
START = 1_750_000_000_000 // 3_600_000 * 3_600_000


def view_of(minutes: Mapping[int, Mapping[str, int]], as_of_min: int | None = None, kind: str = "campaign") -> KeyView:
    """A view from {minute: {field: count}}, minutes counted from START."""
    at = sorted(minutes)
    counts = np.zeros((len(at), len(FIELDS)), np.int64)
    for row, minute in enumerate(at):
        for name, value in minutes[minute].items():
            counts[row, COLUMN[name]] = value
    last = as_of_min if as_of_min is not None else max(at, default=0) + 1
    return KeyView(
        key=Key("acme", kind, "spring"),
        as_of=START + last * MINUTE_MS,
        minutes=START + np.array(at, np.int64) * MINUTE_MS,
        counts=counts,
    )


def partial_of(
    minute: int, offset: int, *, partition: int = 0, watermark_min: int = 0, **changes: object
) -> ReputationPartial:
    """One partial of campaign "spring"; minutes counted from START."""
    given: dict[str, object] = {
        "tenant": "acme", "kind": KeyKind.CAMPAIGN.value, "key": "spring", "source": "esp",
        "minute": START + minute * MINUTE_MS, "partition": partition, "applied_offset": offset,
        "watermark": START + max(watermark_min, minute) * MINUTE_MS, "newest_received_at": START + offset,
        "oldest_new_received_at": START + offset,
    }  # fmt: skip
    return ReputationPartial(**(given | changes))  # type: ignore[arg-type]


def apply(ledger: Ledger, *partials: ReputationPartial) -> int:
    """Hand partials to the ledger as the topic's records; how many said something new."""
    keys = [row_key(p.tenant, p.kind, p.key, p.source, p.minute) for p in partials]
    partitions = np.array([p.partition for p in partials], np.int64)
    rows, broken = read_partials(keys, [CODEC.encode(p) for p in partials], partitions, CODEC)
    assert broken == {}
    return ledger.apply(rows)


def score_of(
    kind: KeyKind = KeyKind.CAMPAIGN,
    key: str = "spring",
    level: Level = Level.PAUSED,
    *,
    as_of: int = START,
    detector: str = "bounce_cusum",
    tenant: str = "acme",
    sources: Sequence[str] = ("esp",),
) -> ReputationScore:
    """A score whose one signal asks for `level`."""
    signal = Signal(
        detector=detector, statistic=13.0, warn=7.0, throttle=9.0, pause=12.0, level=level, numerator=40,
        denominator=300, explanation="40 of the last 300 attempts failed",
    )  # fmt: skip
    return ReputationScore(
        tenant=tenant, kind=kind, key=key, as_of=as_of, window_start=as_of, version=1, score=55.0, score_low=50.0,
        score_high=60.0, level=level, scored_at=0, sources=list(sources), signals=[signal],
    )  # fmt: skip
