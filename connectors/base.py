"""What a connector is: two pure functions, verify and parse, and the facts about its provider.

A connector never does I/O, never reads the clock, never raises for what an outsider sent: a bad
signature is a `Rejected`, everything unreadable is a `Failure` beside the events that could be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from schemas.errors import FailureCode
from schemas.reports import Parsed

if TYPE_CHECKING:  # pydantic takes half a second to import, and `mailweir parse` has no configuration
    from schemas.config import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request: `headers` with lower-case names, `url` as the provider has it, raw `body`.

    `received_at` in milliseconds since the epoch.
    """

    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    received_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A request that may be kept. `secret_index`: which secret verified it, -1 if the source has none.

    `fetch_url`: an address the gateway must GET once the request is stored (SNS subscription
    confirmation), "" if none. `reply`: the response body a handshake asks for.
    """

    secret_index: int = -1
    fetch_url: str = ""
    reply: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Whose request it is: stamped onto every event. `recipient_secret` keys the recipient hash."""

    tenant: str
    source: str
    received_at: int
    recipient_secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What could not be read: `item` is the original bytes, `index` its place (-1: the whole body)."""

    code: FailureCode
    reason: str
    item: bytes
    index: int = -1


@dataclass(slots=True, kw_only=True)
class ParseResult:
    """Events in the order they were sent, and failures. Both may be empty (a provider's ping).

    `passed_over`: the provider's words for items that are readable and about no e-mail (a push message, an SMS);
    they are counted, and stay in the raw record.
    """

    events: list[Parsed] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPolicy:
    """Which HTTP status makes this provider do what we need; `source` names the provider's page.

    `overloaded`, `unavailable` and `slow_body` must make it try again, `refused` (bad signature) may end it.
    `is_preflighted`: it asks by OPTIONS whether it may post (CloudEvents web hooks 1.0, section 4).
    """

    accepted: int = 200
    refused: int = 401
    overloaded: int = 429
    unavailable: int = 503
    slow_body: int = 408  # another one where every 4xx but 429 is final
    is_preflighted: bool = False
    source: str


class Certificates(Protocol):
    """Fetches and caches signing certificates by URL. The connector has checked the URL already."""

    def get(self, url: str) -> bytes:
        """The PEM bytes. May block for a network fetch; raises Transient when it cannot be had."""


class Connector(Protocol):
    """One provider. Implementations are stateless objects listed in `connectors.registry`."""

    @property
    def name(self) -> str:
        """The provider's name in configuration and events."""

    @property
    def statuses(self) -> StatusPolicy:
        """How to answer this provider."""

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Check the signature over the raw bytes against every secret of the source.

        Raises Rejected (what is wrong, for the sender's log) or Transient (a certificate could not
        be fetched). The caller must not parse the body first.
        """

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The request's events. Never raises for any body or header; unknown types become `unknown`."""
