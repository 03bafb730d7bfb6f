"""How two facts about the same address, scope and cause become one: the newer by event time, ties decided for good.

A last-writer-wins register, so joining is commutative, associative and idempotent: facts may come in any order, from
any writer, any number of times (Shapiro and others, "A comprehensive study of convergent and commutative replicated
data types", INRIA 7506, 2011, section 3.2.1). At the same moment suppressing beats its end, and longer beats shorter.
"""

from __future__ import annotations

from schemas.suppressions import TENANT_SCOPE, Suppression, SuppressionCause, SuppressionStatus

_SERIOUS = {cause: place for place, cause in enumerate(SuppressionCause)}


def newer(one: Suppression, other: Suppression) -> Suppression:
    """Of two facts about the same the one that counts."""
    return one if _rank(one) >= _rank(other) else other


def is_in_force(fact: Suppression, now_ms: int) -> bool:
    """Whether it suppresses at that moment."""
    return fact.status == SuppressionStatus.ACTIVE and (fact.until == 0 or fact.until > now_ms)


def applies_to(fact: Suppression, stream: str) -> bool:
    """Whether the fact is about mail of this stream; without a stream every fact is, to be on the safe side."""
    return not stream or fact.scope in (TENANT_SCOPE, stream)


def seriousness(fact: Suppression) -> tuple[int, int]:
    """Sorts facts, the one to name first at the front: by cause, then the older."""
    known = SuppressionCause(fact.cause) if fact.cause in _SERIOUS else SuppressionCause.MANUAL
    return _SERIOUS[known], fact.since


def _rank(fact: Suppression) -> tuple[int, bool, bool, int, str, str, str, str, str]:
    is_active, is_for_ever = fact.status == SuppressionStatus.ACTIVE, fact.until == 0
    texts = fact.event_id, fact.source, fact.reason, fact.who, fact.recipient
    return fact.since, is_active, is_for_ever, fact.until, *texts
