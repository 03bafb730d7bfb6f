"""Is the cause over? What mail that was sent after a resume says, tested both ways.

The reverse test is Wald's sequential probability ratio test (1945) of "the rate is at most half of what is tolerable"
against "it is what is tolerable, or more": at ln 20 for it the cause is over, at -ln 20 it is not, each wrong at most
once in twenty. Beside it runs the detectors' own forward test (CUSUM of "bad" against "tolerable"), which stops the
key at its usual threshold whatever the reverse test says, and alone once that has accepted: the watch's own statistics
still remember the mail from before and cannot be asked.

Bounces and blocks come within moments of the attempt, so what is counted after the resume is new mail's. Complaints do
not: see `late_mail`. While the old mail's late complaints fade, the stretches in which they drown everything must not
weigh for ever: evidence for starts over at zero, and evidence against cannot be bought off by more than ln 20.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from schemas.remediation import Cause
from schemas.verdicts import Verdict
from streams.core.remediation.causes import ENOUGH, LEAST_ADVERSE, PAUSE, QUESTIONS, WARN, Question
from streams.core.remediation.late_mail import DOUBT, Cohort, Stretch, exposure, old_rate, stretch, with_new
from streams.core.remediation.tally import Tally, tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is known of one question. `speaks_for`, `speaks_against`: the reverse test, in nats, the higher the better;
    `bad`: the forward test. `adverse` of `counted` were new mail's; `residual`: complaints due of the old mail."""

    cause: str
    speaks_for: float = 0.0
    speaks_against: float = 0.0
    bad: float = 0.0
    adverse: int = 0
    counted: float = 0.0
    residual: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """All new mail since a resume. `base`, `step`, `seen`: counts at the resume, at the present step's begin, now;
    `old_rate`: complaints per message of age that are expected of the old mail."""

    base: Tally
    step: Tally
    seen: Tally
    causes: tuple[str, ...]  # of the stop: these must be answered for, the others only not against
    answers: tuple[Answer, ...]
    old_rate: float
    cohorts: tuple[Cohort, ...] = ()
    is_accepted: bool = False

    @property
    def messages(self) -> int:
        """Attempts since the resume."""
        return self.seen.since(self.base).attempts

    @property
    def is_clean(self) -> bool:
        """Was something sent in this step, and is nothing suspicious?"""
        return self.seen.since(self.step).attempts > 0 and all(answer.bad < WARN for answer in self.answers)


def begin(verdict: Verdict, stopped: Tally, questions: tuple[Question, ...], causes: tuple[str, ...]) -> Trial:
    """A trial of the mail that is sent after `verdict`. `stopped`: the counts when the key was stopped."""
    now = tally(verdict)
    answers = tuple(Answer(cause=question.cause) for question in questions)
    rate = old_rate(now, now.since(stopped), QUESTIONS[Cause.COMPLAINTS].null)
    return Trial(base=now, step=now, seen=now, causes=causes, answers=answers, old_rate=_rounded(rate * 1e6) / 1e6)


def taken(trial: Trial, verdict: Verdict, questions: tuple[Question, ...]) -> Trial:
    """The trial with what `verdict` has counted since the last one."""
    seen = tally(verdict)
    new = seen.since(trial.seen)
    cohorts = with_new(trial.cohorts, new.delivered, verdict.at)
    due = exposure(cohorts, verdict.at)
    asked = {str(question.cause): question for question in questions}
    answers = tuple(
        _complaints(answer, new, due, trial.old_rate, asked[answer.cause])
        if answer.cause == Cause.COMPLAINTS
        else _failures(answer, new, asked[answer.cause])
        for answer in trial.answers
    )
    return replace(trial, seen=seen, cohorts=cohorts, answers=answers)


def refusal(trial: Trial) -> str:
    """The cause that is not over, by either test; "" while none is refused."""
    for answer in trial.answers:
        if answer.adverse < LEAST_ADVERSE:
            continue
        is_refuted = not trial.is_accepted and answer.cause in trial.causes and answer.speaks_against <= -ENOUGH
        if is_refuted or answer.bad >= PAUSE:
            return answer.cause
    return ""


def is_proven(trial: Trial, canary_messages: int) -> bool:
    """Is every cause of the stop over, and enough sent to say so?"""
    answered = all(answer.speaks_for >= ENOUGH for answer in trial.answers if answer.cause in trial.causes)
    return answered and trial.messages >= canary_messages and all(answer.bad < WARN for answer in trial.answers)


def accepted(trial: Trial) -> Trial:
    """From here on only the forward test may stop it."""
    return replace(trial, is_accepted=True)


def next_step(trial: Trial) -> Trial:
    """The same trial at the begin of a step."""
    return replace(trial, step=trial.seen)


def _failures(answer: Answer, new: Tally, question: Question) -> Answer:
    """Bernoulli trials: attempts that failed of those that were answered."""
    hits, tried = new.counted(question.cause)
    reverse = _bernoulli(hits, tried, question.good, question.null)
    return replace(
        answer,
        speaks_for=_rounded(answer.speaks_for + reverse),
        speaks_against=_rounded(answer.speaks_against + reverse),
        bad=_rounded(max(answer.bad + _bernoulli(hits, tried, question.alternative, question.null), 0.0)),
        adverse=answer.adverse + hits,
        counted=answer.counted + tried,
    )


def _complaints(answer: Answer, new: Tally, due: float, rate: float, question: Question) -> Answer:
    """Poisson counts on the exposure of new mail, over the residual of the old. `due`: the new mail's exposure now."""
    found = stretch(new.complained, new.exposed, due - answer.counted, rate)
    much, little = found._replace(residual=found.residual * DOUBT), found._replace(residual=found.residual / DOUBT)
    speaks_for = answer.speaks_for + _poisson(little, question.good, question.null)
    speaks_against = answer.speaks_against + _poisson(much, question.good, question.null)
    return replace(
        answer,
        speaks_for=_rounded(max(speaks_for, 0.0)),
        speaks_against=_rounded(min(speaks_against, ENOUGH)),
        bad=_rounded(max(answer.bad + _poisson(much, question.alternative, question.null), 0.0)),
        adverse=answer.adverse + found.complaints,
        counted=_rounded(answer.counted + found.exposed),
        residual=_rounded(answer.residual + found.residual),
    )


def _bernoulli(hits: int, tried: float, rate: float, other: float) -> float:
    """The log-likelihood ratio of `rate` to `other`."""
    return hits * math.log(rate / other) + (tried - hits) * math.log((1.0 - rate) / (1.0 - other))


def _poisson(found: Stretch, rate: float, other: float) -> float:
    """The same for complaints; where nothing was due of anybody, a complaint is taken for the new mail's."""
    expected, otherwise = rate * found.exposed + found.residual, other * found.exposed + found.residual
    ratio = expected / otherwise if otherwise > 0.0 else rate / other
    return found.complaints * math.log(ratio) - (rate - other) * found.exposed


def _rounded(value: float) -> float:
    return round(value, 6)
