"""`.ci/run` with stand-ins for every tool: what it installs, what it runs, how it ends, what it prints last."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SUMMARY = "=========== 12 passed in 3.45s ==========="
REAL = ("true", "bash", "env", "dirname", "sed", "timeout", "make", "sh", "cat", "mkdir")
JAVA = "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2"


class Machine:
    """A folder with the script, a Makefile, an environment and a PATH on which only stand-ins are found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = folder / "tools"
        self.log = folder / "called.txt"
        for made in (folder / ".ci", folder / ".venv" / "bin", self.tools):
            made.mkdir(parents=True)
        shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
        for name in REAL:
            (self.tools / name).symlink_to(str(shutil.which(name)))
        there = ("mvn", "python3", "chromium", "docker-compose")
        for name, code in {"java": JAVA, **dict.fromkeys(there, ":"), "id": "echo 0"}.items():
            self.tool(name, code)
        self.tool("apt-get", f'echo "apt-get $*" >> {self.log}')
        for name in ("python", "ruff", "mypy"):
            self.program(name, f'echo "{name} $*" >> {self.log}')
        self.makefile(test="true")

    def tool(self, name: str, code: str) -> None:
        self._script(self.tools / name, code)

    def program(self, name: str, code: str) -> None:
        self._script(self.folder / ".venv" / "bin" / name, code)

    def makefile(self, *, setup: str = "true", test: str) -> None:
        text = f"setup:\n\t@{setup}\ntest:\n\t@echo '{SUMMARY}'; {test}\n"
        (self.folder / "Makefile").write_text(text)

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / ".ci" / "run")],
            env={"PATH": str(self.tools)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )

    def called(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    @staticmethod
    def _script(path: Path, code: str) -> None:
        path.write_text(f"#!/bin/sh\n{code}\n")
        path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.rstrip().splitlines()[-1]


def test_it_can_be_executed() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_it_formats_lints_checks_types_and_ends_with_the_summary_of_the_tests(machine: Machine) -> None:
    done = machine.run()
    assert done.returncode == 0, done.stdout
    assert last_line(done) == SUMMARY
    assert machine.called().splitlines() == ["ruff format --check .", "ruff check .", "mypy "]


@pytest.mark.parametrize("broken", ["ruff", "mypy"])
def test_a_failed_check_fails_the_run_but_not_before_the_tests(machine: Machine, broken: str) -> None:
    machine.program(broken, "echo found something; exit 1")
    done = machine.run()
    assert done.returncode != 0
    assert "found something" in done.stdout
    assert last_line(done) == SUMMARY


def test_failed_tests_fail_the_run_and_their_summary_stays_last(machine: Machine) -> None:
    machine.makefile(test="exit 1")
    done = machine.run()
    assert done.returncode != 0
    assert last_line(done) == SUMMARY


def test_without_an_environment_it_ends_with_a_reason(machine: Machine) -> None:
    shutil.rmtree(machine.folder / ".venv")
    machine.makefile(setup="echo no network; exit 2", test="true")
    done = machine.run()
    assert done.returncode != 0
    assert "nothing can be checked" in last_line(done)


def test_what_is_missing_is_installed_and_nothing_else(machine: Machine) -> None:
    for name in ("docker-compose", "chromium", "mvn"):
        (machine.tools / name).unlink()
    done = machine.run()
    assert done.returncode == 0, done.stdout
    install = [line for line in machine.called().splitlines() if " install " in line]
    assert len(install) == 1
    assert install[0].endswith("--no-install-recommends maven chromium docker-compose")


def test_an_old_java_is_not_enough_for_the_broker(machine: Machine) -> None:
    machine.tool("java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")
    machine.run()
    assert "default-jre-headless" in machine.called()


def test_without_the_right_to_install_it_says_what_to_install_and_goes_on(machine: Machine) -> None:
    (machine.tools / "mvn").unlink()
    machine.tool("id", "echo 1000")
    machine.tool("sudo", "exit 1")
    done = machine.run()
    assert done.returncode != 0
    assert "apt-get install maven" in done.stdout
    assert last_line(done) == SUMMARY
