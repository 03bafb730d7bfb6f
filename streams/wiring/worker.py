"""How every worker runs: its lanes' settings, its health page, its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from schemas.settings import Settings
from schemas.topics import Topic
from streams import logs

if TYPE_CHECKING:
    from streams.lane.settings import LaneSettings

GROUP = "mailweir"


def lane_settings(of: Settings, name: str, topic: Topic, **more: Any) -> LaneSettings:
    """Of the lane of this name over a topic. `more`: fields of LaneSettings."""
    from streams.lane.settings import LaneSettings  # noqa: PLC0415 - with the lane's clients, when a worker runs

    given = {"flush_s": of.flush_s, "session_timeout_ms": of.session_timeout_ms} | more
    return LaneSettings(bootstrap=of.kafka, group=f"{GROUP}-{name}", topic=topic.name, **given)


def run_worker(app: Any, of: Settings, is_ready: Callable[[], bool], stats: Any) -> int:
    """Run a Faust app until SIGTERM or SIGINT: 0; 1 after a crash (the supervisor starts it anew)."""
    from faust.worker import Worker  # noqa: PLC0415

    from streams.health import HealthPage  # noqa: PLC0415

    logs.set_up(of.log_level)
    app.service(HealthPage(of.host, of.metrics_port, is_ready, stats.registry))
    worker = Worker(app, loglevel=of.log_level, quiet=True, redirect_stdouts=False, override_logging=False)
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0
