"""Deterministic ids and keys: the same input gives the same id, in any process, for ever.

An event's id comes from the provider's own event id where that is trustworthy, else from a hash of
what happened: type, message, recipient, time, link, reader. Recipients are known by a keyed hash
(`recipient_key`), so logs and partition keys never hold an address and forgetting a tenant's secret
unlinks its stored keys.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

SEPARATOR = b"\x1f"  # ASCII unit separator: cannot occur in the parts, so they cannot run together


def digest(*parts: str | int) -> str:
    """32 lower-case hex characters (128 bits of BLAKE2b, RFC 7693) over the parts in order."""
    joined = SEPARATOR.join(str(part).encode("utf-8", "surrogatepass") for part in parts)
    return hashlib.blake2b(joined, digest_size=16).hexdigest()


def event_id(tenant: str, provider: str, provider_event_id: str, *content: str | int) -> str:
    """The event's id. With a provider's own id that alone counts; without one, `content` does.

    A provider that repeats one id for several recipients must put the recipient into
    `provider_event_id` before calling.
    """
    if provider_event_id:
        return digest(tenant, provider, "id", provider_event_id)
    return digest(tenant, provider, "content", *content)


def normalise_address(address: str) -> str:
    """Trimmed, without display name or angle brackets, lower case. Providers fold case; so do we."""
    address = address.strip()
    if address.endswith(">") and "<" in address:
        address = address[address.rindex("<") + 1 : -1]
    return address.strip().lower()


def domain_of(address: str) -> str:
    """What stands after the last "@", lower case, without a trailing dot; "" if there is none."""
    _, at, domain = address.rpartition("@")
    return domain.strip().rstrip(".>").lower() if at else ""


def recipient_key(secret: str, tenant: str, address: str) -> str:
    """32 hex characters: the address hashed under the tenant's secret; "" for an empty address."""
    address = normalise_address(address)
    if not address:
        return ""
    text = SEPARATOR.join((tenant.encode(), address.encode("utf-8", "surrogatepass")))
    return hashlib.blake2b(text, key=_key(secret), digest_size=16).hexdigest()


@lru_cache(maxsize=1024)  # one per tenant
def _key(secret: str) -> bytes:
    return hashlib.blake2b(secret.encode(), digest_size=32).digest()


def partition_key(tenant: str, key: str) -> bytes:
    """The Kafka key of the event topics: one recipient's events stay in order in one partition."""
    return f"{tenant}:{key}".encode()
