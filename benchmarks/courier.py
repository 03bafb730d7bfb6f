"""The load of the whole path: posts at a fixed rate over kept-alive connections, in a process of its own.

python -m benchmarks.courier HOST PORT EVENTS_PER_S SECONDS SEED, the signing key on standard input. Posts leave by
the clock, whether or not earlier ones were answered (open loop), over at most CONNECTIONS connections. One that
is not accepted is sent again, as a provider would; what could not leave in time never does. Says twice a
second, as a JSON line, how many events were accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from benchmarks.posts import BATCH, Key, Posts

CONNECTIONS = (
    128  # an answer waits for the log: at 30 events a post and 50 ms an answer, enough for 75,000 events a second
)
_TELL_S = 0.5
_RETRY_S = 0.2
_PATIENCE_S = 30.0


@dataclass(slots=True)
class Tally:
    """Events accepted so far, and posts that had to be sent again."""

    accepted: int = 0
    repeated: int = 0


class Connection:
    """One kept-alive connection to the gateway; opened when needed."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, request: bytes) -> int:
        """The answer's status. Raises OSError or asyncio.IncompleteReadError when the connection breaks."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
        except BaseException:
            self.close()
            raise
        return int(head[9:12])

    def close(self) -> None:
        """Drop it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


async def deliver(connection: Connection, request: bytes, tally: Tally, events: int) -> None:
    """Post until accepted. Raises TimeoutError when that does not happen for long."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        status = 0
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            status = await connection.post(request)
        if 200 <= status < 300:
            tally.accepted += events
            return
        tally.repeated += 1
        if time.monotonic() > deadline:
            raise TimeoutError(f"a post was not accepted for {_PATIENCE_S:.0f} s; the last status was {status}")
        await asyncio.sleep(_RETRY_S)


async def _worker(due: Iterator[float], end: float, connection: Connection, posts: Posts, tally: Tally) -> None:
    for at in due:  # shared by all workers: the next post goes to whoever is free
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        if time.monotonic() > end:
            break
        await deliver(connection, posts.batch(), tally, BATCH)
    connection.close()


async def _tell(tally: Tally) -> None:
    while True:
        print(json.dumps({"at": time.time(), "accepted": tally.accepted, "repeated": tally.repeated}), flush=True)
        await asyncio.sleep(_TELL_S)


async def run(host: str, port: int, rate: float, seconds: float, posts: Posts) -> Tally:
    """Post `rate` events a second for `seconds`; what became of it."""
    tally, began = Tally(), time.monotonic()
    end = began + seconds
    due = iter([began + index * BATCH / rate for index in range(int(seconds * rate / BATCH))])
    telling = asyncio.create_task(_tell(tally))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(_worker(due, end, Connection(host, port), posts, tally))
    finally:
        telling.cancel()
    print(json.dumps({"at": time.time(), "accepted": tally.accepted, "repeated": tally.repeated}), flush=True)
    return tally


def main() -> int:
    """Run; 0 when everything was accepted."""
    host, port, rate, seconds, seed = sys.argv[1:]
    key = Key.of_text(sys.stdin.read())
    run_name = f"{Random(f'{seed}-{rate}-{time.time_ns()}').getrandbits(24):06x}"
    posts = Posts(key, f"{host}:{port}", run_name, int(seed))
    asyncio.run(run(host, int(port), float(rate), float(seconds), posts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
