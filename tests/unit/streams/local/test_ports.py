"""Which ports are chosen."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from streams.local import ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_the_preferred_port_is_used_when_it_is_free() -> None:
    port = ports.free_port()
    assert ports.free_port(port) == port


def test_another_port_is_used_when_the_preferred_one_is_taken(taken: int) -> None:
    port = ports.free_port(taken)
    assert port != taken
    assert ports.is_free(port)


def test_a_port_that_is_promised_already_is_not_chosen_again() -> None:
    port = ports.free_port()
    assert ports.free_port(port, taken=frozenset({port})) != port


def test_ports_lie_below_the_range_of_outgoing_connections() -> None:
    assert all(15_000 <= ports.free_port() <= 32_000 for _ in range(20))


def test_a_port_somebody_listens_on_answers_and_is_not_free(taken: int) -> None:
    assert ports.answers(taken)
    assert not ports.is_free(taken)


def test_a_port_nobody_listens_on_does_not_answer() -> None:
    assert not ports.answers(ports.free_port())
