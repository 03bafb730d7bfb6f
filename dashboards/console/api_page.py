"""Writes `docs/api.md` from the API's document: each operation with a line of curl and a few of Python.

    python -m dashboards.console.api_page

A test fails when the page differs from what would be written, and asks every example of a running console.
"""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dashboards.console.openapi import Operation, document, operations, resolved

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
_WIDTH = 132
_HEAD = """# The console's API

{about}

Served as OpenAPI 3.1 at `/api/openapi.json`. This page is written from it by `python -m dashboards.console.api_page`;
a test asks every example here of a running console.

The snippets of Python take `import httpx`.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page's text."""
    head = _HEAD.format(about=textwrap.fill(" ".join(document()["info"]["description"].split()), _WIDTH))
    return "\n".join([head, *(line for operation in operations() for line in _section(operation))])


def _section(operation: Operation) -> Iterator[str]:
    yield f"## `{operation.method.upper()} {operation.path}`\n"
    about = " ".join([operation.about["summary"], operation.about.get("description", "")]).strip()
    yield f"{textwrap.fill(about, _WIDTH)}\n"
    if operation.parameters:
        yield "| parameter | in | |\n| --- | --- | --- |"
        yield "\n".join(map(_row, operation.parameters)) + "\n"
    answers = operation.about["responses"]
    yield " ".join(f"`{status}` {resolved(answer)['description']}" for status, answer in answers.items()) + "\n"
    yield f"    {_curl(operation)}\n"
    yield f"    {_python(operation)}\n"


def _row(parameter: Mapping[str, Any]) -> str:
    said = [parameter.get("description", ""), _allowed(parameter["schema"])]
    must = "; always" if parameter.get("required") and parameter["in"] != "path" else ""
    return f"| `{parameter['name']}` | {parameter['in']}{must} | {' '.join(filter(None, said))} |"


def _allowed(schema: Mapping[str, Any]) -> str:
    """What the values may be, in words."""
    schema = resolved(schema)
    if "enum" in schema:
        return " ".join(f"`{value}`" for value in schema["enum"])
    if "maximum" in schema:
        default = f", {schema['default']} without it" if "default" in schema else ""
        return f"{schema['minimum']} to {schema['maximum']:,}{default}"
    return ""


def _address(operation: Operation) -> str:
    return f"{document()['servers'][0]['url']}{operation.url()}"


def _curl(operation: Operation) -> str:
    quiet = "-sN" if operation.about["operationId"] == "stream" else "-s"
    if operation.body is None:
        given = "".join(f" -H {shlex.quote(f'{name}: {value}')}" for name, value in operation.headers().items())
        return f"curl {quiet} {shlex.quote(_address(operation))}{given}"
    body = shlex.quote(json.dumps(operation.body))
    return f"curl {quiet} {shlex.quote(_address(operation))} -H 'Content-Type: application/json' -d {body}"


def _python(operation: Operation) -> str:
    parts = urlsplit(_address(operation))
    address, asked = f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query))
    more = f", params={asked}" if asked else ""
    if operation.about["operationId"] == "stream":
        return f'with httpx.stream("GET", "{address}", timeout=None) as lines: print(next(lines.iter_lines()))'
    if operation.headers():
        more += f", headers={operation.headers()}"
    if operation.body is not None:
        more += f", json={operation.body}"
    content = resolved(next(iter(operation.about["responses"].values())))["content"]
    return f'httpx.{operation.method}("{address}"{more}){".json()" if "application/json" in content else ".text"}'


if __name__ == "__main__":
    main()
