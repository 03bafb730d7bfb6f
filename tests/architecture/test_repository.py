"""What must never be committed, and habits that tests must not take up."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.architecture.source_tree import ROOT, files, modules

LOCK_FILES = {
    *("poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock", "pylock.toml"),
    *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lockb"),
}
# Written in two parts so that this file does not find itself.
ADDRESSES = ("files.python" + "hosted.org", "pypi" + ".org/simple", "--index" + "-url", "--extra-index" + "-url")
REGISTRIES = ("registry." + "npmjs.org", "repo1.maven" + ".org", "repo.maven.apache" + ".org", "pypi" + ".org")
TEXT = {".py", ".toml", ".txt", ".md", ".yml", ".yaml", ".json", ".cfg", ".ini", ".sh", ".xml", ".sql", ""}
LONGEST_SLEEP_S = 0.2
SLEEPS = {"time.sleep", "asyncio.sleep", "sleep"}

TESTS = modules("tests")


@cache
def texts() -> list[tuple[str, str]]:
    """(path, text) of every text file of the project."""
    small = [path for path in files() if path.suffix in TEXT and path.stat().st_size < 2_000_000]
    return [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8", errors="replace")) for path in small]


def test_there_is_no_lock_file() -> None:
    found = [str(path.relative_to(ROOT)) for path in files() if path.name in LOCK_FILES]
    assert not found, f"{found}: constraints.txt pins versions; lock files record download addresses"


@pytest.mark.parametrize("address", [*ADDRESSES, *REGISTRIES])
def test_no_file_names_a_download_address(address: str) -> None:
    found = [path for path, text in texts() if address in text]
    assert not found, f"{found}: name packages and versions, never where they are fetched from"


def test_constraints_are_names_and_exact_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    odd = [line for line in lines if line.strip() and not line.startswith("#") and not is_exact(line)]
    assert not odd, odd


def is_exact(line: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+( *;.*)?", line) is not None


def test_every_dependency_is_pinned_in_the_constraints() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = {fold(name) for name in re.findall(r'^    "([A-Za-z0-9_.-]+)(?:\[[^]]*\])?[><=]', project, re.MULTILINE)}
    assert len(wanted) > 10
    pinned = {fold(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert wanted <= pinned, f"not in constraints.txt: {sorted(wanted - pinned)}"


def fold(name: str) -> str:
    """PEP 503: names are the same whatever separates their words."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_tests_pass_things_in_instead_of_patching_them() -> None:
    found = [
        f"{module.path}:{line}: {name}; pass the clock, the transport or the log in"
        for module in TESTS
        for line, name in module.imports()
        if name.split(".")[0] == "mock" or name.startswith("unittest.mock")
    ]
    found += [
        f"{module.path}:{function.lineno}: the fixture `mocker`; pass the clock, the transport or the log in"
        for module in TESTS
        for function in module.functions()
        if any(argument.arg == "mocker" for argument in function.args.args)
    ]
    assert not found, "\n" + "\n".join(found)


def fixed_sleeps(tree: ast.AST, *, in_loop: bool = False) -> Iterator[int]:
    """Lines that sleep for a constant longer than the limit outside any loop."""
    for child in ast.iter_child_nodes(tree):
        looping = in_loop or isinstance(child, ast.While | ast.For | ast.AsyncFor)
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            looping = False
        if isinstance(child, ast.Call) and not looping and is_long_sleep(child):
            yield child.lineno
        yield from fixed_sleeps(child, in_loop=looping)


def is_long_sleep(call: ast.Call) -> bool:
    if ast.unparse(call.func) not in SLEEPS or not call.args:
        return False
    seconds = call.args[0]
    return (
        isinstance(seconds, ast.Constant) and isinstance(seconds.value, int | float) and seconds.value > LONGEST_SLEEP_S
    )


def has_reason(line: str) -> bool:
    """An outage has to last, a session to run out: then a comment on the line says so."""
    return "  # " in line


def test_tests_wait_for_conditions_instead_of_sleeping() -> None:
    found = [
        f"{module.path}:{line}: wait for the condition with a deadline, or say on the line why time must pass"
        for module in TESTS
        for line in fixed_sleeps(module.tree)
        if not has_reason(module.text.splitlines()[line - 1])
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("time.sleep(1)", [1]),
        ("await asyncio.sleep(0.5)", [1]),
        ("time.sleep(0.05)", []),
        ("while not done():\n    time.sleep(0.5)", []),
        ("while True:\n    def f():\n        time.sleep(3)", [3]),
    ],
)
def test_the_search_for_sleeps_finds_what_it_should(code: str, expected: list[int]) -> None:
    assert list(fixed_sleeps(ast.parse(code))) == expected
