"""Documents that list things are checked against the code: nothing missing, nothing invented, no dead link."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from connectors.registry import CONNECTORS
from schemas.alerts import Alert
from schemas.config import Config, Control, Inbox, Limits, Poll, Source, Tenant
from schemas.config_file import parse_config
from schemas.console import Console, Oidc
from schemas.errors import FailureCode
from schemas.journey_webhooks import JourneyWebhook
from schemas.policy import Escalation, Exemption, Policy, QuietHours, Recovery, Rule
from schemas.segment_webhooks import SegmentWebhook
from schemas.settings import Settings
from schemas.topics import TOPICS
from schemas.warmup import Warmup
from sinks.tables import TABLES
from streams.core.remediation.policy_findings import findings
from tests.architecture.source_tree import PACKAGES, ROOT, files, modules

DOCS = ROOT / "docs"
MODELS: dict[str, type[BaseModel]] = {
    "": Config,
    "tenants": Tenant,
    "sources": Source,
    "sources.control": Control,
    "sources.inbox": Inbox,
    "sources.poll": Poll,
    "policies": Policy,
    "policies.rules": Rule,
    "policies.exempt": Exemption,
    "policies.quiet_hours": QuietHours,
    "policies.recovery": Recovery,
    "policies.escalation": Escalation,
    "alerts": Alert,
    "limits": Limits,
    "console": Console,
    "console.oidc": Oidc,
    "warmups": Warmup,
    "segment_webhooks": SegmentWebhook,
    "journey_webhooks": JourneyWebhook,
}
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
METRIC_TYPES = ("Counter", "Gauge", "Histogram", "Summary", "Info", "Enum")


@cache
def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def code_words(name: str) -> set[str]:
    """Everything written in `code` on a page."""
    return set(re.findall(r"`([^`\n]+)`", page(name)))


def rows(name: str) -> dict[str, list[str]]:
    """Table rows of a page: first cell's code -> all cells."""
    found = {}
    for line in page(name).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and (match := re.match(r"`([^`]+)`", cells[0])):
            found[match[1]] = cells
    return found


def key_paths() -> Iterator[tuple[str, type[BaseModel], str]]:
    for path, model in MODELS.items():
        for name in model.model_fields:
            yield (f"{path}.{name}" if path else name), model, name


def as_written(value: Any) -> str:
    """A default as a person writes it in YAML or in an environment variable."""
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    return str(getattr(value, "value", value))


def test_the_page_of_models_is_complete() -> None:
    def inner(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
        yield model
        for field in model.model_fields.values():
            for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    yield from inner(kind)

    assert set(inner(Config)) == set(MODELS.values())


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_environment_variable_is_documented_with_its_default(name: str) -> None:
    row = rows("configuration.md").get(f"MAILWEIR_{name.upper()}")
    assert row, f"docs/configuration.md has no table row for MAILWEIR_{name.upper()}"
    default = as_written(Settings.model_fields[name].default)
    assert (f"`{default}`" in row[1]) if default else ("empty" in row[1]), (
        f"default is {default!r}, the page says {row[1]}"
    )


@pytest.mark.parametrize(("path", "model", "name"), list(key_paths()), ids=lambda v: v if isinstance(v, str) else "")
def test_every_key_of_the_configuration_file_is_documented(path: str, model: type[BaseModel], name: str) -> None:
    row = rows("configuration.md").get(path)
    assert row, f"docs/configuration.md has no table row for {path}"
    default = model.model_fields[name].default
    if default is PydanticUndefined and model.model_fields[name].default_factory is None:
        assert "required" in row[1], f"{path} is required, the page says {row[1]}"
    elif isinstance(default, bool | int | float) or (isinstance(default, str) and default):
        assert f"`{as_written(default)}`" in row[1], f"default is {default}, the page says {row[1]}"


def variables() -> set[str]:
    """Every variable the product reads: the settings, and what is read beside them."""
    beside = (ROOT / "streams" / "environment.py").read_text(encoding="utf-8")
    return {f"MAILWEIR_{name.upper()}" for name in Settings.model_fields} | set(re.findall(r"MAILWEIR_[A-Z_]+", beside))


def test_the_configuration_page_lists_every_variable_and_key_and_no_other() -> None:
    known = variables() | {path for path, _, _ in key_paths()}
    listed = set(rows("configuration.md"))
    assert listed == known, f"not on the page: {sorted(known - listed)}; not in the code: {sorted(listed - known)}"


def test_no_page_names_a_variable_that_does_not_exist() -> None:
    known = variables() | {"MAILWEIR_TEST_KAFKA", "MAILWEIR_TEST_CHROMIUM"}
    for provisioning in files("dashboards/grafana/provisioning", pattern="*.yaml"):
        known |= set(re.findall(r"MAILWEIR_[A-Z_]+", provisioning.read_text(encoding="utf-8")))
    for path in [*files("docs", pattern="*.md"), *ROOT.glob("*.md"), *files("deploy", pattern="*.md")]:
        named = set(re.findall(r"MAILWEIR_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8")))
        assert named <= known, f"{path.relative_to(ROOT)}: {sorted(named - known)}"


def examples() -> list[tuple[str, str]]:
    """(place, text) of every YAML block of the documents that is a configuration."""
    top = re.compile(r"^(sources|tenants|policies|alerts|limits|warmups|public_url|console_url|console):", re.MULTILINE)
    return [
        (str(path.relative_to(ROOT)), block)
        for path in [*files("docs", pattern="*.md"), ROOT / "README.md"]
        for block in re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        if top.search(block)
    ]


def test_there_are_configuration_examples_to_check() -> None:
    assert {"README.md", "docs/configuration.md"} <= {place for place, _ in examples()}


@pytest.mark.parametrize(("place", "text"), examples())
def test_every_configuration_example_is_valid(place: str, text: str) -> None:
    names = re.findall(r"\{env: (\w+)\}", text)
    environ = {name: "https://secret.example" if name.endswith("URL") else f"whsec_{'c2Vj' * 8}" for name in names}
    config = parse_config(yaml.safe_load(text), environ, place)
    assert not [finding for finding in findings(config) if finding.is_error]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_is_documented(topic: Any) -> None:
    assert topic.name in rows("operating.md"), f"docs/operating.md has no row for {topic.name}"


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.table)
def test_every_table_is_documented(spec: Any) -> None:
    assert spec.table in page("tables.md")


@pytest.mark.parametrize("code", list(FailureCode))
def test_every_error_code_is_documented_with_what_to_do(code: FailureCode) -> None:
    row = rows("operating.md").get(code.value)
    assert row, f"docs/operating.md has no row for {code.value}"
    assert len(row) == 3, f"{code.value}: code, meaning, what to do"
    assert all(row)


def commands() -> set[str]:
    """Every command line of `mailweir`, as in `topics apply`."""
    app = importlib.import_module("streams.__main__").app

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[str]:
        inner = getattr(command, "commands", None)
        if inner is None or (words and command.invoke_without_command):
            yield " ".join(words)
        for name, child in (inner or {}).items():
            yield from walk(child, (*words, name))

    return set(walk(typer.main.get_command(app), ()))


def options() -> Iterator[tuple[str, str]]:
    """(command, option) of every option of every command."""
    app = importlib.import_module("streams.__main__").app
    root = typer.main.get_command(app)
    for line in sorted(commands()):
        command: Any = root
        for word in line.split():
            command = command.commands[word]
        for parameter in command.params:
            yield from ((line, option) for option in parameter.opts if option.startswith("--") and option != "--help")


def sections() -> dict[str, str]:
    """docs/commands.md: heading `mailweir X` -> its text."""
    parts = re.split(r"^#+ `mailweir ([a-z -]+)`.*$", page("commands.md"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_is_documented_and_no_other() -> None:
    assert set(sections()) == commands()


def test_every_option_is_documented_with_its_command() -> None:
    missing = [f"{line} {option}" for line, option in options() if option not in sections().get(line, "")]
    assert not missing, f"docs/commands.md: {missing}"


def metric_modules() -> list[str]:
    """Modules that make metrics: they import one of prometheus_client's types."""
    wanted = {f"prometheus_client.{kind}" for kind in METRIC_TYPES}
    return [module.name for module in modules(*PACKAGES) if wanted & {name for _, name in module.imports()}]


def metrics_made_by(name: str) -> set[str]:
    """Names in the registries that the module's classes make or are given."""
    loaded = importlib.import_module(name)
    kinds = [kind for kind in vars(loaded).values() if isinstance(kind, type) and kind.__module__ == name]
    registries = [registry for kind in kinds for registry in filled_by(kind)]
    families = [family for registry in registries for family in registry.collect()]
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in families}


def filled_by(kind: type) -> list[CollectorRegistry]:
    """The registries an instance of `kind` has filled; none if it needs more than a registry to be made."""
    needed = [p for p in inspect.signature(kind).parameters.values() if p.default is p.empty and p.kind not in VARIADIC]
    if any("CollectorRegistry" not in str(p.annotation) for p in needed):
        return []
    given = {p.name: CollectorRegistry() for p in needed}
    own = [held for held in vars(kind(**given)).values() if isinstance(held, CollectorRegistry)]
    return [*given.values(), *own]


def test_every_metric_is_documented_and_no_other() -> None:
    made: set[str] = set()
    for name in metric_modules():
        found = metrics_made_by(name)
        assert found, f"{name} makes metrics, but none is found: make them in a class that takes nothing but a registry"
        made |= found
    listed = {name for name in rows("operating.md") if name.startswith("mailweir_")}
    assert made == listed, f"not on the page: {sorted(made - listed)}; not in the code: {sorted(listed - made)}"


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *files("docs", pattern="*.md"), *files("deploy", pattern="*.md")]


@pytest.mark.parametrize("name", [item.name for item in CONNECTORS])
def test_every_connector_has_its_page_and_stands_in_the_list_of_providers(name: str) -> None:
    row = next((line for line in page("connectors/README.md").splitlines() if f"| `{name}` |" in line), "")
    assert row, f"docs/connectors/README.md has no row for {name}"
    link = re.search(r"\]\(([\w-]+\.md)\)", row)
    assert link, f"the row of {name} has no link"
    text = page(f"connectors/{link[1]}")
    for section in ("## Set up", "## What is verified", "## What arrives", "## When we are down", "## Try it"):
        assert section in text, f"docs/connectors/{link[1]} lacks {section!r}"


def test_every_page_can_be_reached_from_the_index() -> None:
    index = page("README.md")
    pages = {path.relative_to(DOCS) for path in files("docs", pattern="*.md")} - {Path("README.md")}
    lost = [str(path) for path in pages if path.parent == Path() and f"({path})" not in index]
    assert not lost, f"docs/README.md does not link {lost}"
    decisions = {path.name for path in (DOCS / "decisions").glob("[0-9]*.md")}
    listed = set(re.findall(r"\(([0-9]{4}[^)]*\.md)\)", page("decisions/README.md")))
    assert decisions == listed


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_named_files_exist(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} links to {target}"
    written_by_the_operator = {"deploy/.env", "deploy/sources.env", "deploy/mailweir.yaml"}
    for named in re.findall(r"`((?:schemas|connectors|sinks|dashboards|streams|deploy|tests|docs)/[\w./-]+)`", text):
        exists = (ROOT / named).exists() or named in written_by_the_operator
        assert exists, f"{path.relative_to(ROOT)} names {named}"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize("path", sorted((DOCS / "decisions").glob("[0-9]*.md")), ids=lambda path: path.stem)
def test_a_decision_has_its_five_lines(path: Path) -> None:
    lines = [line.split(":")[0] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("**")]
    assert lines == ["**Question", "**Options", "**Figures", "**Choice", "**Consequence"]
