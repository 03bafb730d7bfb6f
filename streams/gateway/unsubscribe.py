"""The one-click path, `/u/<token>` (RFC 8058): a POST is kept like any webhook, a GET shows a page with a button.

A GET never unsubscribes: scanners and previews follow links. The page's button posts what a mailbox provider posts.
Everything is one document without scripts, cookies, links or redirects, and it tells no other site where it stands.
Which source a token belongs to is its tenant's; whether it is genuine is the connector's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from connectors.oneclick import FIELD, PATH, OneClick, is_signed, link_of
from schemas.config import Source
from schemas.errors import Misconfigured
from streams.gateway.envelope import Endpoint
from streams.gateway.http import Answer, Head
from streams.gateway.metrics import SourceCounts

_TYPE = "text/html; charset=utf-8"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow"><meta name="referrer" content="no-referrer">
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.4rem}}</style></head>
<body><h1>{title}</h1><p>{text}</p>{form}</body></html>
"""
_FORM = f'<form method="post"><button name="{FIELD}" value="One-Click">Unsubscribe</button></form>'
_INVALID = "This link is not complete or no longer valid. Please use the link of a newer mail."


@dataclass(frozen=True, slots=True)
class Links:
    """The one-click sources, by tenant."""

    by_tenant: dict[str, tuple[Endpoint, SourceCounts]]

    def find(self, head: Head) -> tuple[Endpoint, SourceCounts] | None:
        """The source that a one-click path belongs to; None if the path is none, or nobody's."""
        link = link_of(head.path.removeprefix(PATH))
        return None if link is None else self.by_tenant.get(link.tenant)


def links_of(endpoints: Iterable[tuple[Endpoint, SourceCounts]]) -> Links:
    """The one-click sources among these. Raises Misconfigured where a tenant has two."""
    found: dict[str, tuple[Endpoint, SourceCounts]] = {}
    for endpoint, counts in endpoints:
        if endpoint.source.provider != OneClick.name:
            continue
        tenant = endpoint.source.tenant
        if tenant in found:
            raise Misconfigured(
                f"sources {found[tenant][0].source.name!r} and {endpoint.source.name!r} both take one-click links of"
                f" tenant {tenant!r}; put both secrets into one of them"
            )
        found[tenant] = endpoint, counts
    return Links(found)


def question(head: Head, source: Source) -> Answer:
    """The page behind the link, if the source has signed it: nobody else's words stand on our pages."""
    token = head.path.removeprefix(PATH)
    link = link_of(token)
    if link is None or not any(is_signed(token, secret.get_secret_value()) for secret in source.secrets):
        return invalid()
    what = f" of “{escape(link.stream)}”" if link.stream else ""
    return _page(200, "Unsubscribe?", f"{escape(link.recipient)} will get no more mails{what}.", _FORM)


def done() -> Answer:
    """The request is safe in the log."""
    return _page(200, "Unsubscribed", "You will get no more of these mails.")


def invalid() -> Answer:
    """No source knows this token."""
    return _page(404, "Link not valid", _INVALID)


def _page(status: int, title: str, text: str, form: str = "") -> Answer:
    return Answer(status, _PAGE.format(title=title, text=text, form=form).encode(), content_type=_TYPE)
