"""Numbers for the detectors, learned from a real store, and read back by what runs the detectors."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client

from schemas.aggregates import ReputationPartial
from schemas.errors import Misconfigured
from schemas.events import EventType
from schemas.learned import Learned, load_learned
from schemas.settings import Settings
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.commands.learn import Asked, run, seen
from streams.commands.numbers import numbers_of
from streams.commands.stored_events import Window
from streams.core.reputation.learned import ALL, Seen, learned_from, parameters_of
from streams.core.reputation.watch.parameters import PARAMETERS
from tests.integration.backtest_cases import T0, event, store_records

HOUR = 3_600_000
UNTIL = T0 + 30 * 24 * HOUR
MEDIANS_H = {"gmail": 8.0, "yahoo": 2.0}


def complaints(count: int = 400) -> list[Any]:
    """Mail delivered through thirty days, each complained about after a delay of its provider's."""
    dice = random.Random(1)
    found = []
    for number in range(count):
        provider = ("gmail", "yahoo")[number % 2]
        at = T0 + dice.randrange(30 * 24) * HOUR
        late = at + int(MEDIANS_H[provider] * HOUR * dice.lognormvariate(0, 1.2))
        fields = {"mailbox_provider": provider, "message_id": f"m{number}", "recipient_key": "r"}
        found.append(event(2 * number, at, occurred_at=at, **fields))
        found.append(event(2 * number + 1, late, occurred_at=late, event_type=EventType.COMPLAINED, **fields))
    return found


def partial(kind: str, key: str, minute: int = T0, **counts: int) -> ReputationPartial:
    return ReputationPartial(
        tenant="acme", kind=kind, key=key, source="esp", minute=minute, partition=0, applied_offset=1, watermark=T0,
        **counts,
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path_factory.mktemp('learn')}")
    apply_tables(client)
    store_records(client, complaints())
    never = [event(10_000, T0, message_id="quiet"), event(10_001, T0 + HOUR, event_type=EventType.COMPLAINED)]
    store_records(client, never)
    store_records(
        client,
        [
            partial("ip_provider", "10.0.0.1|gmail", delivered=9_000, deferred_reputation=800, bounced_block=200),
            partial("ip_provider", "10.0.0.2|gmail", delivered=1_000_000, bounced_address=50),
            partial("ip_provider", "10.0.0.3|gmail", delivered=50, bounced_block=40),
            partial("domain_provider", "news.example|gmail", delivered=1_009_000, bounced_block=1_000),
            partial("provider", "gmail", delivered=1_009_000, bounced_block=200, deferred_reputation=800),
            partial("provider", "gmail", T0 - HOUR, delivered=5, bounced_block=900_000),
        ],
    )
    yield client
    client.close()


def test_the_delays_are_those_of_mail_that_could_be_complained_about_long_enough(store: Client) -> None:
    given = complaints()
    pairs = [
        (sent.mailbox_provider, late.occurred_at - sent.occurred_at)
        for sent, late in zip(given[::2], given[1::2], strict=True)
        if sent.occurred_at < UNTIL - 72 * HOUR and late.received_at < UNTIL
    ]
    found = seen(store, Window(T0, UNTIL)).delays
    assert set(found) == {ALL, "gmail", "yahoo"}
    for provider in ("gmail", "yahoo"):
        wanted = sorted(min(delay, 72 * HOUR) / 60_000 for name, delay in pairs if name == provider)
        assert found[provider][0].tolist() == pytest.approx(wanted)
        assert int(found[provider][1].sum()) == sum(d > 72 * HOUR for name, d in pairs if name == provider)
    assert len(found[ALL][0]) == len(pairs)


def test_curves_lie_on_the_fast_side_of_the_truth_and_not_far_from_it(store: Client) -> None:
    learned, left_out = learned_from(seen(store, Window(T0, UNTIL)))
    assert left_out == []
    for provider, median_h in MEDIANS_H.items():
        curve = learned.curves[provider]
        assert 0.6 * median_h < curve.fast_h < median_h
        assert math.isclose(curve.sigma, 1.2, rel_tol=0.2)


def test_base_rates_are_shares_of_attempts_in_the_window_drawn_towards_that_of_all(store: Client) -> None:
    learned, _ = learned_from(seen(store, Window(T0, UNTIL)))
    assert 0.05 < learned.base_rates["10.0.0.1|gmail"] < 0.1
    assert 0.0 <= learned.base_rates["10.0.0.2|gmail"] < 0.001
    assert "10.0.0.3|gmail" not in learned.base_rates
    assert learned.base_rates["gmail"] == pytest.approx(1_000 / 1_010_000, abs=1e-6)
    assert learned.base_rate == pytest.approx(1_000 / 1_010_000, abs=1e-6)
    assert "news.example|gmail" in learned.base_rates


def test_the_file_is_the_same_for_the_same_store_and_is_what_the_detectors_take(store: Client, tmp_path: Path) -> None:
    path, told = tmp_path / "numbers.json", io.StringIO()
    asked = Asked(since="2026-11-01T10:00", until="2026-12-01T10:00", path=path)
    assert run(store, asked, io.StringIO(), told, UNTIL) == 0
    first = path.read_bytes()
    store.command("OPTIMIZE TABLE mailweir.email_events FINAL")
    run(store, asked, io.StringIO(), io.StringIO(), UNTIL)
    assert path.read_bytes() == first
    learned = load_learned(path, "--parameters")
    assert "gmail: complaints at the fastest a median of" in told.getvalue()
    numbers = numbers_of(Settings(parameters=str(path)), None)
    assert numbers == numbers_of(Settings(), path) == parameters_of(learned)
    assert numbers.version == f"{PARAMETERS.version}+{learned.version}"
    assert numbers.curve_of("campaign_provider", "spring|yahoo").fast_h == learned.curves["yahoo"].fast_h
    assert numbers.base_rates["10.0.0.1|gmail"] == learned.base_rates["10.0.0.1|gmail"]
    assert learned.curve
    assert numbers.curve_of("campaign", "spring").fast_h == learned.curve.fast_h
    assert numbers_of(Settings(), None) is PARAMETERS


def test_without_a_file_it_goes_to_stdout_and_up_to_the_last_event(store: Client) -> None:
    out = io.StringIO()
    run(store, Asked(since="2026-11-01"), out, io.StringIO(), UNTIL + 90 * 24 * HOUR)
    last = max(item.received_at for item in complaints())
    assert Learned.model_validate_json(out.getvalue()) == learned_from(seen(store, Window(T0 - 10 * HOUR, last + 1)))[0]


def test_few_complaints_teach_nothing_and_that_is_said() -> None:
    few = (np.array([60.0] * 5), np.zeros(5, np.bool_))
    odd = (np.full(100, 6.0), np.zeros(100, np.bool_))
    found = Seen(delays={"gmail": few, "odd": odd}, refused=({}, {}, {}))
    learned, left_out = learned_from(found)
    assert learned.curves == {}
    assert learned.base_rates == {}
    assert [line.split(":")[0] for line in left_out] == ["gmail", "odd"]


def test_three_days_are_not_enough(store: Client) -> None:
    with pytest.raises(Misconfigured, match="not more than 72 hours of stored mail"):
        run(store, Asked(since="3d"), io.StringIO(), io.StringIO(), T0 + 3 * 24 * HOUR)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "`version`: Field required"),
        ('{"version": "1", "curves": {"gmail": {"fast_h": 4, "slow_h": 2, "sigma": 1}}}', "slow_h is below fast_h"),
        ('{"version": "1", "base_rates": {"a|b": 2}}', "the base rate of 'a|b' is no share"),
        ('{"version": "1", "curve": {"fast_h": 4, "slow_h": 400, "sigma": 1}}', "`curve.slow_h`: Input should be less"),
        ('{"version": "1", "rates": {}}', "`rates`: Extra inputs"),
        ("version: 1", "`the file`: Invalid JSON"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "numbers.json"
    path.write_text(text)
    with pytest.raises(Misconfigured) as error:
        numbers_of(Settings(parameters=str(path)), None)
    assert str(error.value).startswith(f"MAILWEIR_PARAMETERS: {path}: ")
    assert words in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"--parameters: .* cannot be read .No such file"):
        numbers_of(Settings(), tmp_path / "numbers.json")
