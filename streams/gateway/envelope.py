"""One HTTP request as values: what connectors verify, and the record that is kept.

What a record must not hold is a credential: the headers made for them are left out, and so is any header or part of
the URL that contains a configured secret. `Endpoint` is one configured source with what its requests need worked out
once; its `check` is a function of values, for it runs in the event loop or beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote, unquote_plus

from connectors.base import Certificates, Connector, Request, StatusPolicy, Verdict
from schemas.config import Source
from schemas.envelope import Header, RawWebhook, request_id
from streams.gateway.http import Head

_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization", "x-amz-firehose-access-key"})
_MIN_SECRET = 8  # shorter ones would blot out innocent text


class Checked(NamedTuple):
    """A verified request, ready for the log."""

    value: bytes
    request_id: str
    verdict: Verdict
    size_bytes: int


def _without(secrets: tuple[str, ...], url: str) -> str:
    """The URL without parameters that hold a secret in any way of escaping."""
    path, mark, query = url.partition("?")
    pairs = [
        f"{pair.partition('=')[0]}=[secret]" if any(secret in unquote_plus(pair) for secret in secrets) else pair
        for pair in query.split("&")
    ]
    return path + mark + "&".join(pairs)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One source under `/webhooks/{name}`. `encode` makes a record's topic value."""

    source: Source
    connector: Connector
    encode: Callable[[RawWebhook], bytes]
    public_url: str
    secrets: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        values = [secret.get_secret_value() for secret in self.source.secrets]
        written = dict.fromkeys(values + [quote(value, safe="") for value in values])  # in a URL some are escaped
        object.__setattr__(self, "secrets", tuple(value for value in written if len(value) >= _MIN_SECRET))

    @property
    def statuses(self) -> StatusPolicy:
        """How to answer this source's provider."""
        return self.connector.statuses

    def check(self, head: Head, body: bytes, received_at: int, certificates: Certificates) -> Checked:
        """Verify the request and make its record. Raises Rejected, Transient (a certificate is not here)."""
        base = self.public_url or f"http://{head.headers.get('host', '')}"
        request = Request(headers=head.headers, body=body, url=base + head.target, received_at=received_at)
        verdict = self.connector.verify(request, self.source, certificates)
        record = self._record(request, verdict, head.client_ip)
        return Checked(self.encode(record), record.request_id, verdict, len(body))

    def _record(self, request: Request, verdict: Verdict, client_ip: str) -> RawWebhook:
        url, secrets = request.url, self.secrets
        for secret in secrets:
            url = url.replace(secret, "[secret]")
        if "?" in url:
            url = _without(secrets, url)
        told = "\n".join(request.headers.values())  # one look at all of them: hardly any request has a secret there
        hidden = tuple(secret for secret in secrets if secret in told)
        return RawWebhook(
            request_id=request_id(self.source.name, url, request.body),
            tenant=self.source.tenant,
            source=self.source.name,
            provider=self.source.provider,
            received_at=request.received_at,
            url=url,
            headers=[
                Header(name=name, value=value)
                for name, value in request.headers.items()
                if name not in _CREDENTIALS and not any(secret in value for secret in hidden)
            ],
            body=request.body,
            client_ip=client_ip,
            secret_index=verdict.secret_index,
        )
