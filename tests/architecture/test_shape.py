"""Size and form: small files, short functions, a paragraph at the top, nothing shipped that is not listed.

Hard limits fail; what is above the house's usual size is printed (`pytest -rP`), because a reader should know.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

from tests.architecture.source_tree import PACKAGES, ROOT, Module, files, modules

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50  # without its docstring
USUAL_FILE_LINES = 250
USUAL_FUNCTION_LINES = 30

SOURCES = modules(*PACKAGES)
EVERYTHING = SOURCES + modules("tests", "benchmarks", "deploy")


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the last statement, the docstring left out."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def long_files(limit: int) -> list[str]:
    sizes = {module.path: len(module.text.splitlines()) for module in EVERYTHING}
    return [f"{path}: {lines} lines; look for the second thing in it" for path, lines in sizes.items() if lines > limit]


def long_functions(limit: int) -> list[str]:
    return [
        f"{module.path}:{function.lineno}: {function.name} has {length(function)} lines"
        for module in EVERYTHING
        for function in module.functions()
        if length(function) > limit
    ]


def report(lines: list[str]) -> None:
    sys.stdout.write("\n".join(["above the usual size:", *lines, ""]))


def test_no_file_is_longer_than_the_limit() -> None:
    report(long_files(USUAL_FILE_LINES))
    found = long_files(MAX_FILE_LINES)
    assert not found, "\n" + "\n".join(found)


def test_no_function_is_longer_than_the_limit() -> None:
    report(long_functions(USUAL_FUNCTION_LINES))
    found = long_functions(MAX_FUNCTION_LINES)
    assert not found, "\n" + "\n".join(found)


def is_empty(module: Module) -> bool:
    return not module.text.strip()


def test_every_module_opens_with_a_paragraph() -> None:
    bare = [str(m.path) for m in EVERYTHING if not is_empty(m) and not ast.get_docstring(m.tree)]
    assert not bare, f"{bare}: say in a docstring why the module exists and what it promises"


def test_no_module_is_named_for_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    found = [str(module.path) for module in EVERYTHING if module.path.stem in vague]
    assert not found, f"{found}: name the module for the thing it holds"


def project() -> dict[str, object]:
    settings: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    found = settings["setuptools"]
    assert isinstance(found, dict)
    return found


def test_every_package_is_shipped() -> None:
    listed = project()["packages"]
    assert isinstance(listed, list)
    there = {".".join(p.parent.relative_to(ROOT).parts) for p in files(*PACKAGES, pattern="__init__.py")}
    assert there == set(listed), "pyproject.toml, tool.setuptools.packages"


def test_every_python_file_is_inside_a_package() -> None:
    bare = sorted({str(m.path.parent) for m in SOURCES if not (ROOT / m.path.parent / "__init__.py").exists()})
    assert not bare, f"{bare}: add an __init__.py"


def test_every_data_file_is_shipped() -> None:
    data = project()["package-data"]
    assert isinstance(data, dict)
    shipped = {path for package, globs in data.items() for glob in globs for path in (ROOT / package).glob(glob)}
    there = {
        path for path in files(*PACKAGES) if path.suffix not in {".py", ".pyi", ".md"} and not is_for_grafana(path)
    }
    missing = sorted(str(path.relative_to(ROOT)) for path in there - shipped)
    assert not missing, f"{missing}: pyproject.toml, tool.setuptools.package-data leaves them out of the wheel"


def is_for_grafana(path: Path) -> bool:
    """Mounted into Grafana's container from the checkout, not part of the wheel."""
    return path.is_relative_to(ROOT / "dashboards" / "grafana")
