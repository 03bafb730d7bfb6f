"""Whose rows a request may see, enforced by the store itself.

A question is asked within a scope: all tenants, or some. With some, every statement carries the filter `tenant IN
(...)` for every table of ours (ClickHouse's setting `additional_table_filters`, which reaches through views), so no
query can forget it, and none has to know of it. The scope is that of the running request (`within`); a question outside
of one is a defect and raises, rather than to see everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property

from sinks.clickhouse import DATABASE
from sinks.tables import TABLES

ALL = "*"
_FILLED = ("segment_changes", "segment_changes_feed")  # tables that the store fills from others, and what does it
_SCOPED = tuple(f"{DATABASE}.{table}" for table in (*(spec.table for spec in TABLES), *_FILLED))  # all have a `tenant`
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")  # as a tenant's name in the configuration: nothing to escape
_current: ContextVar[Scope] = ContextVar("scope")


@dataclass(frozen=True)
class Scope:
    """The tenants in view; None: all."""

    tenants: frozenset[str] | None

    def has(self, tenant: str) -> bool:
        """Whether its rows may be seen."""
        return self.tenants is None or tenant in self.tenants

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.tenants is None

    def as_list(self) -> list[str]:
        """As people write it."""
        return [ALL] if self.tenants is None else sorted(self.tenants)

    @cached_property
    def settings(self) -> dict[str, str]:
        """What every statement carries; nothing for all tenants."""
        if self.tenants is None:
            return {}
        names = ", ".join(rf"\'{name}\'" for name in sorted(self.tenants))
        seen = f"tenant IN ({names})" if names else "0"
        return {"additional_table_filters": "{" + ", ".join(f"'{table}': '{seen}'" for table in _SCOPED) + "}"}


def is_tenant_name(text: str) -> bool:
    """Whether a tenant can be called so."""
    return _NAME.fullmatch(text) is not None


def scope_of(tenants: Iterable[str]) -> Scope:
    """The scope of such a list; "*" means all. A name that no tenant can have is left out."""
    names = set(tenants)
    return EVERYTHING if ALL in names else Scope(frozenset(filter(is_tenant_name, names)))


EVERYTHING = Scope(None)
NOTHING = Scope(frozenset())


def current() -> Scope:
    """The scope in which this is asked. Raises LookupError outside of any."""
    return _current.get()


@contextmanager
def within(scope: Scope) -> Iterator[None]:
    """Everything asked inside, tasks begun inside included, is asked in that scope."""
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)
