"""Which mailbox provider keeps a recipient's mailbox, by the recipient's domain alone.

The map is `mailbox_providers.toml`: exact domains, and families such as `yahoo.*` that exist under many
public suffixes. A company's own domain is "other" here even when Google or Microsoft hosts it; telling
that needs its MX records, which are looked up elsewhere. Consumer services only, on purpose: their
rules and their limits differ from those of the business services of the same firm.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

OTHER = "other"
_MAP = Path(__file__).with_name("mailbox_providers.toml")
_CACHED_DOMAINS = 65_536  # domains of a large sender's list that matter; 10 MB at most
# What may follow a family's name: a top-level domain, or a second-level registry such as co.uk, com.br.
_PUBLIC_SUFFIX = re.compile(r"(?:(?:co|com|net|org|ne|or)\.[a-z]{2}|[a-z]{2,6})")


@dataclass(frozen=True, slots=True)
class ProviderMap:
    """`domains`: exact domain -> provider. `families`: name before a public suffix -> provider."""

    domains: dict[str, str]
    families: dict[str, str]


@cache
def provider_map() -> ProviderMap:
    """The map of `mailbox_providers.toml`. Raises ValueError when two providers claim one domain."""
    data = tomllib.loads(_MAP.read_text(encoding="utf-8"))
    found = ProviderMap({}, {})
    for provider, claims in data.items():
        for table, names in ((found.domains, claims.get("domains", [])), (found.families, claims.get("families", []))):
            for name in names:
                if name in table:
                    raise ValueError(f"{_MAP.name}: {name!r} is listed for {table[name]} and for {provider}")
                table[name] = provider
    return found


@lru_cache(maxsize=_CACHED_DOMAINS)
def provider_of(domain: str) -> str:
    """The provider's short name for a recipient domain, "other" if it is none of the known."""
    domain = domain.strip().rstrip(".").lower()
    known = provider_map()
    if exact := known.domains.get(domain):
        return exact
    name, _, suffix = domain.partition(".")
    if (family := known.families.get(name)) and _PUBLIC_SUFFIX.fullmatch(suffix):
        return family
    return OTHER
