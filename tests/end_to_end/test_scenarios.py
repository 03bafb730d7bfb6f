"""The demo's scenarios, end to end: what is bad is stopped, what is healthy is left alone, every count is right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.river import Ride, ride

ROOT = Path(__file__).resolve().parents[2]
REPORT = {
    "posted", "accepted", "rejected_bad_signature", "stored_email_events", "duplicates_dropped", "dead_lettered",
    "lost", "end_to_end_ms", "score_latency_ms", "incidents", "false_pauses", "segments", "events_per_second",
}  # fmt: skip


def test_the_demo_command_pauses_the_bad_campaign_loses_nothing_and_writes_a_complete_report(tmp_path: Path) -> None:
    """The command as a person gives it, shorter and slower than its default."""
    path = tmp_path / "report.json"
    options = [
        "--for",
        "90s",
        "--rate",
        "250",
        "--headless",
        "--json",
        str(path),
        "--scenario",
        "bad-list",
        "--seed",
        "7",
    ]
    run = subprocess.run(
        [sys.executable, "-m", "streams", "demo", *options],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(path.read_text(encoding="utf-8"))
    assert set(report) >= REPORT
    assert (report["lost"], report["false_pauses"], report["count_mismatches"]) == (0, 0, [])
    assert report["stored_email_events"] > 1000
    (incident,) = report["incidents"]
    assert incident["key"].startswith("campaign:")
    assert incident["started_at"] < incident["first_signal_at"] <= incident["decided_at"] <= incident["executed_at"]
    assert incident["messages_sent_after_start"] < 3000
    segments = report["segments"]
    assert (segments["oracle_mismatches"], segments["misnumbered"]) == (0, 0)
    assert segments["transitions"] > segments["members"] > 1000
    assert segments["by_time"] > 50
    assert report["activities"]["accepted"] == report["activities"]["stored"] > 200
    assert None not in report["end_to_end_ms"].values()
    assert None not in report["score_latency_ms"].values()
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.slow
async def test_nothing_healthy_is_paused(tmp_path: Path) -> None:
    report, _ = await ride(Ride(scenario="healthy", duration_s=20, rate=300), tmp_path)
    assert report["problems"] == []
    assert report["false_pauses"] == 0
    assert report["stored_email_events"] > 2000


@pytest.mark.slow
async def test_a_blocked_address_is_rested_and_no_campaign_is_paused(tmp_path: Path) -> None:
    report, _ = await ride(Ride(scenario="blocked-ip", duration_s=25, rate=300), tmp_path)
    assert report["problems"] == []
    assert report["false_pauses"] == 0
    (incident,) = report["incidents"]
    assert incident["decided_at"] is not None, "the block was not noticed"


async def test_duplicates_disorder_forgeries_and_garbage_leave_every_count_exact(
    broker_address: str, tmp_path: Path
) -> None:
    report, _ = await ride(Ride(scenario="flaky", duration_s=20, kafka=broker_address), tmp_path)
    assert report["problems"] == []
    assert report["count_mismatches"] == []
    assert (report["lost"], report["unexpected"], report["forged_accepted"]) == (0, 0, 0)
    assert report["duplicates_dropped"] > 100
    assert report["rejected_bad_signature"] > 0
    assert report["dead_lettered"] == report["dead_letters_expected"] > 0
