"""Deterministic ids and keys: the same input gives the same id, in any process, for ever.

An event's id comes from the provider's own event id where that is trustworthy, else from a hash of
what happened: type, message, recipient, time, link, reader. Recipients are known by a keyed hash
(`recipient_key`), so logs and partition keys never hold an address and forgetting a tenant's secret
unlinks its stored keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

SEPARATOR = b"\x1f"  # ASCII unit separator: cannot occur in the parts, so they cannot run together
SEPARATOR_TEXT = SEPARATOR.decode()
_ID_SIZE = 16  # bytes


def digest(*parts: str | int) -> str:
    """32 lower-case hex characters (128 bits of BLAKE2b, RFC 7693) over the parts in order."""
    return hashlib.blake2b(_joined(parts), digest_size=_ID_SIZE).hexdigest()


def _joined(parts: Iterable[str | int]) -> bytes:
    return SEPARATOR_TEXT.join(map(str, parts)).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1024)  # two per tenant and provider
def _begun(*parts: str) -> hashlib.blake2b:
    """The hash state after `parts` and a separator; copying it saves what all ids of a provider share."""
    return hashlib.blake2b(_joined(parts) + SEPARATOR, digest_size=_ID_SIZE)


def event_id(tenant: str, provider: str, provider_event_id: str, *content: str | int) -> str:
    """The event's id. With a provider's own id that alone counts; without one, `content` does.

    A provider that repeats one id for several recipients must put the recipient into
    `provider_event_id` before calling.
    """
    if not provider_event_id:
        return content_id(tenant, provider, SEPARATOR_TEXT.join(map(str, content)))
    state = _begun(tenant, provider, "id").copy()
    state.update(provider_event_id.encode("utf-8", "surrogatepass"))
    return state.hexdigest()


def content_id(tenant: str, provider: str, content: str) -> str:
    """`event_id` without a provider's own id, of the content's parts with `SEPARATOR_TEXT` between them."""
    state = _begun(tenant, provider, "content").copy()
    state.update(content.encode("utf-8", "surrogatepass"))
    return state.hexdigest()


def normalise_address(address: str) -> str:
    """Trimmed, without display name or angle brackets, lower case. Providers fold case; so do we."""
    address = address.strip()
    if address.endswith(">") and "<" in address:
        address = address[address.rindex("<") + 1 : -1].strip()
    return address.lower()


def domain_of(address: str) -> str:
    """What stands after the last "@", lower case, without a trailing dot; "" if there is none."""
    _, at, domain = address.rpartition("@")
    return domain.strip().rstrip(".>").lower() if at else ""


def recipient_key(secret: str, tenant: str, address: str) -> str:
    """32 hex characters: the address hashed under the tenant's secret; "" for an empty address."""
    address = normalise_address(address)
    return normalised_key(secret, tenant, address) if address else ""


def normalised_key(secret: str, tenant: str, address: str) -> str:
    """`recipient_key` of an address that `normalise_address` made, not empty."""
    state = _keyed(secret, tenant).copy()
    state.update(address.encode("utf-8", "surrogatepass"))
    return state.hexdigest()


@lru_cache(maxsize=1024)  # one per tenant
def _keyed(secret: str, tenant: str) -> hashlib.blake2b:
    """The hash state under the secret's key after the tenant and a separator."""
    key = hashlib.blake2b(secret.encode(), digest_size=32).digest()
    return hashlib.blake2b(tenant.encode() + SEPARATOR, key=key, digest_size=_ID_SIZE)


def partition_key(tenant: str, key: str) -> bytes:
    """The Kafka key of the event topics: one recipient's events stay in order in one partition."""
    return f"{tenant}:{key}".encode()
