"""SparkPost: take a dedicated IP out of its pool, and put it back.

`PUT /api/v1/sending-ips/<ip>` with `ip_pool` moves the IP to the pool with the id `mailweir_resting`, which
must exist and must not be sent through; without it SparkPost answers 400 and nothing is moved, so making it
is the owner's consent. Moving it again to where it is does no harm. Returning it is the same request with the
pool that the decision names, else `control.ip_pool`: which pool it came from is nowhere kept. Shared IPs are not
the customer's to move: 404.

Not supported: pausing and resuming a campaign. `DELETE /api/v1/transmissions?campaign_id=<id>` throws scheduled
transmissions away instead of holding them, exists for some enterprise accounts only, and lets the next
transmission of the same campaign pass; a subaccount can be suspended, but that is a customer and not a
campaign. Nor moving a campaign to another pool (each transmission names its own), throttling (rates are adapted
by SparkPost itself), and alerts.

Sources: SparkPost API reference, "Sending IPs" (update, 400 for an unknown pool, 404 for an unknown IP, IPv4
only; enterprise customers' IPs are managed by their account manager), "IP pools" (ids are made from names),
"Transmissions", "Subaccounts". Not confirmed: what becomes of mail whose pool lost its last IP. General
knowledge, not re-checked: the name of the key's right, suspended subaccounts.
"""

from __future__ import annotations

import json

from connectors.controls.base import (
    RESTING_POOL,
    ControlAnswer,
    ControlRequest,
    ControlResult,
    EndState,
    base_url,
    by_status,
    excerpt,
    ip_of,
    pool_of,
    secret,
)
from schemas.config import Control
from schemas.remediation import Action, Decision

STANDARD_URL = "https://api.sparkpost.com"  # accounts in Europe: https://api.eu.sparkpost.com
UNKNOWN = "it knows no such dedicated IP; is `control.secret` a key of the account that has it?"


class SparkPost(EndState):
    """Rests dedicated IPs in a pool of their own, and takes them back."""

    name = "sparkpost"
    supports = frozenset({Action.REST_IP, Action.RETURN_IP})

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.secret` is an API key."""
        root = f"{base_url(control, STANDARD_URL)}/api/v1/sending-ips"
        key = secret(control, "a SparkPost API key with the right Sending IPs: Read/Write")
        headers = {"accept": "application/json", "authorization": key, "content-type": "application/json"}
        is_return = decision.action == Action.RETURN_IP
        pool = pool_of(decision, control, "SparkPost") if is_return else RESTING_POOL
        body = json.dumps({"ip_pool": pool}).encode()
        return ControlRequest(method="PUT", url=f"{root}/{ip_of(decision, 'SparkPost')}", headers=headers, body=body)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status."""
        no_pool = f"is there an IP pool with this id (to rest in: {RESTING_POOL})? {excerpt(answer.body)}"
        return by_status(answer, "SparkPost", {404: UNKNOWN, 400: no_pool})


SPARKPOST = SparkPost()
