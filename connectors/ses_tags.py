"""What a message of Amazon SES says of itself: its message tags, and the headers X-Tag and X-Metadata.

Tags are those of a campaign more often than of a recipient, and every event of a message repeats them. So they are
left as the JSON they came in, and what they mean is remembered by it, within bounds. Most messages have none
of the two headers, so their headers are only read where one of the names may stand in them.
Source: "Contents of event data that Amazon SES publishes to Amazon SNS", Amazon SES Developer Guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.values import decode, json_object, mapping, sequence, text, texts
from schemas.memo import Memo

_CAMPAIGN = ("campaign_id", "campaign-id", "campaign", "Campaign", "CampaignId")
_REMEMBERED = 4096
_LONGEST = 1024  # bytes of tags that are worth remembering: so some 10 MB at most
_MARKS = (b'"x-tag"', b'"x-metadata"', b"\\u00")  # JSON may escape any letter


@dataclass(frozen=True, slots=True)
class Tags:
    """A message's tags by their meaning. `own`: those outside of SES's name space, `metadata`: the same as JSON."""

    campaign_id: str
    variant_id: str
    stream: str
    sending_ip: str
    ip_pool: str
    from_domain: str
    own: dict[str, str]
    metadata: str


def tags_in(raw: msgspec.Raw) -> Tags:
    """The tags of the JSON under `tags`; empty where it is no object."""
    return _tags[bytes(raw)]


def _read(raw: bytes) -> Tags:
    tags = {name: first(values) for name, values in mapping(_value(raw)).items()}
    own = {name: value for name, value in tags.items() if not name.startswith("ses:")}
    return Tags(
        campaign_id=next(filter(None, map(tags.get, _CAMPAIGN)), ""),
        variant_id=tags.get("variant_id") or tags.get("variant", ""),
        stream=tags.get("ses:configuration-set", ""),
        sending_ip=tags.get("ses:outgoing-ip", ""),
        ip_pool=tags.get("ses:dedicated-ip-pool", ""),
        from_domain=tags.get("ses:from-domain", "").lower(),
        own=own,
        metadata=json_object(own),
    )


_tags = Memo(_read, _REMEMBERED, lambda raw, _tags: len(raw) <= _LONGEST)


def labels_and_documents(headers: msgspec.Raw) -> tuple[list[str], list[str]]:
    """What the X-Tag and the X-Metadata headers hold, in the JSON under `headers`."""
    raw = bytes(headers)
    if all(at < 0 for at in map(raw.lower().find, _MARKS)):
        return [], []
    found: dict[str, list[str]] = {"x-tag": [], "x-metadata": []}
    for header in map(mapping, sequence(_value(raw))):
        name = text(header.get("name")).lower()
        if name in found and (value := text(header.get("value"))):
            found[name].append(value)
    return found["x-tag"], found["x-metadata"]


def metadata(documents: list[str], tags: Tags) -> str:
    """The objects in X-Metadata headers, and above them the sender's own tags."""
    if not documents:
        return tags.metadata
    own: dict[str, Any] = {}
    for value in documents:
        try:
            own.update(mapping(decode(value.encode())))
        except ValueError:
            continue  # a header of somebody else's meaning
    return json_object(own | tags.own)


def first(values: Any) -> str:
    """The first of several texts; SES sends each message tag as a list."""
    return next(iter(texts(values)), "")


def _value(raw: bytes) -> Any:
    """The decoded value, None for a missing one."""
    return decode(raw) if raw else None
