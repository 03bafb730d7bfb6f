"""The project's files as the architecture tests see them: parsed once, with dotted names and paths from the root."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "connectors", "sinks", "dashboards", "streams")
SKIPPED = {
    *(".git", ".venv", ".cache", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"),
    *("node_modules", "build", "dist", "data"),
}


class Module:
    """One source file: its path from the root, its dotted name, its text and its syntax tree."""

    def __init__(self, path: Path) -> None:
        self.path = path.relative_to(ROOT)
        parts = self.path.with_suffix("").parts
        self.name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)

    @property
    def unit(self) -> str:
        """The package, or the module or folder of `streams`, to which this file belongs."""
        return unit_of(self.name)

    def imports(self) -> Iterator[tuple[int, str]]:
        """(line, dotted name) of everything imported; `from a import b` yields `a.b`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        return f"{package}.{node.module}" if node.module else package

    @cached_property
    def attributes(self) -> list[tuple[int, str]]:
        """(line, dotted text) of every attribute that is read, as in `datetime.now`."""
        return [(node.lineno, ast.unparse(node)) for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)]

    def uses(self, names: set[str]) -> Iterator[tuple[int, str]]:
        """(line, name) wherever one of the dotted `names` is read as an attribute or imported."""
        for line, text in self.attributes:
            yield from ((line, name) for name in names if f".{text}".endswith(f".{name}"))
        yield from ((line, name) for line, name in self.imports() if name in names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, inner ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def unit_of(name: str) -> str:
    """`streams.core.reputation.cusum` -> `streams.core`; `connectors.sendgrid` -> `connectors`."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "streams" else parts[0]


def within(name: str, prefix: str) -> bool:
    """Is the dotted `name` the module `prefix` or something in it?"""
    return name == prefix or name.startswith(f"{prefix}.")


@cache
def everything() -> tuple[Path, ...]:
    """Every file of the project, generated and foreign folders left out."""
    found = []
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in SKIPPED and not name.endswith(".egg-info")]
        found += [Path(folder, name) for name in names]
    return tuple(sorted(found))


def files(*folders: str, pattern: str = "*") -> list[Path]:
    """Files below the folders (the whole project without any) whose name matches."""
    roots = [ROOT / folder for folder in folders] or [ROOT]
    return [path for path in everything() if path.match(pattern) and any(path.is_relative_to(root) for root in roots)]


@cache
def parsed(path: Path) -> Module:
    """The module at `path`, read once."""
    return Module(path)


def modules(*folders: str) -> list[Module]:
    """The Python files below the folders, parsed."""
    return [parsed(path) for path in files(*folders, pattern="*.py")]
