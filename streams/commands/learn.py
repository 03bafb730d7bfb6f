"""`mailweir reputation learn`: numbers for the detectors from what is stored, into a file that they read.

Complaints are matched with deliveries by message id and recipient key. Only mail delivered more than 72 hours before
the end is looked at, so that each had as long to be complained about; a complaint that came later than 72 hours is
known only to be late. How often mail is refused comes from the stored counts, which are of the events by their meaning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.aggregates import KeyKind
from schemas.errors import Misconfigured
from schemas.learned import Curve, Learned
from sinks.clickhouse import translate
from streams.commands.stored_events import Window, last_receipt
from streams.core.compiled import Flags, Floats
from streams.core.dedupe import HOUR_MS, KEEP_HOURS
from streams.core.reputation.learned import ALL, Seen, learned_from
from streams.core.reputation.learning import Refused
from streams.local.instants import parse_instant

_FOLLOWED_MS = KEEP_HOURS * HOUR_MS
_MOST_DELAYS = 50_000  # of a mailbox provider: its median is known to one percent then
_MOST_KEYS = 20_000  # of a kind: those that send most
_LEAST_TRIED = 100  # attempts; below that a key is left to its provider's rate
_DELAYS = f"""
SELECT provider, toUnixTimestamp64Milli(complained) - toUnixTimestamp64Milli(delivered) AS delay
FROM (
    SELECT
        tenant, message_id, recipient_key, max(mailbox_provider) AS provider,
        minIf(occurred_at, event_type = 'delivered') AS delivered,
        minIf(occurred_at, event_type = 'complained') AS complained,
        countIf(event_type = 'delivered') AS deliveries
    FROM mailweir.email_events FINAL
    WHERE event_type IN ('delivered', 'complained')
      AND received_at < fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')
      AND (tenant, message_id) IN (
          SELECT tenant, message_id FROM mailweir.email_events
          WHERE event_type = 'complained' AND message_id != ''
            AND received_at >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')
            AND received_at < fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')
      )
    GROUP BY tenant, message_id, recipient_key
    HAVING countIf(event_type = 'complained') > 0 AND deliveries > 0
)
WHERE delivered >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')
  AND delivered < fromUnixTimestamp64Milli({{until:Int64}} - {_FOLLOWED_MS}, 'UTC')
  AND complained > delivered
ORDER BY provider, cityHash64(tenant, message_id, recipient_key), delay
LIMIT {_MOST_DELAYS} BY provider
"""  # noqa: S608 - numbers of ours
_REFUSED = f"""
SELECT key,
    sum(bounced_block + deferred_reputation) AS bad,
    sum(delivered + bounced_address + bounced_block + bounced_content + bounced_other + deferred_reputation) AS tried
FROM mailweir.reputation_partials FINAL
WHERE kind = {{kind:String}} AND key != ''
  AND minute >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')
  AND minute < fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')
GROUP BY key
HAVING tried >= {_LEAST_TRIED}
ORDER BY tried DESC, key
LIMIT {_MOST_KEYS}
"""  # noqa: S608 - numbers of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command line. `path`: the file to write, None for stdout."""

    since: str
    until: str = ""
    path: Path | None = None


def run(store: Client, asked: Asked, out: TextIO, told: TextIO, now_ms: int) -> int:
    """Learn, write the file, say to `told` what was learned: 0. Raises Misconfigured or Transient."""
    since = parse_instant(asked.since, now_ms, where="--since")
    until = parse_instant(asked.until, now_ms, where="--until") if asked.until else now_ms
    last = last_receipt(store, Window(since, until)) if until > since else 0
    until = until if asked.until else last + 1
    if until - since <= _FOLLOWED_MS:
        raise Misconfigured(
            f"--since {asked.since}: there is not more than {KEEP_HOURS} hours of stored mail from then on, and as long"
            " must be waited for complaints; take more, 30 days say"
        )
    learned, left_out = learned_from(seen(store, Window(since, until)))
    text = learned.model_dump_json(indent=1) + "\n"
    if asked.path is None:
        out.write(text)
    else:
        _write(asked.path, text)
    told.writelines(f"{line}\n" for line in [*summary(learned), *left_out])
    return 0


def seen(store: Client, window: Window) -> Seen:
    """What the store has to learn from. Raises Misconfigured or Transient."""
    return Seen(
        delays=_delays(_rows(store, _DELAYS, window.parameters)),
        refused=tuple(
            {key: Refused(int(bad), int(tried)) for key, bad, tried in _rows(store, _REFUSED, window.parameters | kind)}
            for kind in (
                {"kind": KeyKind.IP_PROVIDER.value},
                {"kind": KeyKind.DOMAIN_PROVIDER.value},
                {"kind": KeyKind.PROVIDER.value},
            )
        ),
    )


def summary(learned: Learned) -> list[str]:
    """What was learned, in sentences for a person."""
    named = {"all mailbox providers": learned.curve, **learned.curves}
    lines = [f"{name}: {_said(curve)}" for name, curve in named.items() if curve is not None]
    rates = f"{len(learned.base_rates)} base rates, {100 * learned.base_rate:.3g} % for all others"
    return [f"Learned numbers, version {learned.version}", *lines, rates]


def _said(curve: Curve) -> str:
    return f"complaints at the fastest a median of {curve.fast_h:.3g} h after delivery, sigma {curve.sigma:.3g}"


def _delays(rows: Sequence[Sequence[Any]]) -> dict[str, tuple[Floats, Flags]]:
    """By provider and for all; what is longer than was waited for everybody is cut off there, and marked."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for provider, delay_ms in rows:
        for name in {provider, ALL}:
            found[name].append(delay_ms)
    delays = {}
    for name, given in sorted(found.items()):
        sizes = np.sort(np.array(given, np.float64))
        delays[name] = (np.minimum(sizes, _FOLLOWED_MS) / 60_000.0, sizes > _FOLLOWED_MS)
    return delays


def _write(path: Path, text: str) -> None:
    """In one step, so that whoever starts meanwhile reads the old file or the new one. Raises Misconfigured."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise Misconfigured(f"--out: {path} cannot be written ({error.strerror})") from error


def _rows(store: Client, sql: str, given: dict[str, Any]) -> Sequence[Sequence[Any]]:
    try:
        return store.query(sql, parameters=given).result_rows
    except ClickHouseError as error:
        raise translate(error, "reading what there is to learn from") from error
