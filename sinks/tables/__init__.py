"""The registry of tables that the sink fills.

To add one: a module here, a line below, a migration in `sinks/migrations/`, a sample record in
`tests/fixtures/tables/<table>.json`; the contract suite checks that the four agree.
"""

from __future__ import annotations

from sinks.tables import (
    activity_events,
    auth_reports,
    console_access,
    dead_letters,
    decisions,
    email_events,
    journey_steps,
    outcomes,
    replays,
    reputation_partials,
    reputation_scores,
    rulings,
    segment_statuses,
    segment_transitions,
    standing_reports,
    suppressions,
    verdicts,
)
from sinks.tables.spec import TableSpec, registry

__all__ = ["TABLES", "TableSpec"]

TABLES: tuple[TableSpec, ...] = registry(
    email_events.TABLE,
    activity_events.TABLE,
    reputation_partials.TABLE,
    reputation_scores.TABLE,
    verdicts.TABLE,
    decisions.TABLE,
    rulings.TABLE,
    outcomes.TABLE,
    auth_reports.TABLE,
    standing_reports.TABLE,
    suppressions.TABLE,
    segment_transitions.TABLE,
    segment_statuses.TABLE,
    journey_steps.TABLE,
    console_access.TABLE,
    dead_letters.TABLE,
    replays.TABLE,
)
