"""Child processes end with their parent and on demand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.local import processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('armed', flush=True); time.sleep(600)",
]


def until(is_true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_output_of_a_child_is_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    process = processes.spawn([sys.executable, "-c", "import sys; print('out'); sys.stderr.write('err')"], log=log)
    assert process.wait(10) == 0
    assert sorted(log.read_text().split()) == ["err", "out"]


def test_the_childs_environment_is_the_given_one(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    code = "import os; print(os.environ['ONLY'], 'HOME' in os.environ)"
    processes.spawn([sys.executable, "-c", code], log=log, env={"ONLY": "this"}).wait(10)
    assert log.read_text().split() == ["this", "False"]


def test_stop_ends_a_child_with_sigterm(tmp_path: Path) -> None:
    process = processes.spawn(SLEEP, log=tmp_path / "log")
    assert processes.stop(process, timeout_s=10) is True
    assert process.returncode == -signal.SIGTERM
    assert processes.stop(process, timeout_s=0.1) is True


def test_stop_kills_a_child_that_ignores_sigterm(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = processes.spawn(STUBBORN, log=log)
    until(lambda: "armed" in log.read_text())
    assert processes.stop(process, timeout_s=0.2) is False
    assert process.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is a feature of Linux")
def test_children_die_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; from streams.local import processes\n"
        f"child = processes.spawn({SLEEP!r}, log=pathlib.Path(sys.argv[1]))\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        # Only then it has gone through the lines that tie it to its parent.
        until(lambda: Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[2:3] == [SLEEP[2].encode()])
        parent.kill()
    until(lambda: not is_alive(child))


def test_a_child_is_not_reached_by_ctrl_c_in_the_terminal(tmp_path: Path) -> None:
    process = processes.spawn(SLEEP, log=tmp_path / "log")
    try:
        assert os.getsid(process.pid) != os.getsid(0)
    finally:
        processes.kill(process)


def test_a_child_cannot_be_started_from_a_thread_that_may_end(tmp_path: Path) -> None:
    caught: list[Exception] = []

    def start() -> None:
        try:
            processes.spawn(SLEEP, log=tmp_path / "log")
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


def test_the_last_lines_of_a_log_are_found(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert processes.last_lines(log) == ""
    log.write_text("\n".join(f"line {number}" for number in range(5000)))
    assert processes.last_lines(log, 2) == "line 4998\nline 4999"


def test_a_log_is_cut_at_its_bound_and_the_child_goes_on_writing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import sys, time\nfor i in range(10**6): print('x' * 99, flush=True); time.sleep(0.0005)"
    process = processes.spawn([sys.executable, "-c", code], log=log)
    try:
        until(lambda: log.stat().st_size > 20_000)
        processes.bound_log(log, 20_000)
        assert log.with_name("log.1").stat().st_size > 20_000
        size = log.stat().st_size
        assert size < 20_000
        until(lambda: log.stat().st_size > size)
    finally:
        processes.kill(process)
