"""What a key's score takes from around it: how the tenant's mail does as a whole, what providers report of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.aggregates import KeyKind
from schemas.reports import StandingReport
from streams.core.reputation.ledger import Key, KeyView
from streams.core.reputation.penalties import CAUSES, Finding, counts_of
from streams.core.reputation.shrinkage import NOBODY, Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """`tenant`: the whole tenant's counts, as `penalties.counts_of` orders them, or () where they are not known.

    `standing`: reports about the key's own domain or IP (`standing.Standings`); others do no harm.
    """

    tenant: tuple[Counted, ...] = ()
    standing: tuple[StandingReport, ...] = ()

    @classmethod
    def of(cls, tenant: KeyView | None, standing: Iterable[StandingReport] = ()) -> Context:
        """From the view of the tenant's own key; one Context will do for every key of a tenant without reports."""
        return cls(tenant=counts_of(tenant) if tenant is not None else (), standing=tuple(standing))

    def findings(self, view: KeyView) -> tuple[Finding, ...]:
        """Every cause in `view`, beside what is left of the tenant without this key."""
        own = counts_of(view)
        if view.key.kind == KeyKind.TENANT or not self.tenant:
            others: tuple[Counted, ...] = (NOBODY,) * len(own)
        else:
            others = tuple(all_.without(part) for all_, part in zip(self.tenant, own, strict=True))
        return tuple(cause.find(part, rest) for cause, part, rest in zip(CAUSES, own, others, strict=True))


ALONE = Context()


def tenant_key(tenant: str) -> Key:
    """Under which name a ledger keeps the whole tenant."""
    return Key(tenant, KeyKind.TENANT.value, tenant)
