"""The list: every fact that counts, and the failing days of addresses in trouble, held in memory.

One entry a recipient: its facts packed as MessagePack, so a million addresses take the memory that
`docs/decisions/0019-suppressions-in-memory.md` measured, and nothing of them is the garbage collector's business.
Not thread-safe. What `take` returns must be written to the log; what the log holds comes back through `read`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from schemas.identity import SEPARATOR_TEXT
from schemas.suppressions import TENANT_SCOPE, FailingDays, Suppression, SuppressionCause, SuppressionStatus
from streams.core.suppression.failing import KEPT_DAYS, NEEDED_DAYS, WINDOW_DAYS, Days, joined, rest_of
from streams.core.suppression.joined import applies_to, is_in_force, newer, seriousness

Written = Suppression | FailingDays
_Packed = list[tuple[str, str, str, int, int, str, str, str, str, str]]
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(_Packed).decode


class Book:
    """The suppression list. `len` is the number of recipients with a fact of any kind."""

    def __init__(self) -> None:
        self._facts: dict[bytes, bytes] = {}
        self._days: dict[bytes, Days] = {}

    def __len__(self) -> int:
        return len(self._facts)

    @property
    def in_trouble(self) -> int:
        """Addresses with failing days."""
        return len(self._days)

    def facts(self, tenant: str, recipient_key: str) -> list[Suppression]:
        """What is known of a recipient, ended and removed facts too."""
        found = self._facts.get(_name(tenant, recipient_key))
        return [] if found is None else _unpack(tenant, recipient_key, found)

    def in_force(self, tenant: str, recipient_key: str, stream: str, now_ms: int) -> list[Suppression]:
        """What forbids mail of the stream to this recipient, the most serious first. Without a stream, of any."""
        facts = self.facts(tenant, recipient_key)
        told = [f for f in facts if is_in_force(f, now_ms) and applies_to(f, stream)]
        return sorted(told, key=seriousness)

    def __iter__(self) -> Iterator[Suppression]:
        """Every fact that counts, in no order; nothing may be taken in meanwhile."""
        for name, packed in self._facts.items():
            tenant, key = name.decode().split(SEPARATOR_TEXT)
            yield from _unpack(tenant, key, packed)

    def take(self, fact: Suppression) -> list[Written]:
        """Take a new fact in; what to write, nothing if it says nothing new."""
        return [fact] if self._join(fact) else []

    def take_day(self, tenant: str, recipient_key: str, day: int) -> list[Written]:
        """Take a failing day in; what to write: the days as they are known now, and the rest they call for."""
        name = _name(tenant, recipient_key)
        before = self._days.get(name)
        after = self._join_days(name, Days(day, 1))
        if after == before:
            return []
        known = FailingDays(tenant=tenant, recipient_key=recipient_key, last_day=after.last, days=after.bits)
        rest = rest_of(after)
        return [known] if rest is None else [known, *self.take(_soft(tenant, recipient_key, rest))]

    def read(self, record: Written) -> Written | None:
        """Take a record of the log in; what should stand there instead, None if it is right as it is."""
        if isinstance(record, FailingDays):
            found = Days(record.last_day, record.days)
            days = self._join_days(_name(record.tenant, record.recipient_key), found)
            return None if days == found else replace(record, last_day=days.last, days=days.bits)
        if self._join(record):
            return None
        known = next(f for f in self.facts(record.tenant, record.recipient_key) if _slot(f) == _slot(record))
        return None if known == record else known

    def forget_days(self) -> int:
        """Drop addresses without a failing day in the window before the newest one of all; how many."""
        newest = max((days.last for days in self._days.values()), default=0)
        old = [name for name, days in self._days.items() if newest - days.last > KEPT_DAYS]
        for name in old:
            del self._days[name]
        return len(old)

    def _join(self, fact: Suppression) -> bool:
        """Whether it is news."""
        name = _name(fact.tenant, fact.recipient_key)
        packed = self._facts.get(name)
        known = [] if packed is None else _unpack(fact.tenant, fact.recipient_key, packed)
        same = next((f for f in known if _slot(f) == _slot(fact)), None)
        if same is not None and newer(same, fact) is same:
            return False
        self._facts[name] = _pack([*(f for f in known if f is not same), fact])
        return True

    def _join_days(self, name: bytes, days: Days) -> Days:
        known = self._days.get(name)
        after = self._days[name] = days if known is None else joined(known, days)
        return after


def record_key(record: Written) -> bytes:
    """The key of a record in the log: facts about one address, scope and cause share it."""
    if isinstance(record, FailingDays):
        return SEPARATOR_TEXT.join((record.tenant, "", record.recipient_key, "days")).encode()
    return SEPARATOR_TEXT.join((record.tenant, record.scope, record.recipient_key, record.cause)).encode()


def _name(tenant: str, recipient_key: str) -> bytes:
    return f"{tenant}{SEPARATOR_TEXT}{recipient_key}".encode()


def _slot(fact: Suppression) -> tuple[str, str]:
    return fact.scope, fact.cause


def _pack(facts: list[Suppression]) -> bytes:
    facts.sort(key=_slot)
    return _ENCODE([
        (f.scope, f.cause, f.status, f.since, f.until, f.source, f.event_id, f.reason, f.who, f.recipient)
        for f in facts
    ])  # fmt: skip


def _unpack(tenant: str, key: str, packed: bytes) -> list[Suppression]:
    return [
        Suppression(
            tenant=tenant, recipient_key=key, scope=scope, cause=cause, status=status, since=since, until=until,
            source=source, event_id=event_id, reason=reason, who=who, recipient=recipient,
        )
        for scope, cause, status, since, until, source, event_id, reason, who, recipient in _DECODE(packed)
    ]  # fmt: skip


def _soft(tenant: str, recipient_key: str, rest: tuple[int, int]) -> Suppression:
    since, until = rest
    return Suppression(
        tenant=tenant,
        scope=TENANT_SCOPE,
        recipient_key=recipient_key,
        cause=SuppressionCause.SOFT,
        status=SuppressionStatus.ACTIVE,
        since=since,
        until=until,
        reason=f"failed on {NEEDED_DAYS} days or more within {WINDOW_DAYS}",  # and nothing of the event that was last
    )
