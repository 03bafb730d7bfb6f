"""Apache Kafka for tests: jars by Maven into `.cache/kafka/<version>`, KRaft, one process on loopback.

No server needs to be installed: `java` and `mvn` are enough. The broker is a single node that is broker
and controller at once; its data lives in a folder of the test, so it survives `kill()` and `start()`.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from streams.local import ports, processes
from streams.local.broker import wait_until_answers

VERSION = "4.1.1"
_CACHE = Path(__file__).resolve().parent.parent / ".cache" / "kafka"
_READY_S = 60.0  # 4 s on an idle machine with two cores
_STOP_S = 20.0
_DOWNLOAD_S = 600.0
_STARTS_TO_TRY = 3

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>mailweir</groupId><artifactId>test-kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
"""
# group.initial.rebalance.delay.ms: a group's first join need not wait for others that never come


class CannotStartError(Exception):
    """Apache Kafka cannot run here; the text says what is missing."""


class KafkaBroker:
    """One Apache Kafka broker whose data lives in `folder`; the port stays the same over restarts.

    `is_short`: it is made to start quickly, and not to run for long.
    """

    name = "kafka"

    def __init__(self, folder: Path, *, is_short: bool = True) -> None:
        self._folder, self._is_short = folder, is_short
        self._data = folder / "data"
        self._properties = folder / "server.properties"
        self.log = folder / "kafka.log"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"{ports.LOOPBACK}:{self.port}"

    def create(self) -> KafkaBroker:
        """Choose ports, format the storage, start; with other ports if somebody takes these meanwhile."""
        for _ in range(_STARTS_TO_TRY):
            shutil.rmtree(self._data, ignore_errors=True)
            self._configure()
            self._format()
            self._launch()
            if self._is_ready():
                return self
            self.kill()
        raise CannotStartError(f"Apache Kafka did not start, see {self.log}\n{processes.last_lines(self.log, 20)}")

    def start(self) -> None:
        """Start again on the same port with the same data."""
        self._launch()
        if not self._is_ready():
            self.kill()
            raise CannotStartError(
                f"Apache Kafka did not come back, see {self.log}\n{processes.last_lines(self.log, 20)}"
            )

    def stop(self) -> None:
        """Orderly end."""
        if self._process is not None:
            processes.stop(self._process, timeout_s=_STOP_S)

    def kill(self) -> None:
        """kill -9, as a crash would."""
        if self._process is not None:
            processes.kill(self._process)

    def restart(self) -> None:
        """Orderly end and start; clients see their connections drop."""
        self.stop()
        self.start()

    def _configure(self) -> None:
        self.port = ports.free_port()
        controller_port = ports.free_port(taken=frozenset({self.port}))
        self._folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(
            _PROPERTIES.format(host=ports.LOOPBACK, port=self.port, controller_port=controller_port, data=self._data)
        )

    def _format(self) -> None:
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "x")
        argv = _java("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._properties))
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_READY_S, check=False)
        if done.returncode:
            raise CannotStartError(f"formatting the KRaft storage failed: {done.stdout}{done.stderr}")

    def _launch(self) -> None:
        argv = _java("kafka.Kafka", str(self._properties), heap="-Xmx512m", is_short=self._is_short)
        self._process = processes.spawn(argv, log=self.log)

    def _is_ready(self) -> bool:
        assert self._process is not None
        return wait_until_answers(self.bootstrap, self._process, _READY_S)


class ExternalKafka:
    """The cluster at `MAILWEIR_TEST_KAFKA`. It is not ours to stop."""

    name = "kafka"

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap


def missing_tools() -> str:
    """What this machine lacks to run Apache Kafka, "" when nothing."""
    needed = ["java"] if _is_complete(_CACHE / VERSION) else ["java", "mvn"]
    missing = [tool for tool in needed if shutil.which(tool) is None]
    return f"Apache Kafka needs {' and '.join(missing)} on the PATH (Java 17 or newer)" if missing else ""


def resolve() -> Path:
    """The folder with the jars, filled by Maven the first time. Raises CannotStartError."""
    folder = _CACHE / VERSION
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_complete(folder):
            _download(folder)
    return folder


def _download(folder: Path) -> None:
    staging = folder.with_suffix(".part")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    (staging / "pom.xml").write_text(_POM)
    argv = [
        "mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime",
        f"-DoutputDirectory={staging / 'libs'}",
    ]  # fmt: skip
    done = subprocess.run(
        argv, cwd=staging, capture_output=True, text=True, timeout=_DOWNLOAD_S, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).strip()
        raise CannotStartError(f"Maven could not fetch org.apache.kafka:kafka_2.13:{VERSION}:\n{text[-2000:]}")
    shutil.rmtree(folder, ignore_errors=True)
    staging.rename(folder)


def _is_complete(folder: Path) -> bool:
    return any(folder.glob(f"libs/kafka_2.13-{VERSION}.jar"))


def _java(main: str, *args: str, heap: str = "-Xmx128m", is_short: bool = True) -> list[str]:
    java = shutil.which("java")
    if java is None:
        raise CannotStartError("java is not on the PATH; install a Java runtime, version 17 or newer")
    quick = ["-XX:+UseSerialGC", "-Xshare:auto"]  # start quickly; two cores
    quick += ["-XX:TieredStopAtLevel=1"] * is_short  # compiled at once and less well
    return [java, heap, *quick, "-cp", f"{resolve()}/libs/*", main, *args]
