"""What a driver can ask for: a request over HTTP, a record in a topic, or a line in a file; and the answer.

Values only. `connectors.control_send` carries them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

WRITTEN = 0  # status of the answer to what is no HTTP: the log or the file system has it


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """One HTTP request to a sender's API. Headers and body may hold secrets: they are not printed."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicRecord:
    """One record for a topic of the log that mailweir itself uses. Done once all in-sync replicas have it."""

    topic: str
    key: bytes
    value: bytes
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """One line of a file that nobody else writes: `line` takes the place of the one beginning with `start`.

    An empty `line` removes it; `heading` is the file's first line. The file changes in one step or not at all.
    """

    path: str
    start: str
    line: str
    heading: str


Effect = ControlRequest | TopicRecord | FileLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAnswer:
    """The sender's answer: `headers` with lower-case names, `body` cut to what the executor read."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
