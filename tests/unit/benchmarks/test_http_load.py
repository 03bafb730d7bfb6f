"""The load generator counts what it was answered, however the answers are cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.http_load import Generator, Outcome, Post

POST = Post(b"Content-Length: 4\r\n\r\n", b"body")
ANSWERS = (
    (b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 2\r\n\r\n{", b"}"),
    (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",),
)


@contextmanager
def answering(heard: list[bytes]) -> Iterator[tuple[str, int]]:
    """A server for one connection: answers 200 and 503 in turn, in pieces."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while data := connection.recv(65536):
                    heard.append(data)
                    for piece in ANSWERS[(len(heard) - 1) % 2]:
                        connection.sendall(piece)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()
        thread.join(10)
        assert not thread.is_alive()


def test_every_answer_is_counted_under_its_status_and_every_request_has_its_number() -> None:
    heard: list[bytes] = []
    with answering(heard) as address:
        load = Generator(address, "/webhooks/bench", [POST], 1)
        runs = [load.run(0.1) for _ in range(2)]
        load.close()
    accepted = [number for run in runs for number in run.accepted]
    refused = sum(run.refused.get(503, 0) for run in runs)
    assert accepted == list(range(0, len(heard), 2))
    assert len(accepted) + refused == len(heard)
    assert heard[1] == b"POST /webhooks/bench?n=00000001 HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
    assert all(run.percentile_ms(0.5) > 0 for run in runs)


def test_a_run_without_answers_has_no_waiting_time() -> None:
    assert Outcome().percentile_ms(0.99) == 0.0
