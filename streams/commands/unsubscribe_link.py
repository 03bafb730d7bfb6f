"""`mailweir unsubscribe-link`: the two headers of RFC 8058 for one mail to one recipient. Needs the configuration."""

from __future__ import annotations

from typing import TextIO

from connectors.oneclick import Link, OneClick, headers_of
from schemas.config import Config, Source
from schemas.errors import Misconfigured


def run(config: Config, link: Link, mailto: str, out: TextIO) -> int:
    """Write the headers, one a line. Raises Misconfigured where the configuration has no such source, or no address."""
    source = _source(config, link.tenant)
    if not config.public_url.startswith("https://"):
        raise Misconfigured(
            f"public_url is {config.public_url or 'not set'!r}: one-click links need the gateway's https:// address"
        )
    try:
        headers = headers_of(link, source.secrets[0].get_secret_value(), config.public_url, mailto)
    except ValueError as error:
        raise Misconfigured(str(error)) from None
    out.writelines(f"{name}: {value}\n" for name, value in headers.items())
    return 0


def _source(config: Config, tenant: str) -> Source:
    for source in config.sources:
        if source.provider == OneClick.name and source.tenant == tenant and source.secrets:
            return source
    raise Misconfigured(
        f"no source with `provider: {OneClick.name}` and a secret is configured for tenant {tenant!r}; add one"
        " (docs/connectors/oneclick.md)"
    )
