"""`mailweir policy check`: a table for each tenant, findings, and an exit code."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from schemas.errors import Misconfigured
from streams.commands.policy import run_check

GOOD = "tenants: [{name: acme}, {name: beta}]\npolicies:\n  - {tenant: acme, mode: observe, version: '7'}\n"
ODD = GOOD + "  - {recovery: {canary_share: 1}}\n"
WRONG = GOOD + "  - {tenant: acmee}\n"


def check(folder: Path, text: str, *, tenant: str = "", is_strict: bool = False) -> tuple[int, str]:
    path, out = folder / "mailweir.yaml", io.StringIO()
    path.write_text(text)
    code = run_check(path, {}, out, tenant=tenant, is_strict=is_strict)
    return code, out.getvalue().replace(str(path), "FILE")


def test_it_prints_what_each_tenants_policy_comes_to(tmp_path: Path) -> None:
    code, said = check(tmp_path, GOOD)
    lines = said.splitlines()
    assert code == 0
    assert lines[0] == "tenant acme: policies[0], version 7"
    assert lines[2] == "  campaign          throttled  throttle        observe mode"
    assert "tenant beta: the default, as the file has none, version 1" in lines
    assert lines[-1] == "FILE: 0 errors, 0 warnings"
    assert max(map(len, lines)) <= 80


def test_one_tenants_table_alone_can_be_asked_for(tmp_path: Path) -> None:
    _, said = check(tmp_path, GOOD, tenant="beta")
    assert "tenant beta" in said
    assert "tenant acme" not in said
    with pytest.raises(Misconfigured, match=r"--tenant gamma: not under `tenants` of .*; known: acme, beta"):
        check(tmp_path, GOOD, tenant="gamma")


def test_a_warning_is_exit_0_and_1_when_strict(tmp_path: Path) -> None:
    code, said = check(tmp_path, ODD)
    assert code == 0
    assert said.splitlines()[-2].startswith("warning: FILE: `policies[1].recovery.canary_share`: at 1 all")
    assert said.splitlines()[-1] == "FILE: 0 errors, 1 warning"
    assert check(tmp_path, ODD, is_strict=True)[0] == 1


def test_an_error_is_exit_1(tmp_path: Path) -> None:
    code, said = check(tmp_path, WRONG)
    assert code == 1
    assert said.splitlines()[-2:] == [
        "error: FILE: `policies[1].tenant`: no tenant is named 'acmee'; did you mean `acme`?",
        "FILE: 1 error, 0 warnings",
    ]


def test_a_file_that_no_service_starts_with_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="did you mean `act`"):
        check(tmp_path, GOOD.replace("observe", "acts"))
