"""The Kafka of the tests: skipped with a reason where it cannot run, never skipped in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import kafka_broker
from tests.brokers import kafka_or_skip
from tests.kafka_broker import CannotStartError, KafkaBroker


def fails() -> KafkaBroker:
    raise CannotStartError("Maven could not fetch it")


def test_without_java_the_tests_are_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"needs java.*MAILWEIR_TEST_KAFKA"):
        kafka_or_skip(KafkaBroker(tmp_path).create)


def test_in_ci_a_missing_java_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must run the tests on Apache Kafka"):
        kafka_or_skip(KafkaBroker(tmp_path).create)


@pytest.mark.skipif(bool(kafka_broker.missing_tools()), reason="needs java, and mvn or the cached jars")
@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_failing_download_is_a_skip_at_home_and_a_failure_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="Maven could not fetch"):
        kafka_or_skip(fails)
