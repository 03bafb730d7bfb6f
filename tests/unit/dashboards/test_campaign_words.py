"""What a campaign's report says in words, and how complete its complaints are."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.campaigns.asking import bucket_s
from dashboards.campaigns.charts import bar, columns
from dashboards.campaigns.figures import WORDS, Course, Maturity, Part, Refusal, Score, figure, part_of
from dashboards.campaigns.markup import tag
from dashboards.campaigns.maturity import delay_of, maturity
from dashboards.campaigns.style import style_sheet
from dashboards.campaigns.words import REASONS, maturity_words, percent, sentence
from schemas.events import BounceReason
from schemas.learned import Curve, Learned
from streams.core.reputation.delay import CAMPAIGN_DELAY

AT = 1_760_000_000_000
DONE = Maturity(complained=0, delivered=1, exposed=1.0, due=1.0, rate=0.0)


def part(messages: int = 10_000, **counts: int) -> Part:
    zeros = dict.fromkeys(WORDS, 0)
    return part_of({"name": "", "messages": messages, "recipients": messages, **zeros, **counts})


def score(level: str) -> Score:
    return Score("", level, 50.0, 40.0, 60.0, AT, (), "")


def decision(action: str, state: str, minutes_ago: int = 0) -> dict[str, Any]:
    return {"action": action, "state": state, "decided_at": AT - minutes_ago * 60_000}


def told(total: Part, *, level: str = "healthy", decisions: tuple[dict[str, Any], ...] = ()) -> str:
    reason = BounceReason.BLOCKED_IP.value
    refusal = Refusal("bounced", reason, "ip", "permanent", figure("bounced", 1, "messages", 1), 1, "gmail", "")
    return sentence("spring", total, DONE, (refusal,), (score(level),), decisions)


GOOD = part(delivered=9_900, bounced=100, opened_human=2_000, complained=1)


@pytest.mark.parametrize(
    ("total", "level", "begins"),
    [
        (GOOD, "healthy", "spring went well: 9,900 of 10,000 messages were delivered (99.0 %), 1.0 % bounced, people"),
        (GOOD, "watch", "spring had some trouble: "),
        (GOOD, "paused", "spring went badly: "),
        (part(delivered=9_500, bounced=500), "healthy", "spring had some trouble: "),
        (part(delivered=9_000, bounced=1_000), "healthy", "spring went badly: "),
        (part(delivered=10_000, complained=12), "healthy", "spring had some trouble: "),
        (part(delivered=10_000, complained=30), "healthy", "spring went badly: "),
        (part(delivered=10_000, deferred=2_000), "healthy", "spring had some trouble: "),
        (part(0), "healthy", "Of spring only what happened after the sending is stored"),
    ],
)
def test_the_worst_of_score_and_figures_says_how_it_went(total: Part, level: str, begins: str) -> None:
    assert told(total, level=level).startswith(begins)


def test_trouble_comes_with_its_main_reason() -> None:
    total = part(delivered=9_000, bounced=1_000)
    assert "10.0 % bounced, mostly because the sending IP is blocked." in told(total)


@pytest.mark.parametrize(
    ("decisions", "ending"),
    [
        ((decision("pause_campaign", "done"),), "; mailweir paused it on 2025-10-09 08:53 UTC."),
        ((decision("pause_campaign", "waiting"),), "; mailweir asks to pause it since 2025-10-09 08:53 UTC."),
        ((decision("resume_campaign", "done"), decision("pause_campaign", "done", 60)), " complained."),
        ((decision("pause_campaign", "rejected"),), " complained."),
        ((decision("alert", "done"), decision("pause_campaign", "suggested")), "; mailweir advised to pause it on "),
    ],
)
def test_the_newest_word_on_a_pause_is_told(decisions: tuple[dict[str, Any], ...], ending: str) -> None:
    text = told(GOOD, decisions=decisions)
    assert ending in text
    assert text.startswith("spring had some trouble" if "mailweir" in ending else "spring went well")


def test_every_bounce_reason_has_words() -> None:
    assert set(REASONS) == {reason.value for reason in BounceReason}


def test_complaints_are_judged_by_the_mail_that_is_old_enough() -> None:
    ages = [
        {"age_min": 43_200, "delivered": 1_000, "complained": 3},
        {"age_min": 216, "delivered": 1_000, "complained": 1},  # the curve's median: half of them are in
        {"age_min": 0, "delivered": 2_000, "complained": 0},
    ]
    found = maturity(ages)
    assert (found.complained, found.delivered) == (4, 4_000)
    assert found.exposed == pytest.approx(1_500, abs=1)
    assert found.due == pytest.approx(0.375, abs=0.001)
    assert found.rate == pytest.approx(4 / 1_500, rel=0.001)
    assert maturity_words(found) == (
        "By the age of the mail about 37.5 % of the complaints to be expected are in;"
        " if the rest comes like these, it will be 0.27 % of delivered mail."
    )
    assert maturity([]).due is None


def test_a_learned_curve_takes_the_place_of_the_built_in_one() -> None:
    slow = Learned(version="1", curve=Curve(fast_h=7.2, slow_h=7.2, sigma=1.3))
    ages = [{"age_min": 432, "delivered": 1_000, "complained": 1}]
    assert maturity(ages, delay_of(slow)).due == pytest.approx(0.5, abs=0.001)
    assert delay_of(None) == CAMPAIGN_DELAY


@pytest.mark.parametrize("days", [0, 0.01, 0.5, 3, 90, 365])
def test_a_course_never_has_more_steps_than_a_page_can_show(days: float) -> None:
    span_ms = int(days * 86_400_000)
    assert span_ms / 1000 / bucket_s(span_ms) <= 120


@pytest.mark.parametrize(
    ("share", "text"), [(None, "-"), (0.0, "0 %"), (1.0, "100 %"), (0.00042, "0.04 %"), (0.5, "50.0 %")]
)
def test_a_share_has_the_digits_that_matter(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_charts_stay_inside_their_frame() -> None:
    assert bar([("delivered", 0.7), ("bounced", 0.6)], "x").count('width="30.000"') == 1
    point = dict.fromkeys(("delivered", "bounced"), 5)
    chart = columns(Course(60, ({"time": AT, **point}, {"time": AT + 120_000, **point})), ("delivered", "bounced"), "x")
    assert chart.count("<rect") == 4
    assert 'y="0.000" width="0.850" height="50.000"' in chart


def test_a_stranger_s_text_is_escaped_in_text_and_attributes() -> None:
    assert tag("p", '<b>&"', title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;&quot;</p>'


def test_paper_is_light_whatever_theme_was_chosen() -> None:
    sheet = style_sheet()
    assert sheet.index(':root, :root[data-theme="dark"]') < sheet.index("@media screen")
    assert not [
        line for line in sheet.splitlines() if "color-scheme: dark" in line and not line.startswith("@media screen")
    ]
