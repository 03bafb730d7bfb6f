"""Which configurations open the console, and to whom."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dashboards.console.login.opening import door_of
from schemas.config import Config
from schemas.config_file import parse_config
from schemas.errors import Misconfigured
from tests.unit.dashboards.fakes import Clock
from tests.unit.dashboards.login.test_users import DANA, written

OIDC = {"issuer": "https://id.example", "client_id": "mailweir", "tenants": ["*"]}
URL = {"console_url": "https://console.example"}


def config(**console: object) -> Config:
    return parse_config({**URL, "console": console}, {}, "mailweir.yaml")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.0.1"])
def test_on_loopback_nobody_has_to_log_in(host: str, tmp_path: Path) -> None:
    assert door_of(Config(), tmp_path / "mailweir.yaml", host, Clock()) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "console.example", ""])
def test_anywhere_else_it_does_not_start_before_it_is_told_how(host: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"whoever reaches .* \(MAILWEIR_HOST\): .*users.*oidc.*login: proxy"):
        door_of(Config(), tmp_path / "mailweir.yaml", host, Clock())
    assert door_of(config(login="proxy"), tmp_path / "mailweir.yaml", host, Clock()) is None


def test_with_users_there_is_a_login_on_loopback_too(tmp_path: Path) -> None:
    written(tmp_path / "users.yaml", DANA)
    door = door_of(config(users="users.yaml"), tmp_path / "mailweir.yaml", "127.0.0.1", Clock())
    assert door
    assert door.passwords
    assert door.cookie == "__Host-mailweir"


def test_users_that_cannot_be_read_stop_it(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"users\.yaml: no such file"):
        door_of(config(users="users.yaml"), tmp_path / "mailweir.yaml", "127.0.0.1", Clock())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("console: {login: proxy, users: u}", "`login: proxy` means that others do it"),
        (f"console: {{oidc: {OIDC}}}", "`console.oidc` needs `console_url`"),
        (f"console: {{oidc: {OIDC | {'issuer': 'http://id.example'}}}}", "begins with https://"),
        (f"console: {{oidc: {OIDC | {'tenants': []}}}}", "either `tenants_claim`, or `tenants`"),
        (f"console: {{oidc: {OIDC | {'tenants_claim': 't'}}}}", "either `tenants_claim`, or `tenants`"),
        (f"console: {{oidc: {OIDC | {'scopes': ['email']}}}}", "`openid` is missing"),
        (f"console: {{oidc: {OIDC | {'isuer': 'x'}}}}", "did you mean `issuer`?"),
        ("console: {proxies: [proxy.example]}", "is no address or network"),
    ],
)
def test_what_is_wrong_in_the_configuration_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        parse_config(yaml.safe_load(text), {}, "mailweir.yaml")
