"""`mailweir top` in a real terminal: it fits, follows the store, and ends without a trace."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from sinks.migrate import apply_tables
from tests.integration.simulated_mail import simulate
from tests.integration.store_process import ROOT, StoreProcess
from tests.integration.test_campaign_report import PENALTY, insert

WIDTH, HEIGHT = 80, 24
LEAVES_SCREEN, SHOWS_CURSOR = "\x1b[?1049l", "\x1b[?25h"
_WAIT_S = 60.0
_OWN_TERMINAL = (  # so that Ctrl-C is a signal for it
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """A store in which things have just happened, since the command asks for the last minutes."""
    store = StoreProcess(tmp_path_factory.mktemp("top") / "store")
    client = store.start()
    apply_tables(client)
    now = int(time.time() * 1000)
    simulate(client, "bad-list", now, duration_s=20)
    score = {
        "tenant": "atelier",
        "version": 1,
        "scored_at": at(now),
        "as_of": at(now),
        "score_low": 38.0,
        "score_high": 52.0,
    }
    for number in range(30):
        key, level = (
            (f"campaign-{number}" + "-of-a-long-name" * 5, "healthy") if number else ("winter-clearance", "paused")
        )
        told = {"kind": "campaign", "key": key, "level": level, "score": 45.0 + number, "penalties": [PENALTY]}
        insert(client, "reputation_scores", **score, **told)
    for number, mode in enumerate(("approve", "act")):
        what = {
            "kind": "campaign",
            "key": "winter-clearance",
            "campaign_id": "winter-clearance",
            "action": "pause_campaign",
        }
        insert(
            client, "decisions", decision_id=f"{number}bad", tenant="atelier", mode=mode, reason="33 of 244 bounced.",
            evidence="{}", decided_at=at(now), **what,
        )  # fmt: skip
    client.close()
    yield store
    store.stop()


class Terminal:
    """A command in a pseudo-terminal, and what it drew so far."""

    def __init__(self, environ: dict[str, str], *arguments: str) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.drawn = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, "-m", "streams", "top", *arguments],
            cwd=ROOT, env=environ, stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
        )  # fmt: skip

    def until(self, *wanted: str) -> str:
        """Read on until all of this was drawn since the last call; what was."""
        begin, deadline = len(self.drawn), time.monotonic() + _WAIT_S
        while not all(text in self.drawn[begin:] for text in wanted):
            assert time.monotonic() < deadline, self.drawn[begin:]
            assert self._read(), f"it ended: {self.drawn}"
        return self.drawn[begin:]

    def ends(self, keys: bytes) -> int:
        """Type and wait for the end; the exit code."""
        os.write(self.master, keys)
        deadline = time.monotonic() + _WAIT_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            self._read()
        while self._read():
            pass
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def _read(self) -> bool:
        if not select.select([self.master], [], [], 0.2)[0]:
            return self.process.poll() is None
        self.drawn += os.read(self.master, 65_536).decode("utf-8", "replace")
        return True


@contextmanager
def top(process: StoreProcess, *arguments: str) -> Iterator[Terminal]:
    terminal = Terminal(environ(process), *arguments)
    try:
        yield terminal
    finally:
        terminal.close()


def environ(process: StoreProcess) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    return {**kept, "MAILWEIR_CLICKHOUSE": process.url, "TERM": "xterm-256color"}


def screens(drawn: str) -> list[list[str]]:
    """Each screen that was drawn, as lines without what steers the terminal."""
    whole = re.sub(r"\x1b\[H", "\f", drawn).replace("\r", "")
    return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen).split("\n") for screen in whole.split("\f")]


@pytest.mark.parametrize("keys", [b"q", b"\x03"], ids=["q", "Ctrl-C"])
def test_the_screen_fits_eighty_columns_and_a_key_ends_it_cleanly(process: StoreProcess, keys: bytes) -> None:
    with top(process, "--every", "0.5s") as terminal:
        drawn = screens(terminal.until("winter-clearance", "DECISIONS", "2 open, of 2 in 24 h", "Events/s"))
        shown = [line for screen in drawn for line in screen]
        assert max(map(cell_len, shown)) <= WIDTH
        assert any(re.match(r"campaign winter-clearance +pause +45 38-52 +33 of 244", line) for line in shown)
        assert any(re.match(r"15 min +[\d,]+ settled: delivered [\d.]+ %, bounced [\d.]+ %", line) for line in shown)
        assert terminal.ends(keys) == 0
        assert "Traceback" not in terminal.drawn
        assert LEAVES_SCREEN in terminal.drawn
        assert SHOWS_CURSOR in terminal.drawn
        assert termios.tcgetattr(terminal.slave) == terminal.before


def test_one_screen_holds_keys_and_decisions_and_is_never_taller_than_the_terminal(process: StoreProcess) -> None:
    with top(process) as terminal:
        drawn = terminal.until("2 open, of 2 in 24 h", "Pause campaign")
        last = screens(drawn)[-1]
        assert len(last) <= HEIGHT
        assert sum(line.startswith("campaign campaign-") for line in last) >= 5
        assert terminal.ends(b"q") == 0


def test_a_store_that_goes_away_is_said_and_waited_for(tmp_path: Path) -> None:
    store = StoreProcess(tmp_path / "store")
    client = store.start()
    apply_tables(client)
    client.close()
    with top(store, "--every", "0.5s") as terminal:
        terminal.until("Events/s", "Letters")
        store.kill()
        gone = terminal.until("old.", "is the store running")
        assert "Events/s" in gone, "the last figures stay"
        store.start().close()
        deadline = time.monotonic() + _WAIT_S
        while "is the store running" in terminal.until("Letters"):
            assert time.monotonic() < deadline
        store.freeze()
        terminal.until("timed out")
        assert terminal.ends(b"q") == 0, "a store that hangs holds nobody"
        assert "Traceback" not in terminal.drawn
    store.thaw()
    store.stop()


def run(process: StoreProcess, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Not a terminal."""
    command = [sys.executable, "-m", "streams", "top", *arguments]
    return subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, env=environ(process) | more, timeout=60
    )


def test_into_a_pipe_goes_one_plain_look(process: StoreProcess) -> None:
    done = run(process, COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert max(map(cell_len, done.stdout.splitlines())) <= WIDTH
    assert "campaign winter-clearance" in done.stdout


def test_the_json_has_the_console_s_figures(process: StoreProcess) -> None:
    found: dict[str, Any] = json.loads(run(process, "--json", "--tenant", "atelier").stdout)
    totals = found["totals"]
    assert totals["delivered_share"] == pytest.approx(totals["delivered"] / (totals["delivered"] + totals["bounced"]))
    assert found["keys"][0]["key"] == "winter-clearance"
    assert {each["decision_id"] for each in found["decisions"]} == {"0bad", "1bad"}
    other = json.loads(run(process, "--json", "--tenant", "nobody").stdout)
    assert (other["totals"]["events"], other["keys"], other["rates"]) == (0, [], {})


def test_a_store_that_is_away_and_a_pace_that_is_too_fast_are_said_in_a_sentence(process: StoreProcess) -> None:
    away = run(process, "--once", MAILWEIR_CLICKHOUSE="http://127.0.0.1:1")
    assert away.returncode == 1
    assert re.fullmatch(r"mailweir: Cannot connect to http://127\.0\.0\.1:1: .*; try again\n", away.stderr)
    long = run(process, "--tenant", "x" * 201)
    assert (long.returncode, long.stderr) == (2, "mailweir: --tenant: 201 characters; at most 200 are allowed\n")
    fast = run(process, "--every", "0.1s")
    assert (fast.returncode, fast.stderr) == (2, "mailweir: --every: '0.1s' is less than 0.5s, the shortest there is\n")
