"""The one way to ClickHouse: a server over HTTP, or the embedded engine, behind the same client.

`connect` gives a clickhouse-connect client whose current database is mailweir's own. `translate` sorts
the engine's errors by what the caller does next. Error numbers: ClickHouse, `ErrorCodes.cpp`.
"""

from __future__ import annotations

import ipaddress
import logging
from typing import Any
from urllib.parse import SplitResult, urlsplit

import clickhouse_connect
from clickhouse_connect.driver import options as libraries
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.errors import FailureCode, MailweirError, Misconfigured, Permanent, Transient

# The first insert would import these to see whether its rows are one of their frames: two seconds, a hundred MB.
for _frames in ("pd", "pd_time_test", "pl"):
    setattr(libraries, _frames, None)

DATABASE = "mailweir"
CONNECT_TIMEOUT_S = 5
REPLY_TIMEOUT_S = 60  # the longest insert of a bounded batch seen under load took a tenth of this
RETRY_AFTER_S = 1.0

# What the data itself is to blame for: the same rows will be refused again.
DATA_CODES = frozenset({
    6,  # CANNOT_PARSE_TEXT
    26,  # CANNOT_PARSE_QUOTED_STRING
    27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
    32,  # ATTEMPT_TO_READ_AFTER_EOF
    33,  # CANNOT_READ_ALL_DATA
    38,  # CANNOT_PARSE_DATE
    41,  # CANNOT_PARSE_DATETIME
    53,  # TYPE_MISMATCH
    69,  # ARGUMENT_OUT_OF_BOUND
    70,  # CANNOT_CONVERT_TYPE
    72,  # CANNOT_PARSE_NUMBER
    117,  # INCORRECT_DATA
    128,  # TOO_LARGE_ARRAY_SIZE
    131,  # TOO_LARGE_STRING_SIZE
    321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    407,  # DECIMAL_OVERFLOW
    469,  # VIOLATED_CONSTRAINT
})  # fmt: skip

# What a person must put right, with the sentence that says how.
OPERATOR_CODES = {
    10: "run `mailweir tables apply`",  # NOT_FOUND_COLUMN_IN_BLOCK
    16: "run `mailweir tables apply`",  # NO_SUCH_COLUMN_IN_TABLE
    47: "run `mailweir tables apply`",  # UNKNOWN_IDENTIFIER
    60: "run `mailweir tables apply`",  # UNKNOWN_TABLE
    81: "run `mailweir tables apply`",  # UNKNOWN_DATABASE
    62: "this is a defect of mailweir, or the server is older than it supports (24.8)",  # SYNTAX_ERROR
    115: "the server is older than mailweir supports (24.8); upgrade it",  # UNKNOWN_SETTING
    164: "the user may only read; give MAILWEIR_CLICKHOUSE_USER the right to write",  # READONLY
    192: "check MAILWEIR_CLICKHOUSE_USER",  # UNKNOWN_USER
    193: "check MAILWEIR_CLICKHOUSE_PASSWORD",  # WRONG_PASSWORD
    194: "set MAILWEIR_CLICKHOUSE_PASSWORD",  # REQUIRED_PASSWORD
    497: "grant MAILWEIR_CLICKHOUSE_USER the missing right",  # ACCESS_DENIED
    516: "check MAILWEIR_CLICKHOUSE_USER and MAILWEIR_CLICKHOUSE_PASSWORD",  # AUTHENTICATION_FAILED
}


def connect(
    url: str,
    user: str = "default",
    password: str = "",
    database: str = DATABASE,
    reply_timeout_s: int = REPLY_TIMEOUT_S,
) -> Client:
    """A client of `url` (`http(s)://host:port` or `chdb:///path`) whose current database is `database`.

    The database is created (engine Atomic) if it is missing. A client serialises its calls: use one
    per thread. Raises Misconfigured (what to change) or Transient (the server is away).
    """
    parts = _split(url)
    try:
        client = _open(parts, user, password, reply_timeout_s)
    except (ClickHouseError, OSError) as error:
        raise translate(error, f"cannot connect to {url}") from error
    try:
        _ensure_database(client, database)
    except ClickHouseError as error:
        client.close()
        raise translate(error, f"{url}: cannot create the database {database}") from error
    return client


def translate(error: Exception, what: str) -> MailweirError:
    """The error as Transient, Permanent(STORE_REFUSED) or Misconfigured; `what` opens its message.

    An unknown number is Transient: waiting loses nothing, a dead letter would.
    """
    code = getattr(error, "code", None)
    reason = f"{what}: {_sentence(error)}"
    if code in DATA_CODES:
        return Permanent(FailureCode.STORE_REFUSED, reason)
    if code in OPERATOR_CODES:
        return Misconfigured(f"{reason}; {OPERATOR_CODES[code]}")
    if code is None:
        reason += "; is the store running, and MAILWEIR_CLICKHOUSE its address?"
    return Transient(reason, RETRY_AFTER_S)


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https", "chdb"}:
        raise Misconfigured(
            f"MAILWEIR_CLICKHOUSE: {parts.scheme or 'no'} scheme is not supported;"
            " write http://host:8123, https://host:8443 or chdb:///path/to/folder"
        )
    if parts.username or parts.password:
        raise Misconfigured(
            "MAILWEIR_CLICKHOUSE: put credentials into MAILWEIR_CLICKHOUSE_USER and"
            " MAILWEIR_CLICKHOUSE_PASSWORD, not into the address, which is logged"
        )
    if parts.scheme == "chdb" and (parts.netloc or parts.path in {"", "/"}):
        raise Misconfigured(f"MAILWEIR_CLICKHOUSE: {url} names no folder; write chdb:///absolute/path")
    if parts.scheme != "chdb" and not parts.hostname:
        raise Misconfigured(f"MAILWEIR_CLICKHOUSE: {url} names no host; write http://host:8123")
    return parts


def _open(parts: SplitResult, user: str, password: str, reply_timeout_s: int) -> Client:
    if parts.scheme == "chdb":
        return _open_folder(parts.path)
    # These log every refused connection, one with a traceback; the caller gets the error and says it once.
    for name in ("clickhouse_connect", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    options: dict[str, Any] = {
        "host": parts.hostname,
        "interface": parts.scheme,
        "port": parts.port or (8443 if parts.scheme == "https" else 8123),
        "username": user,
        "password": password,
        "compress": not _is_loopback(parts.hostname or ""),
        "connect_timeout": CONNECT_TIMEOUT_S,
        "send_receive_timeout": reply_timeout_s,
        "autogenerate_session_id": False,  # a session admits one query at a time and nothing here needs one
    }
    return clickhouse_connect.get_client(**options)


def _open_folder(path: str) -> Client:
    try:
        return clickhouse_connect.get_client(interface="chdb", path=path)
    except (ClickHouseError, OSError) as error:
        raise Misconfigured(
            f"{path}: cannot be opened as a chDB folder ({_sentence(error)}); one process owns it at a time:"
            " stop the other one or go through `mailweir store`, and check that the folder can be written"
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ensure_database(client: Client, database: str) -> None:
    found = client.query("SELECT count() FROM system.databases WHERE name = {name:String}", {"name": database})
    if not found.result_rows[0][0]:  # asked first, so that a user who may only read can connect
        client.command(f"CREATE DATABASE IF NOT EXISTS `{database}` ENGINE = Atomic")
    client.database = database


def _sentence(error: Exception) -> str:
    """The engine's or the network's reason on one line, bounded."""
    text = " ".join(str(error).split()) or type(error).__name__
    for known in ("Connection refused", "timed out", "Name or service not known", "Connection reset"):
        if getattr(error, "code", None) is None and known in text:
            return known.lower()
    return text[:300]
