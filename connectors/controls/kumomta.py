"""KumoMTA: suspend the scheduled queues of one campaign on one node.

`POST /api/admin/suspend/v1` with `campaign`, `reason` and `duration` holds every scheduled queue of the
campaign; messages stay queued. A suspension is kept in the node's memory and ends by itself after
`duration`, whose default of five minutes would let the campaign go on by itself, so it is set to a
week. Suspending the same campaign twice does no harm. A cluster needs one control per node.

Not supported, and said so: resuming (needs the suspension's own id, which `DELETE` on the same path
takes), throttling (rates live in the shaping configuration, the admin API has no call for them), and
resting an IP: `POST /api/admin/suspend-ready-q/v1` takes a ready queue's exact name, egress source and
MX site, which cannot be told from an address and a mailbox provider.

Sources: docs.kumomta.com, HTTP API reference (`api_admin_suspend_v1_post`, `..._delete`,
`api_admin_suspend_ready_q_v1_post`), "Authentication" (trusted hosts, or HTTP Basic), `kcli suspend`.
"""

from __future__ import annotations

import base64
import json

from connectors.controls.base import ControlAnswer, ControlRequest, ControlResult, base_url, by_status, campaign_of
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.remediation import Action, Decision

STANDARD_URL = "http://127.0.0.1:8000"  # the listener of KumoMTA's own example policy
DURATION = "7d"  # longer than a queue's usual message age limit: the campaign does not come back unseen
REASON_LIMIT = 300


class KumoMTA:
    """Suspends a campaign's scheduled queues."""

    name = "kumomta"
    supports = frozenset({Action.PAUSE_CAMPAIGN})

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:  # noqa: ARG002
        """See `Driver.request`. `control.secret` is "user:password", or empty for a trusted host."""
        reason = f"mailweir {decision.decision_id}: {decision.reason}"[:REASON_LIMIT]
        body = {"campaign": campaign_of(decision, "KumoMTA"), "reason": reason, "duration": DURATION}
        headers = {"content-type": "application/json"} | _authorization(control)
        url = f"{base_url(control, STANDARD_URL)}/api/admin/suspend/v1"
        return ControlRequest(method="POST", url=url, headers=headers, body=json.dumps(body).encode())

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status."""
        return by_status(answer, "KumoMTA")


def _authorization(control: Control) -> dict[str, str]:
    credentials = control.secret.get_secret_value()
    if not credentials:
        return {}
    if ":" not in credentials:
        raise Misconfigured('control.secret of a "kumomta" control must read user:password (HTTP Basic), or be empty')
    return {"authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


KUMOMTA = KumoMTA()
