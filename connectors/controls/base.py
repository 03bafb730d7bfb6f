"""What a control driver is: two pure functions, request and interpret, and what it can do at all.

A driver never does I/O, never reads the clock, never retries: it turns a decision into one HTTP request
and an HTTP answer into a verdict. The executor (`streams.core.remediation.execute`) owns everything
that takes time. What an API cannot do is not in `supports`; it is never imitated by something near it.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from schemas.config import Control
from schemas.errors import FailureCode, Misconfigured, Permanent
from schemas.remediation import Action, Decision

NO_REFUSALS: Mapping[int, str] = {}
DETAIL_LIMIT = 200  # characters of a foreign answer that are worth keeping in an outcome
RESTING_POOL = "mailweir_resting"  # the IP pool, made by the owner and used by nothing, that resting IPs are moved to


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """One HTTP request to a sender's API. Headers and body may hold secrets: they are not printed."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAnswer:
    """The sender's answer: `headers` with lower-case names, `body` cut to what the executor read."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Verdict(StrEnum):
    """What an answer means for the caller."""

    DONE = "done"  # the sender does what was asked
    RETRY = "retry"  # the same request may succeed later
    REFUSED = "refused"  # this request will never succeed
    UNAUTHORIZED = "unauthorized"  # the credentials are wrong: a person must change them


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResult:
    """The verdict and one sentence for a person, without secrets."""

    verdict: Verdict
    detail: str


class Driver(Protocol):
    """One API. Implementations are stateless objects listed in `connectors.control.DRIVERS`."""

    @property
    def name(self) -> str:
        """The driver's name in `control.driver` of the configuration and in outcomes."""

    @property
    def supports(self) -> frozenset[Action]:
        """What this API can do. The caller must not ask for anything else."""

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """The one request that carries the decision out; None if there is nothing to send.

        `now_ms` is the wall time of this attempt (signatures carry it). The same decision always asks
        for the same end state, so sending it twice does no harm. Raises Misconfigured when the control's
        address or credentials are missing or malformed, Permanent(ACTION_REFUSED) when the decision
        lacks what the API needs.
        """

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """What the answer means. Never raises, whatever the body holds."""


def by_status(answer: ControlAnswer, api: str, refusals: Mapping[int, str] = NO_REFUSALS) -> ControlResult:
    """The reading of an answer by its HTTP status alone (RFC 9110): what most APIs mean by it.

    `refusals`: what a status says about this very request, and what to check then.
    """
    status = answer.status
    if status in refusals:
        return ControlResult(verdict=Verdict.REFUSED, detail=f"{api} refused with {status}: {refusals[status]}")
    if 200 <= status < 300:
        return ControlResult(verdict=Verdict.DONE, detail=f"{api} confirmed with {status}")
    if status in {401, 403}:
        detail = f"{api} refused the credentials ({status}); check `control.secret` of this source and its rights"
        return ControlResult(verdict=Verdict.UNAUTHORIZED, detail=detail)
    if status in {408, 425, 429} or status >= 500:
        return ControlResult(verdict=Verdict.RETRY, detail=f"{api} answered {status}")
    if 300 <= status < 400:
        detail = f"{api} answered with a redirect ({status}), which is not followed; mend `control.base_url`"
        return ControlResult(verdict=Verdict.REFUSED, detail=detail)
    return ControlResult(verdict=Verdict.REFUSED, detail=f"{api} refused with {status}: {excerpt(answer.body)}")


def excerpt(body: bytes) -> str:
    """The start of a foreign body as one printable line."""
    text = " ".join(body[: 4 * DETAIL_LIMIT].decode("utf-8", "replace").split())
    text = "".join(c for c in text if c.isprintable())
    return text[:DETAIL_LIMIT] or "no text"


def base_url(control: Control, standard: str) -> str:
    """The API's address without trailing slash. Raises Misconfigured if there is none to use."""
    url = (control.base_url or standard).rstrip("/")
    if not url.startswith(("https://", "http://")):
        raise Misconfigured(
            f"control.base_url of the {control.driver!r} control is {url!r}; it must start with https:// (or http://)"
        )
    return url


def secret(control: Control, what: str) -> str:
    """The control's secret. Raises Misconfigured naming `what` belongs there."""
    value = control.secret.get_secret_value()
    if not value:
        raise Misconfigured(f"control.secret of the {control.driver!r} control is empty; set it to {what}")
    if not value.isascii() or not value.isprintable():  # it could not travel in a header
        raise Misconfigured(
            f"control.secret of the {control.driver!r} control has strange characters; set it to {what}"
        )
    return value


def basic(credentials: str) -> str:
    """The value of an Authorization header for "user:password" (RFC 7617)."""
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def campaign_of(decision: Decision, api: str) -> str:
    """The decision's campaign. Raises Permanent(ACTION_REFUSED) when it names none."""
    if not decision.campaign_id:
        raise Permanent(FailureCode.ACTION_REFUSED, f"{api} acts on campaigns, but the decision names none")
    return decision.campaign_id


def ip_of(decision: Decision, api: str) -> str:
    """The IP to rest altogether. Raises Permanent(ACTION_REFUSED) without one, or for one mailbox provider only."""
    if not decision.sending_ip:
        raise Permanent(FailureCode.ACTION_REFUSED, f"{api} rests IP addresses, but the decision names none")
    if decision.mailbox_provider:
        detail = f"{api} can only rest an IP altogether, but the decision is about {decision.mailbox_provider} alone"
        raise Permanent(FailureCode.ACTION_REFUSED, detail)
    try:
        return str(ipaddress.ip_address(decision.sending_ip))
    except ValueError as error:
        raise Permanent(FailureCode.ACTION_REFUSED, f"the decision's sending IP is no address ({error})") from error
