"""Reads `mailweir.yaml` and says in a sentence what is wrong in it: file, place, remedy.

Unknown keys are refused with the nearest known name. A secret is a text, or `{env: NAME}`, or `{file: PATH}`. This
module reads the file and the mapping of environment variables it is given; only `streams.environment` touches
`os.environ`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from schemas.config import Config
from schemas.errors import Misconfigured
from schemas.nearest import hint, models_in

_WORD = re.compile(r"[A-Za-z_ -]{1,32}")  # longer, or with digits: it might be a secret in the wrong place
_SENTENCES = {
    "list_type": "expected a list, each item beginning with `- `",
    "string_type": "expected text; put it in quotes",
    "model_type": "expected keys with values below it",
}


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """Read and check `mailweir.yaml`. Raises Misconfigured with file, place and remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Misconfigured(
            f"{path}: no such file; write one (docs/configuration.md) or point MAILWEIR_CONFIG to it"
        ) from None
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        remedy = '; put a star in quotes: "*"' if getattr(error, "context", None) == "while scanning an alias" else ""
        raise Misconfigured(f"{path}{line}: not valid YAML ({getattr(error, 'problem', error)}){remedy}") from error
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise Misconfigured(f"{path}: expected keys such as `sources:` at the top, found a {type(data).__name__}")
    return parse_config(data, environ, str(path))


def parse_config(data: dict[str, Any], environ: Mapping[str, str], where: str) -> Config:
    """Check a configuration given as plain data. Raises Misconfigured naming `where` and the key."""
    try:
        return Config.model_validate(_resolve(data, environ, where))
    except ValidationError as error:
        raise Misconfigured("\n".join(_sentence(where, item) for item in error.errors())) from None


def _resolve(data: Any, environ: Mapping[str, str], where: str) -> Any:
    """Replace `{env: NAME}` and `{file: PATH}` by what they name."""
    if isinstance(data, dict):
        if set(data) == {"env"}:
            name = str(data["env"])
            if name not in environ:
                raise Misconfigured(f"{where}: the environment variable {name} is not set")
            return environ[name]
        if set(data) == {"file"}:
            try:
                return Path(str(data["file"])).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise Misconfigured(f"{where}: secret file {data['file']} cannot be read ({error.strerror})") from error
        return {key: _resolve(value, environ, where) for key, value in data.items()}
    return [_resolve(item, environ, where) for item in data] if isinstance(data, list) else data


def _sentence(where: str, error: Any) -> str:
    """One validation error as one sentence: file, place, what is wrong, what to do."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    if error["type"] == "extra_forbidden":
        known = _fields_at(error["loc"][:-1])
        return f"{where}: unknown key `{place}`; {hint(str(error['loc'][-1]), sorted(known), 'known keys')}"
    message = _SENTENCES.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    if error["type"] in {"enum", "literal_error"}:
        message = _unknown_word(error["input"], re.findall(r"'([^']+)'", error["ctx"]["expected"]))
    return f"{where}: `{place}`: {message}" if place else f"{where}: {message}"


def _unknown_word(given: Any, known: list[str]) -> str:
    """What is said of a value that is none of `known`; it is repeated only if it is a plain word."""
    word = str(given).strip() if isinstance(given, str) and _WORD.fullmatch(given) else ""
    return f"{repr(word) if word else 'this'} is not known; {hint(word, known)}"


def _fields_at(path: tuple[str | int, ...]) -> list[str]:
    """The known keys of the model that stands at `path`."""
    model: type[BaseModel] = Config
    for part in path:
        if isinstance(part, str):
            model = next(models_in(model.model_fields[part].annotation))
    return list(model.model_fields)
