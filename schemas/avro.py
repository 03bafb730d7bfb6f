"""Records to Avro and back, in Confluent's wire format (magic byte 0, schema id, body).

The Avro schema of a record is derived from its dataclass; every version that was ever written is kept
as `schemas/avro/<record>.v<n>.avsc`, so old records are read by new code (missing fields take their
defaults) and new records by old code (unknown fields are skipped). Schema ids are built in; with a
Confluent-compatible registry they come from there (`Codec(ids)`).

Avro specification 1.11: schema resolution. Wire format: Confluent Schema Registry documentation, "Wire format".
"""

from __future__ import annotations

import dataclasses
import io
import json
import struct
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import fastavro

from schemas.access import ConsoleAccess
from schemas.aggregates import LaneIds, LaneMarker, ReputationPartial, ReputationScore, Tick
from schemas.announcements import PastFact, PastRead, RulesAnnounced, SegmentStatus
from schemas.encoding import Encoder, compile_encoder
from schemas.envelope import RawWebhook
from schemas.errors import FailureCode, Permanent
from schemas.events import ActivityEvent, EmailEvent
from schemas.failures import DeadLetter
from schemas.journeys.steps import JourneyStep
from schemas.remediation import Decision, Outcome, Ruling
from schemas.replays import Replay
from schemas.reports import AuthReport, StandingReport
from schemas.suppressions import FailingDays, Suppression
from schemas.transitions import SegmentTransition
from schemas.verdicts import RemediationState, SlotCounts, Verdict, WatchPosition, WatchState

Record = TypeVar("Record")
NAMESPACE = "mailweir"
FOLDER = Path(__file__).parent / "avro"
HEADER_SIZE = 5
_HEADER = struct.Struct(">bI")
_PRIMITIVES = {str: "string", int: "long", float: "double", bool: "boolean", bytes: "bytes"}


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """One version of one record's schema under its built-in id. Ids are never used again."""

    schema_id: int
    record: type
    version: int

    @property
    def path(self) -> Path:
        """The committed snapshot."""
        return FOLDER / f"{snake(self.record.__name__)}.v{self.version}.avsc"


VERSIONS: tuple[SchemaVersion, ...] = (
    SchemaVersion(1, RawWebhook, 1),
    SchemaVersion(2, EmailEvent, 1),
    SchemaVersion(3, ActivityEvent, 1),
    SchemaVersion(4, ReputationPartial, 1),
    SchemaVersion(5, ReputationScore, 1),
    SchemaVersion(6, Decision, 1),
    SchemaVersion(7, Outcome, 1),
    SchemaVersion(8, DeadLetter, 1),
    SchemaVersion(9, Tick, 1),
    SchemaVersion(10, LaneMarker, 1),
    SchemaVersion(11, LaneIds, 1),
    SchemaVersion(12, AuthReport, 1),
    SchemaVersion(13, StandingReport, 1),
    SchemaVersion(14, SlotCounts, 1),
    SchemaVersion(15, Verdict, 1),
    SchemaVersion(16, WatchState, 1),
    SchemaVersion(17, RemediationState, 1),
    SchemaVersion(18, Ruling, 1),
    SchemaVersion(19, Decision, 2),
    SchemaVersion(20, Suppression, 1),
    SchemaVersion(21, FailingDays, 1),
    SchemaVersion(23, ReputationScore, 2),
    SchemaVersion(24, WatchPosition, 1),
    SchemaVersion(25, SegmentTransition, 1),
    SchemaVersion(30, RulesAnnounced, 1),
    SchemaVersion(31, PastFact, 1),
    SchemaVersion(32, PastRead, 1),
    SchemaVersion(33, SegmentStatus, 1),
    SchemaVersion(40, JourneyStep, 1),
    SchemaVersion(41, Replay, 1),
    SchemaVersion(42, ConsoleAccess, 1),
)


def snake(name: str) -> str:
    """`EmailEvent` -> `email_event`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _type_of(hint: Any) -> Any:
    """The Avro type of one annotation. Raises TypeError for what Avro columns cannot hold."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        base, mark = typing.get_args(hint)[:2]
        return {"type": _type_of(base), "logicalType": mark}
    if origin is list:
        return {"type": "array", "items": _type_of(typing.get_args(hint)[0])}
    if isinstance(hint, type):
        if dataclasses.is_dataclass(hint):
            return _record(hint)
        for python, avro in _PRIMITIVES.items():
            if issubclass(hint, python):
                return avro
    raise TypeError(f"no Avro type for {hint!r}; use str, int, float, bool, bytes, Millis or a list of them")


def _record(record: type) -> dict[str, Any]:
    hints = typing.get_type_hints(record, include_extras=True)
    fields = []
    for item in dataclasses.fields(record):
        entry: dict[str, Any] = {"name": item.name, "type": _type_of(hints[item.name])}
        if item.default is not dataclasses.MISSING:
            entry["default"] = item.default.decode("latin-1") if isinstance(item.default, bytes) else item.default
        elif item.default_factory is not dataclasses.MISSING:
            entry["default"] = item.default_factory()
        fields.append(entry)
    return {"type": "record", "name": record.__name__, "namespace": NAMESPACE, "fields": fields}


def schema_of(record: type) -> dict[str, Any]:
    """The Avro schema (as JSON) that the dataclass `record` has today."""
    return _record(record)


@cache
def _parsed(version: SchemaVersion) -> Any:
    # Timestamps stay integers: the logical type is for readers of the topic, not for this code.
    return fastavro.parse_schema(_plain(json.loads(version.path.read_text(encoding="utf-8"))))


def _plain(schema: Any) -> Any:
    """The schema without logical types, which fastavro would turn into datetime objects."""
    if isinstance(schema, dict):
        if "logicalType" in schema:
            return _plain(schema["type"])
        return {key: _plain(value) for key, value in schema.items()}
    return [_plain(item) for item in schema] if isinstance(schema, list) else schema


def _wanted(version: SchemaVersion) -> Any:
    """What to resolve into: nothing where that is what was written, which takes half the time."""
    now = newest(version.record)
    return None if version is now else _parsed(now)


def newest(record: type) -> SchemaVersion:
    """The version that this code writes."""
    return _NEWEST[record]


_NEWEST: dict[type, SchemaVersion] = {v.record: v for v in sorted(VERSIONS, key=lambda v: v.version)}


@cache
def _encoder(version: SchemaVersion) -> Encoder:
    return compile_encoder(json.loads(version.path.read_text(encoding="utf-8")))


@cache
def _nested(record: Any) -> dict[str, type]:
    """Fields that are lists of records, with the record's type."""
    hints = typing.get_type_hints(record)
    inner = {n: typing.get_args(h)[0] for n, h in hints.items() if typing.get_origin(h) is list}
    return {name: kind for name, kind in inner.items() if hasattr(kind, "__dataclass_fields__")}


class Codec:
    """Encodes and decodes topic values. `ids` maps a schema version to the id used on the wire."""

    def __init__(self, ids: Mapping[SchemaVersion, int] | None = None) -> None:
        self._ids = dict(ids) if ids is not None else {v: v.schema_id for v in VERSIONS}
        self._versions = {number: version for version, number in self._ids.items()}
        self._encoders = {
            record: (_HEADER.pack(0, self._ids[version]), _encoder(version)) for record, version in _NEWEST.items()
        }

    def encode(self, record: Any) -> bytes:
        """One record as a topic value, in the newest schema of its type."""
        head, body = self._encoders[type(record)]
        return head + body(record)

    def header(self, record: type) -> bytes:
        """The wire header in front of every body of the newest schema of `record`."""
        return self._encoders[record][0]

    def version_of(self, value: bytes) -> SchemaVersion:
        """Which schema the value was written in. Raises Permanent(UNDECODABLE) if it is none of ours."""
        if len(value) < HEADER_SIZE or value[0] != 0:
            raise Permanent(FailureCode.UNDECODABLE, "the record does not start with a Confluent schema header")
        version = self._versions.get(_HEADER.unpack_from(value)[1])
        if version is None:
            number = _HEADER.unpack_from(value)[1]
            raise Permanent(FailureCode.UNDECODABLE, f"schema id {number} is unknown here; is the registry right?")
        return version

    def decode(self, value: bytes, record: type[Record]) -> Record:
        """The value as `record`, whatever version wrote it. Raises Permanent(UNDECODABLE)."""
        version = self.version_of(value)
        if version.record is not record:
            raise Permanent(
                FailureCode.UNDECODABLE, f"expected {record.__name__}, the record is a {version.record.__name__}"
            )
        try:
            fields = typing.cast(
                dict[str, Any],
                fastavro.schemaless_reader(io.BytesIO(value[HEADER_SIZE:]), _parsed(version), _wanted(version)),
            )
        except Exception as error:  # fastavro raises whatever the bytes provoke: EOFError, IndexError, ...
            reason = "it ends too early" if isinstance(error, EOFError) else repr(error)
            raise Permanent(
                FailureCode.UNDECODABLE, f"the body does not match schema {version.path.stem}: {reason}"
            ) from error
        for name, kind in _nested(record).items():  # type: ignore[arg-type]  # a class is hashable
            fields[name] = [kind(**item) for item in fields[name]]
        return record(**fields)


def write_snapshots() -> list[Path]:
    """Write the snapshot of every newest version that has none yet; what exists is never changed."""
    missing = [v for v in VERSIONS if v is newest(v.record) and not v.path.exists()]
    for version in missing:
        version.path.write_text(json.dumps(schema_of(version.record), indent=1) + "\n", encoding="utf-8")
    return [version.path for version in missing]
