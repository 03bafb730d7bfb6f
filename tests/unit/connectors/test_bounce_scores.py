"""How well the bounce rules read replies they were not written from, and the arithmetic of saying so."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.bounce_scores import Labelled, Share, read, score
from schemas.events import BounceReason

FIXTURES = Path(__file__).parents[2] / "fixtures" / "bounces"


def labelled(name: str) -> list[Labelled]:
    with (FIXTURES / name).open(encoding="utf-8") as lines:
        return list(read(lines))


def test_replies_no_rule_was_written_from_are_read_well() -> None:
    """The floors lie under the measured figures (docs/bounces.md), far above those of the first rules."""
    found = score(labelled("held_out.tsv"))
    assert found.reasons.count == 380
    assert found.reasons.share >= 0.85
    assert found.precision.share >= 0.97
    assert found.recall.share >= 0.90


def test_replies_rules_were_written_from_stay_read() -> None:
    found = score(labelled("learned_from.tsv"))
    assert found.reasons.share >= 0.95
    assert found.precision.share >= 0.99
    assert found.recall.share >= 0.97


def test_no_reply_is_in_both_halves() -> None:
    halves = [{item.reply for item in labelled(name)} for name in ("held_out.tsv", "learned_from.tsv")]
    assert not halves[0] & halves[1]


def test_nothing_that_says_it_will_pass_is_labelled_for_suppression() -> None:
    for item in (*labelled("held_out.tsv"), *labelled("learned_from.tsv")):
        assert not (item.is_suppressed and item.reply.startswith("4")), item.reply


def test_a_score_counts_reasons_and_suppressions() -> None:
    found = score(
        [
            Labelled(BounceReason.INVALID_RECIPIENT, True, "", "550 5.1.1 user unknown"),
            Labelled(BounceReason.INVALID_RECIPIENT, True, "", "550 5.7.1 blocked using zen.spamhaus.org"),
            Labelled(BounceReason.POLICY, False, "", "550 5.1.1 no such user here"),
        ]
    )
    assert (found.reasons, found.precision, found.recall) == (Share(1, 3), Share(1, 2), Share(1, 2))
    assert [(item.reason, said) for item, said, _ in found.missed] == [
        (BounceReason.INVALID_RECIPIENT, BounceReason.BLOCKED_IP),
        (BounceReason.POLICY, BounceReason.INVALID_RECIPIENT),
    ]


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [(Share(10, 10), 0.722, 1.0), (Share(0, 10), 0.0, 0.278), (Share(50, 100), 0.404, 0.596), (Share(0, 0), 0.0, 1.0)],
)
def test_intervals_are_wilsons(share: Share, low: float, high: float) -> None:
    assert share.interval == pytest.approx((low, high), abs=0.001)


@pytest.mark.parametrize(
    "line", ["policy\tkeep\tsomewhere", "policy\tperhaps\tsomewhere\t550 no", "nonsense\tkeep\tx\ty"]
)
def test_a_line_that_is_not_labelled_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"line 2|nonsense"):
        list(read(["# replies", line]))
