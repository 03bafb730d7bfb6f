"""SendGrid: pause and resume the scheduled messages of one batch; take an IP out of its pool and put it back.

The API that really pauses (messages are kept, and sent after a resume) is "Cancel Scheduled Sends":
`POST /v3/user/scheduled_sends` with a `batch_id` and the status `pause`; `DELETE` on the batch lifts
it. It works for messages sent with that `batch_id` and a `send_at` more than ten minutes away; at most
ten batches can be paused at once, and paused messages expire after 72 hours. So a sender that wants to
be paused gives its messages a batch id and the same text as campaign id. Marketing Campaigns' "delete
single send schedule" is not used: it unschedules what has not begun, and a campaign that has produced
events has begun.

A dedicated IP rests by `DELETE /v3/ips/pools/<pool>/ips/<ip>` and returns by `POST /v3/ips/pools/<pool>/ips`. The pool
is the decision's, else `control.ip_pool`; setting that is the owner's word that all mail names a pool, because SendGrid
sends mail that names none through any IP. An addition takes up to a minute. Only the pool is left: an IP in two
pools goes on in the other.

Not supported, and said so: throttling and shares, moving a campaign to another pool (each message names its own), and
starting SendGrid's own warm-up when an IP returns (`POST /v3/ips/warmup`: a second request; start it by hand).

What a second request is answered with is not documented, so a lost answer is followed by a look:
`GET /v3/user/scheduled_sends/<batch>` lists the batch while it is paused, `GET /v3/ips/<ip>` names the IP's pools.

Sources: Twilio SendGrid API reference, "Cancel scheduled sends" (POST, GET, DELETE, limits), "Stopping a scheduled
send", "IP pools" (add, remove, mail without a pool), "IP addresses" (`pools`). General knowledge, not re-checked: that
a second pause is answered with 400 and "a status for this batch id exists".
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from connectors.controls.base import (
    ControlAnswer,
    ControlRequest,
    ControlResult,
    EndState,
    Verdict,
    base_url,
    by_status,
    campaign_of,
    ip_of,
    pool_of,
    secret,
)
from schemas.config import Control
from schemas.remediation import Action, Decision

STANDARD_URL = "https://api.sendgrid.com"  # subusers in Europe: https://api.eu.sendgrid.com
BATCH_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
NO_BATCH = (
    "SendGrid pauses by batch id, and this campaign id cannot be one (letters, digits, - and _ only);"
    " send the batch id as campaign id"
)
ALREADY = b"status for this batch id exists"
IP_ACTIONS = frozenset({Action.REST_IP, Action.RETURN_IP})


class SendGrid(EndState):
    """Pauses a batch whose id is the campaign's id; rests IPs by taking them out of their pool."""

    name = "sendgrid"
    supports = frozenset({Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN}) | IP_ACTIONS
    is_idempotent = False

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.secret` is an API key."""
        root, headers = _root(control), _headers(control)
        if decision.action == Action.REST_IP:
            url = f"{root}/ips/pools/{_pool(decision, control)}/ips/{ip_of(decision, 'SendGrid')}"
            return ControlRequest(method="DELETE", url=url, headers=headers)
        if decision.action == Action.RETURN_IP:
            url, document = f"{root}/ips/pools/{_pool(decision, control)}/ips", {"ip": ip_of(decision, "SendGrid")}
        else:
            batch = _batch(decision)
            url, document = f"{root}/user/scheduled_sends", {"batch_id": batch, "status": "pause"}
            if decision.action == Action.RESUME_CAMPAIGN:
                return ControlRequest(method="DELETE", url=f"{url}/{batch}", headers=headers)
        headers |= {"content-type": "application/json"}
        return ControlRequest(method="POST", url=url, headers=headers, body=json.dumps(document).encode())

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; a batch that is paused or cancelled already counts as done."""
        if answer.status == 400 and ALREADY in answer.body:
            return ControlResult(verdict=Verdict.DONE, detail="SendGrid had paused or cancelled this batch already")
        return by_status(answer, "SendGrid")

    def look(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """The batch's status, or the pools of the IP."""
        is_ip = decision.action in IP_ACTIONS
        path = f"ips/{ip_of(decision, 'SendGrid')}" if is_ip else f"user/scheduled_sends/{_batch(decision)}"
        return ControlRequest(method="GET", url=f"{_root(control)}/{path}", headers=_headers(control))

    def is_done(self, decision: Decision, control: Control, answer: ControlAnswer) -> bool:
        """Whether the batch is listed with a status (a pause) or not (a resume); whether the IP is in the pool."""
        try:
            read = json.loads(answer.body) if answer.status == 200 else None
        except ValueError:
            return False
        if decision.action in IP_ACTIONS:
            pools = read.get("pools") if isinstance(read, dict) else None
            pool = pool_of(decision, control, "SendGrid")
            return isinstance(pools, list) and (pool in pools) == (decision.action == Action.RETURN_IP)
        if decision.action == Action.RESUME_CAMPAIGN:
            return answer.status == 404 or read == []
        return isinstance(read, list) and bool(read)


def _root(control: Control) -> str:
    return f"{base_url(control, STANDARD_URL)}/v3"


def _headers(control: Control) -> dict[str, str]:
    key = secret(control, "a SendGrid API key with the scope user.scheduled_sends (and ips, to rest IPs)")
    return {"authorization": f"Bearer {key}"}


def _pool(decision: Decision, control: Control) -> str:
    return quote(pool_of(decision, control, "SendGrid"), safe="")


def _batch(decision: Decision) -> str:
    return campaign_of(decision, "SendGrid", BATCH_ID, NO_BATCH)


SENDGRID = SendGrid()
