"""What happens to one message: a plan of events in simulated time, drawn when it is sent.

Delays follow rough shapes from practice: delivery in seconds, retries after minutes, opens around an
hour (log-normal), complaints log-normal with a median of four hours and sigma 1.3. All times are
milliseconds since the epoch on the simulated clock; nothing here reads a clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from streams.simulator.fleet import Campaign, Sender
from streams.simulator.mailboxes import (
    APPLE_PRIVACY,
    FEEDBACK_SHARE,
    LINK_SCANNER,
    Agent,
    Mailbox,
    clicking_agent,
    opening_agent,
)
from streams.simulator.replies import Cause, Reply, acceptance, refusal
from streams.simulator.scenarios import Traits

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
QUEUED, SENT, DELIVERED, DEFERRED, BOUNCED, REJECTED = (
    "queued", "sent", "delivered", "deferred", "bounced", "rejected",
)  # fmt: skip
OPENED, CLICKED, UNSUBSCRIBED, COMPLAINED = "opened", "clicked", "unsubscribed", "complained"
_LN_COMPLAINT = math.log(4 * HOUR)
_LN_OPEN = math.log(70 * MINUTE)


@dataclass(slots=True)
class Message:
    """One mail to one recipient. `message_id`: the service's id of it; `token`: 32 hex characters."""

    sender: Sender
    campaign: Campaign
    mailbox: Mailbox
    recipient: str
    ip: str
    message_id: str
    token: str
    sent_at: int


@dataclass(slots=True)
class Happening:
    """One thing that happens to a message. `event_id`: 128 random bits, for services that number events."""

    at: int
    kind: str  # a canonical event type
    message: Message
    event_id: int = 0
    reply: Reply | None = None
    attempt: int = 0
    agent: Agent | None = None
    reader_ip: str = ""
    url: str = ""


@dataclass(slots=True)
class Plan:
    """Collects one message's happenings and keeps their times apart, so that every event is distinct.

    `resolution_ms` is the finest step of the service's timestamps; two events of one kind never fall
    into the same step.
    """

    message: Message
    rng: Random
    resolution_ms: int
    happenings: list[Happening] = field(default_factory=list)
    _taken: set[tuple[str, int]] = field(default_factory=set)

    def add(self, kind: str, at: float, **details: object) -> int:
        """Plan `kind` at or just after `at`; gives the time it got."""
        step = self.resolution_ms
        moment = int(at) // step * step
        while (kind, moment) in self._taken:
            moment += step
        self._taken.add((kind, moment))
        happening = Happening(moment, kind, self.message, self.rng.getrandbits(128), **details)  # type: ignore[arg-type]
        self.happenings.append(happening)
        return moment

    def refuse(self, kind: str, at: float, cause: Cause, attempt: int) -> int:
        """Plan a bounce or a deferral with the reply of this message's mailbox provider."""
        message = self.message
        reply = refusal(
            message.mailbox.provider,
            cause,
            ip=message.ip,
            recipient=message.recipient,
            domain=message.campaign.domain,
        )
        return self.add(kind, at, reply=reply, attempt=attempt)


def plan_message(plan: Plan, traits: Traits, *, is_blocked: bool) -> list[Happening]:
    """Everything that will happen to the message, in no particular order."""
    message, rng = plan.message, plan.rng
    plan.add(SENT if message.sender.provider == "ses" else QUEUED, message.sent_at)
    first_try = message.sent_at + max(300.0, min(rng.lognormvariate(7.6, 0.8), 60_000.0))
    if is_blocked:
        _blocked(plan, first_try)
    else:
        _fate(plan, traits, first_try)
    return plan.happenings


def _fate(plan: Plan, traits: Traits, first_try: float) -> None:
    draw = plan.rng.random()
    for share, cause in (
        (traits.unknown_user, Cause.UNKNOWN_USER),
        (traits.inactive, Cause.INACTIVE),
        (traits.refusal * 0.7, Cause.SPAM_CONTENT),
        (traits.refusal * 0.3, Cause.AUTH),
    ):
        if draw < share:
            plan.refuse(BOUNCED, first_try, cause, 1)
            return
        draw -= share
    if draw < traits.suppressed and plan.message.sender.tracks_engagement:
        plan.add(REJECTED, first_try)
    elif plan.rng.random() < traits.deferral:
        _deferred(plan, traits, first_try)
    else:
        _delivered(plan, traits, first_try, attempt=1)


def _blocked(plan: Plan, at: float) -> None:
    """Refused for the sending address: mostly for good at once, else put off and then refused."""
    if plan.rng.random() < 0.7:
        plan.refuse(BOUNCED, at, Cause.BLOCKED_IP, 1)
        return
    again = plan.refuse(DEFERRED, at, Cause.DEFERRED_IP, 1) + plan.rng.uniform(5, 15) * MINUTE
    plan.refuse(BOUNCED, again, Cause.BLOCKED_IP, 2)


def _deferred(plan: Plan, traits: Traits, at: float) -> None:
    draw = plan.rng.random()
    attempts = 1 if plan.rng.random() < 0.75 else 2
    if draw < 0.08:
        cause, attempts = Cause.MAILBOX_FULL, 3
    elif draw < 0.45 and plan.message.mailbox.provider != "gmail":
        cause = Cause.GREYLISTED
    else:
        cause = Cause.RATE_LIMITED if draw > 0.85 else Cause.BUSY
    for attempt in range(1, attempts + 1):
        at = plan.refuse(DEFERRED, at, cause, attempt) + plan.rng.uniform(5, 20) * MINUTE * attempt
    if cause is Cause.MAILBOX_FULL:
        plan.refuse(BOUNCED, at, cause, attempts + 1)
    else:
        _delivered(plan, traits, at, attempt=attempts + 1)


def _delivered(plan: Plan, traits: Traits, at: float, *, attempt: int) -> None:
    mailbox = plan.message.mailbox
    reply = acceptance(mailbox.provider, message=plan.message.message_id)
    at = plan.add(DELIVERED, at, reply=reply, attempt=attempt)
    if plan.message.sender.tracks_engagement:
        _engagement(plan, traits, at)
    # Only some mailboxes report complaints, so those complain more and the campaign's share holds.
    if mailbox.has_feedback_loop and plan.rng.random() < traits.complaint / FEEDBACK_SHARE:
        plan.add(COMPLAINED, at + SECOND + plan.rng.lognormvariate(_LN_COMPLAINT, 1.3))


def _engagement(plan: Plan, traits: Traits, delivered_at: float) -> None:
    rng, mailbox = plan.rng, plan.message.mailbox
    if rng.random() < (0.6 if mailbox.provider == "apple" else 0.08):
        _read(plan, OPENED, delivered_at + rng.uniform(5 * SECOND, 30 * MINUTE), APPLE_PRIVACY)
    if mailbox.provider == "other" and rng.random() < 0.1:
        _read(plan, CLICKED, delivered_at + rng.uniform(500, 2 * SECOND), LINK_SCANNER)
    if rng.random() >= traits.open:
        return
    agent = opening_agent(rng, mailbox)
    opened_at = _read(plan, OPENED, delivered_at + 10 * SECOND + rng.lognormvariate(_LN_OPEN, 1.2), agent)
    if rng.random() < 0.2:
        _read(plan, OPENED, opened_at + rng.uniform(2 * MINUTE, 3 * HOUR), agent)
    if rng.random() < traits.click:
        _read(plan, CLICKED, opened_at + rng.uniform(4, 90) * SECOND, clicking_agent(rng))
    if rng.random() < traits.unsubscribe / traits.open:
        _read(plan, UNSUBSCRIBED, opened_at + rng.uniform(8, 120) * SECOND, clicking_agent(rng))


def _read(plan: Plan, kind: str, at: float, agent: Agent) -> int:
    rng, campaign = plan.rng, plan.message.campaign
    url = f"https://{campaign.domain}/{campaign.name}/{rng.randrange(6)}" if kind == CLICKED else ""
    return plan.add(kind, at, agent=agent, reader_ip=f"{agent.network}.{rng.randrange(1, 255)}", url=url)
