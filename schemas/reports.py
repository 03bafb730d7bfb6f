"""What receivers report about a domain's mail as a whole: DMARC (RFC 9990, RFC 7489, RFC 9991), TLS (RFC 8460).

These are no events of messages: they name no recipient and no message, only how many messages (or sessions) of an IP
passed or failed in a span of time. One row of such a report is one `AuthReport`; one figure or verdict of a mailbox
provider about a domain or an IP is one `StandingReport`. Unknown text is "", an unknown number or time 0. Field order
is the Avro and the ClickHouse column order: append only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.events import ActivityEvent, EmailEvent, Millis


class ReportKind(StrEnum):
    """What is reported on, which is also what `count` counts."""

    DMARC = "dmarc"  # messages, aggregated by a receiver (RFC 9990, RFC 7489)
    DMARC_FAILURE = "dmarc_failure"  # one message that failed (RFC 9991, RFC 6591), or so many like it
    TLS = "tls"  # SMTP sessions towards our own MX hosts (RFC 8460)


@dataclass(slots=True, kw_only=True)
class AuthReport:
    """One row of one report. Sums of `count` over the rows of one `kind` are totals: no row contains another.

    `outcome` is "pass" (authenticated and aligned; TLS negotiated as the policy asks) or "fail". `event_id` is
    deterministic: the same report read twice has the same ids. `policy_details` and `auth_results` are JSON text.
    """

    event_id: str
    tenant: str
    source: str
    provider: str
    received_at: Millis
    kind: str  # ReportKind
    reporter: str = ""  # the receiver's name for itself
    reporter_contact: str = ""
    report_id: str = ""
    begins_at: Millis = 0
    ends_at: Millis = 0
    domain: str = ""  # whose policy was applied
    policy: str = ""  # DMARC: none, quarantine, reject; TLS: sts, tlsa, no-policy-found
    policy_details: str = ""  # everything else that the policy says
    count: int = 0
    outcome: str = ""
    disposition: str = ""  # what became of the messages: none, pass, quarantine, reject
    reason: str = ""  # why not what the policy says (override type), or why TLS failed (result type)
    detail: str = ""
    sending_ip: str = ""
    header_from: str = ""
    envelope_from: str = ""
    envelope_to: str = ""
    dkim: str = ""  # pass or fail, aligned
    spf: str = ""
    auth_results: str = ""  # every check with its domain, selector and result
    remote_host: str = ""  # TLS: the MX host that was tried
    remote_ip: str = ""
    raw_topic: str = ""
    raw_partition: int = -1
    raw_offset: int = -1
    raw_index: int = 0  # which row of its report


class Unit(StrEnum):
    """What `StandingReport.value` is."""

    COUNT = "count"
    SHARE = "share"  # 0 to 1
    WORD = "word"  # no number: `text` says it


@dataclass(slots=True, kw_only=True)
class StandingReport:
    """One figure or verdict of a mailbox provider about one domain or one sending IP and one span of time.

    The span is mostly a day. What the provider does not tell has no row, which is not a 0. `event_id` is made of whom
    and what the figure is about and not of the figure, so a later answer for the same day replaces an earlier.
    """

    event_id: str
    tenant: str
    source: str
    provider: str
    received_at: Millis
    domain: str = ""
    sending_ip: str = ""
    metric: str  # docs/tables.md has the list
    begins_at: Millis = 0
    ends_at: Millis = 0
    unit: str = Unit.WORD.value
    value: float = 0.0  # the upper end where the provider gives a range
    text: str = ""  # the verdict, or the range as it was written
    detail: str = ""  # why, if the provider says so
    raw_topic: str = ""
    raw_partition: int = -1
    raw_offset: int = -1
    raw_index: int = 0  # which row of its answer


Parsed = EmailEvent | ActivityEvent | AuthReport | StandingReport
"""What a request may hold: what happened to a message or to a person, or a row of a report about a domain or an IP."""
