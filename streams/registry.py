"""Schema ids from a Confluent-compatible registry, for clusters whose other readers look schemas up there.

Every version is registered under its record's name (RecordNameStrategy: topics hold several records);
registering what is there already answers the same id. Confluent Schema Registry API reference,
`POST /subjects/(subject)/versions`.
"""

from __future__ import annotations

import httpx

from schemas.avro import NAMESPACE, VERSIONS, SchemaVersion
from schemas.errors import Misconfigured, Transient

_TIMEOUT_S = 10.0
_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


def registered_ids(client: httpx.Client) -> dict[SchemaVersion, int]:
    """The registry's id of every schema version, oldest first so that evolution is checked as it was.

    Raises Transient when it cannot be reached, Misconfigured when it refuses a schema.
    """
    return {version: _register(client, version) for version in sorted(VERSIONS, key=lambda v: (v.version, v.schema_id))}


def registry_client(url: str) -> httpx.Client:
    """A client for the registry at `url`; credentials may stand in the URL."""
    return httpx.Client(base_url=url, timeout=_TIMEOUT_S)


def _register(client: httpx.Client, version: SchemaVersion) -> int:
    subject = f"{NAMESPACE}.{version.record.__name__}"
    try:
        answer = client.post(
            f"/subjects/{subject}/versions",
            json={"schema": version.path.read_text(encoding="utf-8")},
            headers={"Content-Type": _CONTENT_TYPE},
        )
    except httpx.TransportError as error:
        raise Transient(f"the schema registry {client.base_url} cannot be reached ({error})", 5.0) from error
    if answer.status_code >= 500:
        raise Transient(f"the schema registry {client.base_url} answered {answer.status_code}", 5.0)
    if answer.status_code >= 400:
        raise Misconfigured(
            f"MAILWEIR_SCHEMA_REGISTRY: {client.base_url} refuses subject {subject} ({answer.status_code}); "
            "check the credentials and the subject's compatibility level"
        )
    return int(answer.json()["id"])
