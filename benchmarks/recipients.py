"""Made-up recipients and what they do, for segments: mails and what becomes of them, shops, traits; and 50 rules.

The rules are the ten of `examples/segments/`, each five times with other lengths of time, so that no two ask the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.events import Made
from schemas.avro import Codec
from schemas.events import ActivityEvent, EmailEvent, EventType, Machine
from schemas.identity import digest, partition_key
from schemas.segments.files import load_segments
from schemas.segments.rules import Segment

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "segments"
VARIANTS = 5
TENANT = "default"
_LENGTH = re.compile(r"(?<=[ \[])(\d+)([smhdw])(?=[,\]}\s])")
_CODEC = Codec()
_MAILS = {
    EventType.DELIVERED: 60, EventType.OPENED: 25, EventType.CLICKED: 8, EventType.BOUNCED: 5, EventType.DEFERRED: 2,
}  # fmt: skip
_DONE = {
    "Product Viewed": 45, "page": 25, "Order Completed": 10, "Checkout Started": 10, "Wishlist Added": 4,
    "Feature Used": 4, "identify": 2,
}  # fmt: skip


def write_rules(folder: Path) -> list[Segment]:
    """Put the 50 rules there, one file each; what they are when they are read."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = "|".join(path.stem for path in EXAMPLES.glob("*.yaml"))
    for number in range(VARIANTS):
        for path in EXAMPLES.glob("*.yaml"):
            text = re.sub(rf"((?:id|segment): )({ids})\b", rf"\g<1>\g<2>-{number}", path.read_text(encoding="utf-8"))
            text = _LENGTH.sub(lambda found: f"{int(found[1]) + number}{found[2]}", text)  # noqa: B023 - used at once
            (folder / f"{path.stem}-{number}.yaml").write_text(text, encoding="utf-8")
    return load_segments([folder])


def history(events: int, recipients: int, seed: int, start_ms: int, span_ms: int) -> Iterator[Made]:
    """So many events over a span of time, in the order of receipt: 85 % mail, 15 % activities. Partition: -1."""
    dice = Random(seed)
    for number in range(events):
        who = f"{digest('bench', dice.randrange(recipients))}"
        at = start_ms + number * span_ms // events
        made = _mail(dice, who, at) if dice.random() < 0.85 else _activity(dice, who, at)
        yield Made(-1, partition_key(TENANT, who), _CODEC.encode(made))


def probe(dice: Random, who: str, at: int, name: str = "Probe") -> Made:
    """An event of a name of its own."""
    made = _done(dice, who, at, "track", name, {}, {})
    return Made(-1, partition_key(TENANT, who), _CODEC.encode(made))


def is_mail(made: Made) -> bool:
    """Which of the two topics it belongs to."""
    return made.value.startswith(_CODEC.header(EmailEvent))


def _mail(dice: Random, who: str, at: int) -> EmailEvent:
    (kind,) = dice.choices(list(_MAILS), list(_MAILS.values()))
    refusal: dict[str, Any] = {
        "bounce_reason": "mailbox_full",
        "bounce_scope": "address",
        "bounce_permanence": "transient",
    }
    return EmailEvent(
        event_id=_unique(dice), tenant=TENANT, source="bench-esp", provider="sendgrid", event_type=kind,
        occurred_at=at - dice.randrange(2_000), received_at=at, recipient=f"{who[:12]}@example.com",
        recipient_key=who, recipient_domain="example.com", mailbox_provider=dice.choice(["gmail", "outlook", "other"]),
        message_id=f"m-{who[:8]}-{dice.randrange(8)}", campaign_id=f"c{dice.randrange(50)}",
        stream=dice.choice(["marketing", "transactional"]), subject="What is new this week",
        sending_domain="mail.example.net", machine=dice.choice([Machine.HUMAN, Machine.HUMAN, Machine.MACHINE]),
        raw_topic="mailweir.webhooks.v1", raw_partition=dice.randrange(4), raw_offset=dice.randrange(100_000),
        **(refusal if kind == EventType.BOUNCED else {}),
    )  # fmt: skip


def _activity(dice: Random, who: str, at: int) -> ActivityEvent:
    (name,) = dice.choices(list(_DONE), list(_DONE.values()))
    if name == "identify":
        traits = {
            "plan": dice.choice(["trial", "paid"]),
            "country": dice.choice(["DE", "FR", "US"]),
            "birthday": "1990-04-02",
        }
        return _done(dice, who, at, "identify", "", {}, traits)
    if name == "page":
        return _done(dice, who, at, "page", "", {"url": "https://shop.example/a"}, {})
    properties = {
        "cart_id": f"cart-{dice.randrange(10_000)}",
        "order_id": f"o{dice.getrandbits(40)}",
        "revenue": dice.randrange(5, 400) / 2,
        "price": dice.randrange(10, 300),
        "products": [{"sku": f"X-{dice.randrange(90, 110)}", "price": 20}],
    }
    return _done(dice, who, at, "track", name, properties, {})


def _done(
    dice: Random, who: str, at: int, activity: str, name: str, properties: dict[str, Any], traits: dict[str, Any]
) -> ActivityEvent:
    return ActivityEvent(
        event_id=_unique(dice), tenant=TENANT, source="bench-shop", provider="segment",
        activity=activity, name=name, occurred_at=at, received_at=at, recipient_key=who,
        properties=json.dumps(properties) if properties else "", traits=json.dumps(traits) if traits else "",
    )  # fmt: skip


def _unique(dice: Random) -> str:
    return f"{dice.getrandbits(128):032x}"
