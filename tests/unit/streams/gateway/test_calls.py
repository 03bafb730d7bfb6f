"""Segment's own addresses: the write key says which source a call is for, and is checked as everywhere."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from connectors.registry import connector
from schemas.errors import Misconfigured
from tests.unit.streams.gateway.gate import Gate, config_of, error_of, serving

BODY = b'{"event": "Signed Up", "userId": "u1"}'
TWO = [
    {"name": "web", "provider": "segment", "secrets": ["web-write-key"]},
    {"name": "app", "provider": "segment", "secrets": ["app-write-key", "app-write-key-of-old"]},
]


def basic(key: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"}


async def call(gate: Gate, headers: dict[str, str], body: bytes = BODY, path: str = "/v1/track") -> Any:
    return await gate.client.post(path, content=body, headers=headers)


@pytest.mark.parametrize("key", ["web-write-key", "app-write-key", "app-write-key-of-old"])
async def test_a_call_is_kept_under_the_source_of_its_write_key_with_its_address(key: str) -> None:
    async with serving(config_of(sources=TWO), connectors=connector) as gate:
        answer = await call(gate, basic(key))
        assert answer.status_code == 200
        (raw,) = gate.log.stored()
        assert (raw.source, raw.provider, raw.body) == (key[:3], "segment", BODY)
        assert raw.url.endswith("/v1/track")


async def test_a_key_that_nobody_has_is_no_source_of_ours() -> None:
    async with serving(config_of(sources=TWO), connectors=connector) as gate:
        for headers in (basic("wrong"), {}, {"Authorization": "Basic ???"}):
            answer = await call(gate, headers)
            assert (answer.status_code, error_of(answer)) == (404, "unknown_source")
        assert gate.log.records == []


async def test_where_there_is_one_source_it_is_meant_and_the_key_is_still_checked() -> None:
    async with serving(config_of(sources=TWO[:1]), connectors=connector) as gate:
        assert (await call(gate, {}, b'{"writeKey": "web-write-key"}', "/v1/batch")).status_code == 200
        assert error_of(await call(gate, {}, b'{"writeKey": "other"}', "/v1/batch")) == "bad_signature"
        assert error_of(await call(gate, basic("wrong"))) == "bad_signature"
        assert len(gate.log.records) == 1


@pytest.mark.parametrize(("path", "status"), [("/v1/track", 405), ("/v1/nothing", 404), ("/v1/", 404)])
async def test_other_methods_and_paths_are_not_taken(path: str, status: int) -> None:
    async with serving(config_of(sources=TWO), connectors=connector) as gate:
        assert (await gate.client.get(path, headers=basic("web-write-key"))).status_code == status


async def test_two_sources_with_one_write_key_are_refused_at_the_start() -> None:
    same = [{**source, "secrets": ["the-same-key"]} for source in TWO]
    with pytest.raises(Misconfigured, match="'web' and 'app' have the same write key"):
        async with serving(config_of(sources=same), connectors=connector):
            pass
