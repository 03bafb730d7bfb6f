"""Dead letters in the browser: which there are and what to do, and one that is processed again through the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from playwright.async_api import Browser, expect

from schemas.avro import Codec
from schemas.config import Config
from schemas.envelope import RawWebhook
from schemas.errors import FailureCode
from schemas.failures import DeadLetter, Stage
from schemas.replays import HEADER
from schemas.settings import Settings
from schemas.topics import WEBHOOKS
from sinks.migrate import apply_tables
from streams.kafka import LogProducer, Record
from streams.local.broker import Tansu
from streams.topics import apply_topics, partitions_of
from streams.wiring.replaying import ReplayDesk
from tests.browser.mail import NOW
from tests.browser.served import serving
from tests.browser.visit import Visit, visiting
from tests.browser.world import store_all
from tests.integration.store_process import StoreProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOURCE = {"name": "hooks", "provider": "sendgrid", "tenant": "acme", "is_unsigned": True}
CONFIG = Config.model_validate({"sources": [SOURCE], "tenants": [{"name": "acme", "recipient_secret": "a-secret"}]})
POSTED = RawWebhook(
    request_id=f"{7:032x}", tenant="acme", source="hooks", provider="mailgun", received_at=NOW - 60_000,
    url="https://hooks.example.test/webhooks/hooks", body=b"[]",
)  # fmt: skip


class Topic:
    """The topic of requests: where one lies, and what comes after it."""

    def __init__(self, bootstrap: str) -> None:
        self._of = {"bootstrap.servers": bootstrap, "group.id": "letters", "enable.auto.commit": False}
        self._reader = Consumer({**self._of, "isolation.level": "read_committed"})
        self._bootstrap = bootstrap

    def ends(self) -> list[int]:
        """Of every partition, the offset that comes next."""
        number = partitions_of(self._bootstrap, WEBHOOKS)[WEBHOOKS]
        parts = [TopicPartition(WEBHOOKS.name, place) for place in range(number)]
        return [self._reader.get_watermark_offsets(part, timeout=10)[1] for part in parts]

    def receive(self, request: RawWebhook) -> tuple[int, int]:
        """Append it; its partition and offset."""
        before = self.ends()
        producer = LogProducer(self._bootstrap)
        producer.produce_all([Record(WEBHOOKS.name, Codec().encode(request))])
        producer.close(5)
        (place,) = (place for place, (old, new) in enumerate(zip(before, self.ends(), strict=True)) if new > old)
        return place, before[place]

    def after(self, ends: list[int]) -> Message:
        """The first record that was appended since."""
        self._reader.assign([TopicPartition(WEBHOOKS.name, place, end) for place, end in enumerate(ends)])
        message = self._reader.poll(20)
        assert message is not None, "nothing was appended"
        return message

    def close(self) -> None:
        self._reader.close()


@pytest.fixture
def topic(chromium: Browser, tansu: Tansu) -> Iterator[Topic]:
    apply_topics(tansu.bootstrap, 1, 1)
    found = Topic(tansu.bootstrap)
    yield found
    found.close()


@pytest.fixture
def store(chromium: Browser, tmp_path: Path, topic: Topic) -> Iterator[StoreProcess]:
    """One dead letter, of a request that lies in the topic."""
    partition, offset = topic.receive(POSTED)
    letter = DeadLetter(
        dead_letter_id="l1", stage=Stage.NORMALISE, code=FailureCode.WRONG_SHAPE, reason="not the shape of Mailgun's",
        tenant="acme", source="hooks", provider="mailgun", received_at=POSTED.received_at, origin_topic=WEBHOOKS.name,
        origin_partition=partition, origin_offset=offset, item_index=-1, original=Codec().encode(POSTED),
    )  # fmt: skip
    process = StoreProcess(tmp_path / "store")
    client = process.start()
    apply_tables(client)
    store_all(client, [letter])
    client.close()
    yield process
    process.stop()


async def test_a_dead_letter_is_processed_again_and_its_record_is_in_the_log_once_more(
    chromium: Browser, store: StoreProcess, topic: Topic, tansu: Tansu
) -> None:
    desk, ends = ReplayDesk(Settings(kafka=tansu.bootstrap), CONFIG), topic.ends()
    async with serving(store, config=CONFIG, replays=desk) as url, visiting(chromium, url) as visit:
        await visit.open("/dead-letters", "#groups-body table")
        await visit.find("#groups-body").get_by_role("button", name="Process again").click()
        form = visit.find("#replay-body").get_by_role("form")
        await expect(form.get_by_role("status")).to_contain_text("1 dead letter (")
        assert topic.ends() == ends  # asked only
        await form.get_by_label("Your name").fill("Dana")
        await form.get_by_label("Reason").fill("It was SendGrid all along.")
        await form.get_by_role("button", name="Process again").click()
        await expect(visit.find("#replay-state")).to_contain_text("Processed again: 1 of 1. Dana")
        await expect(visit.find("#replay")).to_be_hidden()
    desk.close()
    again = topic.after(ends)
    assert Codec().decode(again.value() or b"", RawWebhook).request_id == POSTED.request_id
    assert HEADER in dict(again.headers() or ())


async def test_a_group_narrows_the_list_and_a_letter_says_what_to_do_and_shows_its_bytes(visit: Visit) -> None:
    await visit.open("/dead-letters", "#groups-body table")
    await expect(visit.find("#groups-body tbody tr")).to_have_count(3)
    await expect(visit.find("#list-body tbody tr")).to_have_count(11)
    await visit.find("#groups-body").get_by_role("button", name="not json", exact=True).click()
    await expect(visit.find("#list-body tbody tr")).to_have_count(3)
    await visit.find("#list-body tbody button").first.click()
    await expect(visit.find("#letter-title")).to_be_focused()
    await expect(visit.find("#letter-body")).to_contain_text("What to do:")
    await expect(visit.find("#letter-body .original")).to_contain_text("<html>")
    await visit.page.reload()
    await expect(visit.find("#letter-body")).to_contain_text("unexpected character at byte 0")
    await expect(visit.find("#list-body tbody tr")).to_have_count(3)
