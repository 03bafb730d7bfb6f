"""Fixtures for the log: `tansu`, `kafka`, `broker` (both in turn), and `start_kafka` for crash tests.

`tansu` and `kafka` are shared by the whole session: give topics and groups names of their own
(`unique`). Without java or Maven the Kafka tests are skipped with the reason, but in CI (`CI=true`)
they fail.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.local.broker import Broker, Tansu
from tests.kafka_broker import CannotStartError, ExternalKafka, KafkaBroker, missing_tools

StartKafka = Callable[[Path], KafkaBroker]


def kafka_or_skip(start: Callable[[], KafkaBroker]) -> KafkaBroker:
    """A started broker; skips where Kafka cannot run, fails where it must."""
    is_required = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
    missing = missing_tools()
    if missing and not is_required:
        pytest.skip(f"{missing}; or set MAILWEIR_TEST_KAFKA")
    if missing:
        pytest.fail(f"CI must run the tests on Apache Kafka: {missing}")
    try:
        return start()
    except CannotStartError as error:
        if is_required or "Maven" not in str(error):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    """A Tansu broker for the session; `.bootstrap`, `.name`."""
    with Tansu(tmp_path_factory.mktemp("tansu")) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker | ExternalKafka]:
    """Apache Kafka for the session; `.bootstrap`, `.name`. Do not restart it: take `start_kafka`."""
    external = os.environ.get("MAILWEIR_TEST_KAFKA")
    if external:
        yield ExternalKafka(external)
        return
    broker = kafka_or_skip(KafkaBroker(tmp_path_factory.mktemp("kafka")).create)
    yield broker
    broker.stop()


@pytest.fixture(params=["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn; the contract suites run on both."""
    found: Broker = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def start_kafka() -> Iterator[StartKafka]:
    """`start_kafka(folder)`: an own Apache Kafka with `.kill()`, `.start()`, `.restart()`, ended with the test."""
    started: list[KafkaBroker] = []

    def start(folder: Path) -> KafkaBroker:
        started.append(KafkaBroker(folder))
        return kafka_or_skip(started[-1].create)

    yield start
    for broker in started:
        broker.kill()


@pytest.fixture
def unique() -> Callable[[str], str]:
    """`unique("webhooks")`: a name no other test uses, for topics, groups, transactional ids."""
    return lambda name: f"{name}-{uuid.uuid4().hex[:8]}"
