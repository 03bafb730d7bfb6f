"""What the simulator needs of a sending service: its words, its ids, its batches, its signature.

One module per service implements `Provider` from the service's public documentation alone; nothing is
shared with the connectors, so that the two can disagree and a test will notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Protocol

from streams.simulator.behaviour import Happening, Message

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signed:
    """One request, ready to be posted."""

    headers: Mapping[str, str]
    body: bytes


class Provider(Protocol):
    """One sending service. Objects hold freshly made keys and nothing else."""

    @property
    def resolution_ms(self) -> int:
        """The finest step of its timestamps."""

    @property
    def batch_limit(self) -> int:
        """Events per request; 1: the body is one event, not a list."""

    @property
    def retries(self) -> tuple[int, ...]:
        """Refusals (HTTP status) that it tries again; 5xx and 429 it always does."""

    def message_id(self, message: Message) -> str:
        """The service's id of the message, as its events carry it."""

    def item(self, happening: Happening) -> Item:
        """One event in the service's format."""

    def sign(self, items: list[Any], wall_s: float, rng: Random) -> Signed:
        """A request with these events, signed as the service signs it, at wall time (seconds)."""

    def forge(self, items: list[Any], wall_s: float, rng: Random) -> Signed:
        """The same from somebody without the key: a wrong signature, an altered body, or none."""

    def garbage(self, wall_s: float, rng: Random) -> Signed | None:
        """Rightly signed bytes that are no events; None where the signature is part of the body."""

    def mistype(self, item: Item, rng: Random) -> None:
        """Give one incidental field of the event a type that its documentation does not allow."""

    def settings(self) -> Item:
        """What the source needs in `mailweir.yaml`: secrets, allow-lists."""


def iso(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    seconds, millis = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"


def uuid_text(bits: int) -> str:
    """128 bits in the layout of a UUID."""
    text = f"{bits & (1 << 128) - 1:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def garbled(rng: Random) -> bytes:
    """A body that is not what it should be: cut off, of another kind, or no text at all."""
    return rng.choice(
        (
            b'[{"event":"delivered","email":"anna.berg@gmail.com","timest',
            b"<html><body><h1>502 Bad Gateway</h1></body></html>",
            b"\x00\xff\xfe\x9c not text \x80",
            b"event=delivered&email=anna.berg%40gmail.com",
        )
    )
