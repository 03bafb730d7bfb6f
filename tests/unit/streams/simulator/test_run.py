"""Whole runs of a second or two against a gateway stub on loopback: what was answered is what is known."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from streams.simulator.simulator import Simulator
from streams.simulator.truth import PostKind
from tests.unit.streams.simulator.plays import StubGateway, event_data

WALL_S = 1_795_305_600.0
Run = tuple[Simulator, StubGateway]


def simulator(scenario: str, *, seed: int = 7, rate: float = 150, duration_s: float = 1.0) -> Simulator:
    return Simulator(scenario, seed, rate, duration_s, lambda: WALL_S)


async def run_against(run: Simulator, gateway: StubGateway) -> Run:
    async with gateway:
        await run.run(gateway.url)
    return run, gateway


async def wait_for(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the simulator has no event for it
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def healthy() -> Run:
    """One run of two seconds that several tests look at."""
    return asyncio.run(run_against(simulator("healthy", duration_s=2.0), StubGateway()))


def test_what_the_gateway_accepts_is_the_truth(healthy: Run) -> None:
    run, gateway = healthy
    genuine = [post for post in run.truth.posts if post.kind is PostKind.GENUINE]
    assert {key for post in genuine for key in post.keys} == set(run.truth.accepted)
    assert sum(len(post.keys) for post in genuine) == run.truth.events["accepted"]
    assert len(gateway.received) == run.truth.requests["posted"] == run.progress.requests
    assert 50 < len(run.truth.accepted) < 450
    assert {key.provider for key in run.truth.accepted} == {"sendgrid", "kumomta", "mailgun", "ses"}
    assert run.truth.uncertain == {}


def test_no_event_lies_in_the_future_and_the_first_lies_well_back(healthy: Run) -> None:
    times = sorted(key.occurred_at for key in healthy[0].truth.accepted)
    assert times[-1] <= WALL_S * 1000
    assert (WALL_S * 1000 - times[0]) / 60_000 == pytest.approx(20, abs=2)  # two seconds at 600 times


def test_every_event_in_the_bodies_is_in_the_truth(healthy: Run) -> None:
    run, gateway = healthy
    numbered = [e for r in gateway.received if r.source in {"sendgrid", "mailgun"} for e in event_data(r)]
    ids = {str(event.get("sg_event_id") or event.get("id")) for event in numbered}
    wanted = sum(1 for key in run.truth.accepted if key.provider in {"sendgrid", "mailgun"})
    forged = sum(len(p.keys) for p in run.truth.posts if p.kind is PostKind.FORGED and p.source != "kumomta")
    assert wanted <= len(ids) <= wanted + forged


@pytest.mark.parametrize("scenario", ["healthy", "flaky"])
async def test_the_same_seed_leads_to_the_same_truth(scenario: str) -> None:
    gateway = StubGateway()
    runs = [simulator(scenario), simulator(scenario)]
    async with gateway:
        await asyncio.gather(*(run.run(gateway.url) for run in runs))
    assert runs[0].truth.accepted == runs[1].truth.accepted
    assert len(runs[0].truth.accepted) > 80


async def test_a_refused_request_comes_again_until_it_is_accepted() -> None:
    answered: Counter[bytes] = Counter()

    def busy_twice(source: str, headers: Mapping[str, str], body: bytes, number: int) -> int:
        answered[body] += 1
        return 503 if number < 30 and answered[body] < 3 else 200

    run, _ = await run_against(simulator("healthy"), StubGateway(busy_twice))
    assert run.progress.retries > 0
    assert run.progress.given_up == 0
    assert run.truth.uncertain == {}
    refused = {key for post in run.truth.posts if post.status == 503 for key in post.keys if post.kind == "genuine"}
    assert refused
    assert refused <= set(run.truth.accepted)


async def test_events_of_a_final_refusal_stay_uncertain() -> None:
    def no_sns(source: str, headers: Mapping[str, str], body: bytes, number: int) -> int:
        return 403 if source == "ses" else 200

    run, gateway = await run_against(simulator("healthy"), StubGateway(no_sns))
    assert {key.provider for key in run.truth.uncertain} == {"ses"}
    assert not any(key.provider == "ses" for key in run.truth.accepted)
    assert max(Counter(r.body for r in gateway.received if r.source == "ses").values()) <= 2, "SNS does not insist"


async def test_an_absent_gateway_is_waited_for() -> None:
    run = simulator("healthy", rate=60)
    async with StubGateway() as gone:
        url = gone.url
    going = asyncio.create_task(run.run(url))
    await wait_for(lambda: run.progress.unanswered)
    run.stop()
    async with StubGateway(port=int(url.rpartition(":")[2])):
        await asyncio.wait_for(going, 20)
    assert run.truth.accepted
    assert run.truth.uncertain == {}


async def test_a_stop_ends_the_run_early() -> None:
    run = simulator("healthy", duration_s=600.0, rate=100)
    async with StubGateway() as gateway:
        going = asyncio.create_task(run.run(gateway.url))
        await wait_for(lambda: run.progress.accepted)
        run.stop()
        await asyncio.wait_for(going, 10)
    assert run.truth.duration_s < 60


async def test_a_flaky_delivery_repeats_forges_and_garbles_but_the_truth_counts_once() -> None:
    run = simulator("flaky", rate=900, duration_s=600.0)
    token = next(s["secrets"][0] for s in run.config("")["sources"] if s["name"] == "kumomta")

    def careful(source: str, headers: Mapping[str, str], body: bytes, number: int) -> int:
        return 401 if source == "kumomta" and headers.get("Authorization") != f"Bearer {token}" else 200

    def has_seen_all() -> bool:
        kinds = Counter(post.kind for post in run.truth.posts)
        copies = Counter(request.body for request in gateway.received).values()
        return kinds[PostKind.FORGED] > 3 and kinds[PostKind.GARBAGE] > 0 and max(copies, default=0) == 3

    async with StubGateway(careful) as gateway:
        going = asyncio.create_task(run.run(gateway.url))
        await wait_for(has_seen_all)
        run.stop()
        await asyncio.wait_for(going, 60)
    kinds = Counter(post.kind for post in run.truth.posts)
    assert run.truth.events["accepted"] > len(run.truth.accepted) * 1.2
    assert max(Counter(request.body for request in gateway.received).values()) == 3, "three copies at most"
    assert run.truth.dead_letters >= kinds[PostKind.GARBAGE]
    forged = {key for post in run.truth.posts if post.kind is PostKind.FORGED for key in post.keys}
    assert forged.isdisjoint(run.truth.accepted)
    refused = sum(1 for received in gateway.received if received.status == 401)
    assert run.truth.requests["rejected_bad_signature"] == refused
    assert run.truth.forged_accepted > 0, "the stub verifies one source only, and the truth must say so"


async def test_the_incident_begins_with_the_first_bad_event() -> None:
    run, _ = await run_against(simulator("bad-list", rate=300), StubGateway())
    incident = run.truth.incident
    assert incident is not None
    assert incident.key == "campaign:winter-clearance"
    assert incident.started_at == int(WALL_S * 1000)
    assert incident.messages_sent == run.world.messages_sent["winter-clearance"] > 5


def test_the_settings_name_every_source_with_a_control() -> None:
    config = simulator("healthy").config("http://127.0.0.1:9")
    controls = {source["name"]: source["control"]["driver"] for source in config["sources"] if "control" in source}
    assert controls == {"sendgrid": "sendgrid", "kumomta": "kumomta", "mailgun": "webhook", "ses": "webhook"}
    assert {source["tenant"] for source in config["sources"]} == {tenant["name"] for tenant in config["tenants"]}
    assert config["policies"][0]["mode"] == "act"


@pytest.mark.parametrize(("rate", "duration_s"), [(0.0, 10.0), (10.0, 0.0), (-1.0, 5.0)])
def test_a_rate_or_duration_that_is_not_positive_is_refused(rate: float, duration_s: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        simulator("healthy", rate=rate, duration_s=duration_s)


def test_an_unknown_scenario_is_refused_with_the_known_names() -> None:
    with pytest.raises(KeyError, match="bad-list"):
        simulator("sunny")
