"""The same log, the same decisions, byte for byte: duplicates, order within a slot, restarts anywhere."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.aggregates import KeyKind, Level
from schemas.policy import Escalation, Exemption, Policy, QuietHours, Recovery, Rule
from schemas.remediation import Action, Decision, Mode, Verb
from schemas.verdicts import Verdict
from streams.core.remediation.actions import judging_order
from streams.core.remediation.desk import Desk
from streams.core.remediation.state import StateKey, as_text, from_text
from tests.unit.streams.core.remediation_cases import DAY, HOUR, IP, at, hits, ruling_on, verdict_of

KEYS = (
    (KeyKind.CAMPAIGN, "spring", "bounce_cusum"), (KeyKind.CAMPAIGN, "summer", "complaint_exposure"),
    (KeyKind.CAMPAIGN, "exempt", "bounce_cusum"), (KeyKind.CAMPAIGN_PROVIDER, "spring|gmail", "bounce_cusum"),
    (KeyKind.IP_PROVIDER, f"{IP}|gmail", "block_cusum"), (KeyKind.IP, IP, "block_cusum"),
    (KeyKind.DOMAIN, "acme.example", "complaint_cusum"), (KeyKind.TENANT, "acme", "complaint_cusum"),
)  # fmt: skip
POLICIES = (
    Policy(mode=Mode.ACT, max_pauses_per_hour=1),
    Policy(
        mode=Mode.ACT,
        exempt=[Exemption(key="exempt")],
        rules=[Rule(actions=[Action.RESUME_CAMPAIGN, Action.REST_IP], mode=Mode.APPROVE)],
        quiet_hours=QuietHours(start="22:00", end="07:00", zone="Europe/Berlin"),
        escalation=Escalation(after_min=45, times=2),
        recovery=Recovery(cool_down_min=20, canary_messages=50),
        approval_min=90,
        max_paused_share=0.6,
    ),
)


@dataclass(frozen=True)
class Slot:
    """Verdicts of one second, then a tick; then, if given, hits of spam traps and a word on the newest decision."""

    at: float
    verdicts: tuple[Verdict, ...]
    verb: Verb | None
    hits: int = 0


@st.composite
def logs(draw: st.DrawFn) -> list[Slot]:
    """A day of slots in which keys get better and worse and count on."""
    counts = {key: [0, 0, 0] for key in KEYS}
    minute, slots = 0.0, list[Slot]()
    for _ in range(draw(st.integers(3, 25))):
        minute += draw(st.sampled_from([0.1, 1.0, 5.0, 11.0, 25.0, 61.0, 200.0]))
        verdicts = []
        for key in draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=len(KEYS))):
            counts[key][0] += draw(st.sampled_from([0, 10, 100, 1000]))
            counts[key][1] += draw(st.sampled_from([0, 1, 5, 20]))
            counts[key][2] += draw(st.sampled_from([0, 0, 1, 8]))
            delivered, failed, complained = counts[key]
            level = draw(st.sampled_from([Level.HEALTHY, Level.WATCH, Level.THROTTLED, Level.PAUSED]))
            is_block = key[2] == "block_cusum"
            verdicts.append(
                verdict_of(
                    minute, level, key[0], key[1], detector=key[2], exposed=round(delivered * 0.37, 3),
                    delivered=delivered, complained=complained, bounced_block=failed if is_block else 0,
                    bounced_address=0 if is_block else failed,
                )
            )  # fmt: skip
        verb, hits = draw(st.sampled_from([None, None, *Verb])), draw(st.sampled_from([0, 0, 0, 2]))
        slots.append(Slot(minute, tuple(verdicts), verb, hits))
    return slots


def text_of(decisions: Iterable[Decision]) -> str:
    return "\n".join(json.dumps(asdict(decision), sort_keys=True) for decision in decisions)


class Tape:
    """A desk with its log of decisions and the states it gave out."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.desk = Desk(lambda _: policy)
        self.decided: list[Decision] = []
        self.states: dict[StateKey, str] = {}

    def play(self, slot: Slot, verdicts: Sequence[Verdict]) -> None:
        for verdict in sorted(verdicts, key=judging_order):
            self.decided += self.desk.judge(verdict)
        self.decided += self.desk.pass_time(at(slot.at))
        self.decided += self.desk.pass_time(at(slot.at + 0.05))
        if slot.hits:
            self.decided += self.desk.report(hits(slot.hits, day=slot.at // HOUR * HOUR - DAY))
        if slot.verb and self.decided:
            newest = self.decided[-1]
            self.decided += self.desk.rule(ruling_on(newest, slot.verb), newest)
        self.save()

    def save(self) -> None:
        for place, text in self.desk.changed():
            self.states.pop(place, None)
            if text:
                self.states[place] = text

    def restart(self) -> None:
        self.desk = Desk(lambda _: self.policy)
        self.desk.restore(self.states.items())
        assert self.desk.changed() == []


WELL = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@WELL
@given(log=logs(), policy=st.sampled_from(POLICIES), seed=st.integers(0, 99))
def test_order_within_a_slot_duplicates_and_replays_change_nothing(log: list[Slot], policy: Policy, seed: int) -> None:
    shuffler = random.Random(seed)
    plain, other = Tape(policy), Tape(policy)
    for slot, before in zip(log, [None, *log], strict=False):
        plain.play(slot, slot.verdicts)
        again = [*slot.verdicts, *slot.verdicts]
        shuffler.shuffle(again)
        other.play(slot, again)
        if before:
            for verdict in sorted(before.verdicts, key=judging_order):
                assert other.desk.judge(verdict) == []
            assert other.desk.pass_time(at(before.at)) == []
    assert text_of(other.decided) == text_of(plain.decided)
    assert other.states == plain.states


@WELL
@given(log=logs(), policy=st.sampled_from(POLICIES), data=st.data())
def test_a_desk_that_is_put_back_anywhere_goes_on_as_if_it_had_never_stopped(
    log: list[Slot], policy: Policy, data: st.DataObject
) -> None:
    stops = data.draw(st.sets(st.integers(0, len(log) - 1), min_size=1))
    plain, other = Tape(policy), Tape(policy)
    for number, slot in enumerate(log):
        plain.play(slot, slot.verdicts)
        if number in stops:
            other.restart()
        other.play(slot, slot.verdicts)
    assert text_of(other.decided) == text_of(plain.decided)
    assert other.states == plain.states


@WELL
@given(log=logs(), policy=st.sampled_from(POLICIES))
def test_states_survive_their_own_text_and_ids_are_unique(log: list[Slot], policy: Policy) -> None:
    tape = Tape(policy)
    for slot in log:
        tape.play(slot, slot.verdicts)
    for (_, kind, _), text in tape.states.items():
        if kind not in {"clock", "limits", "traps"}:
            assert as_text(from_text(text)) == text
    made = [d for d in tape.decided if "decided_before" not in d.evidence]
    assert len({d.decision_id for d in made}) == len(made)


@WELL
@given(log=logs(), policy=st.sampled_from(POLICIES))
def test_what_is_in_force_always_follows_from_the_decisions(log: list[Slot], policy: Policy) -> None:
    """Only decisions in mode act change a share, and the machine's memory agrees with the last of them."""
    tape = Tape(policy)
    for slot in log:
        tape.play(slot, slot.verdicts)
    in_force: dict[StateKey, float] = {}
    for decision in tape.decided:
        if decision.mode == Mode.ACT and decision.action != Action.ALERT:
            in_force[decision.tenant, decision.kind, decision.key] = decision.share
    for (kind, key, _), tenant in itertools.product(KEYS, ["acme"]):
        assert tape.desk.state(tenant, kind, key).share == in_force.get((tenant, kind, key), 1.0)


def test_the_newest_blame_counts_after_a_restart_too() -> None:
    tape = Tape(Policy(mode=Mode.ACT))
    tape.play(Slot(0, (), None), [verdict_of(0, Level.THROTTLED, key="z-early")])
    tape.play(Slot(700, (), None), [verdict_of(700, Level.THROTTLED, key="a-late")])
    tape.restart()
    assert tape.desk.judge(verdict_of(1_500, kind=KeyKind.TENANT, key="acme")) == []
    assert tape.desk.judge(verdict_of(2_200, kind=KeyKind.TENANT, key="acme")) != []
