"""Whom a returned mail was for, read from the address it came back to.

Variable envelope return paths (Bernstein, 1997) write the recipient into the sender's address:
`bounce+ada=example.com@mail.shop.example`, `list-return-27-ada=example.com@...`. Only local parts that begin like
such an address are read, for "=" may stand in any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 320  # characters of an address: 64 and 255 and what is between
_VERP = re.compile(
    r"^[a-z0-9_.-]*?(?:bounces?|returns?|return|verp|fbl|errors?|owner|unsub[a-z]*)[a-z0-9_.]*[-+]"
    r"(?:\d{1,12}[-+])?(?P<local>[^=@]{1,64})=(?P<domain>[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+)$"
)


def recipient_in(addresses: Iterable[str]) -> str:
    """The recipient encoded in the first of these addresses that has one; "" if none does."""
    for address in addresses:
        local, _, _ = address[:_LONGEST].lower().rpartition("@")
        if found := _VERP.match(local):
            return f"{found['local']}@{found['domain']}"
    return ""
