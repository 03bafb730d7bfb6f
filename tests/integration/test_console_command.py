"""`mailweir console` and its tool on a real command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dashboards.console.login.hashes import is_password, token_hash
from dashboards.console.login.users import read_users

PASSWORD = "four quite plain words"


def mailweir(folder: Path, *words: str, says: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams", *words], cwd=folder, input=says, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}, check=False,
    )  # fmt: skip


def test_entries_for_the_file_of_users_are_made_one_after_the_other(tmp_path: Path) -> None:
    dana = mailweir(
        tmp_path, "console", "user", "add", "dana", "--role", "operator", "--tenant", "acme", says=f"{PASSWORD}\n"
    )
    script = mailweir(tmp_path, "console", "user", "add", "nightly", "--role", "viewer", "--tenant", "*", "--token")
    assert (dana.returncode, dana.stderr) == (0, "")
    assert script.returncode == 0
    file = tmp_path / "users.yaml"
    file.write_text(dana.stdout + script.stdout)
    roll = read_users(file)
    assert is_password(PASSWORD, roll.by_name["dana"].password)
    assert roll.by_token[token_hash(script.stderr.split()[-1])].name == "nightly"


def test_a_password_that_is_too_short_is_exit_2_and_one_sentence(tmp_path: Path) -> None:
    refused = mailweir(
        tmp_path, "console", "user", "add", "dana", "--role", "viewer", "--tenant", "acme", says="short\n"
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "mailweir: the password has 5 characters; use 12 to 256, such as four words\n"


def test_a_console_that_all_could_reach_does_not_start_without_a_login(tmp_path: Path) -> None:
    (tmp_path / "mailweir.yaml").write_text("tenants: [{name: acme}]\n")
    refused = mailweir(tmp_path, "console", MAILWEIR_HOST="0.0.0.0", MAILWEIR_CONSOLE_PORT="0")
    assert refused.returncode == 2
    assert refused.stderr.startswith("mailweir: the console would show everything to whoever reaches 0.0.0.0")
    assert "Traceback" not in refused.stderr
