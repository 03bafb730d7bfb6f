"""The first question of ClickHouse's Go driver, which Grafana uses, answered by hand.

The driver asks over HTTP for `displayName(), version(), revision(), timezone()` in Native format and
decodes that one block at a fixed protocol revision, with block information in front and a flag per
column. Told that the server's revision is 0 it reads every later block as plain Native, which is what
the embedded engine writes. Layout: ClickHouse's `NativeWriter` and clickhouse-go's `proto.Block`.
"""

from __future__ import annotations

import struct

from schemas.encoding import unsigned

# Field 1 (overflow rows: no), field 2 (bucket number: -1), end of block information.
_BLOCK_INFO = b"\x01\x00\x02" + struct.pack("<i", -1) + b"\x00"
_PLAIN = b"\x00"  # no custom serialization


def hello_block(display_name: str, version: str, timezone: str) -> bytes:
    """One row: who the server is. Revision is 0."""
    columns = (
        ("displayName()", "String", _text(display_name)),
        ("version()", "String", _text(version)),
        ("revision()", "UInt32", struct.pack("<I", 0)),
        ("timezone()", "String", _text(timezone)),
    )
    out = [_BLOCK_INFO, unsigned(len(columns)), unsigned(1)]
    for name, kind, value in columns:
        out += (_text(name), _text(kind), _PLAIN, value)
    return b"".join(out)


def _text(text: str) -> bytes:
    data = text.encode()
    return unsigned(len(data)) + data
