"""The file of users: what it must say, and that it is read again."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import yaml

from dashboards.console.login.hashes import is_password, password_hash, token_hash
from dashboards.console.login.users import Users, read_users
from dashboards.console.scope import EVERYTHING, scope_of
from schemas.console import Role
from schemas.errors import Misconfigured
from streams.commands.console_user import run_add
from tests.unit.dashboards.fakes import Clock

PASSWORD = "four quite plain words"
HASH = password_hash(PASSWORD)
DANA = {"name": "dana", "password": HASH, "role": "operator", "tenants": ["acme"]}
SCRIPT = {"name": "nightly", "token": token_hash("t"), "role": "viewer", "tenants": ["*"]}


def written(path: Path, *entries: object) -> Path:
    path.write_text(yaml.safe_dump(list(entries)))
    return path


def test_users_are_known_by_name_and_scripts_by_their_token(tmp_path: Path) -> None:
    users = Users(written(tmp_path / "users.yaml", DANA, SCRIPT), Clock())
    dana, script = users.named("dana"), users.with_token("t")
    assert dana
    assert (dana.person().role, dana.person().scope) == (Role.OPERATOR, scope_of(["acme"]))
    assert script
    assert (script.person().name, script.person().scope) == ("nightly", EVERYTHING)
    assert users.named("nobody") is None
    assert users.with_token("") is None


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([{**DANA, "roll": "x"}], "user 1: `roll`"),
        ([{**DANA, "role": "boss"}], "user 1: `role`: .*'viewer', 'operator' or 'admin'"),
        ([{**DANA, "tenants": []}], "user 1: `tenants`"),
        ([DANA, {**SCRIPT, "tenants": ["a'b"]}], 'user 2: "a\'b" is no name of a tenant'),
        ([{**DANA, "password": PASSWORD}], "user 1: what stands for the password or token is no hash"),
        ([{**DANA, "password": ""}], "user 1: needs either `password` or `token`"),
        ([{**DANA, "token": token_hash("t")}], "user 1: needs either `password` or `token`"),
        ([DANA, DANA], "the name 'dana' is there twice"),
        (["dana"], "user 1:"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_place_and_without_its_secrets(
    tmp_path: Path, entries: list[object], sentence: str
) -> None:
    with pytest.raises(Misconfigured, match=sentence) as refused:
        read_users(written(tmp_path / "users.yaml", *entries))
    assert "plain words" not in str(refused.value)
    assert "scrypt" not in str(refused.value)


@pytest.mark.parametrize(("text", "sentence"), [("a: b", "expected a list"), ("- [", "not valid YAML"), ("", "a list")])
def test_a_file_that_is_no_list_is_told(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "users.yaml").write_text(text)
    with pytest.raises(Misconfigured, match=sentence):
        read_users(tmp_path / "users.yaml")


def test_a_file_that_is_not_there_is_told_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such file; `mailweir console user add"):
        Users(tmp_path / "users.yaml", Clock())


def test_a_change_counts_within_seconds_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    clock, path = Clock(), written(tmp_path / "users.yaml", DANA)
    users = Users(path, clock)
    written(path, DANA, SCRIPT)
    clock.at_ms += 1_000
    assert users.with_token("t")
    path.write_text("- name: [")
    clock.at_ms += 1_000
    assert users.with_token("t")
    written(path, SCRIPT, {**DANA, "role": "viewer", "name": "erin"})
    clock.at_ms += 1_000
    assert users.named("dana") is None
    assert users.named("erin")


def test_the_command_prints_an_entry_that_the_file_takes(tmp_path: Path) -> None:
    out, screen = io.StringIO(), io.StringIO()
    assert run_add("dana", Role.OPERATOR, ["acme", "other"], out, screen, lambda: PASSWORD) == 0
    assert run_add("nightly", Role.VIEWER, ["*"], out, screen, None) == 0
    path = tmp_path / "users.yaml"
    path.write_text(out.getvalue())
    roll = read_users(path)
    assert is_password(PASSWORD, roll.by_name["dana"].password)
    token = screen.getvalue().split()[-1]
    assert roll.by_token[token_hash(token)].name == "nightly"
    assert token not in out.getvalue()
    assert PASSWORD not in out.getvalue() + screen.getvalue()


@pytest.mark.parametrize(
    ("name", "tenants", "password", "sentence"),
    [
        ("dana", ["acme"], "short", "the password has 5 characters; use 12 to 256"),
        ("dana", ["Acme Ltd"], PASSWORD, "'Acme Ltd' is no name of a tenant"),
        (" dana", ["acme"], PASSWORD, "name: "),
    ],
)
def test_the_command_refuses_what_the_file_would_not_take(
    name: str, tenants: list[str], password: str, sentence: str
) -> None:
    out = io.StringIO()
    with pytest.raises(Misconfigured, match=sentence):
        run_add(name, Role.VIEWER, tenants, out, io.StringIO(), lambda: password)
    assert not out.getvalue()
