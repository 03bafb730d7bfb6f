"""Looks up who takes a domain's mail: MX records by DNS, many at once, never on the way of an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from connectors.mail_hosts import host_of
from connectors.mailbox_providers import OTHER

_PATIENCE_S = 10.0  # for one domain, repeats over all name servers included
_AT_ONCE = 32
_SHORTEST_S, _LONGEST_S = 86_400, 30 * 86_400  # a host is changed rarely, a TTL of 5 minutes is common
_DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Answer:
    """`provider` "other": no exchanger, an unknown one, or several of different hosts. Believed for `ttl_s`."""

    domain: str
    provider: str
    ttl_s: int


class Exchangers:
    """`nameserver`: "IP" or "IP:port" to ask instead of the system's."""

    def __init__(self, nameserver: str = "", *, patience_s: float = _PATIENCE_S, at_once: int = _AT_ONCE) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=not nameserver)
        self._resolver.lifetime = patience_s
        if nameserver:
            address, _, port = nameserver.partition(":")
            self._resolver.nameservers = [address]
            self._resolver.port = int(port or _DNS_PORT)
        self._at_once = at_once

    async def find(self, domain: str) -> Answer | None:
        """Who takes the domain's mail; None when nobody answered, which says nothing about the domain."""
        try:
            name = dns.name.from_text(domain)
        except (dns.exception.DNSException, UnicodeError):  # no name that DNS could know
            return Answer(domain, OTHER, _LONGEST_S)
        try:
            found = await self._resolver.resolve(name, "MX", search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return Answer(domain, OTHER, _SHORTEST_S)
        except (dns.exception.DNSException, OSError):
            return None
        ttl_s = int(found.rrset.ttl) if found.rrset is not None else 0
        host = host_of(record.exchange.to_text() for record in found)
        return Answer(domain, host.name if host else OTHER, min(max(ttl_s, _SHORTEST_S), _LONGEST_S))

    async def find_all(self, domains: Iterable[str], tell: Callable[[str, Answer | None], None]) -> None:
        """`tell` hears each domain's answer as it comes; a bounded number is asked for at a time."""
        waiting = iter(domains)

        async def work() -> None:
            for domain in waiting:
                tell(domain, await self.find(domain))

        await asyncio.gather(*(work() for _ in range(self._at_once)))
