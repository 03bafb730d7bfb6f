"""Of whom a question is: a recipient by address or key, and their tenant.

An address is taken in a body only, never in a URL: those are written down on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from dashboards.console.bodies import object_in
from dashboards.console.scope import current
from schemas.config import Config
from schemas.identity import recipient_key
from schemas.nearest import hint
from schemas.rulings import RefusedError

_EXAMPLE = '{"recipient": "ada@example.test"}'
_MOST_BYTES = 20_480  # an address, a tenant, a name, and a reason at its longest
_MOST_KEY = 320  # characters, as an address has at most


async def recipient_and_tenant(request: web.Request) -> tuple[str, str]:
    """What a body says, or else a URL: address or key, and the tenant ("" where none is named). Raises RefusedError."""
    said = await _said(request, ("recipient", "tenant"))
    return said["recipient"], said["tenant"]


async def about_one(request: web.Request, *more: str) -> dict[str, str]:
    """The same with `more` texts, and with `who` and `why`, which only a body may say. Raises RefusedError."""
    names = ("recipient", "tenant", *more)
    said = await _said(request, (*names, "who", "why") if request.method == "POST" else names)
    return {"who": "", "why": "", **said}


async def _said(request: web.Request, names: Sequence[str]) -> dict[str, str]:
    is_body = request.method == "POST"
    said = await object_in(request, _MOST_BYTES, _EXAMPLE) if is_body else dict(request.query)
    if "key" in request.match_info:
        said.setdefault("recipient", request.match_info["key"])
    found = dict(zip(names, texts(said, names), strict=True))
    recipient = found["recipient"]
    if "@" in recipient and not is_body:
        raise RefusedError(400, f"an address does not belong into a URL; post it, as in {_EXAMPLE}")
    if not 0 < len(recipient) <= _MOST_KEY:
        raise RefusedError(422, f"say `recipient`, an address or a key of at most {_MOST_KEY} characters")
    return found


def key_of(config: Config, tenant: str, recipient: str) -> str:
    """The key of an address; what has no "@" is a key already."""
    if "@" not in recipient:
        return recipient.lower()
    return recipient_key(config.tenant(tenant).recipient_secret.get_secret_value(), tenant, recipient)


def tenants_in_view(config: Config) -> list[str]:
    """The names of the tenants that whoever asks may see, in the order of the file. Raises RefusedError."""
    names = [tenant.name for tenant in config.tenants if current().has(tenant.name)]
    if not names:
        raise RefusedError(403, "none of your tenants is configured here")
    return names


def configured_tenant(config: Config, wanted: str) -> str:
    """The tenant of that name; "" is enough where there is only one. Raises RefusedError."""
    names = tenants_in_view(config)
    if wanted and wanted not in names:
        raise RefusedError(404, f"no tenant is called {wanted[:64]!r}; {hint(wanted[:64], names)}")
    if not wanted and len(names) > 1:
        raise RefusedError(400, f"there are several tenants; choose with `tenant` one of {', '.join(names)}")
    return wanted or names[0]


def texts(said: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    """The texts of these names, "" for one that is not there. Raises RefusedError for other names and values."""
    for name, value in said.items():
        if name not in known:
            raise RefusedError(422, f"{name[:40]!r} is unknown here; {hint(name[:40], known)}")
        if not isinstance(value, str):
            raise RefusedError(422, f"{name} must be a text")
    return [said.get(name, "").strip() for name in known]
