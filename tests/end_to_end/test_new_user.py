"""What somebody new does wrong gets one sentence: what, where, what to do. No traceback, the right exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "127.0.0.1:1"  # a port where nothing listens


def mailweir(*args: str, cwd: Path, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does; environment variables by their names after MAILWEIR_."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("MAILWEIR_")}
    return subprocess.run(
        [sys.executable, "-m", "streams", *args],
        check=False,
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(ROOT), **{f"MAILWEIR_{name}": text for name, text in environ.items()}},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mailweir.yaml").write_text("sources: []\n")
    (tmp_path / "wrong.yaml").write_text("souces: []\n")
    return tmp_path


@pytest.mark.parametrize(
    ("args", "environ", "code", "sentence"),
    [
        (["gateway"], {"CONFIG": "wrong.yaml"}, 2, "wrong.yaml: unknown key `souces`; did you mean `sources`?"),
        (["gateway"], {"CONFIG": "none.yaml"}, 2, "none.yaml: no such file"),
        (["store", "--data", "/dev/null/x", "--port", "0"], {}, 2, "/dev/null/x: the store's folder cannot be made"),
        (["topics", "apply"], {"KAFKA": NOBODY}, 1, "no Kafka broker answers at 127.0.0.1:1"),
        (["normalise"], {"KAFKA": NOBODY}, 1, "no Kafka broker answers at 127.0.0.1:1"),
        (["reputation"], {"KAFKA": NOBODY}, 1, "no Kafka broker answers at 127.0.0.1:1"),
        pytest.param(["remediation"], {"KAFKA": NOBODY}, 1, "no Kafka broker answers", marks=pytest.mark.slow),
        pytest.param(["suppression"], {"KAFKA": NOBODY}, 1, "no Kafka broker answers", marks=pytest.mark.slow),
        (["suppression", "check", "ada@example.com"], {"KAFKA": NOBODY}, 1, "no Kafka broker answers at 127.0.0.1:1"),
        (["sink"], {"KAFKA": NOBODY}, 1, "no Kafka broker answers at 127.0.0.1:1"),
        (["tables", "apply"], {"CLICKHOUSE": f"http://{NOBODY}"}, 1, "cannot connect to http://127.0.0.1:1"),
        (["topics", "apply"], {"PARTITIONS": "many"}, 2, "MAILWEIR_PARTITIONS"),
        (["demo", "--scenario", "bad-lst"], {}, 2, "bad-list"),
        (["demo", "--for", "soon"], {}, 2, "'soon' is no duration; write for example 90s"),
        (["demo", "--for", "5s", "--json", "/no/such/report.json"], {}, 2, "/no/such/report.json cannot be written"),
        (["parse", "sengrid"], {}, 2, "did you mean 'sendgrid'?"),
        (["parse"], {}, 2, "name a provider"),
        (["gatway"], {}, 2, "No such command 'gatway'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_answered_with_a_sentence(
    folder: Path, args: list[str], environ: dict[str, str], code: int, sentence: str
) -> None:
    run = mailweir(*args, cwd=folder, **environ)
    assert sentence in run.stderr
    assert run.returncode == code
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("command", "variable"), [("gateway", "GATEWAY_PORT"), ("console", "CONSOLE_PORT"), ("store", "STORE_PORT")]
)
def test_a_port_in_use_is_named(folder: Path, command: str, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = mailweir(command, cwd=folder, KAFKA=NOBODY, DATA=str(folder / "data"), **{variable: port})
    assert port in run.stderr
    assert "in use" in run.stderr
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


def test_garbage_is_reported_as_garbage_with_its_bytes(folder: Path) -> None:
    run = mailweir("parse", "sendgrid", cwd=folder, given="not json")
    assert run.returncode == 1
    assert '"code": "not_json"' in run.stderr
    assert "Traceback" not in run.stderr


def test_replies_are_classified_offline(folder: Path) -> None:
    reply = "550 5.1.1 no such user here"
    on_stdin = mailweir("classify", cwd=folder, given=f"{reply}\n")
    as_argument = mailweir("classify", reply, cwd=folder)
    assert on_stdin.returncode == as_argument.returncode == 0
    assert '"reason": "invalid_recipient"' in on_stdin.stdout
    assert as_argument.stdout == on_stdin.stdout
