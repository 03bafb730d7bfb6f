"""docker-compose.yml against the code: every command, variable, path and port it names exists.

No container engine is needed. `docker-compose config` (Debian's package) checks the file's own grammar; CI
installs it, so there it must run.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from schemas.config_file import load_config
from schemas.settings import Settings
from schemas.topics import MAX_MESSAGE_BYTES

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
JOBS = {name for name, service in SERVICES.items() if service.get("restart") == "no"}
COPIED = {
    "deploy/mailweir.yaml": "deploy/mailweir.example.yaml",
    "deploy/sources.env": "deploy/sources.env.example",
    "deploy/segments": "examples/segments",
}
SERVICE_PORT = {"gateway": "gateway_port", "console": "console_port"}
PUBLISHED_PORT = {**SERVICE_PORT, "suppression": "suppression_port"}


def commands() -> set[str]:
    """The command lines that `mailweir` knows, as in `topics apply`."""
    app = importlib.import_module("streams.__main__").app  # here, so that a broken entry point fails one test

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[str]:
        inner = getattr(command, "commands", None)
        if inner is None or (words and command.invoke_without_command):
            yield " ".join(words)
        for name, child in (inner or {}).items():
            yield from walk(child, (*words, name))

    return set(walk(typer.main.get_command(app), ()))


def local_path(text: str) -> Path:
    """Where a bind mount's source is in a checkout; files the operator copies are their examples here."""
    relative = text.removeprefix("./")
    return ROOT / COPIED.get(relative, relative)


def default_of(port: str) -> list[str]:
    """`"${BIND_ADDRESS:-127.0.0.1}:${GATEWAY_PORT:-8610}:8610"` -> `["127.0.0.1", "8610", "8610"]`."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", port).split(":")


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_is_one_of_the_command_line(name: str) -> None:
    assert " ".join(SERVICES[name]["command"]) in commands()


def test_every_service_of_the_product_is_in_the_file() -> None:
    running = {" ".join(service["command"]) for service in OURS.values()}
    assert running == {
        *("topics apply", "tables apply"),
        *("gateway", "normalise", "reputation", "remediation", "suppression", "segments", "sink", "console"),
    }


def test_every_variable_of_a_service_is_a_setting() -> None:
    named = set(re.findall(r"\bMAILWEIR_([A-Z_]+)=", (ROOT / "Dockerfile").read_text(encoding="utf-8")))
    assert named
    for service in OURS.values():
        named |= {name.removeprefix("MAILWEIR_") for name in service["environment"]}
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_variables_of_the_environment_example_are_those_of_the_file() -> None:
    example = (DEPLOY / ".env.example").read_text(encoding="utf-8")
    offered = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    used = set(re.findall(r"\$\{([A-Z_]+):", COMPOSE_TEXT))
    assert offered == used


def test_no_password_has_a_default() -> None:
    secrets = re.findall(r"[A-Z_]*(?:PASSWORD|SECRET|TOKEN)[A-Z_]*: *(.+)", COMPOSE_TEXT)
    assert secrets
    for value in secrets:
        assert re.fullmatch(r'"\$\{[A-Z_]+:\?set [A-Z_]+ in deploy/\.env\}"', value), value


def test_no_example_file_holds_a_secret() -> None:
    for path in (DEPLOY / ".env.example", DEPLOY / "sources.env.example"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.match(r"#?[A-Z_]*(PASSWORD|SECRET|KEY)=.", line), f"{path}: {line}"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - JOBS))
def test_a_lasting_service_has_a_health_check_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])


@pytest.mark.parametrize("name", sorted(set(OURS) - JOBS))
def test_a_health_check_asks_the_port_on_which_the_service_answers(name: str) -> None:
    *_, script, url = SERVICES[name]["healthcheck"]["test"]
    assert script == "/opt/mailweir/healthcheck.py"
    assert f"deploy/healthcheck.py {script}" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    match = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/(healthz|readyz)", url)
    assert match
    if name in SERVICE_PORT:
        assert int(match[1]) == Settings.model_fields[SERVICE_PORT[name]].default
    else:
        assert match[1] == SERVICES[name]["environment"]["MAILWEIR_METRICS_PORT"]


def test_only_what_others_must_reach_is_published_and_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"gateway", "console", "suppression", "grafana"}
    for name, ports in published.items():
        (address, outside, inside), *more = map(default_of, ports)
        assert not more
        assert address == "127.0.0.1"
        assert outside == inside
        if name in PUBLISHED_PORT:
            assert int(inside) == Settings.model_fields[PUBLISHED_PORT[name]].default


def test_every_mounted_path_and_every_volume_exists() -> None:
    named = set(COMPOSE["volumes"])
    for name, service in SERVICES.items():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if source.startswith("./"):
                assert local_path(source).exists(), f"{name} mounts {source}"
                assert mount.endswith(":ro"), f"{name}: {mount} should be read-only"
            else:
                assert source in named, f"{name}: the volume {source} is not declared"
        for env_file in service.get("env_file", ()):
            assert local_path(env_file).exists(), f"{name} reads {env_file}"


def test_dependencies_wait_for_health_or_for_the_end_of_a_job() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in JOBS else "service_healthy"
            assert how["condition"] == expected, f"{name} -> {other}"


def test_the_broker_takes_the_largest_record_we_send() -> None:
    assert SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"] >= MAX_MESSAGE_BYTES


def test_grafana_gets_every_variable_and_folder_its_provisioning_names() -> None:
    provisioning = ROOT / "dashboards" / "grafana" / "provisioning"
    text = "\n".join(path.read_text(encoding="utf-8") for path in provisioning.rglob("*.y*ml"))
    named = {a or b for a, b in re.findall(r"\$(?:\{([A-Z_]+)\}|([A-Z_]+))", text)}
    given = {name for name in SERVICES["grafana"]["environment"] if not name.startswith("GF_")}
    assert named == given
    mounted = {mount.split(":")[1] for mount in SERVICES["grafana"]["volumes"]}
    folders = set(re.findall(r"^ *path: *(\S+)", text, re.MULTILINE))
    assert folders
    assert folders <= mounted


def test_the_example_configuration_is_valid_with_the_secrets_the_example_offers() -> None:
    offered = re.findall(r"^#?([A-Z_]+)=", (DEPLOY / "sources.env.example").read_text(encoding="utf-8"), re.MULTILINE)
    config = load_config(DEPLOY / "mailweir.example.yaml", dict.fromkeys(offered, "a-secret"))
    assert {source.provider for source in config.sources} == {"sendgrid", "ses", "mailgun", "kumomta"}
    text = (DEPLOY / "mailweir.example.yaml").read_text(encoding="utf-8")
    named = re.findall(r"^[^#\n]*\{env: (\w+)\}", text, re.MULTILINE)
    assert sorted(set(named)) == sorted(offered)


def test_the_image_runs_as_nobody_special_and_with_pinned_packages() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    final = dockerfile.split("\nFROM ")[-1]
    assert re.search(r"^USER mailweir$", final, re.MULTILINE)
    assert "pip install --constraint constraints.txt ." in dockerfile


def test_the_image_gets_every_file_it_copies() -> None:
    kept = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--)(.+)$", dockerfile, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source in kept, f"{source} is copied but .dockerignore leaves it out"


def compose_command() -> list[str] | None:
    """The compose implementation at hand: the stand-alone program, or the engine's plug-in."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    return None


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's deployment files, prepared as the quick start says."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    for name in ("docker-compose.yml", "Dockerfile"):
        shutil.copy(ROOT / name, tmp_path / name)
    for target, example in COPIED.items():
        copy = shutil.copytree if (ROOT / example).is_dir() else shutil.copy
        copy(ROOT / example, tmp_path / target)
    shutil.copy(tmp_path / "deploy" / ".env.example", tmp_path / "deploy" / ".env")
    return tmp_path


def run_config(project: Path) -> subprocess.CompletedProcess[str]:
    command = compose_command()
    if command is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs a compose implementation: apt-get install docker-compose")
        pytest.skip("no compose implementation here (apt-get install docker-compose); CI has one")
    return subprocess.run(
        [*command, "--env-file", "deploy/.env", "config"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_compose_accepts_the_file(project: Path) -> None:
    env = project / "deploy" / ".env"
    env.write_text(re.sub(r"PASSWORD=$", "PASSWORD=long-and-random", env.read_text(), flags=re.MULTILINE))
    done = run_config(project)
    assert done.returncode == 0, done.stderr
    resolved = yaml.safe_load(done.stdout)
    assert set(resolved["services"]) == set(SERVICES)
    assert set(resolved["services"]["sink"]["depends_on"]) == {"kafka", "topics", "tables"}


def test_compose_refuses_to_start_without_passwords(project: Path) -> None:
    done = run_config(project)
    assert done.returncode != 0
    assert "set CLICKHOUSE_PASSWORD in deploy/.env" in done.stderr
