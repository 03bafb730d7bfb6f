"""Who takes a domain's mail, by the names of its mail exchangers. Looks nothing up: the names are given.

All exchangers must be of one host: a domain with one at Google and one at home is nobody's. The map is
`mail_hosts.toml`; a filter such as Proofpoint is a host too, and says that it is one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_MAP = Path(__file__).with_name("mail_hosts.toml")


@dataclass(frozen=True, slots=True)
class MailHost:
    """`is_gateway`: it filters and passes on; the mailboxes are elsewhere."""

    name: str
    is_gateway: bool


@cache
def mail_hosts() -> dict[str, MailHost]:
    """Suffix of an exchanger's name -> host. Raises ValueError when two hosts claim one suffix."""
    data = tomllib.loads(_MAP.read_text(encoding="utf-8"))
    found: dict[str, MailHost] = {}
    for name, item in data.items():
        host = MailHost(name, item.get("is_gateway", False))
        for suffix in item["suffixes"]:
            if suffix in found:
                raise ValueError(f"{_MAP.name}: {suffix!r} is listed for {found[suffix].name} and for {name}")
            found[suffix] = host
    return found


def host_of(exchangers: Iterable[str]) -> MailHost | None:
    """The one host of all exchangers; None when there are none, one is unknown, or two are of different hosts."""
    found = {_host(exchanger.strip().rstrip(".").lower()) for exchanger in exchangers}
    return found.pop() if len(found) == 1 else None


def _host(exchanger: str) -> MailHost | None:
    known = mail_hosts()
    while exchanger:
        if host := known.get(exchanger):
            return host
        exchanger = exchanger.partition(".")[2]
    return None
