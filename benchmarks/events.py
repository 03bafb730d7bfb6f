"""Made-up email events in Avro, and what is true about them: the input of the stages that count or store.

One tenant and one source; campaigns, IPs, pools, domains and mailbox providers in every combination, a mix
of meanings like that of a sender in good standing, and repeats of whole records, as senders repeat
webhooks. The truth is counted here while the events are made, from what each was made to mean, without any
code that is being measured.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from random import Random

from benchmarks.peers.job import digest_of
from schemas.aggregates import Counts, KeyKind
from schemas.avro import Codec
from schemas.events import BounceReason, EmailEvent, EventType, Machine, Permanence
from schemas.identity import partition_key
from streams.core.meaning import PARTS

METRICS = tuple(item.name for item in fields(Counts) if item.name not in PARTS)  # an event has one of them
TENANT, SOURCE = "bench", "bench-esp"
START_MS = 1_760_000_000_000 // 60_000 * 60_000
_REPEATED_WITHIN = 5_000  # records of the same partition: a repeat comes soon
_CHUNK = 10_000

PROVIDERS = {  # mailbox providers by their share of the recipients, in per cent
    "gmail": 38, "outlook": 22, "yahoo": 13, "apple": 9, "aol": 4, "gmx": 4, "comcast": 3, "orange": 3, "mailru": 2,
    "other": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an event is made to be: `metric` is what it must be counted as, `share` its part in per cent."""

    metric: str
    share: float
    event_type: EventType
    reason: str = ""
    permanence: str = ""
    machine: str = ""
    reply: str = ""


MEANINGS = (
    Meaning("delivered", 56.0, EventType.DELIVERED, reply="250 2.0.0 OK 1760000000 d9443c01a7336-29a made up"),
    Meaning("opened", 17.0, EventType.OPENED, machine=Machine.HUMAN),
    Meaning("opened_machine", 9.0, EventType.OPENED, machine=Machine.MACHINE),
    Meaning("clicked", 4.0, EventType.CLICKED, machine=Machine.HUMAN),
    Meaning("clicked_machine", 1.0, EventType.CLICKED, machine=Machine.MACHINE),
    Meaning("deferred", 4.0, EventType.DEFERRED, BounceReason.SYSTEM_ERROR, Permanence.TRANSIENT, reply="451 4.3.0"),
    Meaning(
        "deferred_reputation", 2.0, EventType.DEFERRED, BounceReason.RATE_LIMITED, Permanence.TRANSIENT,
        reply="421 4.7.28 too many messages from this address",
    ),
    Meaning(
        "bounced_address", 2.5, EventType.BOUNCED, BounceReason.INVALID_RECIPIENT, Permanence.PERMANENT,
        reply="550 5.1.1 The email account that you tried to reach does not exist",
    ),
    Meaning("bounced_block", 0.8, EventType.BOUNCED, BounceReason.BLOCKED_IP, Permanence.PERMANENT, reply="550 5.7.1"),
    Meaning("bounced_other", 0.7, EventType.BOUNCED, BounceReason.MAILBOX_FULL, Permanence.TRANSIENT, reply="552"),
    Meaning("complained", 0.2, EventType.COMPLAINED),
    Meaning("unsubscribed", 0.8, EventType.UNSUBSCRIBED),
    Meaning("suppressed", 1.0, EventType.REJECTED, BounceReason.SUPPRESSED, Permanence.PERMANENT),
    Meaning("other", 1.0, EventType.AUTORESPONDED),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What to make: `events` records over `minutes` of event time, `repeats` of them (a share) seen before."""

    events: int
    seed: int
    partitions: int = 4
    campaigns: int = 100
    ips: int = 32
    pools: int = 4
    domains: int = 8
    minutes: int = 5
    repeats: float = 0.05


@dataclass(frozen=True, slots=True)
class Made:
    """One record for the log."""

    partition: int
    key: bytes
    value: bytes


# (partition, kind, key, minute in ms) -> count by metric
Rows = dict[tuple[int, str, str, int], Counter[str]]


class Source:
    """Makes the records of a `Traffic` once, and knows the truth when all of them were taken."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.repeated = 0
        self._codec = Codec()
        self._rng = Random(traffic.seed)
        self._distinct: Counter[tuple[int, str, int, int, int, str]] = Counter()
        self._simple: Counter[tuple[str, str, int]] = Counter()

    def records(self) -> Iterator[Made]:
        """Every record in the order of the log."""
        traffic, rng = self.traffic, self._rng
        recent: list[deque[tuple[Made, tuple[str, str, int]]]] = [
            deque(maxlen=_REPEATED_WITHIN) for _ in range(traffic.partitions)
        ]
        event = _blank()
        for first in range(0, traffic.events, _CHUNK):
            size = min(_CHUNK, traffic.events - first)
            meanings = rng.choices(MEANINGS, [meaning.share for meaning in MEANINGS], k=size)
            providers = rng.choices(tuple(PROVIDERS), tuple(PROVIDERS.values()), k=size)
            for index, meaning, provider in zip(range(first, first + size), meanings, providers, strict=True):
                number = rng.randrange(traffic.partitions)
                if recent[number] and rng.random() < traffic.repeats:
                    made, simple = recent[number][rng.randrange(len(recent[number]))]
                    self.repeated += 1
                else:
                    made, simple = self._make(event, index, number, meaning, provider)
                    recent[number].append((made, simple))
                self._simple[simple] += 1
                yield made

    def _make(
        self, event: EmailEvent, index: int, number: int, meaning: Meaning, provider: str
    ) -> tuple[Made, tuple[str, str, int]]:
        traffic, rng = self.traffic, self._rng
        at = START_MS + index * traffic.minutes * 60_000 // traffic.events
        campaign, ip = rng.randrange(traffic.campaigns), rng.randrange(traffic.ips)
        recipient = f"{rng.getrandbits(32):08x}"
        event.event_id = f"{rng.getrandbits(128):032x}"
        event.event_type = meaning.event_type
        event.occurred_at, event.received_at = at, at + 700
        event.provider_event_id = f"{index:022d}"
        event.recipient = f"someone.{recipient}@{provider}.example"
        event.recipient_key = recipient * 4
        event.recipient_domain = f"{provider}.example"
        event.mailbox_provider = provider
        event.message_id = f"{recipient}{index:014x}.recvd-6b9f7d5c84-1"
        event.campaign_id = f"campaign-{campaign:05d}"
        event.sending_ip = _ip(ip)
        event.ip_pool = _pool(ip, traffic)
        event.sending_domain = _domain(campaign, traffic)
        event.bounce_reason, event.bounce_permanence = meaning.reason, meaning.permanence
        event.machine, event.smtp_response = meaning.machine, meaning.reply
        event.raw_offset = index // 30
        self._distinct[number, meaning.metric, at // 60_000 * 60_000, campaign, ip, provider] += 1
        made = Made(number, partition_key(TENANT, event.recipient_key), self._codec.encode(event))
        return made, (event.sending_ip, provider, at // 60_000)

    def rows(self) -> Rows:
        """What reputation must hold: per partition, kind, key and minute the distinct events by metric."""
        found: Rows = {}
        for (number, metric, minute, campaign, ip, provider), count in self._distinct.items():
            for kind, key in _keys(campaign, ip, provider, self.traffic):
                found.setdefault((number, kind, key, minute), Counter())[metric] += count
        return found

    def simple_digest(self) -> str:
        """Fingerprint of the simpler job of the other engines: records per (IP, provider, minute), repeats too."""
        return digest_of(self._simple)


def bodies(records: Iterable[Made]) -> list[bytes]:
    """The values alone."""
    return [made.value for made in records]


def _keys(campaign: int, ip: int, provider: str, traffic: Traffic) -> list[tuple[str, str]]:
    name, address, domain = f"campaign-{campaign:05d}", _ip(ip), _domain(campaign, traffic)
    return [
        (KeyKind.TENANT, TENANT),
        (KeyKind.CAMPAIGN, name),
        (KeyKind.IP, address),
        (KeyKind.IP_POOL, _pool(ip, traffic)),
        (KeyKind.DOMAIN, domain),
        (KeyKind.PROVIDER, provider),
        (KeyKind.CAMPAIGN_PROVIDER, f"{name}|{provider}"),
        (KeyKind.IP_PROVIDER, f"{address}|{provider}"),
        (KeyKind.DOMAIN_PROVIDER, f"{domain}|{provider}"),
    ]


def _ip(ip: int) -> str:
    return f"192.0.2.{ip}"


def _pool(ip: int, traffic: Traffic) -> str:
    return f"pool-{ip % traffic.pools}"


def _domain(campaign: int, traffic: Traffic) -> str:
    return f"mail{campaign % traffic.domains}.example"


def _blank() -> EmailEvent:
    """What all events have in common; the rest is set anew for each."""
    return EmailEvent(
        event_id="",
        tenant=TENANT,
        source=SOURCE,
        provider="sendgrid",
        event_type=EventType.UNKNOWN,
        occurred_at=0,
        received_at=0,
        provider_event_type="processed",
        smtp_message_id="7f3c2a19b0@geopod-ismtpd-7",
        tags=["newsletter", "bench"],
        metadata='{"customer":"4711","segment":"regular","template":"spring"}',
        smtp_code=250,
        attempt=1,
        user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
        raw_topic="mailweir.webhooks.v1",
        raw_partition=0,
    )
