"""The newest of what mailbox providers report about each domain and IP, for the scores of those keys.

A fold over the topic of standing reports: order and repetition do not matter. Memory is bounded by what is asked
for (a handful of figures for each domain and IP that `mailweir poll` names).
"""

from __future__ import annotations

from schemas.reports import StandingReport

METRICS = frozenset(  # what `emulations.py` reads
    {("postmaster", "spam_rate"), *(("snds", name) for name in ("filter_result", "trap_hits", "message_recipients"))}
)


class Standings:
    """All that is known. Not thread-safe."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], dict[tuple[str, str], StandingReport]] = {}

    def take(self, report: StandingReport) -> None:
        """Keep it if it is the newest about its subject; reports of other metrics are passed over."""
        metric = (report.provider, report.metric)
        if metric not in METRICS:
            return
        known = self._newest.setdefault((report.tenant, report.domain or report.sending_ip), {})
        before = known.get(metric)
        if before is None or _age(before) < _age(report):
            known[metric] = report

    def of(self, tenant: str, key: str) -> tuple[StandingReport, ...]:
        """What is reported about the domain or IP in a key, alone or at a mailbox provider ("IP|provider")."""
        found = self._newest.get((tenant, key)) or self._newest.get((tenant, key.rpartition("|")[0]))
        return tuple(found.values()) if found else ()


def _age(report: StandingReport) -> tuple[int, int, str]:
    return report.begins_at, report.received_at, report.event_id
