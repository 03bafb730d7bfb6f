"""Handing over with care: what is tried again and when, what is not, and what that means for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.controls.base import ControlAnswer, ControlRequest
from schemas.errors import FailureCode, Misconfigured, Transient
from schemas.journey_webhooks import JourneyWebhook
from schemas.journeys.steps import JourneyStep, StepKind
from schemas.segment_webhooks import SegmentWebhook
from schemas.transitions import SegmentTransition
from streams.core.normalise import Origin
from streams.core.segments.outlet import MAX_ATTEMPTS, Outlet

WEBHOOK = SegmentWebhook(
    name="crm", url=SecretStr("https://crm.example/"), secret=SecretStr("whsec_" + "MfKQ" * 8), tenant="acme"
)
HOUR_MS = 3_600_000


def transition(number: int = 1, segment: str = "vip", *, is_member: int = 1, tenant: str = "acme") -> SegmentTransition:
    return SegmentTransition(
        transition_id=f"{number:032x}", tenant=tenant, recipient_key="a", segment_id=segment, rule_version="b",
        is_member=is_member, detected_at=5, effective_at=5, cause="", number=1,
    )  # fmt: skip


class Bench:
    """A receiver that answers by the id, and a clock that only waiting moves."""

    def __init__(self, answer: Callable[[str], int | Exception | ControlAnswer], **keys: Any) -> None:
        self.answer, self.now_ms, self.sent = answer, 0, list[tuple[str, int]]()
        webhook = SegmentWebhook(**{name: getattr(WEBHOOK, name) for name in SegmentWebhook.model_fields} | keys)
        self.outlet = Outlet(webhook, self.send, lambda: self.now_ms, self.sleep)

    async def send(self, request: ControlRequest, timeout_s: float) -> ControlAnswer:
        self.sent.append((request.headers["webhook-id"], self.now_ms))
        answer = self.answer(request.headers["webhook-id"])
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, ControlAnswer) else ControlAnswer(status=answer)

    async def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 24 * 3600
        due_ms = self.now_ms + max(round(seconds * 1000), 1)
        await asyncio.sleep(0)
        self.now_ms = max(self.now_ms, due_ms)


@pytest.mark.parametrize(
    ("given", "is_wanted"),
    [
        (transition(), True),
        (transition(segment="new"), False),
        (transition(is_member=0), False),
        (transition(tenant="other"), False),
    ],
)
def test_told_is_what_the_tenant_the_segments_and_the_direction_say(given: SegmentTransition, is_wanted: bool) -> None:
    webhook = WEBHOOK.model_copy(update={"segments": ["vip"], "direction": "entered"})
    assert webhook.wants(given) is is_wanted


def test_without_a_word_on_it_all_segments_in_both_directions_are_told() -> None:
    assert WEBHOOK.wants(transition(segment="any"))
    assert WEBHOOK.wants(transition(is_member=0))


async def test_what_fails_for_one_is_tried_again_with_growing_waits_and_given_up_while_others_go() -> None:
    bench = Bench(lambda id_: 500 if id_ == transition(7).transition_id else 204)

    async def others() -> None:
        for number in range(100, 400):
            assert (await bench.outlet.hand_over(transition(number))).is_taken
            await bench.sleep(1)

    bad, _ = await asyncio.gather(bench.outlet.hand_over(transition(7)), others())
    assert not bad.is_taken
    assert bad.detail == "given up after 8 attempts: answered 500"
    at = [at_ms for id_, at_ms in bench.sent if id_ == transition(7).transition_id]
    waits = [(after - before) / 1000 for before, after in pairwise(at)]
    assert len(at) == MAX_ATTEMPTS
    assert all(0.5 * 2**n <= wait <= min(2**n, 60) + 2.1 for n, wait in enumerate(waits))


async def test_while_the_receiver_is_away_it_is_left_alone_and_nothing_is_given_up() -> None:
    bench = Bench(lambda _: Transient("ConnectError") if bench.now_ms < 3 * HOUR_MS else 200)
    given = [bench.outlet.hand_over(transition(number)) for number in range(20)]
    assert all(handed.is_taken for handed in await asyncio.gather(*given))
    failed = [at_ms for _, at_ms in bench.sent if at_ms < 3 * HOUR_MS]
    assert len(failed) < 20 + 3 * 60 + 10  # one a minute, and the first of each
    assert bench.now_ms < 3 * HOUR_MS + 150_000


async def test_why_it_is_left_alone_is_known_until_it_works_again() -> None:
    bench = Bench(lambda _: 404 if bench.now_ms < HOUR_MS else 200)
    said: set[tuple[str, bool]] = set()

    async def watch() -> None:
        while not handing.done():
            said.add((bench.outlet.trouble, bench.now_ms >= HOUR_MS + 60_000))
            await bench.sleep(0.1)

    handing = asyncio.create_task(bench.outlet.hand_over(transition()))
    await watch()
    assert (await handing).is_taken
    assert said == {("", False), ("answered 404; check `url`", False)}
    assert bench.outlet.trouble == ""


async def test_a_receiver_that_never_comes_back_gets_so_many_hours() -> None:
    bench = Bench(lambda _: Misconfigured("no address"), give_up_after_h=2)
    handed = await bench.outlet.hand_over(transition())
    assert not handed.is_taken
    assert handed.detail == f"given up after {handed.attempts} attempts: `url` of this webhook is no address; mend it"
    assert 2 * HOUR_MS <= bench.now_ms <= 2 * HOUR_MS + 1_000


@pytest.mark.parametrize(
    ("asked", "wait_ms"), [("90", 90_000), ("Thu, 01 Jan 1970 00:05:00 GMT", 300_000), ("9999", HOUR_MS)]
)
async def test_a_limit_holds_all_of_them_back_as_long_as_it_asks_an_hour_at_most_and_costs_no_attempt(
    asked: str, wait_ms: int
) -> None:
    limits = iter(range(1))
    bench = Bench(lambda _: ControlAnswer(status=429, headers={"retry-after": asked}) if next(limits, 1) == 0 else 200)
    one, two = await asyncio.gather(*(bench.outlet.hand_over(transition(number)) for number in (1, 2)))
    assert one.is_taken
    assert two.is_taken
    later = [at_ms for _, at_ms in bench.sent if at_ms > 0]
    assert min(later) >= wait_ms
    assert max(later) < wait_ms + 1_000


async def test_limits_alone_never_lose_a_transition() -> None:
    limits = iter(range(50))
    bench = Bench(lambda _: 429 if next(limits, -1) >= 0 else 200)
    handed = await bench.outlet.hand_over(transition())
    assert handed.is_taken
    assert handed.attempts == 51


async def test_what_is_refused_is_not_sent_again_and_the_receiver_counts_as_working() -> None:
    bench = Bench(lambda _: 422)
    for number in range(10):
        assert (await bench.outlet.hand_over(transition(number))).detail == "refused with 422: no text"
    assert len(bench.sent) == 10
    assert not bench.outlet.trouble


async def test_no_more_posts_go_out_than_the_receiver_is_to_get_a_second() -> None:
    bench = Bench(lambda _: 200, max_per_s=5)
    await asyncio.gather(*(bench.outlet.hand_over(transition(number)) for number in range(110)))
    assert 19_000 <= bench.now_ms <= 21_000


def test_two_receivers_make_two_dead_letters_of_the_same_transition() -> None:
    one, two = (
        Bench(lambda _: 200, name=name).outlet.letter_of(transition(), b"bytes", Origin("t", 1, 2), "why")
        for name in ("a", "b")
    )
    assert one.dead_letter_id != two.dead_letter_id
    assert replace(one, dead_letter_id="", source="") == replace(two, dead_letter_id="", source="")
    assert (one.code, one.original, one.origin_offset) == (FailureCode.NOT_TAKEN, b"bytes", 2)


async def test_calls_of_journeys_are_handed_over_in_the_same_way() -> None:
    bench = Bench(lambda _: 500)
    webhook = JourneyWebhook(name="crm", url=WEBHOOK.url, secret=WEBHOOK.secret, tenant="acme")
    bench.outlet = Outlet(webhook, bench.send, lambda: bench.now_ms, bench.sleep)
    call = JourneyStep(
        step_id="c" * 32, tenant="acme", recipient_key="a", journey_id="j", version="v", run_id="r", number=2,
        kind=StepKind.CALLED, outcome="crm", place="steps[0]", at=5, cause="", key="", data="",
    )  # fmt: skip
    handed = await bench.outlet.hand_over(call)
    assert (handed.is_taken, {id_ for id_, _ in bench.sent}) == (False, {call.step_id})
    letter = bench.outlet.letter_of(call, b"bytes", Origin("t", 1, 2), handed.detail)
    assert (letter.source, letter.received_at, letter.original) == ("crm", 5, b"bytes")
