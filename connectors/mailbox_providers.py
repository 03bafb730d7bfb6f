"""Which mailbox provider keeps a recipient's mailbox, by the recipient's domain.

The map is `mailbox_providers.toml`: exact domains, and families such as `yahoo.*` that exist under many
public suffixes. Consumer services only, on purpose: their rules and their limits differ from
those of the business services of the same firm. A company's own domain is "other", unless a process was
told at its start what the domain's MX records say (`learn`); nothing is ever looked up here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
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


_learned: dict[str, str] = {}


def learn(domains: Mapping[str, str]) -> None:
    """What is known of other domains (domain -> provider), in place of what was learned before.

    Call it once, before anything is parsed: answers are remembered, here and by those who ask.
    """
    _learned.clear()
    _learned.update(domains)
    provider_of.cache_clear()


@lru_cache(maxsize=_CACHED_DOMAINS)
def provider_of(domain: str) -> str:
    """The provider's short name for a recipient domain, "other" if it is none of the known or learned."""
    domain = domain.strip().rstrip(".").lower()
    known = provider_map()
    if exact := known.domains.get(domain):
        return exact
    name, _, suffix = domain.partition(".")
    if (family := known.families.get(name)) and _PUBLIC_SUFFIX.fullmatch(suffix):
        return family
    return _learned.get(domain, OTHER)
