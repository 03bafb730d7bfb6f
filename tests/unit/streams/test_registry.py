"""Schema ids from a Confluent-compatible registry, over its documented protocol."""

from __future__ import annotations

import json

import httpx
import pytest

from schemas.avro import VERSIONS, schema_of
from schemas.errors import Misconfigured, Transient
from schemas.events import EmailEvent
from streams.registry import registered_ids


def client(handler: httpx.MockTransport) -> httpx.Client:
    return httpx.Client(base_url="http://registry.test", transport=handler)


def test_every_version_is_registered_under_its_records_name() -> None:
    seen: dict[str, object] = {}
    given: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["content-type"] == "application/vnd.schemaregistry.v1+json"
        schema = json.loads(json.loads(request.content)["schema"])
        seen[request.url.path] = schema
        given.append(schema)
        return httpx.Response(200, json={"id": 1000 + len(given)})

    ids = registered_ids(client(httpx.MockTransport(answer)))
    assert set(ids) == set(VERSIONS)
    assert sorted(ids.values()) == list(range(1001, 1001 + len(VERSIONS)))
    assert seen["/subjects/mailweir.EmailEvent/versions"] == schema_of(EmailEvent)


@pytest.mark.parametrize(("status", "error"), [(409, Misconfigured), (401, Misconfigured), (503, Transient)])
def test_a_registry_that_refuses_is_told_from_one_that_is_away(status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="registry"):
        registered_ids(client(httpx.MockTransport(lambda _: httpx.Response(status))))


def test_a_registry_that_cannot_be_reached_is_transient() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(Transient, match="cannot be reached"):
        registered_ids(client(httpx.MockTransport(fail)))
