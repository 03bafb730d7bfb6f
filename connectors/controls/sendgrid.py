"""SendGrid: pause and resume the scheduled messages of one batch.

The API that really pauses (messages are kept, and sent after a resume) is "Cancel Scheduled Sends":
`POST /v3/user/scheduled_sends` with a `batch_id` and the status `pause`; `DELETE` on the batch lifts
it. It works for messages sent with that `batch_id` and a `send_at` more than ten minutes away; at most
ten batches can be paused at once, and paused messages expire after 72 hours. So a sender that wants to
be paused gives its messages a batch id and the same text as campaign id. Marketing Campaigns' "delete
single send schedule" is not used: it unschedules what has not begun, and a campaign that has produced
events has begun. Throttling and resting an IP have no call of their own.

Sources: Twilio SendGrid API reference, "Cancel scheduled sends" (POST, DELETE, limits) and "Stopping a
scheduled send". That a second pause is answered with 400 and "a status for this batch id exists" is
general knowledge, not re-checked.
"""

from __future__ import annotations

import json
import re

from connectors.controls.base import (
    ControlAnswer,
    ControlRequest,
    ControlResult,
    Verdict,
    base_url,
    by_status,
    campaign_of,
    secret,
)
from schemas.config import Control
from schemas.errors import FailureCode, Permanent
from schemas.remediation import Action, Decision

STANDARD_URL = "https://api.sendgrid.com"
BATCH_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
ALREADY = b"status for this batch id exists"


class SendGrid:
    """Pauses a batch whose id is the campaign's id."""

    name = "sendgrid"
    supports = frozenset({Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN})

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`."""
        root = f"{base_url(control, STANDARD_URL)}/v3/user/scheduled_sends"
        headers = {
            "authorization": f"Bearer {secret(control, 'a SendGrid API key with the scope user.scheduled_sends')}"
        }
        batch = campaign_of(decision, "SendGrid")
        if not BATCH_ID.fullmatch(batch):
            raise Permanent(
                FailureCode.ACTION_REFUSED,
                "SendGrid pauses by batch id, and this campaign id cannot be one (letters, digits, - and _ only);"
                " send the batch id as campaign id",
            )
        if decision.action == Action.RESUME_CAMPAIGN:
            return ControlRequest(method="DELETE", url=f"{root}/{batch}", headers=headers)
        body = json.dumps({"batch_id": batch, "status": "pause"}).encode()
        headers["content-type"] = "application/json"
        return ControlRequest(method="POST", url=root, headers=headers, body=body)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; a batch that is paused or cancelled already counts as done."""
        if answer.status == 400 and ALREADY in answer.body:
            return ControlResult(verdict=Verdict.DONE, detail="SendGrid had paused or cancelled this batch already")
        return by_status(answer, "SendGrid")


SENDGRID = SendGrid()
