"""The file of users: a list of names with the hash of a password or token, a role, and tenants.

Read again when it has changed; while it is wrong the one from before counts, and the log says what to mend.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from dashboards.console.login.hashes import is_password_hash, is_token_hash, token_hash
from dashboards.console.login.person import Person
from dashboards.console.scope import ALL, is_tenant_name, scope_of
from schemas.console import Role
from schemas.errors import Misconfigured

_MOST_USERS = 1_000
_MOST_BYTES = 1_000_000
_LOOK_MS = 1_000  # how long a look at the file holds
_log = logging.getLogger(__name__)


class User(BaseModel):
    """One entry. `tenants`: whose rows they see; "*" means all. The hashes are no secrets, but nobody's business."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")
    password: str = Field(default="", repr=False)
    token: str = Field(default="", repr=False)
    role: Role
    tenants: list[str] = Field(min_length=1, max_length=1_000)

    @model_validator(mode="after")
    def _can_log_in(self) -> User:
        if bool(self.password) == bool(self.token):
            raise ValueError("needs either `password` or `token`; `mailweir console user add` makes them")
        if not (is_password_hash(self.password) or is_token_hash(self.token)):
            raise ValueError("what stands for the password or token is no hash; `mailweir console user add` makes one")
        wrong = next((each for each in self.tenants if each != ALL and not is_tenant_name(each)), None)
        if wrong is not None:
            raise ValueError(f"{wrong[:64]!r} is no name of a tenant")
        return self

    def person(self) -> Person:
        """As handlers see them."""
        return Person(self.name, self.role, scope_of(self.tenants), is_script=bool(self.token))


@dataclass(frozen=True, slots=True)
class Roll:
    """All users: by name, and by the hash of their token."""

    by_name: Mapping[str, User]
    by_token: Mapping[str, User]


def read_users(path: Path) -> Roll:
    """The file. Raises Misconfigured with file, entry and remedy."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        data = yaml.safe_load(text)
    except FileNotFoundError:
        raise Misconfigured(
            f"{path}: no such file; `mailweir console user add NAME ... >> {path}` begins one"
        ) from None
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except yaml.YAMLError as error:
        raise Misconfigured(f"{path}: not valid YAML ({getattr(error, 'problem', 'unreadable')})") from error
    if len(text) > _MOST_BYTES or (isinstance(data, list) and len(data) > _MOST_USERS):
        raise Misconfigured(f"{path}: more than {_MOST_USERS} users or {_MOST_BYTES} bytes; use an identity provider")
    return _roll(path, _checked(path, data))


def _checked(path: Path, data: Any) -> list[User]:
    if not isinstance(data, list):
        raise Misconfigured(f"{path}: expected a list of users, each beginning with `- name:`")
    try:
        return TypeAdapter(list[User]).validate_python(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = first["loc"][0]
        key = f" `{first['loc'][1]}`:" if len(first["loc"]) > 1 else ""
        raise Misconfigured(
            f"{path}: user {int(place) + 1}:{key} {first['msg'].removeprefix('Value error, ')}"
        ) from None


def _roll(path: Path, users: list[User]) -> Roll:
    names = [user.name for user in users]
    if twice := next((name for place, name in enumerate(names) if name in names[:place]), None):
        raise Misconfigured(f"{path}: the name {twice!r} is there twice; names must be unique")
    return Roll({user.name: user for user in users}, {user.token: user for user in users if user.token})


class Users:
    """The file as it is now. Raises Misconfigured where it is wrong from the beginning. `clock_ms`: wall time."""

    def __init__(self, path: Path, clock_ms: Callable[[], int]) -> None:
        self._path, self._clock_ms = path, clock_ms
        self._stamp = self._stat()
        self._roll = read_users(path)
        self._looked_at = clock_ms()

    def named(self, name: str) -> User | None:
        """The user of that name."""
        return self._now().by_name.get(name)

    def with_token(self, token: str) -> User | None:
        """Whose token that is."""
        return self._now().by_token.get(token_hash(token))

    def _now(self) -> Roll:
        now = self._clock_ms()
        if abs(now - self._looked_at) >= _LOOK_MS:
            self._looked_at = now
            self._look()
        return self._roll

    def _look(self) -> None:
        stamp = self._stat()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._roll = read_users(self._path)
            _log.info("users read again", extra={"users": len(self._roll.by_name)})
        except Misconfigured as error:
            _log.error("users cannot be read; those from before count", extra={"reason": str(error)})

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
