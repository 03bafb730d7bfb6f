"""Whose network an IP address belongs to: those that fetch pixels and links without a person.

The list is `machine_networks.txt`, one network a line; its head says the format and how to bring it up to
date. Networks must not overlap, so an address belongs to one at most and the search is a bisection.
"""

from __future__ import annotations

import socket
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import pairwise
from pathlib import Path

from schemas.events import Machine

_LIST = Path(__file__).with_name("machine_networks.txt")
_IPV4, _IPV6 = 4, 6


@dataclass(frozen=True, slots=True)
class Network:
    """A range of addresses, what an open or a click from it is, and whose it is."""

    first: int
    last: int
    verdict: Machine
    name: str


class Networks:
    """Finds the network of an address. `lines`: "192.0.2.0/24 machine somebody", "#" begins a comment.

    Raises ValueError, with the number of the line, for one that is none and for networks that overlap.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        found: dict[int, list[Network]] = {_IPV4: [], _IPV6: []}
        for number, line in enumerate(lines, start=1):
            if parts := line.partition("#")[0].split():
                network, item = _network(parts, number)
                found[network.version].append(item)
        self._networks = {version: _disjoint(networks) for version, networks in found.items()}
        self._starts = {version: [item.first for item in items] for version, items in self._networks.items()}

    def find(self, address: str) -> Network | None:
        """The network of an address; None for one outside all and for what is no address."""
        version, family = (_IPV6, socket.AF_INET6) if ":" in address else (_IPV4, socket.AF_INET)
        try:
            number = int.from_bytes(socket.inet_pton(family, address))
        except (OSError, ValueError):
            return None
        at = bisect_right(self._starts[version], number) - 1
        if at < 0:
            return None
        network = self._networks[version][at]
        return network if number <= network.last else None


def _network(parts: list[str], number: int) -> tuple[IPv4Network | IPv6Network, Network]:
    try:
        cidr, verdict, name = parts
        network = ip_network(cidr)
        item = Network(int(network.network_address), int(network.broadcast_address), Machine(verdict), name)
    except ValueError as error:
        raise ValueError(f"line {number}: expected a network, a verdict and a name ({error})") from error
    return network, item


def _disjoint(networks: list[Network]) -> list[Network]:
    networks.sort(key=lambda network: network.first)
    for one, other in pairwise(networks):
        if other.first <= one.last:
            raise ValueError(f"networks of {one.name} and {other.name} overlap")
    return networks


@cache
def networks() -> Networks:
    """The shipped list, read once."""
    with _LIST.open(encoding="utf-8") as lines:
        return Networks(lines)


def network_of(address: str) -> Network | None:
    """The network of the shipped list that an address is in."""
    return networks().find(address)
