"""GreenArrow Engine: pause the deliveries of one send, and let them go on.

`POST /ga/api/v3/eng/sends_by_sendid/<SendID>/status` with `{"send": {"status": "pause"}}`, resumed with `normal`. It
holds for what is in the queue and for what is injected later under this SendID. Held messages stay in the queue and
expire after its `queue_lifetime` (two days unless set otherwise), so a longer pause loses them. Setting the status
again does no harm. The status `dump`, which throws messages away, is never asked for.

The SendID is what events of Engine carry as `sendid`. Events of GreenArrow Studio carry Studio's campaign number
before it, which is no SendID: such a decision is answered with a refusal. One server; a cluster needs one source and
control per server.

Not supported, and said so: shares (rates belong to throttles, that is to IPs and domains, not to sends), resting an IP.

Sources: GreenArrow documentation, "Send Status API" (API v3, Engine: paths, `normal`, `pause`, `dump`, the form of the
answer), "Pausing and Dumping Queues" (queue lifetime, messages injected later). Taken from public clients of this API
and not from its documentation: HTTP Basic. Not confirmed: with which status a refusal is answered; `success` in the
body is read whatever the status is.
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
    excerpt,
    secret,
)
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.remediation import Action, Decision

SEND_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
NO_SEND = "GreenArrow pauses sends, and this campaign id cannot be a SendID here (letters, digits, - and _ only)"
STATUS = {Action.PAUSE_CAMPAIGN: "pause", Action.RESUME_CAMPAIGN: "normal"}
FAILED = re.compile(rb'"success"\s*:\s*false')
UNKNOWN = "it knows no such send; the campaign id must be the SendID of this server, not a campaign number of Studio"


class GreenArrow(EndState):
    """Sets the status of the send that the campaign is named after."""

    name = "greenarrow"
    supports = frozenset(STATUS)
    pace = Pace(per_s=5.0, burst=10)  # a server of one's own

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.secret` is "user:password" of a user of Engine."""
        root = f"{base_url(control, '')}/ga/api/v3/eng/sends_by_sendid"
        credentials = secret(control, "user:password of a user of GreenArrow Engine")
        if ":" not in credentials:
            raise Misconfigured('control.secret of a "greenarrow" control must read user:password')
        send = campaign_of(decision, "GreenArrow", SEND_ID, NO_SEND)
        body = json.dumps({"send": {"status": STATUS[Action(decision.action)]}}).encode()
        headers = {"content-type": "application/json", "authorization": basic(credentials)}
        return ControlRequest(method="POST", url=f"{root}/{send}/status", headers=headers, body=body)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; a body that says `"success": false` is a refusal even under 200."""
        result = by_status(answer, "GreenArrow", {404: UNKNOWN})
        if result.verdict is Verdict.DONE and FAILED.search(answer.body):
            detail = f"GreenArrow refused with {answer.status}: {excerpt(answer.body)}"
            return ControlResult(verdict=Verdict.REFUSED, detail=detail)
        return result


GREENARROW = GreenArrow()
