"""The numbers of bounce classes, each against the category its makers give it."""

from __future__ import annotations

import pytest

from connectors.bounce_codes import ADMIN, AUTO_REPLIES, CODES, SUBSCRIBE, UNSUBSCRIBE, hint
from schemas.events import BounceReason, Permanence

# "Bounce Classification Codes" (SparkPost documentation); 26 from the page of a service that sends through it.
DOCUMENTED = {1, 10, 20, 21, 22, 23, 24, 25, 26, 30, 40, 50, 51, 52, 53, 54, 60, 70, 80, 90, 100}
SOFT = {20, 21, 22, 23, 24, 40, 60, 70, 100}


def test_every_documented_number_is_known() -> None:
    assert set(CODES) | {1, SUBSCRIBE, UNSUBSCRIBE} == DOCUMENTED
    assert set(CODES) >= ADMIN | AUTO_REPLIES
    assert {code for code, (_, smtp_class) in CODES.items() if smtp_class == 4} == SOFT


@pytest.mark.parametrize("code", [0, 1, 80, 90, 101, -1])
def test_a_number_that_says_nothing_gives_no_hint(code: int) -> None:
    assert hint(code, "rule") is None


def test_soft_ones_may_pass_and_hard_ones_do_not() -> None:
    full, invalid = hint(22, "a"), hint(10, "b")
    assert full is not None
    assert invalid is not None
    assert (full.reason, full.permanence, full.rule) == (BounceReason.MAILBOX_FULL, Permanence.TRANSIENT, "a")
    assert (invalid.reason, invalid.permanence) == (BounceReason.INVALID_RECIPIENT, Permanence.PERMANENT)


def test_what_the_event_says_beats_the_usual_class() -> None:
    found = hint(10, "rule", 4)
    assert found is not None
    assert found.permanence == Permanence.TRANSIENT
