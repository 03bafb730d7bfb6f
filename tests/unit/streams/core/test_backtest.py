"""The pure parts of the back-test: time that passes in silence, what is held back when, what is the same in reality."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from schemas.avro import Codec
from schemas.config import Config
from schemas.policy import Policy, Recovery
from schemas.remediation import Action, Decision, Mode
from streams.core.backtest.reality import NEAR_MS, Real, matched
from streams.core.backtest.replay import STEP_MS, Replay
from streams.core.backtest.spans import NONE_SENT, Sent, Span, edges_of, held_back, spans_of
from streams.core.reputation.watch.parameters import PARAMETERS
from streams.lane.guard import apart
from tests.integration.backtest_cases import ACT, MINUTES, T0, decided_live, event, mail

CODEC = Codec()
HOUR = 3_600_000


def decision(at: int, action: Action, share: float = 1.0, **fields: Any) -> Decision:
    plain: dict[str, Any] = {
        "decision_id": f"{at}", "tenant": "acme", "kind": "campaign", "key": "spring", "action": action,
        "mode": Mode.ACT, "level": "paused", "previous_level": "watch", "reason": "", "evidence": "{}",
        "policy_version": "1", "campaign_id": "spring", "decided_at": at, "share": share,
    }  # fmt: skip
    return Decision(**{**plain, **fields})


def bounds(spans: list[Span]) -> list[tuple[int, int]]:
    return [(span.begin, span.end) for span in spans]


def test_in_a_silence_of_hours_time_passes_as_finely_as_in_the_services() -> None:
    events = [*mail(1), event(99_999, T0 + 5 * HOUR, campaign_id="winter")]
    slow = Config(policies=[Policy(mode=Mode.ACT, recovery=Recovery(cool_down_min=3 * 60))])
    replay = Replay(T0, slow.policy, PARAMETERS, CODEC, apart)
    replay.take([CODEC.encode(item) for item in events])
    replay.end(T0 + 5 * HOUR + 1_000)
    live = decided_live(events, 1, seed=1, config=slow, until=T0 + 5 * HOUR + 1_000)
    resumed = [item.decided_at for item in live if item.action == Action.RESUME_CAMPAIGN]
    assert resumed
    assert all(T0 + 3 * HOUR < at < T0 + 3 * HOUR + MINUTES * 60_000 for at in resumed)
    assert replay.decisions == live


@pytest.mark.parametrize("since", [T0, T0 - 3 * STEP_MS + 7])
def test_it_may_begin_long_before_the_first_event(since: int) -> None:
    replay = Replay(since, ACT.policy, PARAMETERS, CODEC, apart)
    replay.take([CODEC.encode(item) for item in mail(1)])
    replay.end(T0 + 2 * STEP_MS)
    assert [item.action for item in replay.decisions][:2] == [Action.THROTTLE, Action.PAUSE_CAMPAIGN]


def test_what_cannot_be_read_is_counted_and_stops_nothing() -> None:
    replay = Replay(T0, ACT.policy, PARAMETERS, CODEC, apart)
    values = [CODEC.encode(item) for item in mail(1)]
    replay.take([*values[:50], values[50][:-3], *values[51:]])
    replay.end(T0 + STEP_MS)
    assert (replay.events, replay.unusable) == (len(values) - 1, 1)
    assert replay.decisions


def test_a_stop_holds_until_the_next_decision_of_its_key_and_an_alert_ends_nothing() -> None:
    made = [
        decision(10, Action.THROTTLE, 0.5),
        decision(20, Action.PAUSE_CAMPAIGN, 0.0),
        decision(25, Action.PAUSE_CAMPAIGN, 0.0, key="autumn", campaign_id="autumn"),
        decision(30, Action.ALERT, 0.0),
        decision(40, Action.RESUME_CAMPAIGN, 0.01),
        decision(50, Action.RESUME_CAMPAIGN, 1.0),
    ]
    assert bounds(spans_of(made, 100)) == [(10, 20), (20, 40), (25, 100), (40, 50)]


def test_resting_addresses_hold_nothing_back() -> None:
    assert spans_of([decision(10, Action.REST_IP, 0.0, kind="ip", key="10.0.0.1", campaign_id="")], 100) == []


def test_what_waits_for_a_person_ends_when_it_comes_too_late_and_ends_nothing_itself() -> None:
    made = [
        decision(10, Action.PAUSE_CAMPAIGN, 0.0, mode=Mode.APPROVE, expires_at=60),
        decision(200, Action.THROTTLE, 0.5),
        decision(220, Action.PAUSE_CAMPAIGN, 0.0, mode=Mode.APPROVE, expires_at=900),
        decision(240, Action.RESUME_CAMPAIGN, 1.0, mode=Mode.APPROVE, expires_at=910),
    ]
    spans = spans_of(made, 300)
    assert bounds(spans) == [(10, 60), (200, 300), (220, 240)]
    assert [span.is_done for span in spans] == [False, True, False]


def test_a_limit_holds_back_its_share_and_that_of_a_provider_only_what_the_campaign_lets_through() -> None:
    made = [
        decision(10, Action.THROTTLE, 0.5),
        decision(20, Action.THROTTLE, 0.25, kind="campaign_provider", key="spring|gmail", mailbox_provider="gmail"),
        decision(30, Action.PAUSE_CAMPAIGN, 0.0),
    ]
    spans = spans_of(made, 40)
    edges = edges_of(spans)
    assert edges == [10, 20, 30, 40]
    cells = {(stretch, name): Sent(100, 10, 1) for stretch in range(5) for name in ("gmail", "yahoo")}
    assert held_back(spans, cells) == [Sent(200, 20, 2), Sent(38, 4, 0), Sent(200, 20, 2)]
    assert held_back(spans, {}) == [NONE_SENT] * 3


def real(found: Decision, **fields: Any) -> Real:
    given = {name: value for name, value in asdict(found).items() if name in Real.__dataclass_fields__}
    return Real(**{**given, **fields})


def test_the_same_id_is_the_same_decision_however_far_and_before_any_nearer_one() -> None:
    made = [decision(10, Action.PAUSE_CAMPAIGN, 0.0, decision_id="a"), decision(90, Action.PAUSE_CAMPAIGN, 0.0)]
    far, near = real(made[0], decided_at=10 + 2 * NEAR_MS), real(made[0], decision_id="b", decided_at=12)
    pairs, rest = matched(made, [near, far])
    assert pairs == [far, near]
    assert rest == []


def test_another_id_is_the_same_decision_within_an_hour_once() -> None:
    made = [decision(at, Action.PAUSE_CAMPAIGN, 0.0, decision_id=f"x{at}") for at in (0, 10, 20)]
    found = [
        real(made[0], decision_id="p", decided_at=11),
        real(made[0], decision_id="q", decided_at=NEAR_MS),
        real(made[0], decision_id="r", key="autumn"),
        real(made[0], decision_id="s", decided_at=30 + NEAR_MS),
    ]
    pairs, rest = matched(made, found)
    assert [pair and pair.decision_id for pair in pairs] == ["p", "q", None]
    assert [item.decision_id for item in rest] == ["r", "s"]
