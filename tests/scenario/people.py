"""Segments and journeys in one process, over the same log as everything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from schemas.avro import Codec
from schemas.journeys.journey import Journey
from schemas.topics import SEGMENT_STATUSES
from streams.agents.segment_state import SegmentState
from streams.core.segments.announced import Wanted, next_rules, statuses
from streams.core.segments.row import timer_of
from streams.lane.disk import DiskRows
from streams.lane.rocks import Memory
from streams.local.demonstration import demo_segments
from tests.scenario.judging import Said

JOURNEY: dict[str, Any] = yaml.safe_load("""
id: left-cart
tenant: atelier
description: Reminds of a cart that was left, until it is ordered
enter: {event: {name: checkout_started, key: cart_id}, again: per_key}
exit_when:
  - event: {name: order_completed, same: cart_id}
steps:
  - wait: 6s
  - call: {webhook: crm, data: {template: cart-1}}
  - split:
      salt: second
      parts:
        - {share: 0.5, steps: [{wait: 20s}, {call: {webhook: crm, data: {template: cart-2}}}]}
        - {share: 0.5}
""")


class People:
    """Take each second's records in; it yields transitions, steps, and what is live. `close` it."""

    def __init__(self, folder: Path, codec: Codec, now_ms: int) -> None:
        self._codec, self._now_ms = codec, now_ms
        self._rows = DiskRows(folder, Memory(), lambda: 0, order=timer_of)
        self._state = SegmentState(0, self._rows, codec)
        self._rows.begin("scenario")
        self._state.start(None)
        self._records = 0

    def announce(self) -> Iterator[Said]:
        """The demo's rules and the journey, live at once."""
        journey = Journey.model_validate(JOURNEY)
        segments = demo_segments()
        for tenant in sorted({each.tenant for each in segments}):
            mine = [each for each in segments if each.tenant == tenant]
            wanted = Wanted(mine, [journey] if journey.tenant == tenant else [])
            rules = next_rules(tenant, None, wanted, self._now_ms, has_past=False)
            assert rules is not None
            self._state.use(rules)
            for status in statuses(None, rules, self._now_ms):
                yield Said(SEGMENT_STATUSES.name, self._codec.encode(status))

    def take(self, values: Sequence[bytes]) -> Iterator[Said]:
        """One second's events of both kinds and its tick."""
        self._state.fold(values, range(self._records, self._records + len(values)))
        self._records += len(values)
        while self._state.fire(10_000):
            pass
        cut = self._state.cut(self._records)
        self._rows.settle(cut.marker, self._records)
        yield from (Said(side.topic, side.value) for side in cut.sides)

    def close(self) -> None:
        self._rows.close()
