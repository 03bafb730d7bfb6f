"""Brings what the files say into force: announces rules, and builds new segments from the past.

Of several workers the one that has the first partition does it. Whatever it was about to do when it ended, the next one
finds in what was announced.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from threading import Event

from confluent_kafka import KafkaException
from mode import Service

from schemas.announcements import RulesAnnounced
from schemas.errors import MailweirError
from streams.agents.segment_announcements import Announcements
from streams.agents.segment_past import Past
from streams.agents.segment_rules import RuleSet
from streams.core.segments.announced import Wanted, built, next_rules, unpacked

log = logging.getLogger(__name__)
_LOOK_S = 2.0  # for changed files: a marketer saves one and looks at what comes of it
_REST_S = 30.0  # after a failure


class Builder(Service):
    """`leads`: whether this process has the first partition. `past`: None where new segments begin with what comes."""

    def __init__(
        self,
        rules: RuleSet,
        announcements: Announcements,
        past: Past | None,
        leads: Callable[[], bool],
        clock_ms: Callable[[], int],
    ) -> None:
        super().__init__()
        self._rules, self._announcements, self._past = rules, announcements, past
        self._leads, self._clock_ms = leads, clock_ms
        self._known: dict[str, RulesAnnounced] | None = None  # None: to be read
        self._build: asyncio.Task[None] | None = None
        self._built: RulesAnnounced | None = None
        self._halt = Event()

    @property
    def building(self) -> int:
        """How many segments are being built, as far as this process knows."""
        return sum(len(unpacked(rules.building)) for rules in (self._known or {}).values())

    @Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            await self.sleep(_LOOK_S)
            await self._rules.look()
            try:
                await self._step()
            except (MailweirError, KafkaException) as error:
                log.warning("new segments have to wait: %s", error)
                self._known = None
                await self.sleep(_REST_S)
        await self._end_build()

    async def _step(self) -> None:
        if not self._leads():
            self._known = None
            await self._end_build()
            return
        if self._known is None:
            self._known = await asyncio.to_thread(self._announcements.newest)
        for tenant in sorted({*self._known, *self._rules.wanted}):
            if self._next(tenant) is None:
                continue
            if self._built is not None and self._built.tenant == tenant:
                await self._end_build()
            rules = self._next(tenant)  # the build may just have come to its end
            if rules is not None:
                await self._announce(self._known.get(tenant), rules)
        await self._look_after_build(self._known)

    def _next(self, tenant: str) -> RulesAnnounced | None:
        last, wanted = (self._known or {}).get(tenant), self._rules.wanted.get(tenant, Wanted())
        return next_rules(tenant, last, wanted, self._clock_ms(), has_past=self._past is not None)

    async def _announce(self, last: RulesAnnounced | None, rules: RulesAnnounced) -> None:
        await asyncio.to_thread(self._announcements.announce, last, rules, self._clock_ms())
        if self._known is not None:
            self._known[rules.tenant] = rules
        live, building = unpacked(rules.live), unpacked(rules.building)
        text = f", {len(building)} being built from the past" if building else ""
        log.info("%s: %d segments are live%s", rules.tenant, len(live), text)

    # -- building ------------------------------------------------------------------------------------------------

    async def _look_after_build(self, known: dict[str, RulesAnnounced]) -> None:
        """Build one tenant's segments after the other's."""
        if self._build is not None and self._build.done():
            build, self._build = self._build, None
            await build  # raises what it has raised
        if self._build is None:
            waiting = next((rules for _, rules in sorted(known.items()) if rules.building), None)
            if waiting is not None and self._past is not None:
                self._halt.clear()
                self._built = waiting
                self._build = asyncio.create_task(self._build_from(self._past, waiting))

    async def _build_from(self, past: Past, rules: RulesAnnounced) -> None:
        if await asyncio.to_thread(past.send, rules, self._halt):
            await self._announce(rules, built(rules, self._clock_ms()))

    async def _end_build(self) -> None:
        if self._build is not None:
            self._halt.set()
            with suppress(MailweirError, KafkaException):
                await self._build
            self._build = None
