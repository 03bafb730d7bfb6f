"""A followed body as the same raw record that the gateway makes of a request."""

from __future__ import annotations

from pathlib import Path

from schemas.config import Source
from schemas.envelope import Header, RawWebhook
from schemas.identity import digest
from streams.follow.framing import Body
from streams.follow.logfile import hash_of


def raw_record(source: Source, path: Path, body: Body, received_at: int) -> RawWebhook:
    """The record; its `url` is the file's, so a reader sees where it came from."""
    return RawWebhook(
        request_id=digest(source.name, str(path), hash_of(body.data)),
        tenant=source.tenant,
        source=source.name,
        provider=source.provider,
        received_at=received_at,
        url=path.as_uri(),
        headers=[Header(name=name, value=value) for name, value in body.headers.items()],
        body=body.data,
    )
