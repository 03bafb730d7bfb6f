"""What a control driver is: two pure functions, request and interpret, and what it can do at all.

A driver never does I/O, never reads the clock, never retries: it turns a decision into one request (over
HTTP as a rule, see `effects`) and an answer into a verdict. The executor (`streams.core.remediation.execute`)
owns everything that takes time. What an API cannot do is not in `supports`, what it cannot do in part is not
in `shares`; neither is ever imitated by something near it.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from connectors.controls.effects import ControlAnswer, ControlRequest, Effect
from schemas.config import Control
from schemas.errors import FailureCode, Misconfigured, Permanent
from schemas.remediation import Action, Decision

__all__ = [
    "RESTING_POOL", "ControlAnswer", "ControlRequest", "ControlResult", "Driver", "EndState", "Pace", "Verdict",
    "base_url", "basic", "by_status", "campaign_of", "excerpt", "ip_of", "pool_of", "secret",
]  # fmt: skip

ANYTHING = re.compile(r".+", re.DOTALL)
NO_REFUSALS: Mapping[int, str] = {}
DETAIL_LIMIT = 200  # characters of a foreign answer that are worth keeping in an outcome
RESTING_POOL = "mailweir_resting"  # the IP pool, made by the owner and used by nothing, that resting IPs are moved to


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast an API may be asked: requests a second in the long run, and how many at once after a rest."""

    per_s: float
    burst: int


CAREFUL = Pace(per_s=1.0, burst=5)  # for APIs that document no limit; decisions are few


class Driver(Protocol):
    """One API. Implementations are stateless objects listed in `connectors.control.DRIVERS`."""

    @property
    def name(self) -> str:
        """The driver's name in `control.driver` of the configuration and in outcomes."""

    @property
    def supports(self) -> frozenset[Action]:
        """What this API can do. The caller must not ask for anything else."""

    @property
    def shares(self) -> frozenset[Action]:
        """The actions that it can do for a share of the mail between none and all of it."""

    @property
    def pace(self) -> Pace:
        """How fast one account or server may be asked."""

    @property
    def is_idempotent(self) -> bool:
        """Whether a request may be repeated when its answer was lost. If not, `look` comes before the repeat."""

    def request(self, decision: Decision, control: Control, now_ms: int) -> Effect | None:
        """The one request that carries the decision out; None if there is nothing to send.

        `now_ms` is the wall time of this attempt (signatures carry it). The same decision always asks for
        the same end state. Raises Misconfigured when the control's address or credentials are missing or
        malformed, Permanent(ACTION_REFUSED) when the decision lacks what the API needs.
        """

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """What the answer means. Never raises, whatever the body holds."""

    def look(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """The request that only reads whether the decision is carried out already; None: just repeat it."""

    def is_done(self, decision: Decision, control: Control, answer: ControlAnswer) -> bool:
        """Whether that answer shows the decision's end state. Never raises; False when it cannot be told."""


class EndState:
    """What most drivers have in common: all or nothing, a careful pace, requests that may be repeated."""

    shares: frozenset[Action] = frozenset()
    pace = CAREFUL
    is_idempotent = True

    def look(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.look`: a repeat does no harm."""
        return None

    def is_done(self, decision: Decision, control: Control, answer: ControlAnswer) -> bool:
        """See `Driver.is_done`."""
        return False


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


def campaign_of(decision: Decision, api: str, form: re.Pattern[str] = ANYTHING, otherwise: str = "") -> str:
    """The decision's campaign, as this API knows it.

    Raises Permanent(ACTION_REFUSED) when the decision names none, and with `otherwise` for one that is not of `form`.
    """
    if not decision.campaign_id:
        raise Permanent(FailureCode.ACTION_REFUSED, f"{api} acts on campaigns, but the decision names none")
    if not form.fullmatch(decision.campaign_id):
        raise Permanent(FailureCode.ACTION_REFUSED, otherwise)
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


def pool_of(decision: Decision, control: Control, api: str) -> str:
    """The pool that the decision names, else the control's. Raises Permanent(ACTION_REFUSED) without one."""
    pool = decision.ip_pool or control.ip_pool
    if not pool:
        detail = f"{api} needs the name of an IP pool, and the decision names none; set `control.ip_pool`"
        raise Permanent(FailureCode.ACTION_REFUSED, detail)
    return pool
