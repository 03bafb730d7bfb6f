"""listmonk: pause and resume a running campaign.

`PUT /api/campaigns/{id}/status` with the status `paused` or `running`. A pause takes effect at once: listmonk
stops reading recipients, skips what it has prepared, and keeps the place, so that a resume goes on with those who
come after it. What the MTA behind listmonk has taken over is sent. The id is the campaign's number; the UUID that
listmonk writes into `X-Listmonk-Campaign` is not accepted here.

Only running campaigns can be paused; the refusal is the same for one that is paused, finished or cancelled already,
and means in each case that nothing is being sent, so it counts as done. Only paused campaigns (and drafts) can be
started; that refusal is the same for one that runs already and for one that has ended, so it does not count as done.
Both sentences are recognised in English only, listmonk's other languages end as refused. An unknown campaign is
answered with 400, not 404.

Not supported, and said so: throttling and resting an IP; rates are settings of the whole listmonk, which restarts to
take them on. There are open reports of campaigns that went to some recipients again, or ended early, after a resume
(knadh/listmonk 2070, 2168, 2313, 2591): look at the counts afterwards.

Sources: listmonk documentation, "API / Campaigns" (transitions) and "APIs" (Basic authentication of API users), its
source (`cmd/campaigns.go`, `internal/core/campaigns.go`, `internal/manager/pipe.go`, `i18n/en.json`), issue 1222.
"""

from __future__ import annotations

import json
import re

from connectors.controls.base import (
    ControlAnswer,
    ControlRequest,
    ControlResult,
    EndState,
    Pace,
    Verdict,
    base_url,
    basic,
    by_status,
    campaign_of,
    secret,
)
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.remediation import Action, Decision

CAMPAIGN = re.compile(r"[1-9][0-9]{0,9}")
NO_CAMPAIGN = "listmonk knows campaigns by number, and this campaign id is none; send the number as campaign id"
STATUS = {Action.PAUSE_CAMPAIGN: "paused", Action.RESUME_CAMPAIGN: "running"}
NOT_RUNNING = b"Only active campaigns can be paused"
NOT_PAUSED = b"Only paused campaigns and drafts can be started"
UNKNOWN = b"not found"


class Listmonk(EndState):
    """Sets a campaign's status."""

    name = "listmonk"
    supports = frozenset(STATUS)
    pace = Pace(per_s=5.0, burst=10)  # a server of one's own
    is_idempotent = False

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.secret` is "user:token" of an API user."""
        url, headers = _campaign(decision, control)
        headers |= {"content-type": "application/json"}
        body = json.dumps({"status": STATUS[Action(decision.action)]}).encode()
        return ControlRequest(method="PUT", url=f"{url}/status", headers=headers, body=body)

    def look(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """The campaign itself: the refusal of a second resume is that of a campaign which has ended."""
        url, headers = _campaign(decision, control)
        return ControlRequest(method="GET", url=url, headers=headers)

    def is_done(self, decision: Decision, control: Control, answer: ControlAnswer) -> bool:
        """Whether the campaign has the status that the action asks for."""
        wanted = STATUS[Action(decision.action)].encode()
        return answer.status == 200 and re.search(rb'"status"\s*:\s*"' + wanted + b'"', answer.body) is not None

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; a campaign that is not running counts as paused."""
        if answer.status == 400 and NOT_RUNNING in answer.body:
            detail = "listmonk says the campaign is not running: it was paused, finished or cancelled already (400)"
            return ControlResult(verdict=Verdict.DONE, detail=detail)
        if answer.status == 400 and NOT_PAUSED in answer.body:
            detail = "listmonk says the campaign is not paused: it runs already, or has ended; look at it there (400)"
            return ControlResult(verdict=Verdict.REFUSED, detail=detail)
        if answer.status == 404 or (answer.status == 400 and UNKNOWN in answer.body):
            detail = (
                f"listmonk does not know the campaign ({answer.status}); check that its number is sent as campaign"
                " id and that `control.base_url` is the address of this listmonk"
            )
            return ControlResult(verdict=Verdict.REFUSED, detail=detail)
        return by_status(answer, "listmonk")


def _campaign(decision: Decision, control: Control) -> tuple[str, dict[str, str]]:
    """The campaign's address, and the headers of every request."""
    root = f"{base_url(control, '')}/api/campaigns"
    headers = {"authorization": _authorization(control)}
    campaign = campaign_of(decision, "listmonk", CAMPAIGN, NO_CAMPAIGN)
    return f"{root}/{campaign}", headers


def _authorization(control: Control) -> str:
    credentials = secret(control, "user:token of an API user with the permission campaigns:manage")
    if ":" not in credentials:
        raise Misconfigured('control.secret of a "listmonk" control must read user:token (an API user\'s)')
    return basic(credentials)


LISTMONK = Listmonk()
