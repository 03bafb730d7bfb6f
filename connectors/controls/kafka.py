"""A Kafka topic for consumers of one's own: every action, in the same JSON that the webhook posts.

The record goes to `control.topic` of the log that mailweir itself uses, with the decision's key as its key, so that
decisions about one campaign or IP stay in their order. Headers are those of the Standard Webhooks specification:
`webhook-id` is the decision's id and stays the same over repeats (a lost acknowledgement can leave a record twice: take
each id once), `webhook-timestamp` is the attempt's time in seconds, and with a `control.secret` there is
`webhook-signature`. The topic is the owner's: it must exist, and topics of mailweir's own are refused.

An outcome `done` says that the log has the record, not that a consumer has acted on it.
"""

from __future__ import annotations

import re

from connectors.controls.base import ControlAnswer, ControlResult, EndState, Pace, Verdict
from connectors.controls.effects import TopicRecord
from connectors.controls.standard_webhooks import payload, signature, signing_key
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.remediation import Action, Decision

OWN = "mailweir."
TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


class Kafka(EndState):
    """Writes the decision to `control.topic`."""

    name = "kafka"
    supports = frozenset(Action)
    shares = frozenset(Action)
    pace = Pace(per_s=100.0, burst=100)

    def request(self, decision: Decision, control: Control, now_ms: int) -> TopicRecord | None:
        """See `Driver.request`. `control.secret` is as for the webhook, or empty: then nothing is signed."""
        if not TOPIC.fullmatch(control.topic) or control.topic.startswith(OWN) or control.topic in {".", ".."}:
            raise Misconfigured(
                f"control.topic of a 'kafka' control is {control.topic!r}; set it to a topic of your own that exists"
                f" (letters, digits, dots, - and _; not beginning with {OWN})"
            )
        value, timestamp = payload(decision), str(now_ms // 1000)
        headers = {"webhook-id": decision.decision_id, "webhook-timestamp": timestamp}
        if control.secret.get_secret_value():
            signed = signature(signing_key(control), decision.decision_id, timestamp, value)
            headers["webhook-signature"] = signed
        key = f"{decision.tenant}\x1f{decision.kind}\x1f{decision.key}".encode()
        return TopicRecord(topic=control.topic, key=key, value=value, headers=headers)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """An answer is an acknowledgement; without one there is nothing to read."""
        return ControlResult(verdict=Verdict.DONE, detail="the log has the decision; your consumer carries it out")


KAFKA = Kafka()
