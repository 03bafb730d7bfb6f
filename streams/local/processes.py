"""Child processes that never outlive us.

A child gets a session of its own, so that Ctrl-C in the terminal reaches only the parent, which then
stops its children in order. On Linux it also asks the kernel to be killed when the parent dies, however
that happens (prctl(2), PR_SET_PDEATHSIG). The request is made by a few lines of Python that then become
the child by execv; a `preexec_fn` would do it too, but runs between fork and exec, where libraries with
threads (chDB, librdkafka) may hang. The kernel watches the *thread* that started the child, therefore
`spawn` insists on the main thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

LOG_BYTES = 10 * 1024 * 1024  # twice that per service, with the older half

_TIED = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent has ended already")
os.execv(sys.argv[2], sys.argv[2:])
"""


def spawn(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start `argv` (absolute path first), output appended to the file `log`.

    `env`: the whole environment, None for ours. Raises OSError when the program or the log cannot be
    opened, RuntimeError outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children are tied to the thread that starts them: start them in the main thread")
    if not os.access(argv[0], os.X_OK):
        raise FileNotFoundError(errno.ENOENT, "no such program", argv[0])
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - argv is built by us, never by an outsider
            _tied(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], *, timeout_s: float) -> bool:
    """SIGTERM, and SIGKILL after `timeout_s`. False when it had to be killed. Safe to call again."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        kill(process)
        return False
    return True


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the child and to whatever it has started, and wait until the child is gone."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    process.wait()


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log file for an error message, "" when there is none. Reads at most 4 KiB."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 4096))
            lines = stream.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])


def bound_log(log: Path, limit_bytes: int = LOG_BYTES) -> None:
    """Move a log that has grown over `limit_bytes` to `<log>.1` and empty it; children append, so they go on."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > limit_bytes:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)


def _tied(argv: Sequence[str]) -> list[str]:
    if sys.platform != "linux":
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *argv]
