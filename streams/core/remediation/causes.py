"""What is wrong with a key, as its signals tell, and the question that tells whether it is over.

To teach the machine a cause: a line in `CAUSE_OF` for the detector that shows it, and a line in `QUESTIONS` for how
new mail shows that it is over. A cause without a question, and every one in `NEVER_ALONE`, is ended by a person only.
The nulls and alternatives are those of the detectors (`docs/reputation.md`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from schemas.aggregates import RANK, KeyKind, Level, Signal
from schemas.remediation import NEVER_ALONE, Cause
from schemas.verdicts import Verdict

CAUSE_OF: dict[str, Cause] = {
    "bounce_cusum": Cause.BOUNCES,
    "complaint_exposure": Cause.COMPLAINTS,
    "complaint_cusum": Cause.COMPLAINTS,
    "block_cusum": Cause.BLOCKS,
    "blocklist_cusum": Cause.BLOCKLIST,
    "auth_cusum": Cause.COMPLIANCE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A rate and what is tolerable of it. `null`, `alternative`: shares of what is counted; `unit`: its name."""

    cause: Cause
    null: float
    alternative: float
    unit: str

    @property
    def good(self) -> float:
        """The rate that counts as cured: half of what is tolerable."""
        return self.null / 2


QUESTIONS: dict[Cause, Question] = {
    Cause.BOUNCES: Question(cause=Cause.BOUNCES, null=0.04, alternative=0.08, unit="attempts"),
    Cause.COMPLAINTS: Question(cause=Cause.COMPLAINTS, null=0.001, alternative=0.003, unit="messages of age"),
    Cause.BLOCKS: Question(cause=Cause.BLOCKS, null=0.02, alternative=0.06, unit="answered attempts"),
}
ASKED: dict[KeyKind, tuple[Cause, ...]] = {
    KeyKind.CAMPAIGN: (Cause.BOUNCES, Cause.COMPLAINTS),
    KeyKind.CAMPAIGN_PROVIDER: (Cause.BOUNCES, Cause.COMPLAINTS),
    KeyKind.IP: (Cause.BLOCKS,),
    KeyKind.IP_PROVIDER: (Cause.BLOCKS,),
}
"""What is asked of a key that comes back, beside the cause of its stop."""

WORK: dict[str, str] = {
    str(Cause.BLOCKLIST): "a blocklist has the sender; have it taken off, then resume by hand",
    str(Cause.COMPLIANCE): "its mail is refused as not authenticated; mend SPF, DKIM, DMARC or reverse DNS, then resume"
    " by hand",
}
"""What a person has to do about causes that evidence cannot end, and why only a person can."""

ENOUGH = math.log(20.0)  # evidence for or against: wrong at most once in twenty, by Wald's bounds
WARN, PAUSE = 7.0, 12.0  # of the forward test, as the CUSUM detectors have them
LEAST_ADVERSE = 5  # events that a stop needs at least, as the detectors do


def causes_of(verdict: Verdict) -> tuple[str, ...]:
    """The causes at the verdict's own level, sorted; the name of a detector that no line names stands for itself."""
    signals = [signal for signal in verdict.signals if signal.level == verdict.level]
    return tuple(sorted({str(CAUSE_OF.get(signal.detector, signal.detector)) for signal in signals}))


def only_by_a_person(causes: tuple[str, ...]) -> str:
    """The first cause that evidence cannot end; "" if there is none."""
    known = {str(cause) for cause in QUESTIONS.keys() - NEVER_ALONE}
    return next((cause for cause in causes if cause not in known), "")


def said_of_person(cause: str) -> str:
    """Why a key that was stopped for `cause` waits for a person, and for what."""
    return WORK.get(cause, f"the cause is {cause}, which only a person can know to be over")


def questions_for(kind: KeyKind, causes: tuple[str, ...]) -> tuple[Question, ...]:
    """What a key that was stopped for `causes` is asked when it comes back."""
    asked = [*ASKED.get(kind, ()), *(Cause(cause) for cause in causes if cause in set(QUESTIONS))]
    return tuple(QUESTIONS[cause] for cause in dict.fromkeys(asked) if cause in QUESTIONS)


def strongest(verdict: Verdict) -> Signal | None:
    """The signal that speaks loudest; None where there is none."""
    return max(verdict.signals, key=lambda s: (RANK[Level(s.level)], s.statistic / s.pause, s.detector), default=None)
