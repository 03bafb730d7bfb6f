"""What every service's suppression list promises, for each one in the registry, over a real connection."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr

from connectors.suppression import SERVICES, Entry, Page, ServiceList, service_of
from schemas.config import Control, Source
from schemas.errors import MailweirError, Misconfigured, Permanent, Transient
from schemas.suppressions import SuppressionCause, SuppressionStatus
from streams.commands.suppression_sync import facts_of
from streams.core.suppression.book import Book
from streams.suppression.exchange import LONGEST_WAIT_S, TRIES, Exchange
from streams.suppression.lists import Terms
from tests.contract.control_api import served
from tests.contract.suppression_api import REFUSED, ListApi, Trouble

NOW = 1_763_780_000_000
TERMS = Terms(tenant="acme", secret="s", now_ms=NOW, who="ada")
GIVEN = [
    Entry(address="angry@example.com", cause=SuppressionCause.COMPLAINT, since=1_700_000_000_000, line=1),
    Entry(address="dead@example.com", cause=SuppressionCause.DEAD_ADDRESS, since=1_700_000_000_000, line=2),
    Entry(address="left@example.com", cause=SuppressionCause.UNSUBSCRIBE, since=1_700_000_000_000, line=3),
]
BAD = Entry(address=REFUSED, cause=SuppressionCause.COMPLAINT, since=1_700_000_000_000, line=4)
EACH = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
TAKING = pytest.mark.parametrize("service", [s for s in SERVICES if s.takes], ids=lambda service: service.name)


@dataclass
class World:
    """A service's API and an exchange with it whose waits take no time."""

    service: ServiceList
    api: ListApi
    exchange: Exchange
    waits: list[float]
    control: Control = field(init=False)

    def __post_init__(self) -> None:
        self.control = self.api.control()

    async def read(self, since_ms: int = 0) -> tuple[list[Entry], int]:
        """All entries, and how many could not be read."""
        pages = [page async for _, page in self.exchange.pages(self.service, self.control, since_ms)]
        return [entry for page in pages for entry in page.entries], sum(page.unreadable for page in pages)

    async def put(self, entries: list[Entry]) -> list[tuple[Entry, str]]:
        """Those that were not taken, and why."""
        return await self.exchange.put(self.service, self.control, entries)

    @property
    def taken(self) -> set[str]:
        """Addresses of `GIVEN` for which the service has a place."""
        return {entry.address for entry in GIVEN if entry.cause in self.service.takes}


@pytest.fixture
async def world(service: ServiceList) -> AsyncIterator[World]:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    api = ListApi(service.name)
    async with served(api.answer) as client:
        yield World(service, api, Exchange(client, lambda: NOW, sleep), waits)


def plain(entries: list[Entry]) -> list[list[object]]:
    """Entries as fixtures write them."""
    return [[entry.address, entry.cause, entry.scope, entry.since, entry.reason] for entry in entries]


@EACH
async def test_every_page_of_every_list_is_read(service: ServiceList, world: World) -> None:
    entries, unreadable = await world.read()
    assert plain(entries) == world.api.fixture["entries"]
    assert unreadable == world.api.fixture["unreadable"]
    assert len(world.api.requests) == len(world.api.fixture["pages"])


@EACH
async def test_reading_again_says_the_same_and_changes_nothing(service: ServiceList, world: World) -> None:
    book = Book()
    for is_first in (True, False):
        async for _, page in world.exchange.pages(service, world.control, 0):
            assert all(bool(book.take(fact)) == is_first for fact in facts_of(page, TERMS, "esp"))
    assert len(list(book)) == len(world.api.fixture["entries"])


@EACH
async def test_what_a_person_took_back_later_stays_so_when_the_list_is_read_again(
    service: ServiceList, world: World
) -> None:
    book = Book()
    async for _, page in world.exchange.pages(service, world.control, 0):
        for fact in facts_of(page, TERMS, "esp"):
            book.take(fact)
            fact.status, fact.since = SuppressionStatus.REMOVED, NOW - 1
            assert book.take(fact)
    async for _, page in world.exchange.pages(service, world.control, 0):
        assert not [fact for fact in facts_of(page, TERMS, "esp") if book.take(fact)]


def test_a_date_to_come_is_now_so_that_a_later_word_counts() -> None:
    early = Entry(address="a@example.com", cause=SuppressionCause.COMPLAINT, since=NOW + 1)
    (fact,) = facts_of(Page(entries=(early,)), TERMS, "esp")
    assert fact.since == NOW


@EACH
async def test_since_is_asked_for_and_older_entries_are_passed_over(service: ServiceList, world: World) -> None:
    since = 1_700_000_002_000
    entries, _ = await world.read(since)
    assert plain(entries) == [entry for entry in world.api.fixture["entries"] if entry[3] >= since]
    asked = world.api.fixture["since"].items()
    assert any(asked <= query.items() for query in world.api.queries)


@EACH
async def test_429_is_waited_out_as_long_as_the_answer_asks(service: ServiceList, world: World) -> None:
    world.api.troubles = [Trouble("limited", headers={"retry-after": "17"})]
    entries, _ = await world.read()
    assert plain(entries) == world.api.fixture["entries"]
    assert world.waits[:2] == [service.gap_s, 17.0]


@EACH
async def test_a_wait_of_hours_is_not_waited_out(service: ServiceList, world: World) -> None:
    world.api.troubles = [Trouble("limited", headers={"retry-after": "36000"})] * TRIES
    with pytest.raises(Transient, match=service.title):
        await world.read()
    assert max(world.waits) == LONGEST_WAIT_S


@EACH
@pytest.mark.parametrize("trouble", ["broken", "lost"])
async def test_what_may_pass_is_tried_again(service: ServiceList, world: World, trouble: str) -> None:
    world.api.troubles = [Trouble(trouble), Trouble(trouble)]
    entries, _ = await world.read()
    assert plain(entries) == world.api.fixture["entries"]


@EACH
@pytest.mark.parametrize("trouble", ["broken", "lost", "limited"])
async def test_what_does_not_pass_is_given_up_after_some_tries(
    service: ServiceList, world: World, trouble: str
) -> None:
    world.api.is_down = trouble
    with pytest.raises(Transient, match="stays"):
        await world.read()
    assert len(world.api.requests) == TRIES


@EACH
async def test_wrong_credentials_are_said_once_and_not_repeated(service: ServiceList, world: World) -> None:
    wrong = "AKIDOTHER:wrong-one" if service.name == "ses" else "wrong-one"
    world.control = world.api.control(secret=SecretStr(wrong))
    with pytest.raises(Misconfigured, match=r"control\.secret") as caught:
        await world.read()
    assert len(world.api.requests) == 1
    assert "wrong-one" not in str(caught.value)


@EACH
@pytest.mark.parametrize("body", ["<html>", "null", "{}", '{"message": "dead@example.com"}', '"text"', ""])
async def test_garbage_is_never_taken_for_an_empty_list(service: ServiceList, world: World, body: str) -> None:
    world.api.troubles = [Trouble(body)]
    with pytest.raises(Permanent, match=f"{service.title} answered") as caught:
        await world.read()
    assert "dead@example.com" not in str(caught.value)


@pytest.mark.parametrize("service", [s for s in SERVICES if s.name in {"mailgun", "ses", "sparkpost"}])
async def test_pages_that_go_round_in_a_circle_end_with_a_sentence(service: ServiceList, world: World) -> None:
    last = world.api.fixture["pages"][1]  # of the first list
    last["body"] = world.api.fixture["pages"][0]["body"]
    with pytest.raises(Permanent, match=r"the same page of .* twice"):
        await world.read()


def test_what_amazon_is_given_is_signed_with_what_it_says() -> None:
    service, control = service_of(Source(name="esp", provider="ses")), ListApi("ses").control()
    requests = [service.request(ask, control, NOW) for ask in service.add(control, GIVEN[:2])]
    assert len({request.headers["authorization"] for request in requests}) == 2


@TAKING
async def test_entries_are_put_as_documented(service: ServiceList, world: World) -> None:
    refused = await world.put(GIVEN)
    assert world.api.bodies == world.api.fixture["put"]["bodies"]
    assert world.api.listed == world.taken
    assert {entry.address for entry, _ in refused} == {entry.address for entry in GIVEN} - world.taken


@TAKING
async def test_putting_again_leaves_the_list_as_it_is(service: ServiceList, world: World) -> None:
    await world.put(GIVEN)
    listed = set(world.api.listed)
    await world.put(GIVEN)
    assert world.api.listed == listed


@TAKING
async def test_an_answer_that_was_lost_after_the_deed_is_asked_for_again(service: ServiceList, world: World) -> None:
    world.api.troubles = [Trouble("lost", has_acted=True)]
    await world.put(GIVEN)
    assert world.api.listed == world.taken


@TAKING
async def test_an_address_that_is_not_taken_is_named_and_costs_no_other(service: ServiceList, world: World) -> None:
    refused = await world.put([*GIVEN, BAD, Entry(address="last@example.com", cause=BAD.cause, since=1, line=5)])
    assert world.api.listed == world.taken | {"last@example.com"}
    assert {entry.line for entry, _ in refused} == {4} | {e.line for e in GIVEN if e.cause not in service.takes}
    assert not [why for _, why in refused if "@" in why]


@TAKING
async def test_a_service_that_takes_nothing_at_all_is_not_asked_for_each_address(
    service: ServiceList, world: World
) -> None:
    many = [Entry(address=REFUSED, cause=BAD.cause, since=1, line=line) for line in range(200)]
    if service.name == "postmark":  # it says for each address of one answer what became of it
        assert len(await world.put(many)) == 2 * len(many)
        return
    with pytest.raises(Permanent, match=f"{service.title} refused with 400 for 20 addresses"):
        await world.put(many)
    assert len(world.api.requests) < 60


@TAKING
async def test_wrong_credentials_end_a_push_at_once(service: ServiceList, world: World) -> None:
    wrong = "AKIDOTHER:wrong-one" if service.name == "ses" else "wrong-one"
    world.control = world.api.control(secret=SecretStr(wrong))
    with pytest.raises(Misconfigured, match=r"control\.secret"):
        await world.put(GIVEN)
    assert len(world.api.requests) == 1


@TAKING
async def test_a_refusal_that_names_addresses_is_not_repeated(service: ServiceList, world: World) -> None:
    world.api.fixture["unknown"] = {"status": 404, "body": "no list for angry@example.com"}
    world.api.is_down = "unknown"
    with pytest.raises(Permanent, match="404") as caught:
        await world.put(GIVEN)
    assert "@" not in str(caught.value)


@EACH
async def test_causes_that_a_service_has_no_list_for_are_said_and_not_put_elsewhere(
    service: ServiceList, world: World
) -> None:
    soft = Entry(address="soft@example.com", cause=SuppressionCause.SOFT, since=1)
    ((entry, why),) = await world.put([soft])
    assert (entry, why) == (soft, f"{service.title} has no list for the cause soft")
    assert world.api.requests == []


@EACH
async def test_no_address_and_no_secret_is_logged_or_printed(
    service: ServiceList, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    entries, _ = await world.read()
    if service.takes:
        await world.put(GIVEN)
        assert "@" not in repr(list(service.add(world.control, GIVEN)))
    text = "".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("streams", "connectors"))
    )
    assert "@" not in repr(entries) + text
    assert "very-secret" not in caplog.text


@EACH
@pytest.mark.parametrize(("name", "value"), [("base_url", "ftp://lists.example"), ("secret", ""), ("secret", "a\nb")])
async def test_a_control_that_cannot_be_used_is_a_clear_configuration_error(
    service: ServiceList, world: World, name: str, value: str
) -> None:
    world.control = world.api.control(**{name: SecretStr(value) if name == "secret" else value})
    with pytest.raises(Misconfigured, match=rf"control\.{name}"):
        await world.read()
    assert world.api.requests == []


@EACH
def test_a_source_finds_its_service_by_its_provider_or_its_driver(service: ServiceList) -> None:
    assert service_of(Source(name="esp", provider=service.name)) is service
    if service.name != "mailgun":  # which has no control driver
        assert service_of(Source(name="esp", provider="cloudevents", control=Control(driver=service.name))) is service  # type: ignore[arg-type]  # by its name


def test_a_service_without_a_list_is_named_with_those_that_have_one() -> None:
    with pytest.raises(MailweirError, match=r"'esp' belongs to 'klaviyo'.*brevo, mailgun, postmark, sendgrid"):
        service_of(Source(name="esp", provider="ses", control=Control(driver="klaviyo")))


def test_what_each_service_takes_is_declared() -> None:
    everything = set(SuppressionCause) - {"soft"}
    assert {service.name: set(service.takes) for service in SERVICES} == {
        **dict.fromkeys(("sendgrid", "mailgun", "postmark", "sparkpost"), everything),
        "ses": {"complaint", "dead_address", "dead_domain"},
        "brevo": set(),
    }
