"""`/api/recipients` over a real store and a real log: what is shown, and that nothing is shown unrecorded."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from confluent_kafka import Consumer, TopicPartition

from dashboards.console.app import build_console
from dashboards.console.looks import Note
from schemas.access import ConsoleAccess
from schemas.avro import Codec
from schemas.config_file import parse_config
from schemas.errors import Transient
from schemas.events import ActivityEvent, EmailEvent, EventType
from schemas.identity import digest, recipient_key
from schemas.journeys.steps import JourneyStep, StepKind
from schemas.settings import Settings
from schemas.suppressions import Suppression
from schemas.topics import CONSOLE_ACCESS
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.local.broker import Broker
from streams.topics import apply_topics
from streams.wiring.access_log import AccessLog
from tests.integration.backtest_cases import store_records
from tests.integration.segment_console import Browser, get, post
from tests.integration.store_process import StoreProcess

NOW = 1_774_569_600_000  # 2026-03-27T00:00Z
HOUR, DAY = 3_600_000, 86_400_000
CONFIG = parse_config({"tenants": [{"name": "acme", "recipient_secret": "a-secret"}, {"name": "other"}]}, {}, "test")
ADDRESS = "Ada@Example.test"
ADA = recipient_key("a-secret", "acme", ADDRESS)
ASK = {"recipient": ADDRESS, "tenant": "acme", "who": "dana", "why": "She gets no mail."}


def mail(number: int, at: int, kind: EventType = EventType.DELIVERED, **fields: Any) -> EmailEvent:
    plain: dict[str, Any] = {"tenant": "acme", "recipient_key": ADA, "received_at": at + 400, **fields}
    return EmailEvent(
        event_id=digest(number), source="sg", provider="sendgrid", event_type=kind, occurred_at=at,
        recipient=ADDRESS, campaign_id="spring", raw_topic="t", raw_partition=1, raw_offset=number, **plain,
    )  # fmt: skip


def visit(number: int, at: int, **fields: Any) -> ActivityEvent:
    return ActivityEvent(
        event_id=digest("activity", number), tenant="acme", source="web", provider="segment", activity="track",
        name="Order Completed", occurred_at=at, received_at=at, recipient_key=ADA, **fields,
    )  # fmt: skip


# Mail and visits by turns, some of one millisecond; strangers; the older half told twice.
MAILS = [mail(number, NOW - number // 3 * HOUR) for number in range(160)]
VISITS = [visit(number, NOW - number * HOUR, url="https://shop.test/cart?token=s3cret#x") for number in range(90)]
REFUSED = mail(
    900, NOW - 20 * DAY, EventType.BOUNCED, smtp_response="550 5.1.1 <ada@example.test> no such user", smtp_code=550
)
STRANGERS = [mail(800, NOW - HOUR, recipient_key="somebody"), mail(801, NOW - HOUR, tenant="other")]


def fact(cause: str, since: int, who: str = ADA, **fields: Any) -> Suppression:
    plain: dict[str, Any] = {"status": "active", **fields}
    return Suppression(tenant="acme", scope="tenant", recipient_key=who, cause=cause, since=since, **plain)


SUPPRESSIONS = [
    fact("dead_address", NOW - 20 * DAY, reason="ada@example.test is gone"),
    fact("complaint", NOW - 9 * DAY),
    fact("complaint", NOW - 2 * DAY, status="removed", reason="a mistake"),
    fact("soft", NOW - 9 * DAY, until=NOW - DAY),
    fact("manual", NOW - DAY, "somebody"),
]  # fmt: skip


def step(number: int, kind: StepKind, at: int, outcome: str = "") -> JourneyStep:
    return JourneyStep(
        step_id=digest("step", number), tenant="acme", recipient_key=ADA, journey_id="welcome", version="v1",
        run_id="r", number=number, kind=kind, outcome=outcome, place=f"steps[{number}]", at=at, cause="", key="",
        data="",
    )  # fmt: skip


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    store = StoreProcess(tmp_path_factory.mktemp("recipients"))
    client = store.start()
    apply_tables(client)
    client.command("SYSTEM STOP MERGES")
    store_records(client, [*MAILS, REFUSED, *STRANGERS])
    store_records(client, MAILS[80:])
    store_records(client, VISITS)
    store_records(client, SUPPRESSIONS)
    store_records(client, [step(1, StepKind.ENTERED, NOW - DAY), step(2, StepKind.CALLED, NOW - HOUR, "crm")])
    client.close()
    yield store
    store.stop()


class Notes:
    """Keeps what is written; can be away."""

    def __init__(self) -> None:
        self.written: list[ConsoleAccess] = []
        self.is_away = False

    async def append(self, access: ConsoleAccess) -> None:
        if self.is_away:
            raise Transient("no Kafka broker answers at 127.0.0.1:9092", 3.0)
        self.written.append(access)


@asynccontextmanager
async def console(process: StoreProcess, note: Note | None) -> AsyncIterator[Browser]:
    app = build_console(lambda: connect(process.url), lambda: NOW, config=CONFIG, note=note)
    async with TestClient(TestServer(app)) as browser:
        yield browser


async def test_the_timeline_has_every_event_once_page_by_page(process: StoreProcess) -> None:
    notes, found, after = Notes(), list[dict[str, Any]](), ""
    async with console(process, notes.append) as browser:
        while after is not None:
            page = await post(browser, "/api/recipients/timeline", ASK | ({"after": after} if after else {}))
            assert page["recipient_key"] == ADA
            assert len(page["events"]) <= 100
            found += page["events"]
            after = page["next"]
    stored = sorted([*MAILS, REFUSED, *VISITS], key=lambda each: (each.occurred_at, each.event_id), reverse=True)
    assert [(each["at"], each["event_id"]) for each in found] == [(each.occurred_at, each.event_id) for each in stored]
    assert [each.part for each in notes.written] == ["timeline"] * 3


async def test_an_event_is_told_without_addresses_and_with_the_way_to_its_raw_record(process: StoreProcess) -> None:
    async with console(process, Notes().append) as browser:
        page = await post(browser, "/api/recipients/timeline", ASK | {"after": f"{NOW - 19 * DAY}-"})
        (refused,) = page["events"]
        newest = (await post(browser, "/api/recipients/timeline", ASK))["events"]
    assert (refused["origin"], refused["what"], refused["smtp_code"]) == ("mail", "bounced", 550)
    assert refused["reply"] == "550 5.1.1 <…@…> no such user"
    assert (refused["raw_topic"], refused["raw_partition"], refused["raw_offset"]) == ("t", 1, 900)
    (activity, *_) = [each for each in newest if each["origin"] == "activity"]
    assert (activity["what"], activity["name"], activity["page"]) == (
        "track",
        "Order Completed",
        "https://shop.test/cart",
    )
    assert "xample.test" not in str(newest)


async def test_the_standing_has_what_is_in_force_and_what_was(process: StoreProcess) -> None:
    async with console(process, Notes().append) as browser:
        found = await post(browser, "/api/recipients/standing", ASK)
        nobody = await post(browser, "/api/recipients/standing", ASK | {"recipient": "nobody"})
    told = [(each["cause"], each["status"], each["in_force"]) for each in found["suppressions"]]
    assert told == [
        ("dead_address", "active", True), ("complaint", "removed", False), ("complaint", "active", False),
        ("soft", "active", False),
    ]  # fmt: skip
    assert found["suppressions"][0]["reason"] == "…@… is gone"
    assert found["suppressions"][1]["reason"] == "a mistake"
    (run,) = found["journeys"]
    assert (run["journey_id"], run["entered_at"], run["calls"], run["ended"]) == ("welcome", NOW - DAY, 1, "")
    assert (nobody["suppressions"], nobody["journeys"]) == ([], [])


async def test_what_is_in_force_is_what_the_view_for_analysts_says(process: StoreProcess) -> None:
    sql = "SELECT cause FROM mailweir.suppressed WHERE tenant = 'acme' AND recipient_key = {who:String}"
    client = connect(process.url)
    plain = [cause for (cause,) in client.query(sql, {"who": ADA}).result_rows]
    client.close()
    async with console(process, Notes().append) as browser:
        found = await post(browser, "/api/recipients/standing", ASK)
    assert [each["cause"] for each in found["suppressions"] if each["in_force"]] == plain


async def test_every_look_is_written_down_before_it_is_answered(process: StoreProcess) -> None:
    notes = Notes()
    async with console(process, notes.append) as browser:
        headers = {"Mailweir-Who": "bo", "Mailweir-Why": "a ticket"}
        for path in ("", "/timeline", "/standing"):
            await post(browser, f"/api/recipients{path}", ASK)
            answer = await browser.get(f"/api/recipients/{ADA}{path}?tenant=acme", headers=headers)
            assert answer.status == 200
        await post(browser, "/api/recipients", ASK | {"recipient": "nobody", "why": ""}, 404)
    told = [(each.tenant, each.recipient_key, each.part, each.who, each.why) for each in notes.written]
    assert told == [
        *(
            ("acme", ADA, part, *said)
            for part in ("profile", "timeline", "standing")
            for said in (("dana", "She gets no mail."), ("bo", "a ticket"))
        ),
        ("acme", "nobody", "profile", "dana", ""),
    ]
    assert {each.looked_at for each in notes.written} == {NOW}


@pytest.mark.parametrize("path", ["", "/timeline", "/standing"])
async def test_nothing_is_shown_while_a_look_cannot_be_written_down(
    process: StoreProcess, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    notes = Notes()
    notes.is_away = True
    async with console(process, notes.append) as browser:
        answer = await browser.post(f"/api/recipients{path}", json=ASK)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
        assert (await answer.json())["error"] == (
            "Nobody is shown while it cannot be written down who looked: no Kafka broker answers at 127.0.0.1:9092."
        )
    async with console(process, None) as browser:
        found = await post(browser, f"/api/recipients{path}", ASK, 503)
    assert found["error"].startswith("This console has no Kafka to write to, and no recipient is shown unless")
    assert "xample.test" not in caplog.text


@pytest.mark.parametrize(
    ("said", "status", "sentence"),
    [
        ({"who": " "}, 422, "Say who looks: what is looked at of a recipient is written down with a name."),
        ({"who": "x" * 201}, 422, "The field who has 201 characters; at most 200 are kept."),
        ({"why": "x" * 2_001}, 422, "The field why has 2001 characters; at most 2000 are kept."),
        ({"after": "yesterday"}, 400, "after: give back what `next` of the page before said."),
        ({"tenant": "acmee"}, 404, "No tenant is called 'acmee'; did you mean `acme`?"),
        ({"tenant": ""}, 400, "There are several tenants; choose with `tenant` one of acme, other."),
        ({"recipient": ""}, 422, "Say `recipient`, an address or a key of at most 320 characters."),
        ({"recipient": "nobody"}, 404, "No event of the recipient nobody of the tenant acme is stored up to 2026"),
        ({"name": "dana"}, 422, "'name' is unknown here"),
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused_with_a_sentence(
    process: StoreProcess, said: dict[str, str], status: int, sentence: str
) -> None:
    async with console(process, Notes().append) as browser:
        assert (await post(browser, "/api/recipients/timeline", ASK | said, status))["error"].startswith(sentence)


async def test_an_address_in_a_url_is_refused(process: StoreProcess) -> None:
    async with console(process, Notes().append) as browser:
        for path in ("", "/timeline", "/standing"):
            found = await get(browser, f"/api/recipients/ada@example.test{path}?tenant=acme", 400)
            assert found["error"].startswith("An address does not belong into a URL; post it")


async def test_a_look_comes_by_the_log_into_the_table_for_analysts(process: StoreProcess, broker: Broker) -> None:
    apply_topics(broker.bootstrap, 1, 1)
    log = AccessLog(Settings(kafka=broker.bootstrap))
    reader = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "looks-test", "enable.auto.commit": False})
    _, end = reader.get_watermark_offsets(TopicPartition(CONSOLE_ACCESS.name, 0), timeout=20)
    try:
        async with console(process, log.append) as browser:
            await post(browser, "/api/recipients", ASK | {"who": broker.name})
        reader.assign([TopicPartition(CONSOLE_ACCESS.name, 0, end)])
        message = reader.poll(20)
    finally:
        log.close()
        reader.close()
    assert message is not None
    record = Codec().decode(message.value() or b"", ConsoleAccess)
    client = connect(process.url)
    store_records(client, [record])
    store_records(client, [record])
    sql = "SELECT who, why, part, tenant, recipient_key FROM mailweir.access_log WHERE who = {who:String}"
    assert client.query(sql, {"who": broker.name}).result_rows == [
        (broker.name, "She gets no mail.", "profile", "acme", ADA)
    ]
    client.close()


async def test_a_log_that_is_away_is_said_within_seconds(process: StoreProcess) -> None:
    log = AccessLog(Settings(kafka="127.0.0.1:1"))
    try:
        async with console(process, log.append) as browser:
            found = await post(browser, "/api/recipients", ASK, 503)
    finally:
        log.close()
    assert found["error"].startswith("Nobody is shown while it cannot be written down who looked: ")
