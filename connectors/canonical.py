"""The last step of every parser: what follows from an event's own fields, worked out in one place.

A provider's module fills in what the provider says; `complete` adds the ids and keys
(`schemas.identity`), the mailbox provider, the bounce class of refusals and the verdict on who opened
or clicked. So these mean the same for every provider, and a parser cannot forget one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.base import Context, Failure, ParseResult
from connectors.bounces import classify, codes_in
from connectors.machine import judge
from connectors.mailbox_providers import provider_of
from connectors.values import encode
from schemas.errors import FailureCode
from schemas.events import ActivityEvent, BounceClass, EmailEvent, EventType
from schemas.identity import SEPARATOR_TEXT as _S
from schemas.identity import content_id, domain_of, event_id, normalise_address, normalised_key
from schemas.memo import Memo

REFUSALS = frozenset({EventType.BOUNCED, EventType.DEFERRED, EventType.REJECTED})
_READERS = frozenset({EventType.OPENED, EventType.CLICKED})
_UNKNOWN = EventType.UNKNOWN
_UNSURE = 0.5  # below this the classifier only had a bare status code to go by; the provider's word is better
_CACHED_RECIPIENTS = 65_536  # a message's events follow each other; some 30 MB when full
_LONGEST = 512  # characters of what is worth remembering


def blanks(context: Context, provider: str) -> Callable[[], EmailEvent]:
    """Makes events with what all events of a request share, each a copy of the first.

    They share `tags`: set it, never append to it.
    """
    event = EmailEvent(
        event_id="",
        tenant=context.tenant,
        source=context.source,
        provider=provider,
        event_type=_UNKNOWN,
        occurred_at=0,
        received_at=context.received_at,
    )
    return event.__copy__


def complete(
    event: EmailEvent, context: Context, *, hint: BounceClass | None = None, is_machine: bool = False, flag: str = ""
) -> None:
    """Fill in what follows from the other fields. `event.occurred_at` 0 becomes the receipt time.

    `hint`: how the provider itself classes the refusal; it wins where the reply says nothing clear.
    `is_machine`: the provider says that software opened or clicked, `flag` is its word for it.
    """
    event.recipient, event.recipient_key, event.recipient_domain, event.mailbox_provider = _recipients[
        context.recipient_secret, context.tenant, event.recipient
    ]
    if event.provider_event_id:
        event.event_id = event_id(context.tenant, event.provider, event.provider_event_id)
    else:  # an unknown time goes into the id as 0: the receipt time differs from one delivery to the next
        event.event_id = content_id(
            context.tenant,
            event.provider,
            f"{event.provider_event_type}{_S}{event.message_id}{_S}{event.recipient}{_S}{event.occurred_at}{_S}"
            f"{event.url}{_S}{event.client_ip}{_S}{event.attempt}",
        )
    event.occurred_at = event.occurred_at or context.received_at
    if event.smtp_response and not (event.smtp_code and event.enhanced_status):
        code, status = codes_in(event.smtp_response)
        event.smtp_code = event.smtp_code or code
        event.enhanced_status = event.enhanced_status or status
    if event.event_type in REFUSALS:
        _set_bounce(event, hint)
    elif event.event_type in _READERS:
        event.machine, event.machine_reason = judge(
            event.user_agent,
            client_ip=event.client_ip,
            after_sending_ms=event.occurred_at - event.sent_at if event.sent_at else -1,
            is_machine=is_machine,
            flag=flag,
        )


def blank_activities(context: Context, provider: str) -> Callable[[], ActivityEvent]:
    """`blanks` for what people do outside of mail."""
    event = ActivityEvent(
        event_id="",
        tenant=context.tenant,
        source=context.source,
        provider=provider,
        activity="",
        name="",
        occurred_at=0,
        received_at=context.received_at,
    )
    return event.__copy__


def complete_activity(event: ActivityEvent, context: Context, *told: str | int) -> None:
    """`complete` for what people do outside of mail: the recipient's address and key, the id, the time.

    Without an id of the provider the id is made of everything the event says, and of what is `told` beside it. Where
    no time is told either, the time of receipt is part of it: people do the same thing more often than senders repeat
    themselves.
    """
    event.recipient, event.recipient_key, _, _ = _recipients[context.recipient_secret, context.tenant, event.recipient]
    event.occurred_at = event.occurred_at or context.received_at
    if event.provider_event_id:
        event.event_id = event_id(context.tenant, event.provider, event.provider_event_id)
    else:
        event.event_id = event_id(
            context.tenant, event.provider, "", event.activity, event.name, event.recipient, event.anonymous_id,
            event.occurred_at, event.properties, event.traits, event.url, event.client_ip, *told,
        )  # fmt: skip


def _recipient(whose: tuple[str, str, str]) -> tuple[str, str, str, str]:
    """(address, key, domain, mailbox provider) of (secret, tenant, recipient as the provider wrote it)."""
    secret, tenant, written = whose
    address = normalise_address(written)
    if not address:
        return "", "", "", ""
    domain = domain_of(address)
    return address, normalised_key(secret, tenant, address), domain, provider_of(domain)


_recipients = Memo(_recipient, _CACHED_RECIPIENTS, lambda whose, _found: len(whose[2]) <= _LONGEST)


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


def add(result: ParseResult, event: EmailEvent | ActivityEvent) -> None:
    """Append the event under its running index."""
    event.raw_index = len(result.events)
    result.events.append(event)


def pass_over(result: ParseResult, word: str) -> None:
    """Note an item that is about no e-mail, under the provider's word for it."""
    result.passed_over.append(word)


def refuse_item(result: ParseResult, index: int, item: Any, reason: str) -> None:
    """Keep one unreadable item of a batch as a failure with its own bytes."""
    result.failures.append(Failure(code=FailureCode.ITEM_UNREADABLE, reason=reason, item=encode(item), index=index))


def refuse_body(code: FailureCode, reason: str, body: bytes) -> ParseResult:
    """A result that is one failure: the whole body."""
    return ParseResult(failures=[Failure(code=code, reason=reason, item=body)])
