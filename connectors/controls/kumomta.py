"""KumoMTA: suspend and release the scheduled queues of one campaign on one node.

`POST /api/admin/suspend/v1` with `campaign`, `reason` and `duration` holds every scheduled queue of the campaign. What
comes due meanwhile is put back into its queue, logged as TransientFailure with 451 4.4.4, counted as an attempt and
tried again on the queue's retry schedule (in older releases: only when the suspension would have ended); what
grows older than the queue's `max_age` expires as ever. A suspension is kept in the node's memory and ends by itself
after `duration`, whose default of five minutes would let the campaign go on by itself, so it is set to a week.
Suspending the same campaign twice does no harm. A cluster needs one control per node.

Resuming is the same request with a duration of one second: a suspension replaces the one of the same criteria, and
this one ends at once. (`DELETE` on the path needs the suspension's id, which the decision does not know.) Held
messages go out at their next attempt; `kcli rebind --campaign ... --always-flush` makes them due at once. A suspension
that a person has made for the campaign and a domain or tenant has other criteria, and stays.

Not supported, and said so: throttling and shares: rates live in the shaping configuration, and no call of the admin API
or of the traffic shaping daemon sets one (`/publish_log_v1` takes log records and counts them against rules, and
`/get_config_v1/shaping.toml` only gives out what came of it; serving a shaping overlay ourselves is too much for a
driver). Nor resting an IP: `POST /api/admin/suspend-ready-q/v1` takes a ready queue's exact name, egress source and MX
site, which cannot be told from an address and a mailbox provider.

Sources: docs.kumomta.com, HTTP API reference (`api_admin_suspend_v1_post`, `..._delete`, `api_admin_rebind_v1_post`,
`api_admin_suspend_ready_q_v1_post`), "Authentication" (trusted hosts, or HTTP Basic), `kcli suspend`; that criteria are
unique and how held messages are put back: KumoMTA's source (`admin_suspend_v1.rs`, `queue_name_multi_index.rs`, the
scheduled queue's `insert_ready`), not the reference. In which release the latter changed was not looked up.
"""

from __future__ import annotations

import json

from connectors.controls.base import (
    ControlAnswer,
    ControlRequest,
    ControlResult,
    EndState,
    Pace,
    base_url,
    basic,
    by_status,
    campaign_of,
)
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.remediation import Action, Decision

STANDARD_URL = "http://127.0.0.1:8000"  # the listener of KumoMTA's own example policy
DURATION = {
    Action.PAUSE_CAMPAIGN: "7d",  # a queue's usual message age limit: the campaign does not come back unseen
    Action.RESUME_CAMPAIGN: "1s",  # replaces the suspension by one that is over at once
}
REASON_LIMIT = 300


class KumoMTA(EndState):
    """Suspends and releases a campaign's scheduled queues."""

    name = "kumomta"
    supports = frozenset(DURATION)
    pace = Pace(per_s=10.0, burst=20)  # a server of one's own

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.secret` is "user:password", or empty for a trusted host."""
        reason = f"mailweir {decision.decision_id}: {decision.reason}"[:REASON_LIMIT]
        duration = DURATION[Action(decision.action)]
        body = {"campaign": campaign_of(decision, "KumoMTA"), "reason": reason, "duration": duration}
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
    return {"authorization": basic(credentials)}


KUMOMTA = KumoMTA()
