"""`mailweir console user add`: an entry for the file of users, with a hash in place of the password or token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TextIO

import yaml
from pydantic import ValidationError

from dashboards.console.login.hashes import LEAST_PASSWORD, MOST_PASSWORD, new_token, password_hash, token_hash
from dashboards.console.login.users import User
from schemas.console import Role
from schemas.errors import Misconfigured


def run_add(
    name: str,
    role: Role,
    tenants: Sequence[str],
    out: TextIO,
    screen: TextIO,
    password: Callable[[], str] | None,
) -> int:
    """Write the entry to `out`; of a script (no `password` to ask for) show its token, once, on `screen`.

    Raises Misconfigured for a name, tenant or password that cannot be.
    """
    who = {"name": name, "role": role.value, "tenants": list(tenants)}
    _check({**who, "token": token_hash("")})
    if password is None:
        token = new_token()
        screen.write(f"The token of {name}, shown this once: {token}\n")
        secret = {"token": token_hash(token)}
    else:
        secret = {"password": password_hash(_fit(password()))}
    entry = {"name": name, **secret, "role": role.value, "tenants": list(tenants)}
    out.write(yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=1_000))
    return 0


def _fit(password: str) -> str:
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise Misconfigured(
            f"the password has {len(password)} characters; use {LEAST_PASSWORD} to {MOST_PASSWORD}, such as four words"
        )
    return password


def _check(entry: dict[str, object]) -> None:
    try:
        User.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = f"{first['loc'][0]}: " if first["loc"] else ""
        raise Misconfigured(f"{place}{first['msg'].removeprefix('Value error, ')}") from None
