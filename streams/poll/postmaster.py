"""What is asked of Google Postmaster Tools v2: the figures of some days by domain, and whether it meets the rules.

https://developers.google.com/workspace/gmail/postmaster/reference/rest/v2/domains.domainStats/query,
.../v2/MetricDefinition (metrics and their filters) and .../v2/domains/getComplianceStatus
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import msgspec

from schemas.errors import Misconfigured, Transient
from streams.poll.asking import Answer, Asker

BASE = "https://gmailpostmastertools.googleapis.com/v2"
SCOPE = "https://www.googleapis.com/auth/postmaster.traffic.readonly"
PAGE_SIZE = 200  # the most that Google gives
_MOST_PAGES = 50

# Name in rows -> Google's metric and filter. Success and encryption rates are refused without a filter.
METRICS: dict[str, tuple[str, str]] = {
    "spam_rate": ("SPAM_RATE", ""),
    "spf_success_rate": ("AUTH_SUCCESS_RATE", 'auth_type = "spf"'),
    "dkim_success_rate": ("AUTH_SUCCESS_RATE", 'auth_type = "dkim"'),
    "dmarc_success_rate": ("AUTH_SUCCESS_RATE", 'auth_type = "dmarc"'),
    "tls_inbound_rate": ("TLS_ENCRYPTION_RATE", 'traffic_direction = "inbound"'),
    "delivery_error_rate": ("DELIVERY_ERROR_RATE", ""),
    "reject_rate": ("DELIVERY_ERROR_RATE", 'error_type = "reject"'),
    "temp_fail_rate": ("DELIVERY_ERROR_RATE", 'error_type = "temp_fail"'),
}


async def answers(asker: Asker, token: str, domain: str, today: date, days: int) -> AsyncIterator[tuple[str, bytes]]:
    """(address, body) of each answer about the domain. Raises Transient; Misconfigured: no access."""
    headers = {"authorization": f"Bearer {token}"}
    request = query(today - timedelta(days=days), today)
    for _ in range(_MOST_PAGES):
        path = f"domains/{domain}/domainStats:query"
        page = _taken(await asker.ask("POST", f"{BASE}/{path}", headers, json=request), domain)
        yield f"poll:postmaster/{path}", page
        request["pageToken"] = _next_page(page)
        if not request["pageToken"]:
            break
    else:
        raise Transient(f"Postmaster Tools gave more than {_MOST_PAGES} pages for {domain}")
    path = f"domains/{domain}/complianceStatus"
    body = _taken(await asker.ask("GET", f"{BASE}/{path}", headers), domain)
    yield f"poll:postmaster/{path}?day={today.isoformat()}", body


def query(first: date, last: date) -> dict[str, Any]:
    """The request for every metric of the days, both included."""
    span = {"start": _day(first), "end": _day(last)}
    return {
        "metricDefinitions": [
            {"name": name, "baseMetric": {"standardMetric": metric}, **({"filter": narrowed} if narrowed else {})}
            for name, (metric, narrowed) in METRICS.items()
        ],
        "timeQuery": {"dateRanges": {"dateRanges": [span]}},
        "aggregationGranularity": "DAILY",
        "pageSize": PAGE_SIZE,
    }


def _day(day: date) -> dict[str, int]:
    return {"year": day.year, "month": day.month, "day": day.day}


def _taken(answer: Answer, domain: str) -> bytes:
    if answer.status in {403, 404}:
        raise Misconfigured(f"Postmaster Tools: no access to {domain}; share the domain with the account that asks")
    if answer.status != 200:
        raise Transient(f"Postmaster Tools answered {answer.status} for {domain}")
    return answer.body


def _next_page(page: bytes) -> str:
    try:
        found = msgspec.json.decode(page)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""  # kept as it is; the reader says what is wrong with it
    token = found.get("nextPageToken") if isinstance(found, dict) else ""
    return token if isinstance(token, str) else ""
