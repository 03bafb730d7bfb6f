"""The API's document (OpenAPI 3.1) and the requests that its examples make.

`openapi.yaml` is written by hand and is the contract; a test holds the application's routes and answers against it, and
`docs/api.md` is made of it (`api_page.py`). Sources: OpenAPI Specification 3.1.1; JSON Schema 2020-12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import yaml
from aiohttp import web

from dashboards.console.answers import reply

FILE = Path(__file__).with_name("openapi.yaml")
PATH = "/api/openapi.json"
METHODS = ("get", "post")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `parameters`: those of the path too, references resolved; `body`: the example, if any."""

    method: str
    path: str
    about: Mapping[str, Any]
    parameters: tuple[Mapping[str, Any], ...]
    body: Any

    def url(self) -> str:
        """Path and query of the example: required parameters and those that have an example of their own."""
        path, asked = self.path, {}
        for parameter in self.parameters:
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", quote(str(parameter["example"]), safe=""))
            elif parameter["in"] == "query" and "example" in parameter:
                asked[parameter["name"]] = parameter["example"]
        return f"{path}?{urlencode(asked)}" if asked else path

    def headers(self) -> dict[str, str]:
        """The example's headers: those that have an example."""
        return {
            parameter["name"]: str(parameter["example"])
            for parameter in self.parameters
            if parameter["in"] == "header" and "example" in parameter
        }


@cache
def document() -> Mapping[str, Any]:
    """The whole document. Reads a file once."""
    read: Mapping[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return read


def operations() -> Iterator[Operation]:
    """In the document's order."""
    for path, item in document()["paths"].items():
        for method in METHODS:
            if method in item:
                given = [*item.get("parameters", ()), *item[method].get("parameters", ())]
                body = resolved(item[method].get("requestBody", {})).get("content", {})
                example = body.get("application/json", {}).get("example")
                yield Operation(method, path, item[method], tuple(map(resolved, given)), example)


def resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a part refers to, or the part. Raises KeyError for a reference to nothing."""
    if "$ref" not in part:
        return part
    found: Any = document()
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return resolved(found)


def routes() -> list[web.RouteDef]:
    """Where the document is served."""

    async def answer(_request: web.Request) -> web.Response:
        return reply(document())

    return [web.get(PATH, answer)]
