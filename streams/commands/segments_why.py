"""`mailweir segments explain`: a recipient's stored events, asked why they are in a segment or not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.segments.why import MOST_EVENTS, Asked, explain
from dashboards.segments.why_data import as_data
from schemas.errors import Misconfigured
from schemas.segments.rules import Segment
from sinks.clickhouse import translate
from streams.commands import segments_why_text as text


def tenant_of(segments: Sequence[Segment], wanted: str) -> str:
    """Whose segments are meant; "" is enough where all are of one tenant. Raises Misconfigured."""
    tenants = sorted({segment.tenant for segment in segments})
    if wanted and wanted not in tenants:
        raise Misconfigured(f"no segment is for the tenant {wanted}; there are some for {', '.join(tenants)}")
    if not wanted and len(tenants) > 1:
        raise Misconfigured(f"the segments are for several tenants; choose with --tenant one of {', '.join(tenants)}")
    return wanted or tenants[0]


def run_explain(
    store: Client,
    segments: Sequence[Segment],
    asked: Asked,
    out: TextIO,
    *,
    as_json: bool = False,
    most: int = MOST_EVENTS,
) -> int:
    """Print the reasons; of several segments only which they are in. Raises Misconfigured, Transient, MailweirError."""
    try:
        page, whys, is_one = explain(store, segments, asked, most)
    except ClickHouseError as error:
        raise translate(error, "reading the recipient's events") from error
    if as_json:
        out.write(json.dumps(as_data(page, whys)) + "\n")
    else:
        out.write(text.tree(page, whys[0]) if is_one else text.table(page, whys))
    return 0
