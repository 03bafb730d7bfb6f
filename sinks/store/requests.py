"""What a client asks for: one HTTP request of ClickHouse's interface as one statement for the engine.

Follows ClickHouse's documentation, "HTTP Interface": the statement is the `query` parameter followed by
the body; parameters that are nothing else are settings; `param_x` fills `{x:Type}`; GET only reads. Pure
functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.errors import FailureCode, Rejected

DEFAULT_FORMAT = "TabSeparated"
PARAMETER = "param_"
# Parameters that speak to the HTTP side of a server; they are no settings of the engine.
TRANSPORT = frozenset({
    "query", "database", "default_format", "query_id", "session_id", "session_timeout", "session_check",
    "user", "password", "quota_key", "role", "compress", "decompress", "buffer_size", "wait_end_of_query",
    "client_protocol_version", "enable_http_compression", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "stacktrace", "readonly", "http_make_head_request",
    "cancel_http_readonly_queries_on_client_close", "http_wait_end_of_query", "http_response_buffer_size",
})  # fmt: skip

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
_LEAD = re.compile(rb"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_FORMAT = re.compile(rb"\bFORMAT\s+([A-Za-z0-9_]+)(?:[ \t]*\r?\n|[ \t;]+|$)", re.IGNORECASE)
_TRAILING_FORMAT = re.compile(rb"\bFORMAT\s+([A-Za-z0-9_]+)\s*(?:SETTINGS\b.*)?;?\s*$", re.IGNORECASE | re.DOTALL)
_SETTINGS = re.compile(rb"\bSETTINGS\b", re.IGNORECASE)
_FILES = re.compile(rb"\b(FROM\s+INFILE|INTO\s+OUTFILE)\b", re.IGNORECASE)
_HELLO = re.compile(
    rb"^\s*SELECT\s+displayName\(\)\s*,\s*version\(\)\s*,\s*revision\(\)\s*,\s*timezone\(\)\s*(FORMAT\s+Native)?\s*;?\s*$",
    re.IGNORECASE,
)
_ANSWERING = frozenset({
    b"SELECT", b"WITH", b"SHOW", b"DESC", b"DESCRIBE", b"EXISTS", b"EXPLAIN", b"CHECK", b"FROM", b"(", b"VALUES",
})  # fmt: skip
_HEAD_LIMIT = 64 * 1024  # a statement in front of data is never longer; binary data may be searched in vain


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. `data` is what an INSERT brings along (None: nothing), in `data_format`.

    `format` is what the answer is written in, "" when the statement answers nothing.
    """

    sql: bytes
    data: bytes | None = None
    data_format: str = ""
    format: str = DEFAULT_FORMAT
    database: str = ""
    is_readonly: bool = False
    is_hello: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_insert(self) -> bool:
        """Whether data came along."""
        return self.data is not None


def read(*, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Statement:
    """The request as a statement. Raises Rejected(400) for what this interface does not serve."""
    if query.get("decompress") == "1" or query.get("compress") == "1":
        raise Rejected(
            400,
            FailureCode.BAD_ENCODING,
            "ClickHouse's own block compression is not supported here; switch compression off or use HTTP's (gzip)",
        )
    sql, data, data_format = _split(query.get("query", "").encode(), body)
    if _FILES.search(sql[:_HEAD_LIMIT]):
        raise Rejected(
            400, FailureCode.WRONG_SHAPE, "INFILE and OUTFILE name files of the server; send the data itself"
        )
    settings = {
        name: value for name, value in query.items() if name not in TRANSPORT and not name.startswith(PARAMETER)
    }
    for name in settings:
        if not _NAME.match(name):
            raise Rejected(400, FailureCode.WRONG_SHAPE, f"{name[:50]!r} is no name of a setting")
    return Statement(
        sql=sql,
        data=data,
        data_format=data_format,
        format=_format(sql, headers.get("X-ClickHouse-Format") or query.get("default_format") or DEFAULT_FORMAT),
        database=query.get("database") or headers.get("X-ClickHouse-Database", ""),
        is_readonly=method == "GET" or query.get("readonly", "0") != "0",
        is_hello=bool(_HELLO.match(sql)) and query.get("client_protocol_version", "0") != "0",
        settings=settings,
        parameters={name.removeprefix(PARAMETER): value for name, value in query.items() if name.startswith(PARAMETER)},
    )


def with_source(statement: Statement, path: str) -> bytes:
    """The INSERT as one that reads its data from a file at `path`."""
    head = statement.sql
    source = f" FROM INFILE '{path}' ".encode()
    at = _SETTINGS.search(head)
    position = at.start() if at else len(head)
    return head[:position] + source + head[position:] + f" FORMAT {statement.data_format}".encode()


def _split(query: bytes, body: bytes) -> tuple[bytes, bytes | None, str]:
    """Statement, data, the data's format. Only an INSERT with a FORMAT clause has data."""
    first = query if query.strip() else body
    word = _first_word(first)
    if word == b"INSERT":
        found = _FORMAT.search(first[:_HEAD_LIMIT])
        if found is not None:
            data = first[found.end() :] + (body if first is query else b"")
            return first[: found.start()].rstrip(), data, found[1].decode()
    joined = query + b"\n" + body if query.strip() and body else query or body
    return joined, None, ""


def _first_word(sql: bytes) -> bytes:
    start = _LEAD.match(sql[:_HEAD_LIMIT])
    rest = sql[start.end() if start else 0 :][:16].lstrip()
    if rest.startswith(b"("):
        return b"("
    return re.split(rb"[^A-Za-z]", rest, maxsplit=1)[0].upper()


def _format(sql: bytes, default: str) -> str:
    if _first_word(sql) not in _ANSWERING:
        return ""
    found = _TRAILING_FORMAT.search(sql)
    return found[1].decode() if found else default
