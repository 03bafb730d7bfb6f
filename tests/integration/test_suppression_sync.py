"""Pulling and pushing on a log, with the services' lists on real ports."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.avro import Codec
from schemas.errors import Misconfigured, Permanent
from schemas.settings import Settings
from schemas.suppressions import Suppression
from streams.commands import suppression, suppression_sync
from streams.local.broker import Tansu
from streams.suppression.exchange import Exchange
from streams.suppression.log import read_book
from streams.topics import apply_topics
from tests.contract.control_api import served
from tests.contract.suppression_api import REFUSED, ListApi

NOW = 1_800_000_000_000
CONFIG = """
tenants: [{name: default}, {name: acme, recipient_secret: s}]
sources:
  - name: grid
    provider: sendgrid
    tenant: acme
    is_unsigned: true
    control: {driver: sendgrid, base_url: "https://lists.example", secret: SG.very-secret}
  - name: gun
    provider: mailgun
    tenant: acme
    is_unsigned: true
    control: &gun {base_url: "https://lists.example/v3/mg.example.com", secret: key-very-secret}
  - name: blue
    provider: brevo
    tenant: acme
    is_unsigned: true
    control: {driver: brevo, base_url: "https://lists.example", secret: xkeysib-very-secret}
  - name: other
    provider: mailgun
    is_unsigned: true
    control: *gun
"""


@dataclass
class World:
    """A log and two services."""

    of: Settings
    grid: ListApi
    gun: ListApi
    exchanges: dict[str, Exchange]

    def facts(self) -> list[Suppression]:
        """What the topic says."""
        return sorted(read_book(self.of.kafka, Codec(), 1000), key=lambda fact: (fact.recipient, fact.scope))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    started: list[Tansu] = []

    def start() -> str:
        started.append(Tansu(tmp_path_factory.mktemp("log")).__enter__())
        apply_topics(started[-1].bootstrap, 2, 1, timeout_s=30.0)
        return started[-1].bootstrap

    yield start
    for item in started:
        item.__exit__(None, None, None)


@pytest.fixture
async def world(tmp_path: Path, broker: Callable[[], str]) -> AsyncIterator[World]:
    (tmp_path / "mailweir.yaml").write_text(CONFIG)
    of = Settings(kafka=broker(), config=tmp_path / "mailweir.yaml")
    grid, gun = ListApi("sendgrid"), ListApi("mailgun")

    async def sleep(seconds: float) -> None:
        return None

    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(served(api.answer)) for name, api in (("grid", grid), ("gun", gun))
        }
        yield World(of, grid, gun, {name: Exchange(client, lambda: NOW, sleep) for name, client in clients.items()})


async def pull(world: World, *, since_ms: int = 0, dry_run: bool = False) -> tuple[int, str]:
    out = io.StringIO()
    party = suppression_sync.party_of(world.of, "grid")
    code = await suppression_sync.run_pull(
        world.of, party, world.exchanges["grid"], out, since_ms=since_ms, dry_run=dry_run
    )
    return code, out.getvalue()


async def test_a_list_is_pulled_once_and_for_all(world: World) -> None:
    code, said = await pull(world, dry_run=True)
    assert "grid: 6 would be added from SendGrid's list of 6\n" in said
    assert world.facts() == []
    code, said = await pull(world)
    assert code == 1  # two rows could not be read
    assert "grid: dead_address: 3 added, 0 were known\n" in said
    assert "grid: bounces: 1 could not be read" in said
    assert "@" not in said
    first = world.facts()
    angry = next(fact for fact in first if fact.recipient == "angry@example.com")
    assert (angry.cause, angry.since, angry.source, angry.who) == ("complaint", 1_700_000_005_000, "grid", "sendgrid")
    assert (angry.tenant, angry.scope, angry.reason) == ("acme", "tenant", "spam_reports")
    _, said = await pull(world)
    assert "grid: complaint: 0 added, 1 were known\n" in said
    assert world.facts() == first


async def test_pages_before_a_failure_stay_and_the_next_pull_goes_on(world: World) -> None:
    pages = world.grid.fixture["pages"]
    last, world.grid.fixture["pages"] = pages[-2:], pages[:-2]
    with pytest.raises(Permanent, match="418"):
        await pull(world)
    assert len(world.facts()) == 5
    world.grid.fixture["pages"] += last
    _, said = await pull(world)
    assert "grid: 1 added from SendGrid's list of 6\n" in said


async def test_those_of_a_file_that_our_list_suppresses_are_pushed(world: World, tmp_path: Path) -> None:
    terms = suppression.terms_of(world.of, "acme", now_ms=NOW, who="ada", cause="complaint")
    suppression.run_add(world.of, terms, ["angry@example.com", REFUSED], "they said so", io.StringIO())
    path = tmp_path / "people.txt"
    path.write_text(f"angry@example.com\nfree@example.com\n{REFUSED}\nnobody\n")
    party, out = suppression_sync.party_of(world.of, "gun"), io.StringIO()
    for dry_run in (True, False, False):
        code = await suppression_sync.run_push_file(world.of, party, world.exchanges["gun"], path, out, dry_run=dry_run)
        assert world.gun.listed == (set() if dry_run else {"angry@example.com"})
        assert code == 1
    said = out.getvalue()
    assert f"{path}: 2 would be put on Mailgun's list; 1 of 3 addresses are not on our list for all mail\n" in said
    assert f"{path}: 1 are now on Mailgun's list; 1 of 3" in said
    assert f"{path}, line 3: Mailgun refused with 400\n" in said
    assert f"{path}, line 4: no address\n" in said
    assert "@" not in said


async def test_one_services_list_is_put_on_anothers(world: World) -> None:
    grid, gun = (suppression_sync.party_of(world.of, name) for name in ("grid", "gun"))
    out = io.StringIO()
    both = world.exchanges["gun"]  # both lists behind one port
    world.gun.fixture["pages"] += world.grid.fixture["pages"]
    world.gun.fixture["authorized"] = {}
    assert await suppression_sync.run_push_from(grid, gun, both, out, dry_run=True) == 1
    assert world.gun.listed == set()
    assert await suppression_sync.run_push_from(gun, grid, both, out, dry_run=False) == 1
    names = {"dead", "full", "gone", "bad", "angry", "left"}
    assert world.gun.listed == {f"{name}@example.com" for name in names}
    assert "gun: 4 would be put on SendGrid's list; 2 are about one stream, 1 could not be read\n" in out.getvalue()
    assert "grid: 6 are now on Mailgun's list; 0 are about one stream, 2 could not be read\n" in out.getvalue()
    assert world.facts() == []


async def test_what_cannot_be_pushed_is_one_sentence(world: World, tmp_path: Path) -> None:
    out, exchange = io.StringIO(), world.exchanges["gun"]
    grid, blue, other = (suppression_sync.party_of(world.of, name) for name in ("grid", "blue", "other"))
    with pytest.raises(Misconfigured, match="Brevo's API has no call"):
        await suppression_sync.run_push_from(blue, grid, exchange, out, dry_run=True)
    with pytest.raises(Misconfigured, match="belongs to the tenant 'acme' and 'other' to 'default'"):
        await suppression_sync.run_push_from(other, grid, exchange, out, dry_run=True)
    with pytest.raises(Misconfigured, match=r"people\.csv: cannot be read"):
        await suppression_sync.run_push_file(world.of, grid, exchange, tmp_path / "people.csv", out, dry_run=True)
    with pytest.raises(Misconfigured, match="no source is called 'nobody'"):
        suppression_sync.party_of(world.of, "nobody")
    assert world.gun.requests == []
