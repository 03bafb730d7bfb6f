"""Replays that the console begins: one at a time, in a thread, connected to the log only while it goes on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from schemas.config import Config
from schemas.errors import MailweirError
from schemas.replays import Wish
from schemas.rulings import RefusedError
from schemas.settings import Settings
from streams.clock import clock_ms
from streams.core.replay import Letter
from streams.environment import codec
from streams.replay.reading import LogReader
from streams.replay.run import Means, Tally, replay_letters
from streams.replay.writing import LogWriter


class _StoppedError(MailweirError):
    """The console ends."""


class ReplayDesk:
    """Implements the console's `Replays`."""

    def __init__(self, of: Settings, config: Config) -> None:
        self._of, self._config = of, config
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._state: dict[str, Any] | None = None

    def begin(self, letters: Sequence[Letter], of: Wish) -> None:
        """See `Replays`."""
        with self._guard:
            if self._state and self._state["is_under_way"]:
                raise RefusedError(409, f"the replay of {self._state['who']} is under way; try again when it is done")
            self._state = {
                "replay_id": of.replay_id,
                "who": of.who,
                "begun_at": clock_ms(),
                "letters": len(letters),
                "done": 0,
                "refused": [],
                "is_under_way": True,
                "error": "",
            }
        self._thread = threading.Thread(target=self._run, args=(list(letters), of), name="replay", daemon=True)
        self._thread.start()

    def state(self) -> dict[str, Any] | None:
        """See `Replays`."""
        with self._guard:
            return dict(self._state) if self._state else None

    def close(self) -> None:
        """End it after the part that is under way; what is left stays open. Blocks."""
        self._stop.set()
        if self._thread:
            self._thread.join(30)

    def _run(self, letters: list[Letter], of: Wish) -> None:
        try:
            wire = codec(self._of)
            with closing(LogReader(self._of.kafka)) as reader, closing(LogWriter(self._of.kafka, wire)) as writer:
                means = Means(
                    reader=reader,
                    writer=writer,
                    codec=wire,
                    config=self._config,
                    clock_ms=clock_ms,
                    sleep=self._stop.wait,
                    tell=self._told,
                )
                self._told(replay_letters(letters, of, means))
            self._end("")
        except MailweirError as error:
            self._end(str(error))
        finally:
            self._end("it ended by a defect of ours; the console's log has more")

    def _told(self, tally: Tally) -> None:
        with self._guard:
            if self._state:
                refused = [{"reason": reason, "letters": number} for reason, number in tally.refused.most_common()]
                self._state = {**self._state, "done": tally.letters, "refused": refused}
        if self._stop.is_set():
            raise _StoppedError("the console ended; what is left can be replayed again")

    def _end(self, error: str) -> None:
        with self._guard:
            if self._state and self._state["is_under_way"]:
                self._state = {**self._state, "is_under_way": False, "error": error}
