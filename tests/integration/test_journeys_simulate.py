"""`mailweir journeys simulate` says of the stored events what the journey does to them as they come."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from schemas.errors import MailweirError, Misconfigured
from schemas.events import ActivityEvent, EmailEvent, EventType
from schemas.journeys.files import load_journeys
from schemas.segments.files import load_segments
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.commands.journeys_simulate import Asked, run_simulate
from streams.core.journeys.along import Traveller
from streams.core.journeys.flows import Flows
from streams.core.segments.fact import of_activity, of_mail
from streams.core.segments.program import Program
from tests.integration.backtest_cases import store_records
from tests.integration.test_segments_agree import DAY, DAYS, START, events

FOLDER = Path(__file__).parents[2] / "examples"
HOUR = DAY // 24
JOURNEYS = load_journeys([FOLDER / "journeys"])
SEGMENTS = load_segments([FOLDER / "segments"])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path / 'store'}")
    apply_tables(client)
    yield client
    client.close()


def activity(who: str, name: str, at: int, **properties: Any) -> ActivityEvent:
    return ActivityEvent(
        event_id=f"{who} {name} {at}", tenant="default", source="s", provider="shopify", activity="track", name=name,
        occurred_at=at, received_at=at, recipient_key=who, properties=json.dumps(properties),
    )  # fmt: skip


def told(store: Client, id_: str, since: int, until: int, **options: Any) -> str:
    out = io.StringIO()
    asked = Asked(journey_id=id_, since=since, until=until)
    assert run_simulate(store, JOURNEYS, SEGMENTS, asked, out, **options) == 0
    return out.getvalue()


def words(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_it_says_who_would_have_entered_which_way_and_after_how_long(store: Client) -> None:
    carts = [activity(who, "Checkout Started", START + n * HOUR, cart_id="c", total=50) for n, who in enumerate("abcd")]
    order = activity("a", "Order Completed", START + HOUR, cart_id="c", total=50)
    early = activity("d", "Checkout Started", START - DAY, cart_id="c0", total=50)
    store_records(store, [early, *carts, order])
    assert words(told(store, "abandoned-cart", START, START + 10 * HOUR)) == [
        "abandoned-cart, from 2026-03-27 00:00 to 2026-03-27 10:00 UTC: what would have been",
        "by 6 stored events of 4 recipients; nothing was sent",
        "",
        "entered 4 runs of 4 recipients",
        "under way 2 at the end",
        "calls 3",
        "",
        "runs median after what step",
        "3 2h waited time steps[0]",
        "3 2h called crm steps[2]",
        "2 2h split part 0 steps[3]",
        "1 2h split part 1 steps[3]",
        "1 2h left done",
        "1 1h left exit_when",
    ]
    assert words(told(store, "abandoned-cart", 0, START + 10 * HOUR))[3] == "entered 5 runs of 4 recipients"


def test_it_agrees_with_the_journey_event_by_event(store: Client) -> None:
    log = events()
    for event in log:
        event.tenant = "default"
        if isinstance(event, EmailEvent) and event.event_type == EventType.BOUNCED:
            event.event_type = EventType.SUBSCRIBED
    store_records(store, [event for event in log if isinstance(event, EmailEvent)])
    store_records(store, [event for event in log if isinstance(event, ActivityEvent)])
    until = START + (DAYS + 20) * DAY
    newest = {event.event_id: event for event in log}
    facts: dict[str, list[Any]] = {}
    for event in sorted(newest.values(), key=lambda each: (each.received_at, each.occurred_at, each.event_id)):
        of = of_mail if isinstance(event, EmailEvent) else of_activity
        facts.setdefault(event.recipient_key, []).append(of(event, event.received_at))
    flows = Flows(JOURNEYS)
    program, entered, calls = Program([*SEGMENTS, *flows.rules]), dict[str, int](), dict[str, int]()
    for key, theirs in facts.items():
        traveller = Traveller(program, flows, key)
        for step in [step for fact in theirs for step in traveller.take(fact)] + traveller.advance(until):
            counted = {"entered": entered, "called": calls}.get(step.kind)
            if counted is not None:
                counted[step.journey_id] = counted.get(step.journey_id, 0) + 1
    assert len(entered) >= 2
    for id_ in entered:
        found = json.loads(told(store, id_, 0, until, as_json=True))
        assert (found["entered"], found["calls"]) == (entered[id_], calls.get(id_, 0))


def test_a_journey_that_is_not_there_and_a_store_without_events_are_answered(store: Client) -> None:
    with pytest.raises(Misconfigured, match="no journey has the id winback; did you mean `win-back`"):
        told(store, "winback", 0, START)
    with pytest.raises(Misconfigured, match="more than one journey is meant; choose with --id"):
        told(store, "", 0, START)
    with pytest.raises(MailweirError, match="no event of the tenant default is stored up to 2026-03-27 00:00 UTC"):
        told(store, "win-back", 0, START)
