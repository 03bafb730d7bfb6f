"""Approve and revert through the page: who and why are asked for, and the word arrives in the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, TopicPartition
from playwright.async_api import Browser, Locator, expect

from schemas.aggregates import KeyKind
from schemas.avro import Codec
from schemas.remediation import Action, Decision, Mode, OutcomeStatus, Ruling, Verb
from schemas.settings import Settings
from schemas.topics import RULINGS
from sinks.migrate import apply_tables
from streams.local.broker import Tansu
from streams.topics import apply_topics
from streams.wiring.ruling_log import RulingLog
from tests.browser.decided import made_decision, outcome
from tests.browser.mail import NOW
from tests.browser.served import serving
from tests.browser.visit import visiting
from tests.browser.world import store_all
from tests.integration.store_process import StoreProcess
from tests.unit.dashboards.fakes import Clock

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Log:
    """The topic of rulings: what writes into it, and what was written since the test began."""

    writer: RulingLog
    reader: Consumer

    def next(self) -> Ruling:
        """The next ruling; waits for it."""
        message = self.reader.poll(20)
        assert message is not None, "no ruling came"
        return Codec().decode(message.value() or b"", Ruling)

    def is_at_its_end(self) -> bool:
        """Nothing more was written."""
        return self.reader.poll(0.2) is None


@pytest.fixture
def log(tansu: Tansu) -> Iterator[Log]:
    apply_topics(tansu.bootstrap, 1, 1)
    reader = Consumer({"bootstrap.servers": tansu.bootstrap, "group.id": "browser", "enable.auto.commit": False})
    _, end = reader.get_watermark_offsets(TopicPartition(RULINGS.name, 0), timeout=10)
    reader.assign([TopicPartition(RULINGS.name, 0, end)])
    found = Log(RulingLog(Settings(kafka=tansu.bootstrap)), reader)
    yield found
    found.writer.close()
    reader.close()


@pytest.fixture
def rest(chromium: Browser) -> Decision:
    """A decision that waits; the store of a test gets it."""
    return made_decision("rest", Action.REST_IP, KeyKind.IP, "198.51.100.24", NOW - 60_000, mode=Mode.APPROVE)


@pytest.fixture
def store(rest: Decision, tmp_path: Path) -> Iterator[tuple[StoreProcess, Client]]:
    process = StoreProcess(tmp_path / "store")
    client = process.start()
    apply_tables(client)
    store_all(client, [rest, outcome(rest, OutcomeStatus.WAITING, 1)])
    yield process, client
    client.close()
    process.stop()


async def say(card: Locator, verb: str, why: str, who: str = "") -> None:
    """Press the button, fill the form in, send it."""
    await card.get_by_role("button", name=verb).click()
    form = card.get_by_role("form")
    if who:
        await form.get_by_label("Your name").fill(who)
    await form.get_by_label("Reason").fill(why)
    await form.get_by_role("button", name=verb).click()


async def test_a_decision_is_approved_and_reverted_and_both_words_arrive_in_the_log(
    chromium: Browser, store: tuple[StoreProcess, Client], rest: Decision, log: Log
) -> None:
    process, client = store
    clock = Clock(NOW)
    async with serving(process, clock, append=log.writer.append) as url, visiting(chromium, url) as visit:
        await visit.open("/", ".event")
        card = visit.find("#decision-rest")
        await expect(visit.find("#decisions-note")).to_have_text("1 waits for you")
        await say(card, "Approve", "It sends nothing else.", who="Dana")
        await expect(card.locator(".done .chip")).to_have_text("approved, on its way")
        await expect(visit.find("#decisions-said")).to_have_text("approved; approved, on its way.")
        approved = log.next()
        assert (approved.decision_id, approved.verb, approved.who, approved.why) == (
            *("rest", Verb.APPROVE, "Dana", "It sends nothing else."),
        )
        store_all(client, [approved, outcome(rest, OutcomeStatus.DONE, 2)])  # as the services would, of that word
        clock.at_ms += 60_000
        await expect(card.locator(".done .chip")).to_have_text("done")
        await card.get_by_role("button", name="Revert").click()
        await expect(card.locator(".would")).to_contain_text("The address 198.51.100.24 goes back to sending")
        await expect(card.get_by_label("Your name")).to_have_value("Dana")  # asked once
        await card.get_by_label("Reason").fill("The list is gone.")
        await card.get_by_role("form").get_by_role("button", name="Revert").click()
        await expect(card.locator(".done .chip")).to_have_text("being reverted")
        await expect(card.locator(".said").last).to_contain_text("Dana reverted")
    reverted = log.next()
    assert (reverted.decision_id, reverted.verb, reverted.why) == ("rest", Verb.REVERT, "The list is gone.")
    assert log.is_at_its_end()


async def test_a_word_without_a_reason_is_not_taken_and_escape_takes_the_form_back(
    chromium: Browser, store: tuple[StoreProcess, Client], log: Log
) -> None:
    async with serving(store[0], append=log.writer.append) as url, visiting(chromium, url) as visit:
        await visit.open("/", ".event")
        card = visit.find("#decision-rest")
        await say(card, "Reject", "   ", who="Dana")
        await expect(card.get_by_role("alert")).to_have_text("Say why; the reason is kept.")
        await expect(card.get_by_label("Reason")).to_be_focused()
        await visit.page.keyboard.press("Escape")
        await expect(card.get_by_role("button", name="Reject")).to_be_focused()
        await expect(card.get_by_role("form")).to_have_count(0)
    assert log.is_at_its_end()


async def test_a_refusal_stands_beside_the_form_and_what_was_typed_stays(
    chromium: Browser, store: tuple[StoreProcess, Client]
) -> None:
    async with serving(store[0]) as url, visiting(chromium, url) as visit:  # it has no log
        visit.expect_refusal(503)
        await visit.open("/", ".event")
        card = visit.find("#decision-rest")
        await say(card, "Approve", "It sends nothing else.", who="Dana")
        await expect(card.get_by_role("alert")).to_contain_text("This console has no log to write to")
        await expect(card.get_by_label("Reason")).to_have_value("It sends nothing else.")
