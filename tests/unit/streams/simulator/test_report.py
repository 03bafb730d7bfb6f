"""The report on a small truth and a store whose rows the test decides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import OperationalError
from rich.console import Console

from streams.simulator.report import build_report, render, wait_until_stored
from streams.simulator.store import METRICS
from streams.simulator.truth import ControlCall, EventKey, Fact, Incident, Post, PostKind, Truth

BAD = "winter-clearance"
SEGMENTS = {"transitions": 12, "members": 5, "oracle_mismatches": 0, "differing": {}, "misnumbered": 0}
MS = 1_795_305_600_000


@dataclass
class Answer:
    result_rows: Sequence[Sequence[Any]]


@dataclass
class FakeStore:
    """Answers each of the report's statements from what the test put in."""

    keys: list[EventKey]
    campaigns: dict[str, tuple[str, str]]  # message id to tenant and campaign
    decisions: list[tuple[Any, ...]] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    miscounted: int = 0
    dead_letters: int = 1
    activities: Sequence[str] = ()
    latency: tuple[int, float, float] = (3, 420.0, 990.0)
    failures: int = 0

    def query(self, query: str) -> Answer:
        if self.failures:
            self.failures -= 1
            raise OperationalError("away")
        for pattern, rows in self._tables():
            if re.search(pattern, query):
                return Answer(rows(query))
        raise AssertionError(f"unexpected statement: {query}")

    def _tables(self) -> list[tuple[str, Any]]:
        return [
            (r"provider, message_id.*email_events FINAL", lambda _: self.keys),
            (r"event_type, count\(\).*email_events FINAL", lambda _: self._counts()),
            (r"count\(\) FROM mailweir.email_events FINAL", lambda _: [(len(self.keys),)]),
            (r"tenant, kind, key.*reputation_partials FINAL", lambda _: self._partials()),
            (r"reputation_partials FINAL WHERE kind = 'tenant'", lambda _: [(len(self.keys) - self.miscounted,)]),
            (r"provider_event_id FROM mailweir.activity_events FINAL", lambda _: [(id_,) for id_ in self.activities]),
            (r"count\(\) FROM mailweir.activity_events FINAL", lambda _: [(len(self.activities),)]),
            (r"dead_letters FINAL", lambda _: [(self.dead_letters,)]),
            (r"reputation_scores", lambda _: [self.latency]),
            (r"FROM mailweir.decisions FINAL", lambda _: self.decisions),
            (r"FROM mailweir.outcomes FINAL WHERE status = 'done'", lambda _: list(self.done.items())),
        ]

    def _counts(self) -> list[tuple[str, str, str, int]]:
        rows: dict[tuple[str, str, str], int] = {}
        for key in self.keys:
            place = (*self.campaigns.get(key.message_id, ("t", "stray")), key.event_type)
            rows[place] = rows.get(place, 0) + 1
        return [(*place, n) for place, n in rows.items()]

    def _partials(self) -> list[tuple[Any, ...]]:
        name = {"queued": "sent", "delivered": "delivered", "bounced": "bounced_address", "opened": "opened_machine"}
        sums: dict[tuple[str, str, str], dict[str, int]] = {}
        for key in self.keys:
            tenant, campaign = self.campaigns.get(key.message_id, ("t", "stray"))
            for place in ((tenant, "campaign", campaign), (tenant, "tenant", tenant)):
                held = sums.setdefault(place, dict.fromkeys(METRICS, 0))
                held[name[key.event_type]] += 1
        for held in list(sums.values())[:1]:
            held["delivered"] -= self.miscounted
        return [(*place, *held.values()) for place, held in sums.items()]


def fact(number: int, kind: str, campaign: str = "news", *, is_bad: bool = False) -> Fact:
    return Fact(
        EventKey("sendgrid", f"m{number}", kind, MS + number, f"p{number}@gmail.com"), "atelier", campaign, is_bad
    )


FACTS = [
    *(fact(n, "queued") for n in range(10)),
    *(fact(n, "delivered") for n in range(9)),
    fact(9, "bounced"),
    fact(0, "opened"),
]


def truth_of(*facts: Fact, repeats: int = 0, incident: Incident | None = None) -> Truth:
    truth = Truth("healthy", 7, started_at=MS / 1000, duration_s=10.0, incident=incident)
    post = Post("sendgrid", {}, b"", tuple(facts))
    for number in range(1 + repeats):
        truth.answered(post, 200, MS / 1000, 5.0 + number)
    truth.answered(Post("sendgrid", {}, b"", (fact(900, "queued"),), PostKind.FORGED), 401, MS / 1000, 1.0)
    truth.answered(Post("sendgrid", {}, b"", (), PostKind.GARBAGE, unreadable=1), 200, MS / 1000, 1.0)
    return truth


def store_of(*facts: Fact, **more: Any) -> FakeStore:
    return FakeStore([f.key for f in facts], {f.key.message_id: (f.tenant, f.campaign) for f in facts}, **more)


def reported(
    store: FakeStore, truth: Truth, end_to_end_ms: Iterable[float] = (), segments: Mapping[str, Any] = SEGMENTS
) -> dict[str, Any]:
    return build_report(store, truth, dict(segments), end_to_end_ms)


def test_an_undisturbed_run_is_a_pass() -> None:
    report = reported(store_of(*FACTS), truth_of(*FACTS, repeats=1), [30.0, 10.0, 20.0])
    assert report["problems"] == []
    assert (report["posted"], report["accepted"], report["stored_email_events"]) == (43, 42, 21)
    assert (report["duplicates_dropped"], report["lost"], report["unexpected"], report["stored_twice"]) == (21, 0, 0, 0)
    assert (report["rejected_bad_signature"], report["forged_accepted"]) == (1, 0)
    assert (report["dead_lettered"], report["dead_letters_expected"]) == (1, 1)
    assert report["end_to_end_ms"] == {"p50": 20.0, "p99": 20.0}
    assert report["score_latency_ms"] == {"p50": 420.0, "p99": 990.0}
    assert report["post_ms"] == {"p50": 5.0, "p99": 5.0}
    assert report["events_per_second"] == 4.3
    assert report["segments"] == SEGMENTS
    assert report["activities"] == {"accepted": 0, "stored": 0, "lost": 0}
    assert report["count_mismatches"] == []
    assert (report["incidents"], report["false_pauses"]) == ([], 0)


def test_an_accepted_event_that_is_not_stored_is_lost() -> None:
    report = reported(store_of(*FACTS[1:]), truth_of(*FACTS))
    assert report["lost"] == 1
    assert report["problems"][0].startswith("1 events were accepted")
    assert {row["table"] for row in report["count_mismatches"]} == {
        "email_events", "reputation_partials/campaign", "reputation_partials/tenant",
    }  # fmt: skip
    assert report["count_mismatches"][0] == {
        "table": "email_events", "tenant": "atelier", "key": "news", "event_type": "queued", "expected": 10, "found": 9,
    }  # fmt: skip


def test_a_stored_forgery_is_unexpected() -> None:
    report = reported(store_of(*FACTS, fact(900, "queued")), truth_of(*FACTS))
    assert (report["lost"], report["unexpected"]) == (0, 1)
    assert report["problems"]


def test_an_activity_that_is_not_stored_is_lost() -> None:
    truth = truth_of(*FACTS)
    truth.answered(Post("shop", {}, b"", (), activities=("a1", "a2")), 200, MS / 1000, 5.0)
    truth.answered(Post("shop", {}, b"", (), activities=("a3",)), 503, MS / 1000, 5.0)
    report = reported(store_of(*FACTS, activities=("a1", "a3")), truth)
    assert report["activities"] == {"accepted": 2, "stored": 2, "lost": 1}
    assert report["problems"] == ["1 activities were accepted and are not in ClickHouse"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("oracle_mismatches", "3 memberships in segments are by the stream or by SQL, and not by both"),
        ("misnumbered", "3 recipients have transitions of segments that are missing or there twice"),
    ],
)
def test_segments_that_differ_from_sql_are_a_problem_and_said_so(name: str, sentence: str) -> None:
    report = reported(store_of(*FACTS), truth_of(*FACTS), segments={**SEGMENTS, name: 3})
    assert report["problems"] == [sentence]
    text = " ".join(shown(report).split())
    assert "Nothing lost" not in text
    assert sentence in text


def test_an_event_under_two_ids_is_stored_twice() -> None:
    report = reported(store_of(*FACTS, FACTS[3]), truth_of(*FACTS))
    assert (report["stored_twice"], report["unexpected"], report["lost"]) == (1, 0, 0)
    assert report["problems"]


@pytest.mark.parametrize("is_stored", [True, False])
def test_an_event_whose_answer_never_came_may_be_stored_or_not(*, is_stored: bool) -> None:
    truth, unsure = truth_of(*FACTS), fact(50, "queued")
    truth.answered(Post("sendgrid", {}, b"", (unsure,)), 0, MS / 1000, 5.0)
    stored = store_of(*FACTS, *([unsure] if is_stored else []))
    stored.campaigns["m50"] = ("atelier", "news")
    assert reported(stored, truth)["problems"] == []


def test_a_reputation_count_that_differs_is_named() -> None:
    report = reported(store_of(*FACTS, miscounted=2), truth_of(*FACTS))
    assert report["count_mismatches"] == [
        {
            "table": "reputation_partials/campaign", "tenant": "atelier", "key": "news", "event_type": "delivered",
            "expected": 9, "found": 7,
        }
    ]  # fmt: skip


def test_an_incident_is_told_from_decision_and_outcome() -> None:
    incident = Incident("campaign:" + BAD, campaign=BAD, messages_sent=321)
    bad = [fact(n, "queued", BAD, is_bad=True) for n in range(100, 110)]
    stored = store_of(
        *FACTS,
        *bad,
        decisions=[
            ("d2", "pause_campaign", BAD, "", MS + 4_000, MS + 9_000),
            ("d1", "pause_campaign", BAD, "", MS + 3_000, MS + 7_000),
            ("d3", "alert", "news", "", MS + 1, MS + 2),
        ],
        done={"d1": MS + 7_500, "d2": MS + 9_100, "d3": MS + 3},
    )
    report = reported(stored, truth_of(*FACTS, *bad, incident=incident))
    assert report["incidents"] == [
        {
            "key": "campaign:winter-clearance",
            "started_at": "2026-11-22T00:00:00.000Z",
            "first_signal_at": "2026-11-22T00:00:03.000Z",
            "decided_at": "2026-11-22T00:00:07.000Z",
            "executed_at": "2026-11-22T00:00:07.500Z",
            "messages_sent_after_start": 321,
            "seconds_to_decision": 7.0,
            "seconds_to_stop": 7.5,
        }
    ]
    assert (report["false_pauses"], report["problems"]) == (0, [])


def test_an_incident_that_nobody_stopped_is_a_problem() -> None:
    incident = Incident("campaign:" + BAD, campaign=BAD)
    bad = fact(100, "queued", BAD, is_bad=True)
    report = reported(store_of(*FACTS, bad), truth_of(*FACTS, bad, incident=incident))
    assert report["incidents"][0]["executed_at"] is None
    assert report["problems"] == ["campaign:winter-clearance went bad and was not stopped"]


def test_the_senders_own_record_stands_in_for_a_missing_outcome() -> None:
    incident = Incident("campaign:" + BAD, campaign=BAD)
    bad = fact(100, "queued", BAD, is_bad=True)
    truth = truth_of(*FACTS, bad, incident=incident)
    truth.controls.append(ControlCall(MS + 100, "sendgrid", "pause_campaign", BAD, 503, ""))
    truth.controls.append(ControlCall(MS + 800, "sendgrid", "pause_campaign", BAD, 201, ""))
    report = reported(store_of(*FACTS, bad), truth)
    assert report["incidents"][0]["executed_at"] == "2026-11-22T00:00:00.800Z"


@pytest.mark.parametrize(
    ("decision", "pauses"),
    [
        (("d", "pause_campaign", "news", "", 0, MS), 1),
        (("d", "rest_ip", "", "203.0.113.31", 0, MS), 1),
        (("d", "rest_ip", "", "203.0.113.32", 0, MS), 0),
        (("d", "throttle", "news", "", 0, MS), 0),
        (("not-done", "pause_campaign", "news", "", 0, MS), 0),
    ],
)
def test_stopping_what_is_not_bad_is_a_false_pause(decision: tuple[Any, ...], pauses: int) -> None:
    incident = Incident("ip_provider:203.0.113.32|outlook", ip="203.0.113.32", mailbox_provider="outlook")
    stored = store_of(*FACTS, decisions=[decision], done={"d": MS})
    assert reported(stored, truth_of(*FACTS, incident=incident))["false_pauses"] == pauses


def test_without_figures_the_report_says_null() -> None:
    report = reported(store_of(*FACTS, latency=(0, 0.0, 0.0)), truth_of(*FACTS))
    assert report["score_latency_ms"] == report["end_to_end_ms"] == {"p50": None, "p99": None}


def shown(report: dict[str, Any]) -> str:
    console = Console(width=80, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(render(report))
    return capture.get()


def test_the_shown_report_fits_80_columns_and_ends_with_a_verdict() -> None:
    text = shown(reported(store_of(*FACTS), truth_of(*FACTS), [1_500.0]))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "1.50 s" in text
    assert "12  transitions; 5 members, 0 differ from SQL" in text
    assert "Nothing lost" in " ".join(text.split())


def test_the_shown_report_names_what_went_wrong() -> None:
    incident = Incident("campaign:" + BAD, campaign=BAD, messages_sent=1_234)
    bad = fact(100, "queued", BAD, is_bad=True)
    text = " ".join(shown(reported(store_of(*FACTS), truth_of(*FACTS, bad, incident=incident))).split())
    assert "Not as promised" in text
    assert "nobody stopped it, 1,234 messages" in text
    assert "1 events were accepted and are not in ClickHouse" in text


async def test_waiting_ends_when_everything_is_stored_and_counted() -> None:
    assert await wait_until_stored(store_of(*FACTS, failures=2), truth_of(*FACTS), 20, 20)


@pytest.mark.parametrize("missing", [{"miscounted": 1}, {"dead_letters": 0}, {"activities": ("a1",)}])
async def test_waiting_gives_up_when_nothing_moves(missing: dict[str, Any]) -> None:
    truth = truth_of(*FACTS)
    truth.activities.update({"a1", "a2"} if "activities" in missing else ())
    assert not await wait_until_stored(store_of(*FACTS, **missing), truth, 20, 0.1)


async def test_waiting_gives_up_at_the_deadline() -> None:
    assert not await wait_until_stored(store_of(*FACTS[1:]), truth_of(*FACTS), 0.1, 60)
