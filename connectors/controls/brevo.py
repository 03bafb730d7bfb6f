"""Brevo: suspend a marketing campaign.

`PUT /v3/emailCampaigns/{id}/status` with the status `suspended`; 204 says that the status has been changed. The id is
the campaign's number, which events of marketing campaigns carry as `camp_id`. What has been sent is sent; the campaign
stays in the account. Transactional messages belong to no campaign that Brevo could stop: their campaign ids are the
sender's own, and must not be numbers where this control is used, lest they name somebody else's campaign.

Not supported, and said so: resuming. `suspended` is a status beside `cancel`, and `queued` is allowed as well, but what
that does with a campaign that was suspended half way is not documented, and in 2021 Brevo said that a suspended
campaign can only be archived (sendinblue/APIv3-php-library 142); so the rest may have to be sent as a new campaign.
`cancel` is not used, it is no pause. Throttling and resting an IP have no call.

Sources: Brevo API reference, "Update an email campaign status" (statuses, `api-key` header, 204, 400, 404). Not
documented: from which statuses a campaign can be suspended (one that cannot ends as refused), and what a second
suspension is answered with.
"""

from __future__ import annotations

import json
import re

from connectors.controls.base import (
    ControlAnswer,
    ControlRequest,
    ControlResult,
    base_url,
    by_status,
    campaign_of,
    secret,
)
from schemas.config import Control
from schemas.errors import FailureCode, Permanent
from schemas.remediation import Action, Decision

STANDARD_URL = "https://api.brevo.com"
CAMPAIGN = re.compile(r"[1-9][0-9]{0,17}")
BODY = json.dumps({"status": "suspended"}).encode()
UNKNOWN = (
    "no marketing campaign has this number; check that `control.secret` belongs to the account that sends, and that"
    " the campaign id is Brevo's own and not one of yours"
)


class Brevo:
    """Suspends a marketing campaign."""

    name = "brevo"
    supports = frozenset({Action.PAUSE_CAMPAIGN})

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.secret` is an API key."""
        root = f"{base_url(control, STANDARD_URL)}/v3/emailCampaigns"
        headers = {"content-type": "application/json", "api-key": secret(control, "a Brevo API key (version 3)")}
        campaign = campaign_of(decision, "Brevo")
        if not CAMPAIGN.fullmatch(campaign):
            raise Permanent(
                FailureCode.ACTION_REFUSED,
                "Brevo suspends marketing campaigns, by number, and this campaign id is none;"
                " transactional messages cannot be stopped by its API",
            )
        return ControlRequest(method="PUT", url=f"{root}/{campaign}/status", headers=headers, body=BODY)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; 404 is a number that is no marketing campaign of this account."""
        return by_status(answer, "Brevo", {404: UNKNOWN})


BREVO = Brevo()
