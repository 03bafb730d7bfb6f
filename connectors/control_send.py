"""Carries out what drivers ask for: requests over HTTP, records for the log, lines in files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx

from connectors import control_files, control_http
from connectors.controls.effects import WRITTEN, ControlAnswer, ControlRequest, Effect, FileLine, TopicRecord

Produce = Callable[[TopicRecord], Awaitable[None]]
"""Appends one record and returns once the log has it. Raises Transient when it may not have it."""


class Sender:
    """One way out for every kind of effect. Safe for any number of tasks."""

    def __init__(self, client: httpx.AsyncClient, produce: Produce) -> None:
        self._client = client
        self._produce = produce

    async def __call__(self, effect: Effect, timeout_s: float) -> ControlAnswer:
        """The answer; status `WRITTEN` for what is no HTTP.

        `timeout_s` bounds requests; a record has the bound of its producer, a file needs none. Raises Transient when
        there is no answer (it may be done all the same), Misconfigured and Permanent as the parts do.
        """
        match effect:
            case ControlRequest():
                return await control_http.send(self._client, effect, timeout_s)
            case TopicRecord():
                await self._produce(effect)
            case FileLine():
                control_files.write(effect)
        return ControlAnswer(status=WRITTEN)
