"""Registries are literal lists of imported objects, and none of them has been forgotten."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Callable

import pytest

from schemas import topics
from schemas.avro import VERSIONS
from sinks.tables import TABLES
from tests.architecture.source_tree import PACKAGES, ROOT, Module, files, modules

NOT_SUNK = {  # kept in the log only
    topics.WEBHOOKS,  # whole requests, with addresses
    topics.REPUTATION_SLOTS,  # the way between two services; the partials say the same
    topics.WATCH_STATES,  # memories, of use to nobody else
    topics.REMEDIATION_STATES,
    topics.RECIPIENT_EVENTS,  # the two event topics again
    topics.SEGMENT_RULES,  # what the files say
    topics.SEGMENT_STATES,
}


def defines(*methods: str) -> Callable[[Module], bool]:
    """Does the module have a class (no Protocol) with all these methods?"""

    def has_them(module: Module) -> bool:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and "Protocol" not in map(ast.unparse, node.bases):
                names = {item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)}
                if set(methods) <= names:
                    return True
        return False

    return has_them


def assigns(name: str) -> Callable[[Module], bool]:
    """Does the module set `name` at its top level?"""

    def does(module: Module) -> bool:
        targets = [
            target
            for node in module.tree.body
            for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
        ]
        return any(isinstance(target, ast.Name) and target.id == name for target in targets)

    return does


# registry's file, folder of its members, how a member is known
REGISTRIES: tuple[tuple[str, str, Callable[[Module], bool]], ...] = (
    ("connectors/registry.py", "connectors", defines("verify", "parse")),
    ("connectors/alert.py", "connectors/alerts", defines("request", "interpret")),
    ("connectors/control.py", "connectors/controls", defines("request", "interpret")),
    ("connectors/suppression.py", "connectors/suppressions", defines("lists", "read")),
    ("sinks/tables/__init__.py", "sinks/tables", assigns("TABLE")),
)


@pytest.mark.parametrize(("registry", "folder", "is_member"), REGISTRIES, ids=[r[0] for r in REGISTRIES])
def test_every_member_is_in_its_registry(registry: str, folder: str, is_member: Callable[[Module], bool]) -> None:
    path = ROOT / registry
    assert path.exists(), f"{registry} is missing"
    listed = {name for _, name in Module(path).imports()}
    members = {module.name for module in modules(folder) if module.path.parent == (ROOT / folder).relative_to(ROOT)}
    known = {m.name for m in modules(folder) if m.name in members and is_member(m)}
    assert known, f"no member found in {folder}; has the interface changed?"
    forgotten = sorted(name for name in known if not any(entry.startswith(name) for entry in listed))
    assert not forgotten, f"{forgotten}: add a line to {registry}"


def test_nothing_registers_itself() -> None:
    scanning = {"pkgutil", "importlib.import_module", "importlib.metadata"}
    found = [
        f"{module.path}:{line}: {name}; list the objects in a tuple"
        for module in modules(*PACKAGES)
        if module.unit not in {"streams.__main__", "streams.commands"}
        for line, name in module.imports()
        if any(name == s or name.startswith(f"{s}.") for s in scanning)
    ]
    found += [
        f"{module.path}:{line}: {name}; list the objects in a tuple"
        for module in modules(*PACKAGES)
        for line, name in module.uses({"__subclasses__"})
    ]
    assert not found, "\n".join(found)


def test_every_topic_is_in_the_list_of_topics() -> None:
    defined = {value.name for value in vars(topics).values() if isinstance(value, topics.Topic)}
    assert defined == {topic.name for topic in topics.TOPICS}
    assert len(defined) == len(topics.TOPICS)


def test_every_topic_has_an_avro_schema_with_a_committed_snapshot() -> None:
    recorded = {version.record for version in VERSIONS}
    assert {topic.record for topic in topics.TOPICS} <= recorded
    snapshots = {version.path for version in VERSIONS}
    assert snapshots == set(files("schemas/avro", pattern="*.avsc"))
    assert all(dataclasses.is_dataclass(record) for record in recorded)


def test_schema_ids_are_never_used_twice() -> None:
    assert len({version.schema_id for version in VERSIONS}) == len(VERSIONS)


def test_every_topic_is_sunk_except_raw_requests_and_memories() -> None:
    assert {spec.topic for spec in TABLES} == set(topics.TOPICS) - NOT_SUNK


def test_every_table_has_a_migration() -> None:
    created = set()
    for path in files("sinks/migrations", pattern="*.sql"):
        created |= set(re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", path.read_text(encoding="utf-8")))
    assert {spec.table for spec in TABLES} <= created
