"""The last step of every parser: what follows from an event's own fields, worked out in one place.

A provider's module fills in what the provider says; `complete` adds the ids and keys
(`schemas.identity`), the mailbox provider, the bounce class of refusals and the verdict on who opened
or clicked. So these mean the same for every provider, and a parser cannot forget one.
"""

from __future__ import annotations

from typing import Any

from connectors.base import Context, Failure, ParseResult
from connectors.bounces import classify, codes_in
from connectors.machine import judge
from connectors.mailbox_providers import provider_of
from connectors.values import encode
from schemas.errors import FailureCode
from schemas.events import BounceClass, EmailEvent, EventType
from schemas.identity import domain_of, event_id, normalise_address, recipient_key

REFUSALS = frozenset({EventType.BOUNCED, EventType.DEFERRED, EventType.REJECTED})
_READERS = frozenset({EventType.OPENED, EventType.CLICKED})
_UNSURE = 0.5  # below this the classifier only had a bare status code to go by; the provider's word is better


def complete(
    event: EmailEvent, context: Context, *, hint: BounceClass | None = None, is_machine: bool = False, flag: str = ""
) -> None:
    """Fill in what follows from the other fields. `event.occurred_at` 0 becomes the receipt time.

    `hint`: how the provider itself classes the refusal; it wins where the reply says nothing clear.
    `is_machine`: the provider says that software opened or clicked, `flag` is its word for it.
    """
    event.recipient = address = normalise_address(event.recipient)
    # An unknown time goes into the id as 0: the receipt time differs from one delivery to the next.
    event.event_id = event_id(
        context.tenant, event.provider, event.provider_event_id, event.provider_event_type, event.message_id,
        address, event.occurred_at, event.url, event.client_ip, event.attempt,
    )  # fmt: skip
    event.occurred_at = event.occurred_at or context.received_at
    if address:
        event.recipient_key = recipient_key(context.recipient_secret, context.tenant, address)
        event.recipient_domain = domain_of(address)
        event.mailbox_provider = provider_of(event.recipient_domain)
    if event.smtp_response and not (event.smtp_code and event.enhanced_status):
        code, status = codes_in(event.smtp_response)
        event.smtp_code = event.smtp_code or code
        event.enhanced_status = event.enhanced_status or status
    if event.event_type in REFUSALS:
        _set_bounce(event, hint)
    elif event.event_type in _READERS:
        event.machine, event.machine_reason = judge(event.user_agent, is_machine=is_machine, flag=flag)


def _set_bounce(event: EmailEvent, hint: BounceClass | None) -> None:
    found = classify(event.smtp_response, event.smtp_code, event.enhanced_status)
    if hint is not None and found.confidence < max(hint.confidence, _UNSURE):
        found = hint
    event.bounce_reason = found.reason
    event.bounce_scope = found.scope
    event.bounce_permanence = found.permanence
    event.bounce_action = found.action
    event.bounce_retry_after_s = found.retry_after_s
    event.bounce_blocklist = found.blocklist
    event.bounce_rule = found.rule
    event.bounce_confidence = found.confidence


def add(result: ParseResult, event: EmailEvent) -> None:
    """Append the event under its running index."""
    event.raw_index = len(result.events)
    result.events.append(event)


def refuse_item(result: ParseResult, index: int, item: Any, reason: str) -> None:
    """Keep one unreadable item of a batch as a failure with its own bytes."""
    result.failures.append(Failure(code=FailureCode.ITEM_UNREADABLE, reason=reason, item=encode(item), index=index))


def refuse_body(code: FailureCode, reason: str, body: bytes) -> ParseResult:
    """A result that is one failure: the whole body."""
    return ParseResult(failures=[Failure(code=code, reason=reason, item=body)])
