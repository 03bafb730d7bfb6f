"""Delivery reports: the last one ends the call, whichever thread is first, and the first failure is what is raised."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, Message

from schemas.errors import FailureCode, Permanent, Transient
from streams.delivery import Count, Receipt, as_error

MESSAGE = Message()
TIMED_OUT = KafkaError(KafkaError._MSG_TIMED_OUT)


def test_the_last_report_ends_a_call_that_was_closed_before() -> None:
    ended: list[bool] = []
    count = Count()
    assert not count.close(2, lambda: ended.append(True))
    count.report(None, MESSAGE)
    assert not ended
    count.report(None, MESSAGE)
    assert ended
    count.check()


def test_a_call_whose_reports_are_all_in_needs_no_waiting() -> None:
    count = Count()
    for _ in range(3):
        count.report(None, MESSAGE)
    assert count.close(3, pytest.fail)
    assert Count().close(0, pytest.fail)


def test_one_failure_among_many_fails_the_call_and_says_how_many_there_were() -> None:
    count = Count()
    for error in (None, TIMED_OUT, None, TIMED_OUT):
        count.report(error, MESSAGE)
    count.close(4, pytest.fail)
    with pytest.raises(Transient, match="2 of 4 records: not acknowledged"):
        count.check()


def test_a_receipt_raises_the_first_failure() -> None:
    receipt = Receipt(1, lambda: None)
    receipt.report(0, TIMED_OUT, MESSAGE)
    with pytest.raises(Transient, match="the record: not acknowledged"):
        receipt.positions()


def test_what_can_never_be_taken_is_permanent_and_what_is_missing_says_what_to_do() -> None:
    too_large = as_error(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), "the record")
    assert isinstance(too_large, Permanent)
    assert too_large.code == FailureCode.BODY_TOO_LARGE
    missing = as_error(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART), "the record")
    assert isinstance(missing, Transient)
    assert "mailweir topics apply" in str(missing)
