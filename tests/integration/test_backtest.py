"""The back-test on a real store: it decides what the services decided, and depends on what is stored alone."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from rich.console import Console

from schemas.config import Config
from schemas.errors import Misconfigured
from schemas.events import EmailEvent, EventType
from schemas.policy import Policy
from schemas.remediation import Action, Decision, Mode
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.commands import backtest as command
from streams.commands.backtest import Asked, Rules, backtest, report_of
from streams.commands.stored_events import Window, stretches
from streams.core.reputation.watch.parameters import PARAMETERS
from tests.integration.backtest_cases import ACT, DEAD, T0, UNTIL, decided_live, event, mail, store_records

NOBODY = Console(file=io.StringIO())
WINDOW = Window(T0, UNTIL)
MINUTE = 60_000


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path_factory.mktemp('backtest')}")
    apply_tables(client)
    yield client
    client.close()


@pytest.fixture
def store(client: Client) -> Iterator[Client]:
    yield client
    for table in ("email_events", "decisions"):
        client.command(f"TRUNCATE TABLE mailweir.{table}")


def rules(config: Config = ACT) -> Rules:
    return Rules(config=config, name="try.yaml", parameters=PARAMETERS)


def report(store: Client, config: Config = ACT, window: Window = WINDOW, most: int = 200_000) -> dict[str, Any]:
    return report_of(backtest(store, window, rules(config), NOBODY, most))


def decisions_of(found: dict[str, Any]) -> list[tuple[str, str, int, float]]:
    return [(item["action"], item["key"], item["decided_at"], item["share"]) for item in found["decisions"]]


@pytest.mark.parametrize("partitions", [1, 3])
def test_it_decides_what_the_services_decided_whatever_their_partitions(store: Client, partitions: int) -> None:
    events = mail()
    live = decided_live(events, partitions, seed=partitions)
    store_records(store, events)
    found = backtest(store, WINDOW, rules(), NOBODY).decisions
    assert {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN} <= {Action(item.action) for item in found}
    assert found == live


def test_the_same_store_gives_the_same_bytes_whatever_the_order_of_rows_and_the_size_of_blocks(store: Client) -> None:
    events = mail(2)
    store_records(store, events)
    truth = json.dumps(report(store))
    assert truth == json.dumps(report(store, most=700))
    for given in (random.Random(3).sample(events, len(events)), [*events[::-1], *events[::3]]):
        store.command("TRUNCATE TABLE mailweir.email_events")
        store_records(store, given, batch=700)
        assert json.dumps(report(store, most=300)) == truth
    store.command("OPTIMIZE TABLE mailweir.email_events FINAL")
    assert json.dumps(report(store)) == truth


def test_it_is_read_in_stretches_that_cover_the_window_once(store: Client) -> None:
    store_records(store, mail(3))
    parts = stretches(store, Window(T0 + 500, T0 + 400_300), 50)
    assert parts[0].begin == T0 + 500
    assert parts[-1].end == T0 + 400_300
    assert all(one.end <= other.begin for one, other in pairwise(parts))
    assert len(parts) > 20
    assert all(part.rows <= 50 for part in parts)


def test_what_is_held_back_is_what_was_sent_in_the_time_of_each_decision(store: Client) -> None:
    events = mail(4)
    store_records(store, events)
    found = report(store)["decisions"]
    begun = 0
    for item in found:
        if item["held_back"] is None or item["share"] > 0:
            continue
        begin, end = item["decided_at"], item["held_back"]["until"]
        sent = [e for e in events if e.campaign_id == "spring" and begin <= e.occurred_at < end]
        bounced = [e for e in sent if e.event_type == EventType.BOUNCED]
        assert (item["held_back"]["messages"], item["held_back"]["bounces"]) == (len(sent), len(bounced))
        following = [other for other in found if other["key"] == item["key"] and other["decided_at"] > begin]
        assert end == (following[0]["decided_at"] if following else UNTIL)
        begun += 1
    assert begun >= 2


def test_mail_is_counted_by_when_it_was_sent_once_a_message_and_with_its_late_complaints(store: Client) -> None:
    pause = next(item["decided_at"] for item in paused(store, mail(5)))
    before, after = {"campaign_id": "spring", "occurred_at": pause - 5_000}, {"campaign_id": "spring"}
    late = pause + MINUTE
    more = [
        event(90_001, late, **after, message_id="old", event_type=EventType.OPENED),  # sent before: it says so
        event(90_002, late, **after, message_id="old2", sent_at=pause - 1, event_type=EventType.DELIVERED),
        event(90_003, late, **before, message_id="old3", event_type=EventType.DEFERRED, recipient_key="k"),
        event(90_004, late + 1, **after, message_id="old3", recipient_key="k"),
        event(90_005, late, **after, message_id="new", recipient_key="k"),
        event(90_006, late + 9, **after, message_id="new", recipient_key="k", event_type=EventType.COMPLAINED),
        event(90_007, late + 20 * MINUTE, **after, message_id="new2", recipient_key="k", sent_at=late,
              event_type=EventType.COMPLAINED),
    ]  # fmt: skip
    first = held(report(store))
    store_records(store, more)
    second = held(report(store))
    assert (second["messages"] - first["messages"], second["complaints"] - first["complaints"]) == (2, 2)


def paused(store: Client, events: Sequence[EmailEvent]) -> list[dict[str, Any]]:
    store_records(store, events)
    return [item for item in report(store)["decisions"] if item["action"] == Action.PAUSE_CAMPAIGN]


def held(found: dict[str, Any]) -> dict[str, int]:
    first = next(item for item in found["decisions"] if item["action"] == Action.PAUSE_CAMPAIGN)
    return dict(first["held_back"])


def test_reality_stands_beside_it(store: Client) -> None:
    events = mail(6)
    store_records(store, events)
    alone = backtest(store, WINDOW, rules(), NOBODY).decisions
    same, apart_by_id = alone[0], alone[1]
    moved = {name: getattr(apart_by_id, name) for name in Decision.__slots__} | {
        "decision_id": "0" * 32, "decided_at": apart_by_id.decided_at + 2_000, "mode": Mode.SUGGEST,
    }  # fmt: skip
    other = moved | {"decision_id": "1" * 32, "key": "autumn", "campaign_id": "autumn"}
    store_records(store, [same, Decision(**moved), Decision(**other)])
    found = report(store)
    assert [item["in_reality"] and item["in_reality"]["decision_id"] for item in found["decisions"][:3]] == [
        same.decision_id, "0" * 32, None,
    ]  # fmt: skip
    assert [item["key"] for item in found["only_in_reality"]] == ["autumn"]
    assert found["totals"]["also_in_reality"] == 2


def test_another_policy_decides_otherwise_and_nothing_of_it_is_done_by_itself(store: Client) -> None:
    store_records(store, mail(7))
    suggested = report(store, Config(policies=[Policy(mode=Mode.SUGGEST)]))
    assert {item["mode"] for item in suggested["decisions"]} == {Mode.SUGGEST}
    assert not any(suggested["totals"]["held_back"]["done_by_itself"].values())
    assert suggested["totals"]["held_back"]["had_a_person_agreed"]["messages"] > 200
    alerts = report(store, Config(policies=[Policy(mode=Mode.ACT, actions=[Action.ALERT])]))
    assert {item["action"] for item in alerts["decisions"]} == {Action.ALERT}
    assert all(item["held_back"] is None for item in alerts["decisions"])


def test_one_tenant_alone(store: Client) -> None:
    others = [event(200_000 + n, T0 + n * 50, tenant="zeta", campaign_id="z", **DEAD) for n in range(300)]
    store_records(store, [*mail(8), *others])
    assert {item["tenant"] for item in report(store)["decisions"]} == {"acme", "zeta"}
    assert {item["tenant"] for item in report(store, window=Window(T0, UNTIL, "zeta"))["decisions"]} == {"zeta"}


def test_the_report_fits_the_screen_and_says_what_it_is(store: Client, tmp_path: Path) -> None:
    store_records(store, mail(9))
    out, path = io.StringIO(), tmp_path / "report.json"
    asked = Asked(since="2026-11-01", json_path=path)
    ticking = iter((5.0, 7.5))
    assert command.run(store, asked, rules(), out, NOBODY, UNTIL + MINUTE, lambda: next(ticking)) == 0
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "pause campaign spring" in text
    assert "of the last" in text
    assert "in 2.5 s" in text
    assert "In reality a pause changes what is sent afterwards" in text
    written = json.loads(path.read_text())
    assert written["decisions"][0]["evidence"]["signals"]
    assert written["until"] == (max(e.received_at for e in mail(9)) // 1000 + 1) * 1000


def test_the_page_shows_what_the_command_prints(store: Client) -> None:
    events = mail(1)
    store_records(store, events)
    made = backtest(store, WINDOW, rules(), NOBODY).decisions
    real = {name: getattr(made[1], name) for name in Decision.__slots__} | {"decision_id": "2" * 32}
    store_records(store, [Decision(**{**real, "decided_at": made[1].decided_at + 95_000, "mode": Mode.SUGGEST})])
    out = io.StringIO()
    config = Config(policies=[Policy(mode=Mode.ACT, version="strict-2")])
    asked = Asked(since="2026-11-01", until="2026-11-01T12:00")
    command.run(store, asked, Rules(config=config, name="strict.yaml", parameters=PARAMETERS), out, NOBODY, 0, one)
    page = (Path(__file__).parents[2] / "docs" / "backtest.md").read_text(encoding="utf-8")
    assert out.getvalue() in page, f"docs/backtest.md: its example is now\n\n{out.getvalue()}"


def one() -> float:
    """A clock that stands still: nothing is said of how long it took."""
    return 1.0


def test_without_events_it_says_so(store: Client) -> None:
    out = io.StringIO()
    assert command.run(store, Asked(since="7d"), rules(), out, NOBODY, UNTIL, lambda: 0.0) == 0
    assert out.getvalue() == "No events were received since 2026-10-25 10:40 UTC.\n"


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [("soon", "", "--since: 'soon' is no moment"), ("2026-11-01", "2026-10-01", "--until: 2026-10-01 is not after")],
)
def test_a_wrong_span_is_refused_with_a_sentence(store: Client, since: str, until: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        command.run(store, Asked(since=since, until=until), rules(), io.StringIO(), NOBODY, UNTIL, lambda: 0.0)
