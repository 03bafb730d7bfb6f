"""Brevo: suspend a marketing campaign.

`PUT /v3/emailCampaigns/{id}/status` with the status `suspended`; 204 says that the status has been changed. The id is
the campaign's number, which events of marketing campaigns carry as `camp_id`. What has been sent is sent; the campaign
stays in the account. Transactional messages belong to no campaign that Brevo could stop: their campaign ids are the
sender's own, and must not be numbers where this control is used, lest they name somebody else's campaign.

Not supported, and said so: resuming. `suspended` is a status beside `cancel`, and `queued` is allowed as well, but what
that does with a campaign that was suspended half way is not documented, and in 2021 Brevo said that a suspended
campaign can only be archived (sendinblue/APIv3-php-library 142); so the rest may have to be sent as a new campaign.
`cancel` is not used, it is no pause. Throttling and resting an IP have no call.

Sources: Brevo API reference, "Update an email campaign status" (statuses, `api-key` header, 204, 400, 404), "Get an
email campaign report" (`status`), "API rate limits" (100 requests an hour, 20 of which may come at once here). Not
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
    EndState,
    Pace,
    base_url,
    by_status,
    campaign_of,
    secret,
)
from schemas.config import Control
from schemas.remediation import Action, Decision

STANDARD_URL = "https://api.brevo.com"
CAMPAIGN = re.compile(r"[1-9][0-9]{0,17}")
NO_CAMPAIGN = (
    "Brevo suspends marketing campaigns, by number, and this campaign id is none;"
    " transactional messages cannot be stopped by its API"
)
SUSPENDED = re.compile(rb'"status"\s*:\s*"suspended"')
BODY = json.dumps({"status": "suspended"}).encode()
UNKNOWN = (
    "no marketing campaign has this number; check that `control.secret` belongs to the account that sends, and that"
    " the campaign id is Brevo's own and not one of yours"
)


class Brevo(EndState):
    """Suspends a marketing campaign."""

    name = "brevo"
    supports = frozenset({Action.PAUSE_CAMPAIGN})
    pace = Pace(per_s=100 / 3600, burst=20)  # "all other endpoints": 100 requests an hour
    is_idempotent = False

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.secret` is an API key."""
        url, headers = _campaign(decision, control)
        headers |= {"content-type": "application/json"}
        return ControlRequest(method="PUT", url=f"{url}/status", headers=headers, body=BODY)

    def look(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """The campaign itself: what a second suspension is answered with is not documented."""
        url, headers = _campaign(decision, control)
        return ControlRequest(method="GET", url=url, headers=headers)

    def is_done(self, decision: Decision, control: Control, answer: ControlAnswer) -> bool:
        """Whether the campaign's status is `suspended`."""
        return answer.status == 200 and SUSPENDED.search(answer.body) is not None

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; 404 is a number that is no marketing campaign of this account."""
        return by_status(answer, "Brevo", {404: UNKNOWN})


def _campaign(decision: Decision, control: Control) -> tuple[str, dict[str, str]]:
    """The campaign's address, and the headers of every request."""
    root = f"{base_url(control, STANDARD_URL)}/v3/emailCampaigns"
    headers = {"api-key": secret(control, "a Brevo API key (version 3)")}
    campaign = campaign_of(decision, "Brevo", CAMPAIGN, NO_CAMPAIGN)
    return f"{root}/{campaign}", headers


BREVO = Brevo()
