"""What librdkafka's statistics mean for sending."""

from __future__ import annotations

import json

from streams.broker_state import BrokerState


def statistics(broker: str = "UP", epoch: int = 0, producer_id: str = "Assigned") -> str:
    eos = {"idemp_state": producer_id, "producer_epoch": epoch}
    return json.dumps({"brokers": {"a": {"state": broker}}, "eos": eos})


def test_a_log_is_up_once_a_broker_and_a_producer_id_are_there() -> None:
    state = BrokerState("127.0.0.1:9092")
    assert not state.is_up()
    state.on_stats(statistics(producer_id="WaitPID"))
    assert not state.is_up()
    state.on_stats(statistics())
    assert state.is_up()


def test_a_broker_that_was_just_lost_may_be_back_at_once() -> None:
    state = BrokerState("127.0.0.1:9092")
    state.on_stats(statistics())
    state.on_stats(statistics(broker="DOWN"))
    assert state.is_up()


def test_an_instance_whose_epoch_climbs_without_an_acknowledgement_is_futile() -> None:
    state = BrokerState("127.0.0.1:9092")
    for epoch in range(0, 100, 10):  # as fast, but something was acknowledged each time
        state.acknowledged()
        state.on_stats(statistics(epoch=epoch))
    assert not state.is_futile
    state.on_stats(statistics(epoch=120))
    assert state.is_futile
    assert "refuses every batch" in state.last_error


def test_a_new_instance_needs_an_id_of_its_own() -> None:
    state = BrokerState("127.0.0.1:9092")
    state.on_stats(statistics())
    state.ended("fenced")
    state.renewed()
    assert not state.is_futile
    assert not state.is_up()
    assert state.last_error == "fenced"
