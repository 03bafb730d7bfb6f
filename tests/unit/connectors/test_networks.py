"""Addresses and the networks they are in."""

from __future__ import annotations

import pytest

from connectors.networks import Network, Networks, network_of
from schemas.events import Machine

LINES = [
    "# a list",
    "",
    "192.0.2.0/25 machine one  # half of it",
    "198.51.100.0/24 uncertain two",
    "2001:db8::/32 machine three",
]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.0", "one"),
        ("192.0.2.127", "one"),
        ("192.0.2.128", ""),
        ("198.51.100.255", "two"),
        ("198.51.101.0", ""),
        ("0.0.0.0", ""),
        ("255.255.255.255", ""),
        ("2001:db8::5", "three"),
        ("2001:db9::", ""),
        ("::", ""),
        ("", ""),
        ("nonsense", ""),
        ("192.0.2.1\x00", ""),
        ("192.0.2.1:443", ""),
    ],
)
def test_an_address_is_in_one_network_or_none(address: str, name: str) -> None:
    found = Networks(LINES).find(address)
    assert (found.name if found else "") == name


def test_a_network_says_what_its_opens_are() -> None:
    assert Networks(LINES).find("198.51.100.7") == Network(
        first=0xC6336400, last=0xC63364FF, verdict=Machine.UNCERTAIN, name="two"
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["", "192.0.2.0/24 machine"], "line 2"),
        (["192.0.2.1/24 machine one"], "line 1"),
        (["192.0.2.0/24 perhaps one"], "line 1"),
        (["192.0.2.0/24 machine one", "192.0.2.128/25 human two"], "one and two overlap"),
    ],
)
def test_a_list_that_cannot_be_right_is_refused(lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Networks(lines)


def test_the_shipped_list_can_be_read_and_leaves_the_documentation_networks_alone() -> None:
    assert network_of("209.222.82.1") is not None
    for address in ("192.0.2.1", "198.51.100.1", "203.0.113.1", "10.0.0.1", "127.0.0.1", "2001:db8::1"):
        assert network_of(address) is None
