"""What the gateway answers and what it keeps, over real HTTP with a log in memory."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from connectors import registry
from schemas.config import Config
from schemas.errors import FailureCode, Misconfigured, Permanent, Transient
from schemas.topics import WEBHOOKS
from tests.unit.streams.gateway.gate import (
    CERTIFICATE,
    NOW_MS,
    SECRET,
    MemoryLog,
    config_of,
    error_of,
    serving,
    sign,
    until,
)


async def test_a_signed_request_is_kept_byte_for_byte_and_answered_with_200() -> None:
    body = b'[{"event":"delivered"}]'
    async with serving(config_of(public_url="https://hooks.example.com/")) as gate:
        response = await gate.post("hmac", body, sign(body) | {"X-Trace": "7", "Content-Type": "application/json"})
    (record,) = gate.log.stored()
    headers = {header.name: header.value for header in record.headers}
    assert response.status_code == 200
    assert response.json() == {"status": "accepted", "request_id": record.request_id}
    assert (record.body, record.source, record.provider, record.tenant) == (body, "hmac", "hmac", "default")
    assert (record.received_at, record.secret_index, record.client_ip) == (NOW_MS, 0, "127.0.0.1")
    assert record.url == "https://hooks.example.com/webhooks/hmac"
    assert (headers["x-trace"], headers["content-type"]) == ("7", "application/json")
    assert gate.log.records[0][0] == WEBHOOKS.name


async def test_no_answer_is_given_before_the_log_has_acknowledged() -> None:
    log = MemoryLog(hold=asyncio.Event())
    async with serving(log=log) as gate:
        answer = asyncio.create_task(gate.post("hmac", b"{}"))
        await until(lambda: log.waiting == 1)
        assert log.hold is not None
        done, _ = await asyncio.wait({answer}, timeout=0.05)
        assert not done
        log.hold.set()
        assert (await answer).status_code == 200


@pytest.mark.parametrize("body", [b"", b"not json at all", b"\xff\xfe\x00", b'{"half":'])
async def test_garbage_that_is_signed_is_kept_because_parsing_comes_later(body: bytes) -> None:
    async with serving() as gate:
        assert (await gate.post("hmac", body)).status_code == 200
    assert [record.body for record in gate.log.stored()] == [body]


async def test_a_forged_signature_is_refused_and_nothing_is_kept() -> None:
    async with serving() as gate:
        response = await gate.post("hmac", b"{}", sign(b"{}", "guessed-secret"))
        assert await gate.metric('rejected_total{code="bad_signature",source="hmac"}') == 1
    assert (response.status_code, error_of(response)) == (401, "bad_signature")
    assert gate.log.records == []


async def test_an_older_secret_verifies_and_the_metric_says_which_one_it_was() -> None:
    async with serving() as gate:
        assert (await gate.post("hmac", b"{}", sign(b"{}", "an-older-secret"))).status_code == 200
        assert await gate.metric('verified_total{secret="1",source="hmac"}') == 1
    assert gate.log.stored()[0].secret_index == 1


async def test_an_unknown_source_is_404_and_its_name_becomes_no_label() -> None:
    async with serving() as gate:
        response = await gate.post("nobody", b"{}")
        assert await gate.metric('requests_total{source="unknown",status="404"}') == 1
        assert "nobody" not in (await gate.client.get("/metrics")).text
    assert (response.status_code, error_of(response)) == (404, "unknown_source")


@pytest.mark.parametrize("path", ["/", "/webhooks", "/webhooks/a/b", "/admin"])
async def test_a_path_that_is_not_ours_gets_the_same_kind_of_answer(path: str) -> None:
    async with serving() as gate:
        response = await gate.client.post(path)
    assert (response.status_code, error_of(response)) == (404, "not_found")
    assert response.headers["Server"] == "mailweir"


async def test_a_probe_by_get_or_head_is_answered_and_keeps_nothing() -> None:
    async with serving() as gate:
        assert (await gate.client.get("/webhooks/hmac")).status_code == 200
        assert (await gate.client.head("/webhooks/hmac")).status_code == 200
        assert (await gate.client.get("/webhooks/nobody")).status_code == 404
        response = await gate.client.put("/webhooks/hmac")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET,HEAD,POST")
    assert gate.log.records == []


async def test_a_provider_that_asks_first_gets_leave_under_its_own_name_and_nothing_is_kept() -> None:
    async with serving() as gate:
        asked = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
        response = await gate.client.options("/webhooks/asking?code=1", headers=asked)
        assert (await gate.client.options("/webhooks/nobody", headers=asked)).status_code == 404
    assert (response.status_code, response.headers["Allow"]) == (200, "GET,HEAD,OPTIONS,POST")
    assert response.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
    assert response.headers["WebHook-Allowed-Rate"] == "*"
    assert gate.log.records == []


@pytest.mark.parametrize("origin", ["", "a b", "x\ty", "caf\u00e9.example", ".", "a" * 300])
async def test_leave_is_given_only_to_a_name(origin: str) -> None:
    async with serving() as gate:
        response = await gate.client.options("/webhooks/asking", headers=[(b"WebHook-Request-Origin", origin.encode())])
    assert response.status_code == 200
    assert "WebHook-Allowed-Origin" not in response.headers


async def test_a_subscription_of_azure_is_validated_over_the_gateway() -> None:
    sources = [{"name": "grid", "provider": "azure", "secrets": [SECRET]}]
    event = {"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "512d38b6"}}
    asked = {"WebHook-Request-Origin": "eventgrid.azure.net"}
    async with serving(config_of(sources=sources), connectors=registry.connector) as gate:
        response = await gate.client.post(f"/webhooks/grid?code={SECRET}", json=[event])
        guessed = await gate.client.post("/webhooks/grid?code=guessed", json=[event])
        leave = await gate.client.options(f"/webhooks/grid?code={SECRET}", headers=asked)
    assert (response.status_code, response.json()) == (200, {"validationResponse": "512d38b6"})
    assert guessed.status_code == 401
    assert leave.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
    assert len(gate.log.stored()) == 1


async def test_only_a_provider_that_asks_first_is_answered_by_options() -> None:
    async with serving() as gate:
        plain = await gate.client.options("/webhooks/hmac", headers={"WebHook-Request-Origin": "x.example"})
        other = await gate.client.put("/webhooks/asking")
    assert (plain.status_code, plain.headers["Allow"]) == (405, "GET,HEAD,POST")
    assert "WebHook-Allowed-Origin" not in plain.headers
    assert (other.status_code, other.headers["Allow"]) == (405, "GET,HEAD,OPTIONS,POST")


@pytest.mark.parametrize(
    "code", ["s3cret%2Fof%2Bgood%3Dlength", "s3cret%2fof%2bgood%3dlength", "%733cret/of%2Bgood=length"]
)
async def test_a_secret_that_the_url_holds_escaped_is_not_kept_either(code: str) -> None:
    sources = [{"name": "grid", "provider": "azure", "secrets": ["s3cret/of+good=length"]}]
    async with serving(config_of(sources=sources), connectors=registry.connector) as gate:
        response = await gate.client.post(f"/webhooks/grid?code={code}&keep=1", content=b"[]")
    assert response.status_code == 200
    assert gate.log.stored()[0].url.endswith("/webhooks/grid?code=[secret]&keep=1")


async def test_credentials_are_not_kept_in_headers_or_url() -> None:
    headers = sign(b"{}") | {
        "Authorization": "Basic abc",
        "Cookie": "a=b",
        "Proxy-Authorization": "Basic abc",
        "X-Own-Scheme": f"Bearer {SECRET}",
    }
    async with serving() as gate:
        await gate.post(f"hmac?token={SECRET}&keep=1", b"{}", headers)
    (record,) = gate.log.stored()
    names = {header.name for header in record.headers}
    assert names.isdisjoint({"authorization", "cookie", "proxy-authorization", "x-own-scheme"})
    assert "x-signature" in names
    assert SECRET not in record.url
    assert record.url.endswith("&keep=1")


async def test_a_header_that_is_not_utf8_is_kept_as_readable_text() -> None:
    signature = sign(b"")["X-Signature"].encode()
    head = (
        b"POST /webhooks/hmac HTTP/1.1\nHost: x\nX-Signature: " + signature + b"\nX-Odd: caf\xe9\nX-Twice: 1\n"
        b"X-Twice: 2\nContent-Length: 0\nConnection: close\n\n"
    )
    async with serving() as gate:
        answer = await gate.raw(head)
    assert answer.startswith(b"HTTP/1.1 200")
    headers = {header.name: header.value for header in gate.log.stored()[0].headers}
    assert headers["x-twice"] == "1, 2"
    assert headers["x-odd"] == "caf\ufffd"


async def test_the_same_bytes_sent_again_get_the_same_request_id() -> None:
    async with serving() as gate:
        ids = [(await gate.post("hmac", body)).json()["request_id"] for body in (b"1", b"1", b"2")]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(("source", "status"), [("hmac", 503), ("picky", 429)])
async def test_what_the_log_does_not_acknowledge_gets_the_status_that_makes_the_provider_retry(
    source: str, status: int
) -> None:
    async with serving(log=MemoryLog(error=Transient("the record: not acknowledged"))) as gate:
        response = await gate.post(source, b"{}")
        assert await gate.metric(f'log_failures_total{{source="{source}"}}') == 1
    assert (response.status_code, error_of(response)) == (status, "log_unavailable")
    assert int(response.headers["Retry-After"]) > 0


async def test_a_log_known_to_be_away_is_not_waited_for() -> None:
    log = MemoryLog(available=False, hold=asyncio.Event(), last_error="connection refused")
    async with serving(log=log) as gate:
        response = await gate.post("hmac", b"{}")
        ready = await gate.client.get("/readyz")
        assert (await gate.client.get("/healthz")).status_code == 200
        log.available, log.hold = True, None
        assert (await gate.client.get("/readyz")).status_code == 200
        assert (await gate.post("hmac", b"{}")).status_code == 200
    assert (response.status_code, error_of(response)) == (503, "log_unavailable")
    assert (ready.status_code, ready.json()["message"]) == (503, "the log is unavailable: connection refused")


async def test_a_record_larger_than_the_log_takes_is_413_since_a_retry_cannot_help() -> None:
    async with serving(log=MemoryLog(error=Permanent(FailureCode.BODY_TOO_LARGE, "too large"))) as gate:
        response = await gate.post("hmac", b"{}")
    assert (response.status_code, error_of(response)) == (413, "body_too_large")


async def test_a_defect_makes_the_provider_retry_and_shows_nobody_the_body(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        async with serving() as gate:
            response = await gate.post("broken", b"anna@example.com")
    assert (response.status_code, error_of(response)) == (503, "unexpected")
    assert "Retry-After" in response.headers
    assert "anna" not in response.text + caplog.text
    assert "Traceback" not in response.text + caplog.text
    assert "source broken: a request failed at" in caplog.text
    assert "ValueError" in caplog.text


async def test_more_requests_than_allowed_are_turned_away_and_room_comes_back() -> None:
    log = MemoryLog(hold=asyncio.Event())
    async with serving(config_of({"max_in_flight": 2}), log=log) as gate:
        first = [asyncio.create_task(gate.post("hmac", b"{}")) for _ in range(2)]
        await until(lambda: log.waiting == 2)
        assert await gate.metric("in_flight") == 2
        assert await gate.metric("held_bytes") == 4
        refused = await gate.post("hmac", b"{}")
        assert log.hold is not None
        log.hold.set()
        assert [(await answer).status_code for answer in first] == [200, 200]
        log.hold = None
        assert (await gate.post("hmac", b"{}")).status_code == 200
        assert await gate.metric("held_bytes") == 0
    assert (refused.status_code, error_of(refused)) == (429, "overloaded")
    assert "Retry-After" in refused.headers


async def test_a_certificate_is_fetched_once_and_then_known() -> None:
    fetched: list[str] = []

    def certificate(request: httpx.Request) -> httpx.Response:
        fetched.append(str(request.url))
        return httpx.Response(200, content=CERTIFICATE)

    async with serving(transport=certificate) as gate:
        assert [(await gate.post("certified", b"{}")).status_code for _ in range(3)] == [200] * 3
    assert len(fetched) == 1


async def test_a_certificate_that_cannot_be_fetched_makes_the_provider_retry() -> None:
    async with serving(transport=lambda _: httpx.Response(500)) as gate:
        assert (await gate.post("certified", b"{}")).status_code == 503
    assert gate.log.records == []


async def test_a_subscription_is_confirmed_after_the_request_is_kept() -> None:
    kept_before: list[int] = []

    def confirm(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        kept_before.append(len(log.records))
        return httpx.Response(200)

    log = MemoryLog()
    async with serving(log=log, transport=confirm) as gate:
        response = await gate.post("handshake", b"{}")
        assert await gate.metric('confirmations_total{result="confirmed",source="handshake"}') == 1
    assert (response.status_code, response.json()) == (200, {"validationResponse": "x"})
    assert kept_before == [1]


@pytest.mark.parametrize("status", [302, 403, 500])
async def test_a_failed_confirmation_is_counted_logged_without_its_token_and_retried(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    visited: list[httpx.URL] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        visited.append(request.url)
        return httpx.Response(status, headers={"Location": "http://169.254.169.254/"})

    async with serving(transport=refuse) as gate:
        assert (await gate.post("handshake", b"{}")).status_code == 503
        assert await gate.metric('confirmations_total{result="failed",source="handshake"}') == 1
    assert len(visited) == 1
    assert "could not be confirmed" in caplog.text
    assert "token" not in caplog.text


async def test_a_source_that_nothing_protects_is_refused_at_the_start() -> None:
    config = Config.model_validate({"sources": [{"name": "bare", "provider": "hmac"}]})
    with pytest.raises(Misconfigured, match=r"source 'bare' has no secrets.*is_unsigned"):
        async with serving(config):
            pass


async def test_a_source_that_is_asked_needs_no_secrets_and_then_takes_no_webhooks() -> None:
    sources = [{"name": "outlook", "provider": "snds", "poll": {"credentials": "a-key"}}]
    async with serving(config_of(sources=sources), connectors=registry.connector) as gate:
        assert (await gate.post("outlook", b"192.0.2.10", {"Authorization": "Bearer a-key"})).status_code == 401


async def test_a_provider_that_is_misspelt_is_refused_at_the_start() -> None:
    config = config_of(sources=[{"name": "grid", "provider": "sendgird", "is_unsigned": True}])
    with pytest.raises(Misconfigured, match="sendgrid"):
        async with serving(config, connectors=registry.connector):
            pass


async def test_the_real_connectors_verify_over_the_gateway() -> None:
    sources = [{"name": "own-mta", "provider": "kumomta", "secrets": [SECRET]}]
    async with serving(config_of(sources=sources), connectors=registry.connector) as gate:
        answers = [
            (await gate.post("own-mta", b"{}", {"Authorization": f"Bearer {token}"})).status_code
            for token in (SECRET, "guessed")
        ]
    assert answers == [200, 401]
    assert "authorization" not in {header.name for header in gate.log.stored()[0].headers}
