"""Klaviyo: hold the messages of one flow back.

`PATCH /api/flows/{id}` with the status `manual` sets the flow and all its messages (e-mail, SMS, push) to manual: who
reaches one is put under "Needs review" and gets it only when a person sends it. Nothing is lost; new people go on
entering. What each message's status was before (live, draft) is lost, so note it if some were drafts. Setting a flow to
manual twice does no harm. Flow ids are the six characters that events carry as `$flow`.

Not supported, and said so: pausing a campaign. Its send job can be cancelled (`/api/campaign-send-jobs/{id}`), but that
is documented as permanent, the rest can only be sent from a clone; `revert` makes a draft of what is scheduled. That
is no pause, so such a decision is refused before anything is sent. Resuming a flow: the status `live` would set its
drafts live as well, and leaves what waits for review waiting. Throttling and resting an IP have no call.

Sources: Klaviyo API reference, "Update Flow Status" (revision 2026-04-15: scope `flows:write`, 3 requests a second, 60
a minute) and "Cancel Campaign Send"; Klaviyo Help Center, "How to manually send flow messages to recipients", "How to
cancel a scheduled or sending campaign", "Enable a flow to start sending". That flow ids have six characters is taken
from examples and events, not from a promise.
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
    base_url,
    by_status,
    campaign_of,
    secret,
)
from schemas.config import Control
from schemas.remediation import Action, Decision

STANDARD_URL = "https://a.klaviyo.com"
REVISION = "2026-04-15"  # required; Klaviyo keeps a revision for two years
FLOW = re.compile(r"[A-Za-z0-9]{6}")
NO_FLOW = (
    "Klaviyo can hold back flows only, and this campaign id is none of a flow;"
    " a campaign can be cancelled there by a person, for good"
)
JSON_API = "application/vnd.api+json"
UNKNOWN = (
    "no flow has this id; check that `control.secret` belongs to the account that sends, and that it is a flow:"
    " campaigns cannot be paused"
)


class Klaviyo(EndState):
    """Sets a flow to manual."""

    name = "klaviyo"
    supports = frozenset({Action.PAUSE_CAMPAIGN})
    pace = Pace(per_s=1.0, burst=3)  # 60 a minute, 3 a second

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.secret` is a private API key."""
        root = f"{base_url(control, STANDARD_URL)}/api/flows"
        key = secret(control, "a private Klaviyo API key with the scope flows:write")
        headers = {
            "authorization": f"Klaviyo-API-Key {key}",
            "accept": JSON_API,
            "content-type": JSON_API,
            "revision": REVISION,
        }
        flow = campaign_of(decision, "Klaviyo", FLOW, NO_FLOW)
        data = {"type": "flow", "id": flow, "attributes": {"status": "manual"}}
        return ControlRequest(
            method="PATCH", url=f"{root}/{flow}", headers=headers, body=json.dumps({"data": data}).encode()
        )

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; 404 is an id that is no flow of this account."""
        return by_status(answer, "Klaviyo", {404: UNKNOWN})


KLAVIYO = Klaviyo()
