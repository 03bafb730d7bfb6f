"""A campaign that obeys its decisions: mail by the minute, bounces at once, complaints hours late.

Its watch is a small one: a bounce CUSUM and the complaint e-process of `docs/reputation.md`, both over all its mail, so
they remember what was before a stop as the real ones do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from schemas.aggregates import RANK, KeyKind, Level, Signal
from schemas.policy import Policy
from schemas.remediation import Action, Decision, Mode
from schemas.verdicts import Verdict
from streams.core.remediation.desk import Desk
from streams.core.remediation.late_mail import due_share
from tests.unit.streams.core.remediation_cases import START, at

HORIZON_MIN = 8 * 24 * 60
DUE = np.array([due_share(minute * 60_000) for minute in range(HORIZON_MIN + 1)])
MULTIPLES = (1.5, 2.0, 3.0, 5.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How the campaign's mail fares; `delay_h`: the true median delay of complaints."""

    bounces: float = 0.02
    complaints: float = 0.0005
    delay_h: float = 4.0


@dataclass(kw_only=True)
class Campaign:
    """`before`: its mail up to the first stop; `after`: from then on. `per_minute` at full rate, `messages` in all.
    `step_min`: how long a step is after the first stop, minutes."""

    before: Habits
    after: Habits
    per_minute: int
    messages: int
    generator: np.random.Generator
    policy: Policy = field(default_factory=lambda: Policy(mode=Mode.ACT))
    step_min: int = 5

    def __post_init__(self) -> None:
        self.desk = Desk(lambda _: self.policy)
        self.minute, self.share, self.sent, self.bounced, self.complained = 0, 1.0, 0, 0, 0
        self.cusum, self.was_stopped = 0.0, False
        self.mail = np.zeros(HORIZON_MIN)
        self.due = np.zeros(HORIZON_MIN + 1, np.int64)
        self.decisions: list[Decision] = []

    def live(self, until_min: int) -> list[Decision]:
        """Everything that was decided until `until_min`, or until all its mail is out for a day."""
        last = 0
        while self.minute < until_min and self.minute - last < 24 * 60:
            last = self.minute if self.sent < self.messages else last
            self.pass_step()
        return self.decisions

    def pass_step(self) -> None:
        """Some minutes of mail, the complaints due in them, a verdict if anything happened, and a tick."""
        before, step = (self.sent, self.complained), self.step_min if self.was_stopped else 1
        self.send(step)
        self.complained += int(self.due[self.minute : self.minute + step].sum())
        self.minute += step
        if (self.sent, self.complained) != before:
            self.obey(self.desk.judge(self.verdict()))
        self.obey(self.desk.pass_time(at(self.minute)))

    def send(self, minutes: int) -> None:
        """At the share that is let through."""
        habits = self.after if self.was_stopped else self.before
        wanted = min(self.per_minute * minutes, self.messages - self.sent)
        count = int(self.generator.binomial(wanted, self.share)) if wanted > 0 else 0
        bounced = int(self.generator.binomial(count, habits.bounces))
        complaints = int(self.generator.binomial(count - bounced, habits.complaints))
        delays = self.generator.lognormal(math.log(habits.delay_h * 60), 1.3, complaints)
        places = np.minimum(self.minute + delays.astype(np.int64) + 1, HORIZON_MIN)
        np.add.at(self.due, places, 1)
        self.mail[self.minute] += count - bounced
        self.sent += count
        self.bounced += bounced
        self.cusum = max(self.cusum + bounced * math.log(2.0) + (count - bounced) * math.log(0.92 / 0.96), 0.0)

    def obey(self, decisions: list[Decision]) -> None:
        self.decisions += decisions
        for decision in decisions:
            if decision.action != Action.ALERT:
                self.share = decision.share
                self.was_stopped |= self.share == 0.0

    def verdict(self) -> Verdict:
        ages = self.minute - np.arange(self.minute)
        exposed = float(self.mail[: self.minute] @ DUE[ages])
        logs = [self.complained * math.log(m) - (m - 1.0) * 0.001 * exposed for m in MULTIPLES]
        e_value = sum(math.exp(min(value, 27.0)) for value in logs) / len(logs)
        signals = [
            signal_of("bounce_cusum", self.cusum, (7.0, 9.0, 12.0), self.bounced, self.sent),
            signal_of("complaint_exposure", e_value, (20.0, 100.0, 1000.0), self.complained, exposed),
        ]
        level = max((Level(signal.level) for signal in signals), key=RANK.__getitem__)
        return Verdict(
            tenant="acme", kind=KeyKind.CAMPAIGN, key="spring", at=at(self.minute), event_at=at(self.minute),
            began_at=START, level=level, exposed=exposed, parameters="simulated", sources=["esp"], signals=signals,
            sent=self.sent, delivered=self.sent - self.bounced, bounced_address=self.bounced,
            complained=self.complained,
        )  # fmt: skip


def signal_of(name: str, value: float, limits: tuple[float, float, float], bad: float, of: float) -> Signal:
    """A detector's word; five adverse events are the least."""
    reached = sum(value >= limit for limit in limits) if bad >= 5 else 0
    return Signal(
        detector=name, statistic=value, warn=limits[0], throttle=limits[1], pause=limits[2], numerator=bad,
        denominator=of, level=(Level.HEALTHY, Level.WATCH, Level.THROTTLED, Level.PAUSED)[reached],
        explanation=f"{bad} of {of:.0f}",
    )  # fmt: skip
