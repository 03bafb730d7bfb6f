"""ClickHouse's HTTP interface as an aiohttp application.

Enough of it for clickhouse-connect, curl, and the Go driver that Grafana uses. Answers are sent as a
whole, uncompressed unless the client asks for gzip or deflate: on loopback compression costs more than
it saves. A browser's page is no client: requests that carry an Origin are refused, and so are foreign
Host names while the service listens on loopback, since any page may post to a local port.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import json
import logging
import uuid
from typing import Any

import cramjam
from aiohttp import web

from schemas.errors import FailureCode, Rejected
from sinks.store.engine import BUSY, Engine, EngineError, Reply
from sinks.store.handshake import hello_block
from sinks.store.requests import Statement, read

MAX_BODY_BYTES = 64 * 1024 * 1024  # four of the sink's largest rounds
_COMPRESS_FROM_BYTES = 1024
AUTHENTICATION_FAILED = 516
_STATUS = {
    46: 404,  # UNKNOWN_FUNCTION
    47: 404,  # UNKNOWN_IDENTIFIER
    60: 404,  # UNKNOWN_TABLE
    81: 404,  # UNKNOWN_DATABASE
    159: 408,  # TIMEOUT_EXCEEDED
    164: 403,  # READONLY
    202: 503,  # TOO_MANY_SIMULTANEOUS_QUERIES
    241: 500,  # MEMORY_LIMIT_EXCEEDED
    396: 500,  # TOO_MANY_ROWS_OR_BYTES
    497: 403,  # ACCESS_DENIED
    516: 401,  # AUTHENTICATION_FAILED
}
_LOG = logging.getLogger(__name__)


class StoreApp:
    """The handlers of one store. With a `password` every statement must bring it; the user name is free."""

    def __init__(self, engine: Engine, *, password: str = "", is_loopback: bool = True) -> None:
        self._engine = engine
        self._password = password
        self._is_loopback = is_loopback

    def app(self) -> web.Application:
        """The application; opening and closing the engine is the caller's."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes(
            [
                web.get("/ping", self._ping),
                web.get("/replicas_status", self._ping),
                web.get("/", self._query),
                web.post("/", self._query),
            ]
        )
        return app

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _query(self, request: web.Request) -> web.Response:
        query_id = request.query.get("query_id") or str(uuid.uuid4())
        try:
            self._admit(request)
            body = await _body(request)
            if not body and not request.query.get("query"):
                return web.Response(text="Ok.\n")
            statement = read(method=request.method, query=request.query, headers=request.headers, body=body)
            if statement.is_hello:
                return _answer(Reply(await self._hello(), 1, 1, 0.0), statement, query_id)
            reply = await self._engine.run(statement)
        except Rejected as error:
            code = AUTHENTICATION_FAILED if error.status == 401 else 36  # BAD_ARGUMENTS
            return _refusal(error.status, code, f"Code: {code}. DB::Exception: {error}", query_id)
        except EngineError as error:
            return _refusal(_STATUS.get(error.code, 400 if error.code else 500), error.code, str(error), query_id)
        response = _answer(reply, statement, query_id)
        if request.query.get("enable_http_compression") == "1" and len(reply.body) >= _COMPRESS_FROM_BYTES:
            response.enable_compression()
        return response

    def _admit(self, request: web.Request) -> None:
        """Raises Rejected for a browser's page and for a wrong password."""
        if request.headers.get("Origin"):
            raise Rejected(403, FailureCode.UNKNOWN_SOURCE, "requests from web pages are not answered")
        if self._is_loopback and not _is_local_name(request.host):
            raise Rejected(403, FailureCode.UNKNOWN_SOURCE, "this store answers to 127.0.0.1 and localhost only")
        if self._password and not hmac.compare_digest(_given(request).encode(), self._password.encode()):
            raise Rejected(401, FailureCode.BAD_SIGNATURE, "Authentication failed: the password is wrong or missing")

    async def _hello(self) -> bytes:
        reply = await self._engine.run(Statement(sql=b"SELECT displayName(), version(), timezone()", is_readonly=True))
        return hello_block(*reply.body.decode().rstrip("\n").split("\t"))


async def _body(request: web.Request) -> bytes:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Rejected(
            413, FailureCode.BODY_TOO_LARGE, f"over {MAX_BODY_BYTES} bytes in one request; send smaller inserts"
        ) from None
    if request.headers.get("Content-Encoding", "").lower() != "lz4":  # aiohttp undoes the others itself
        return body
    try:
        return bytes(cramjam.lz4.decompress(body))
    except cramjam.DecompressionError as error:
        raise Rejected(400, FailureCode.BAD_ENCODING, f"the body is no LZ4 frame: {error}") from error


def _given(request: web.Request) -> str:
    """The password in whichever place the client put it."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value).decode().partition(":")[2]
        except ValueError:
            return ""
    if scheme.lower() == "bearer":
        return value.strip()
    return request.headers.get("X-ClickHouse-Key") or request.query.get("password", "")


def _is_local_name(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _answer(reply: Reply, statement: Statement, query_id: str) -> web.Response:
    summary = {
        "read_rows": str(reply.rows_read),
        "read_bytes": str(reply.bytes_read),
        "written_rows": str(reply.rows_read if statement.is_insert else 0),
        "elapsed_ns": str(int(reply.seconds * 1e9)),
    }
    headers = {"X-ClickHouse-Query-Id": query_id, "X-ClickHouse-Summary": json.dumps(summary)}
    if statement.format:
        headers["X-ClickHouse-Format"] = statement.format
    return web.Response(body=reply.body, headers=headers, content_type="application/octet-stream")


def _refusal(status: int, code: int, message: str, query_id: str) -> web.Response:
    headers: dict[str, Any] = {"X-ClickHouse-Query-Id": query_id, "X-ClickHouse-Exception-Code": str(code)}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="mailweir store"'
    if code == BUSY:
        headers["Retry-After"] = "1"
    if status >= 500:
        _LOG.warning("store: error %d", code)  # the text may quote data
    return web.Response(status=status, text=message + "\n", headers=headers)
