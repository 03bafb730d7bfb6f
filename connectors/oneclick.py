"""One-click unsubscribe (RFC 8058): a link of ours, signed, that a mailbox provider posts to.

`https://<gateway>/u/<token>`: the token says who (tenant, recipient, stream, campaign) and carries an HMAC-SHA256
under a secret of the source, cut to 128 bits (RFC 2104 section 5), so nobody can take others off a list. Everything
after the version is base64url: two texts with a dot between. The recipient is readable in it, as in most such links;
links belong to their recipient. A provider posts the form field `List-Unsubscribe=One-Click`, without cookies, and a
person's browser posts the same from our page; a GET changes nothing, for scanners follow links.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import astuple, dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import blanks, complete, refuse_body
from connectors.signatures import accept
from connectors.values import form
from schemas.errors import FailureCode
from schemas.events import EventType
from schemas.identity import digest, normalise_address

if TYPE_CHECKING:
    from schemas.config import Source

PATH = "/u/"
FIELD = "List-Unsubscribe"
# What the form field says. A body without it is taken as it is meant: somebody posted to the link.
TYPES: dict[str, EventType] = {"One-Click": EventType.UNSUBSCRIBED, "": EventType.UNSUBSCRIBED}
_VERSION = "1"
_PURPOSE = b"mailweir one-click 1\x1f"  # the same secret may sign other things
_SIGNATURE_BYTES = 16
_LONGEST = 2_000  # characters of a token: four fields of 254 are 1,400
_LONGEST_FIELD = 254
_DAY_MS = 86_400_000
_TOKEN = re.compile(r"/u/([A-Za-z0-9_-]{1,2000}\.[A-Za-z0-9_-]{22})(?![A-Za-z0-9_.-])")
_MULTIPART = re.compile(
    rb'name="?List-Unsubscribe"?[ \t]*+\r?\n(?:[^\r\n]++\r?\n)*+\r?\n([^\r\n]{0,100})', re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Link:
    """Who is meant by a link. `stream` and `campaign` as the sender names them, "" for none."""

    tenant: str
    recipient: str
    stream: str = ""
    campaign: str = ""


def token_of(link: Link, secret: str) -> str:
    """The token for this link. Raises ValueError for a field that is too long, or no recipient."""
    link = Link(link.tenant, normalise_address(link.recipient), link.stream, link.campaign)
    if "@" not in link.recipient or any(len(part) > _LONGEST_FIELD for part in astuple(link)):
        raise ValueError(
            f"a link needs a recipient's address, and no part of it may be longer than {_LONGEST_FIELD} characters"
        )
    payload = _text(msgspec.json.encode(astuple(link)))
    return f"{_VERSION}{payload}.{_signature(payload, secret)}"


def headers_of(link: Link, secret: str, base_url: str, mailto: str = "") -> dict[str, str]:
    """The two headers of RFC 8058, both to be covered by the DKIM signature. `mailto`: for those who cannot post."""
    token = token_of(link, secret)
    by_mail = f", <mailto:{mailto}?subject=unsubscribe%20{token}>" if mailto else ""
    return {
        "List-Unsubscribe": f"<{base_url.rstrip('/')}{PATH}{token}>{by_mail}",
        "List-Unsubscribe-Post": f"{FIELD}=One-Click",
    }


def link_of(token: str) -> Link | None:
    """What a token says, whoever signed it; None if it is none."""
    payload, dot, _ = token.partition(".")
    if not dot or not payload.startswith(_VERSION) or len(token) > _LONGEST:
        return None
    try:
        parts = msgspec.json.decode(_bytes(payload[len(_VERSION) :]), type=tuple[str, str, str, str])
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return None
    link = Link(*parts)
    return link if "@" in link.recipient and all(len(part) <= _LONGEST_FIELD for part in parts) else None


def is_signed(token: str, secret: str) -> bool:
    """Whether this secret signed the token."""
    payload, _, signature = token.partition(".")
    expected = _signature(payload[len(_VERSION) :], secret)
    return hmac.compare_digest(signature.encode(), expected.encode())


def link_in(text: str) -> Link | None:
    """The link in a List-Unsubscribe header, for reports that blot out the recipient; nothing is verified."""
    found = _TOKEN.search(text)
    return link_of(found[1]) if found else None


def _signature(payload: str, secret: str) -> str:
    return _text(hmac.new(secret.encode(), _PURPOSE + payload.encode(), hashlib.sha256).digest()[:_SIGNATURE_BYTES])


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _bytes(value: str) -> bytes:
    return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)


class OneClick:
    """The connector: `POST /u/<token>` is its only path."""

    name = "oneclick"
    # RFC 8058 says nothing about retries, so a link is only refused for good when its signature is wrong.
    statuses = StatusPolicy(source="https://www.rfc-editor.org/rfc/rfc8058#section-3.2")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """The token's signature, against every secret of the source; its tenant must be the source's."""
        return accept(request, source, present=_present, matches=partial(_matches, source.tenant), timestamp=None)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event: the recipient opted out. Who posts it, person or machine, does not matter."""
        token = _token(request)
        link = link_of(token)
        if link is None:
            return refuse_body(FailureCode.WRONG_SHAPE, "the address holds no one-click token", request.body)
        word = _word(request.body)
        event = blanks(context, OneClick.name)()
        event.event_type = TYPES.get(word, EventType.UNKNOWN)
        event.provider_event_type = word[:100] or "post"
        # Who posts twice has opted out once; who opts out by the same link another day means it again.
        event.provider_event_id = digest(token, event.provider_event_type, context.received_at // _DAY_MS)
        event.recipient = link.recipient
        event.stream = link.stream
        event.campaign_id = link.campaign
        event.user_agent = request.headers.get("user-agent", "")
        complete(event, context)
        return ParseResult(events=[event])


def _present(request: Request) -> str:
    return "" if _token(request) else f"a token in the path {PATH}"


def _matches(tenant: str, request: Request, secret: str) -> bool:
    token = _token(request)
    link = link_of(token)
    return is_signed(token, secret) and link is not None and link.tenant == tenant


def _token(request: Request) -> str:
    path = request.url.partition("?")[0]
    return path.partition(PATH)[2] if PATH in path else ""


def _word(body: bytes) -> str:
    """The value of the form field, in either form that RFC 8058 allows; "" if it is missing."""
    if found := _MULTIPART.search(body[:10_000]):
        return found[1].decode("utf-8", "replace").strip()
    return next((value.strip() for name, value in form(body[:10_000]) if name == FIELD), "")
