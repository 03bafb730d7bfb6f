"""`mailweir segments profile`: what is known of one recipient, for a terminal of 80 columns or for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.segments.profile import profile
from sinks.clickhouse import translate

WIDTH = 80
_LABEL = 18  # columns
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def run_profile(store: Client, tenant: str, recipient_key: str, at: int, out: TextIO, *, as_json: bool = False) -> int:
    """Print it, as known at `at` (ms). Raises Misconfigured, Transient, MailweirError."""
    try:
        found = profile(store, tenant, recipient_key, at)
    except ClickHouseError as error:
        raise translate(error, "reading the recipient's events") from error
    out.write(json.dumps(found) + "\n" if as_json else page(found))
    return 0


def page(found: Mapping[str, Any]) -> str:
    """The profile as text."""
    head = f"Recipient {found['recipient_key']} of {found['tenant']}\nat {_instant(found['at'])} UTC\n\n"
    return head + "".join(_line(label, text) for label, text in _lines(found))


def _lines(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    last, count = found["last_messages"], found["reactions"]
    yield "engagement", f"{found['engagement']:.3f}"
    yield "last messages", f"{last['delivered']} delivered, {last['opened']} opened, {last['clicked']} clicked"
    hours = ", ".join(
        f"{_DAYS[each['weekday'] - 1]} {each['hour']:02}:00 ({each['share']:.1%})" for each in found["hours"]
    )
    by = f"by {count} {'open or click' if count == 1 else 'opens and clicks'} of 90 days"
    yield "best hours, UTC", f"{hours}; {by}" if hours else "nobody opened or clicked in 90 days"
    yield "mailbox provider", found["mailbox_provider"] or "not known"
    yield "first seen", f"{_instant(found['first_seen_at'])} UTC"
    yield "last seen", f"{_instant(found['last_seen_at'])} UTC"
    yield "consent", ", ".join(f"{purpose}: {word}" for purpose, word in sorted(found["consent"].items())) or "unknown"
    traits = (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in sorted(found["traits"].items()))
    yield "traits", ", ".join(traits) or "none"


def _line(label: str, text: str) -> str:
    wrapped = textwrap.wrap(text, WIDTH - _LABEL, break_on_hyphens=False)
    return "".join(f"{'' if number else label:<{_LABEL}}{line}\n" for number, line in enumerate(wrapped))


def _instant(rfc3339: str) -> str:
    return rfc3339[:19].replace("T", " ")
