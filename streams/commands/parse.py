"""`mailweir parse`: one request's bytes to canonical events, as the pipeline would read them. Offline.

Events go to stdout as JSON lines under the canonical event's names: times in RFC 3339 UTC, whatever is
unknown as null, the bounce class as one object. Failures go to stderr as JSON lines. With a secret the
request is verified first, exactly as the gateway would at this moment; without one nothing is verified
and a line on stderr says so. For `ses` through SNS and for `scaleway` the secret is the PEM text of the signing
certificate, which the gateway would fetch; the list of allowed topics is the gateway's business and not enforced here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from connectors.base import Connector, Context, Failure, Request
from connectors.registry import connector
from connectors.sns import topic_of
from schemas.errors import MailweirError, Misconfigured
from schemas.events import EmailEvent
from schemas.reports import Parsed

OK, FAILED, MISUSED = 0, 1, 2
TENANT, SOURCE = "default", "offline"
UNVERIFIED = "nothing was verified: no --secret given"
_LARGEST_BODY = 100 * 1024 * 1024  # bytes; twenty times what the gateway takes
_MOST_WORDS = 20  # of a note
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = frozenset({"occurred_at", "received_at", "sent_at", "begins_at", "ends_at"})
_JSON_TEXTS = frozenset({"metadata", "properties", "traits", "policy_details", "auth_results"})
_BOUNCE = "bounce_"
_RAW = "raw_"
Write = Callable[[Parsed], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class GivenCertificate:
    """`Certificates` that always answers with the one certificate given on the command line."""

    pem: bytes

    def get(self, url: str) -> bytes:  # noqa: ARG002 - any address means the given one
        """The given PEM bytes."""
        return self.pem


@dataclass(slots=True)
class Reading:
    """What came of one request: exit code, events and failures as JSON objects, sentences for people."""

    rc: int
    events: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def run(
    provider: str,
    headers_path: Path | None,
    url: str,
    secret: str | None,
    body: BinaryIO,
    out: TextIO,
    err: TextIO,
    now_ms: int,
    *,
    write: Write | None = None,
) -> int:
    """Parse one body. Returns the exit code: 0 fine, 1 refused or partly unreadable, 2 misused.

    `write` says how events are written: `as_dict` or `as_anymail`.
    """
    try:
        known = connector(provider)
        headers = read_headers(headers_path.read_text(encoding="utf-8")) if headers_path else {}
    except Misconfigured as error:
        err.write(f"{error}\n")
        return MISUSED
    except (OSError, UnicodeDecodeError) as error:
        err.write(f"--headers {headers_path}: cannot be read ({error}); expected a text file\n")
        return MISUSED
    content = body.read(_LARGEST_BODY + 1)
    if len(content) > _LARGEST_BODY:
        err.write(f"the body is larger than {_LARGEST_BODY // 1024 // 1024} MB; no provider sends that much at once\n")
        return FAILED
    request = Request(headers=headers, body=content, url=url, received_at=now_ms)
    reading = read(known, request, secret, write or as_dict)
    err.writelines(f"{note}\n" for note in reading.notes)
    out.writelines(map(_dump, reading.events))
    err.writelines(map(_dump, reading.failures))
    return reading.rc


def run_batch(lines: Iterable[bytes | str], out: TextIO, now_ms: int) -> int:
    """Answer each JSON line `{id, provider, headers, url, secret, body_b64}` with one JSON line.

    A line that cannot be read answers `rc` 2 and the next one goes on. Returns 0: the batch was answered.
    """
    for line in lines:
        if line.strip():
            out.write(_dump(_answer(line, now_ms)))
            out.flush()
    return OK


def read_headers(text: str) -> dict[str, str]:
    """Headers from a JSON object or from `Name: value` lines; names in lower case. Raises Misconfigured."""
    if text.lstrip().startswith("{"):
        try:
            given = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Misconfigured(f"--headers: starts like a JSON object but is none ({error})") from None
        return _lower(given)
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or not name.strip():
            raise Misconfigured(f"--headers, line {number}: expected `Name: value` or one JSON object")
        found[name.strip().lower()] = value.strip()
    return found


def _lower(headers: Mapping[str, Any]) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def read(known: Connector, request: Request, secret: str | None, write: Write) -> Reading:
    """Verify the request if there is a secret, then parse it."""
    notes: list[str] = []
    if secret:
        try:
            _verify(known, request, secret)
        except MailweirError as error:
            return Reading(FAILED, notes=[f"refused: {error}"])
    else:
        notes.append(UNVERIFIED)
    result = known.parse(request, Context(tenant=TENANT, source=SOURCE, received_at=request.received_at))
    if result.passed_over:
        words = ", ".join(sorted(set(result.passed_over))[:_MOST_WORDS])
        notes.append(f"{len(result.passed_over)} items are about no e-mail and were passed over: {words}")
    return Reading(
        rc=FAILED if result.failures else OK,
        events=[write(event) for event in result.events],
        failures=[_failure(failure) for failure in result.failures],
        notes=notes,
    )


def _verify(known: Connector, request: Request, secret: str) -> None:
    """Raise Rejected or Transient unless `secret` verifies the request."""
    from schemas.config import Source  # noqa: PLC0415 - half of the start-up time, and only needed here

    topic = topic_of(request.body)
    source = Source.model_validate(
        {"name": SOURCE, "provider": known.name, "secrets": [secret], "topic_arns": [topic] if topic else []}
    )
    known.verify(request, source, GivenCertificate(secret.encode()))


def _answer(line: bytes | str, now_ms: int) -> dict[str, Any]:
    """The answer to one line of a batch."""
    answer: dict[str, Any] = {"id": None, "rc": MISUSED, "events": [], "failures": [], "stderr": ""}
    try:
        job = json.loads(line)
        answer["id"] = job.get("id")
        known = connector(str(job.get("provider")))
        headers = job.get("headers") or {}
        headers = read_headers(headers) if isinstance(headers, str) else _lower(headers)
        body = base64.b64decode(job["body_b64"], validate=True)
    except Misconfigured as error:
        return {**answer, "stderr": str(error)}
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        wanted = "{id, provider, headers, url, secret, body_b64}"
        return {**answer, "stderr": f"expected a JSON object {wanted}: {type(error).__name__}: {error}"}
    request = Request(headers=headers, body=body, url=str(job.get("url") or ""), received_at=now_ms)
    reading = read(known, request, str(job.get("secret") or ""), as_dict)
    notes = "\n".join(reading.notes)
    return {**answer, "rc": reading.rc, "events": reading.events, "failures": reading.failures, "stderr": notes}


def as_dict(event: Parsed) -> dict[str, Any]:
    """The event under its field names, unknown values as None, `bounce_class` nested, no raw pointer."""
    found: dict[str, Any] = {}
    for item in fields(event):
        name, value = item.name, getattr(event, item.name)
        if name.startswith((_BOUNCE, _RAW)):
            continue
        if name in _TIMES:
            value = rfc3339(value) if value else None
        elif name in _JSON_TEXTS:
            value = json.loads(value) if value else None
        elif not value and not isinstance(value, list):
            value = None
        found[name] = value
    if isinstance(event, EmailEvent):
        found["bounce_class"] = _bounce_class(event)
    return found


def as_anymail(event: Parsed) -> dict[str, Any]:
    """An e-mail event in anymail's words (`connectors.anymail`); what it does not know, as ours."""
    from connectors.anymail import tracking_event  # noqa: PLC0415 - only needed here

    if not isinstance(event, EmailEvent):
        return as_dict(event)
    found = asdict(tracking_event(event))
    return found | {"timestamp": rfc3339(event.occurred_at)}


def _bounce_class(event: EmailEvent) -> dict[str, Any] | None:
    if not event.bounce_reason:
        return None
    return {
        "reason": event.bounce_reason,
        "scope": event.bounce_scope,
        "permanence": event.bounce_permanence,
        "action": event.bounce_action,
        "retry_after_s": event.bounce_retry_after_s or None,
        "blocklist": event.bounce_blocklist or None,
        "rule": event.bounce_rule or None,
        "confidence": event.bounce_confidence,
    }


def rfc3339(millis: int) -> str:
    """Milliseconds since the epoch as "2026-11-22T03:00:00.000Z"."""
    moment = _EPOCH + timedelta(milliseconds=millis)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{millis % 1000:03d}Z"


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "code": failure.code.value,
        "reason": failure.reason,
        "index": failure.index,
        "item_b64": base64.b64encode(failure.item).decode(),
    }


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value) + "\n"
