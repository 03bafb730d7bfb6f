"""The gateway's application: `POST /webhooks/{source}`, Segment's `POST /v1/{call}`, `/u/{token}`, and its own pages.

`build_app` takes everything it uses as arguments. `begin` looks at a request's head and answers, or hands out a
`Post` (`streams.gateway.post`) that takes the body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

import httpx

from connectors.base import Connector
from connectors.oneclick import PATH
from schemas.avro import Codec
from schemas.config import Config, Source
from schemas.errors import FailureCode, Misconfigured, Rejected
from streams.gateway import answers, unsubscribe
from streams.gateway.admission import Admission, Held
from streams.gateway.body import Body, Unpacker
from streams.gateway.calls import PATHS, Callers
from streams.gateway.certificates import CertificateStore
from streams.gateway.envelope import Endpoint
from streams.gateway.http import Answer, Head
from streams.gateway.metrics import Metrics, SourceCounts
from streams.gateway.pages import Pages
from streams.gateway.post import Log, Means, Post, refuse

_UNKNOWN = "unknown"
_WEBHOOKS = "/webhooks/"


@dataclass(slots=True, kw_only=True)
class Gateway:
    """The paths and what they share. `endpoints`: by source name, each with its counts."""

    endpoints: dict[str, tuple[Endpoint, SourceCounts]]
    callers: Callers
    links: unsubscribe.Links
    means: Means
    admission: Admission
    pages: Pages
    max_body_bytes: int
    _nobody: SourceCounts = field(init=False)

    def __post_init__(self) -> None:
        self._nobody = SourceCounts(self.means.metrics, _UNKNOWN)

    def begin(self, head: Head) -> Answer | Post:
        """What becomes of a request: an answer at once, or a `Post` that takes the body."""
        path = head.path
        name = path[len(_WEBHOOKS) :]
        if name and "/" not in name and path.startswith(_WEBHOOKS):
            return self._webhook(head, unquote(name) if "%" in name else name)
        if path in PATHS:
            return self._call(head)
        if path.startswith(PATH):
            return self._one_click(head)
        return self.pages.on_gateway_port(head)

    def _webhook(self, head: Head, name: str) -> Answer | Post:
        found = self.endpoints.get(name)
        if found is None:
            message = "no source of this name is configured; compare the URL with `sources` in mailweir.yaml"
            return refuse(self._nobody, Rejected(404, FailureCode.UNKNOWN_SOURCE, message))
        if head.method == "POST":
            return self._post(head, *found)
        if head.method in ("GET", "HEAD"):  # with which providers check the address
            return answers.fine(source=name, message="webhooks are taken here by POST")
        if not found[0].statuses.is_preflighted:
            return answers.wrong_method("GET,HEAD,POST")
        if head.method == "OPTIONS":
            return answers.permitted(head.headers.get("webhook-request-origin", ""))
        return answers.wrong_method("GET,HEAD,OPTIONS,POST")

    def _call(self, head: Head) -> Answer | Post:
        if head.method != "POST":
            return answers.wrong_method("POST")
        found = self.endpoints.get(self.callers.source_of(head))
        if found is None:
            message = "no source of the provider segment has this write key; or post to /webhooks/{source}"
            return refuse(self._nobody, Rejected(404, FailureCode.UNKNOWN_SOURCE, message))
        return self._post(head, *found)

    def _one_click(self, head: Head) -> Answer | Post:
        """Shows a page, or takes the opt-out; what no source has signed is the link's fault and nobody's."""
        found = self.links.find(head)
        if found is None:
            return unsubscribe.invalid()
        if head.method in ("GET", "HEAD"):
            return unsubscribe.question(head, found[0].source)
        if head.method != "POST":
            return answers.wrong_method("GET,HEAD,POST")
        taken = self._post(head, *found)
        if isinstance(taken, Post):
            taken.done = unsubscribe.done()
        return taken

    def _post(self, head: Head, endpoint: Endpoint, counts: SourceCounts) -> Answer | Post:
        held: Held | None = None
        try:
            held = self.admission.enter(endpoint.statuses.overloaded)
            if not self.means.log.is_available():
                counts.log_failures.inc()
                unavailable = endpoint.statuses.unavailable
                message = "the log is unavailable; send again later"
                raise Rejected(unavailable, FailureCode.LOG_UNAVAILABLE, message)  # noqa: TRY301 - answered below, like a refusal of `enter`
            return Post(self.means, endpoint, counts, head, held, Body(head, held, self.max_body_bytes))
        except Rejected as error:
            if held is not None:
                held.leave()
            return refuse(counts, error)


def build_app(
    config: Config,
    log: Log,
    certificates: CertificateStore,
    codec: Codec,
    clock_ms: Callable[[], int],
    *,
    connectors: Callable[[str], Connector],
    client: httpx.AsyncClient,
    is_alone: bool = True,
) -> Gateway:
    """The application, for the running event loop.

    `connectors` finds one by provider name; `client` confirms subscriptions; `is_alone` as in `Pages`. Raises
    Misconfigured for a source that nothing protects: neither secrets nor topics, and not said to be unsigned;
    and for two with one write key.
    """
    metrics, admission, base = Metrics(), Admission(config.limits), config.public_url.rstrip("/")
    endpoints = {
        source.name: (
            Endpoint(_checked(source), connectors(source.provider), codec.encode, base),
            SourceCounts(metrics, source.name),
        )
        for source in config.sources
    }
    return Gateway(
        endpoints=endpoints,
        callers=Callers(config.sources),
        links=unsubscribe.links_of(endpoints.values()),
        means=Means(
            log=log,
            certificates=certificates,
            clock_ms=clock_ms,
            client=client,
            unpacker=Unpacker(config.limits),
            metrics=metrics,
            receive_s=config.limits.body_timeout_s,
        ),
        admission=admission,
        pages=Pages(log=log, metrics=metrics, admission=admission, is_alone=is_alone),
        max_body_bytes=config.limits.max_body_bytes,
    )


def _checked(source: Source) -> Source:
    is_fetched = source.inbox.kind != "none" or source.poll.is_on
    if not (source.secrets or source.topic_arns or source.is_unsigned or is_fetched):
        raise Misconfigured(
            f"source {source.name!r} has no secrets, so anybody could post to it: add `secrets`,"
            " or `is_unsigned: true` if something in front of the gateway protects it"
        )
    return source
