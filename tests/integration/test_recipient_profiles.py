"""A recipient's profile says what the evaluator of segments says of the same events, and what counting by hand says."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from benchmarks.recipients import TENANT
from dashboards.segments.profile import profile
from dashboards.segments.why import Asked, UnknownRecipientError, explain
from schemas.access import ConsoleAccess
from schemas.events import ActivityEvent, EmailEvent, EventType
from schemas.segments.rules import Segment
from sinks.migrate import apply_tables
from streams.commands.segments_profile import page, run_profile
from tests.integration.backtest_cases import store_records
from tests.integration.segment_console import ADA, NOW, console, filled_store, get, post
from tests.integration.store_process import StoreProcess
from tests.integration.test_segments_agree import DAY, DAYS, START, events

LOG = events()
WHO = sorted({event.recipient_key for event in LOG if event.recipient_key})
HOUR = 3_600_000


def said(number: int, at: int, **fields: Any) -> ActivityEvent:
    plain: dict[str, Any] = {"activity": "identify", "name": "", "received_at": at, **fields}
    return ActivityEvent(
        event_id=f"{number:032x}", tenant="hand", source="s", provider="p", occurred_at=at, recipient_key="r", **plain
    )  # fmt: skip


def mailed(number: int, event_type: EventType, at: int, **fields: Any) -> EmailEvent:
    plain: dict[str, Any] = {"tenant": "hand", "received_at": at, "mailbox_provider": "gmail", **fields}
    return EmailEvent(
        event_id=f"{number:032x}", source="s", provider="p", event_type=event_type, occurred_at=at,
        recipient_key="r", **plain,
    )  # fmt: skip


HAND_ACTIVITIES = [
    said(1, START, traits='{"plan": "trial", "plan": "never", "city": {"name": "Ulm"}, "gone": 1}'),
    said(2, START + HOUR, traits='{"plan": "pro", "gone": null}'),
    said(3, START - HOUR, traits='{"plan": "none", "age": 40}', received_at=START + 2 * HOUR),  # late, of before
    said(4, START + 9 * DAY, traits='{"plan": "later"}', received_at=START),  # of the future
    said(5, START, activity="track", name="Privacy", properties='{"purpose": "profiling", "granted": true}'),
    said(6, START + HOUR, activity="privacy", properties='{"purpose": "profiling", "granted": false}'),
    said(7, START + 2 * HOUR, activity="privacy", properties='{"purpose": "profiling", "granted": "yes"}'),
]
HAND_MAILS = [
    mailed(11, EventType.UNSUBSCRIBED, START, stream="news"),
    mailed(12, EventType.SUBSCRIBED, START + 1, stream="news"),
    mailed(13, EventType.SUBSCRIBED, START + 2),
    mailed(14, EventType.UNSUBSCRIBED, START + 3, stream="marketing"),
    mailed(15, EventType.UNSUBSCRIBED, START + 4, stream="news", machine="machine"),
    mailed(16, EventType.CLICKED, START + 5, message_id="m", machine="uncertain", mailbox_provider=""),
    mailed(17, EventType.OPENED, START + 6, message_id="m", machine="machine"),
]


def twelve_messages() -> list[EmailEvent]:
    """The first is delivered once more at the end; of the last ten two are opened and one of these clicked."""
    deliveries = [(f"m{number}", START + number * HOUR) for number in range(12)] + [("m0", START + 20 * HOUR)]
    found = [(EventType.DELIVERED, message, at) for message, at in deliveries]
    found += [(EventType.OPENED, message, START + 21 * HOUR) for message in ("m0", "m1", "m2", "m11", "m11", "other")]
    found += [(EventType.CLICKED, message, START + 22 * HOUR) for message in ("m11", "m1")]
    return [
        mailed(100 + number, kind, at, message_id=message, tenant="mail")
        for number, (kind, message, at) in enumerate(found)
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    process = StoreProcess(tmp_path_factory.mktemp("store"))
    client = process.start()
    apply_tables(client)
    for log in (LOG, HAND_MAILS + twelve_messages(), HAND_ACTIVITIES):
        for kind in (EmailEvent, ActivityEvent):
            if records := [event for event in log if isinstance(event, kind)]:
                store_records(client, records)
    yield client
    client.close()
    process.stop()


def rules(score: float) -> list[Segment]:
    nodes: dict[str, Any] = {
        "score": {"engagement": {"is": {"eq": score}}},
        "none-opened": {"last_messages": {"n": 10, "fewer": True, "none": "opened"}},
        "all-clicked": {"last_messages": {"n": 10, "fewer": True, "all": "clicked"}},
        "ten": {"last_messages": {"n": 10, "any": ["opened", "clicked"]}},
    }
    return [Segment.model_validate({"id": id_, "tenant": TENANT, "rule": node}) for id_, node in nodes.items()]


@pytest.mark.parametrize("day", [6, 20, DAYS + 3])
def test_the_score_and_the_last_messages_are_those_of_the_evaluator(store: Client, day: int) -> None:
    at, scores, opened = START + day * DAY, list[float](), Counter[int]()
    for who in WHO[::2]:
        found = profile(store, TENANT, who, at)
        asked = Asked(tenant=TENANT, recipient_key=who, segment_id="", at=at)
        told = {why.segment.id: why.reason.holds for why in explain(store, rules(found["engagement"]), asked).whys}
        last = found["last_messages"]
        assert told["score"], (who, found["engagement"])
        assert told["none-opened"] == (last["delivered"] > 0 and last["opened"] == 0), who
        assert told["all-clicked"] == (last["delivered"] > 0 and last["clicked"] == last["delivered"]), who
        assert told["ten"] == (last["delivered"] == 10 and last["opened"] + last["clicked"] > 0), who
        scores.append(found["engagement"])
        opened[last["opened"]] += 1
    assert sum(score > 0 for score in scores) > 8
    assert len(opened) >= 2


def test_the_hours_are_those_of_people_with_ten_of_everybodys(store: Client) -> None:
    at = START + DAYS * DAY
    own = {who: slots(at, who) for who in WHO}
    everybody = sum(own.values(), Counter[int]())
    for who in WHO:
        found = profile(store, TENANT, who, at)
        count = own[who].total()
        shares = {
            slot: (own[who][slot] + 10 * everybody[slot] / everybody.total()) / (count + 10) for slot in range(168)
        }
        shares = {slot: share for slot, share in shares.items() if share > 0}
        best = sorted(shares, key=lambda slot: (-round(shares[slot], 12), slot))[:3]
        assert found["reactions"] == count
        assert [(each["weekday"] - 1) * 24 + each["hour"] for each in found["hours"]] == best, who
        assert [each["share"] for each in found["hours"]] == pytest.approx([shares[slot] for slot in best])


def slots(at: int, who: str) -> Counter[int]:
    """Hours of the week with a person's opens and clicks; of repeats the last counts."""
    last = {event.event_id: event for event in LOG if isinstance(event, EmailEvent)}
    return Counter(
        moment.weekday() * 24 + moment.hour
        for event in last.values()
        if event.recipient_key == who
        and event.event_type in {EventType.OPENED, EventType.CLICKED}
        and event.machine != "machine"
        and max(event.received_at, event.occurred_at) <= at
        and (moment := datetime.fromtimestamp(event.occurred_at / 1_000, UTC))
    )


def test_consent_and_traits_are_the_newest_words(store: Client) -> None:
    found = profile(store, "hand", "r", START + DAY)
    assert found["traits"] == {"plan": "pro", "city": {"name": "Ulm"}, "age": 40}
    assert found["consent"] == {"profiling": "denied", "news": "granted", "marketing": "denied"}
    assert (found["mailbox_provider"], found["first_seen_at"]) == ("gmail", "2026-03-26T23:00:00.000Z")
    before = profile(store, "hand", "r", START)
    assert before["traits"] == {"plan": "trial", "city": {"name": "Ulm"}, "gone": 1}
    assert before["consent"] == {"profiling": "granted", "news": "denied"}


def test_consent_is_that_of_the_segments_node(store: Client) -> None:
    for at in (START, START + 1, START + 2, START + HOUR, START + DAY):
        words = profile(store, "hand", "r", at)["consent"]
        asked = Asked(tenant="hand", recipient_key="r", segment_id="", at=at)
        nodes = [
            Segment.model_validate(
                {"id": f"{purpose}-{word}", "tenant": "hand", "consent": {"purpose": purpose, "is": word}}
            )
            for purpose in ("profiling", "news", "marketing")
            for word in ("granted", "denied", "unknown")
        ]
        told = {why.segment.id for why in explain(store, nodes, asked).whys if why.reason.holds}
        assert told == {f"{purpose}-{words.get(purpose, 'unknown')}" for purpose in ("profiling", "news", "marketing")}


def test_of_more_than_ten_messages_the_last_count_by_their_first_delivery(store: Client) -> None:
    found = profile(store, "mail", "r", START + DAY)["last_messages"]
    assert found == {"delivered": 10, "opened": 2, "clicked": 1}


def test_of_a_stranger_nothing_is_said(store: Client) -> None:
    for tenant, who in (("hand", "nobody"), ("nobody", "r")):
        with pytest.raises(UnknownRecipientError, match=f"no event of the recipient {who} of the tenant {tenant} is"):
            profile(store, tenant, who, START + DAY)
    with pytest.raises(UnknownRecipientError):
        profile(store, "hand", "r", START - 2 * HOUR)


def test_the_command_prints_it_for_people_and_for_programs(store: Client) -> None:
    out = io.StringIO()
    assert run_profile(store, "hand", "r", START + DAY, out) == 0
    assert out.getvalue() == (
        "Recipient r of hand\n"
        "at 2026-03-28 00:00:00 UTC\n"
        "\n"
        "engagement        2.931\n"
        "last messages     0 delivered, 0 opened, 0 clicked\n"
        "best hours, UTC   Fri 00:00 (100.0%); by 1 open or click of 90 days\n"
        "mailbox provider  gmail\n"
        "first seen        2026-03-26 23:00:00 UTC\n"
        "last seen         2026-03-27 02:00:00 UTC\n"
        "consent           marketing: denied, news: granted, profiling: denied\n"
        'traits            age: 40, city: {"name": "Ulm"}, plan: "pro"\n'
    )
    out, found = io.StringIO(), profile(store, "hand", "r", START + DAY)
    run_profile(store, "hand", "r", START + DAY, out, as_json=True)
    assert json.loads(out.getvalue()) == found


def test_what_is_not_known_is_said_in_words(store: Client) -> None:
    lines = page(profile(store, "hand", "r", START)).splitlines()
    assert "best hours, UTC   nobody opened or clicked in 90 days" in lines
    assert "mailbox provider  gmail" in lines
    assert profile(store, "hand", "r", START)["engagement"] == 0


async def test_the_api_answers_the_same_by_key_and_for_an_address_in_a_body(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async def note(_access: ConsoleAccess) -> None:
        """As if it were written."""

    home = tmp_path_factory.mktemp("home")
    with filled_store(home) as process:
        async with console(process, home, note=note) as browser:
            browser.session.headers["Mailweir-Who"] = "dana"
            by_key = await get(browser, f"/api/recipients/{ADA}?tenant=acme")
            by_address = await post(browser, "/api/recipients", {"recipient": "ada@example.test", "tenant": "acme"})
            for path, status, sentence in (
                ("ada@example.test?tenant=acme", 400, "An address does not belong into a URL; post it"),
                ("nobody?tenant=acme", 404, "No event of the recipient nobody of the tenant acme is stored"),
                (ADA, 400, "There are several tenants; choose with `tenant` one of acme, other."),
                (f"{ADA}?tenant=acmee", 404, "No tenant is called 'acmee'; did you mean `acme`?"),
                (f"{ADA}?tenent=acme", 422, "'tenent' is unknown here"),
            ):
                assert (await get(browser, f"/api/recipients/{path}", status))["error"].startswith(sentence)
    assert by_key == by_address
    assert (by_key["recipient_key"], by_key["last_seen_at"]) == (ADA, "2026-03-22T00:00:00.000Z")
    assert by_key["at"] == datetime.fromtimestamp(NOW / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
