"""Every alert rule on every scenario: it answers with one number a row, and fires where it must and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real

import pytest

from dashboards.grafana.alerts import ALERTS, Alert
from dashboards.grafana.expanded import Seen, expanded
from tests.integration.boards.conftest import Told

NEVER_FIRES = (
    ("mailweir-complaints", "a bought list is stopped before 500 of its messages are delivered"),
    ("mailweir-deferrals", "no scenario has a mailbox provider that is slow for everybody"),
    ("mailweir-event-age", "the senders post to the end; asked an hour later it fires"),
)
HOUR_MS = 3_600_000
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=[alert.uid for alert in ALERTS])


def fired(told: Told, alert: Alert, seen: Seen) -> list[Sequence[object]]:
    """The rows beyond the limit, over the whole scenario: its hours go by in minutes."""
    span_s = max(alert.span_s, (seen.to_ms - seen.from_ms) // 1000)
    found = told.client.query(expanded(alert.sql(span_s), seen))
    for row in found.result_rows:
        assert isinstance(row[-1], Real)
        assert all(isinstance(text, str) for text in row[:-1])
    assert set(found.column_names[:-1]) <= {"tenant", "campaign", "provider", "kind", "key"}
    return [
        row for row in found.result_rows if (row[-1] > alert.limit if alert.side == "gt" else row[-1] < alert.limit)
    ]


@each_alert
def test_an_alert_fires_in_the_scenarios_it_names_and_in_no_other(told: Told, alert: Alert) -> None:
    assert bool(fired(told, alert, told.seen())) == (told.scenario in alert.fires_in)


def test_every_alert_fires_in_some_scenario_or_its_reason_stands_here() -> None:
    assert {alert.uid for alert in ALERTS if not alert.fires_in} == {uid for uid, _ in NEVER_FIRES}


def test_silence_is_noticed_an_hour_later(told: Told) -> None:
    (alert,) = (alert for alert in ALERTS if alert.uid == "mailweir-event-age")
    later = replace(told.seen(), from_ms=told.until_ms, to_ms=told.until_ms + HOUR_MS)
    assert fired(told, alert, later)
    assert not fired(told, alert, told.seen())
