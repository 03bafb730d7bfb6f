"""A score beside its tenant: shrinkage, monotony, calibration, trend, advice, and what others' rules would say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.aggregates import KeyKind, Level, Mark, ReputationScore
from schemas.reports import StandingReport
from streams.core.reputation.context import ALONE, Context
from streams.core.reputation.ledger import Key, KeyView
from streams.core.reputation.penalties import CAUSES, LIST_QUALITY
from streams.core.reputation.score import score
from streams.core.reputation.shrinkage import NOBODY, Counted, Fixed
from streams.core.reputation.standing import Standings
from tests.unit.streams.core.reputation_cases import START, view_of

DAY_MIN = 24 * 60
OLD = 3000  # minutes: nearly every complaint has come
FIELDS = ("delivered", "bounced_address", "bounced_block", "bounced_content", "deferred_reputation", "complained")
COUNTS = st.fixed_dictionaries(dict.fromkeys(FIELDS, st.integers(0, 3000)))
ADVERSE = ("bounced_address", "bounced_block", "bounced_content", "complained")


def tenant_of(*keys: Mapping[str, int]) -> Context:
    """The context of a tenant that consists of these keys."""
    summed = {name: sum(key.get(name, 0) for key in keys) for name in FIELDS}
    return Context.of(view_of({0: summed}, OLD, kind="tenant"))


def scored(counts: Mapping[str, int], context: Context = ALONE, *, kind: str = "campaign") -> ReputationScore:
    return score(view_of({0: counts}, OLD, kind=kind), (), 0, context)


def named(view: KeyView, key: str) -> KeyView:
    return replace(view, key=Key("acme", view.key.kind, key))


BAD = {"delivered": 9_000, "bounced_address": 1_000}


def test_a_small_campaign_is_drawn_towards_the_rest_of_its_tenant_and_says_so() -> None:
    own = {"delivered": 18, "bounced_address": 2}
    alone, beside = scored(own), scored(own, tenant_of(own, BAD))
    assert beside.score < alone.score
    assert "with the tenant's other mail at 10.00%" in beside.penalties[0].reason


def test_a_large_campaign_speaks_for_itself_whatever_its_tenant_did() -> None:
    own = {"delivered": 19_800, "bounced_address": 200}
    assert scored(own, tenant_of(own, BAD)).score == scored(own).score == 100


def test_a_campaign_unlike_its_tenant_is_soon_believed() -> None:
    """The others are worth 500 messages at most; 2,000 clean ones outweigh them entirely."""
    belief = LIST_QUALITY.prior.beside(Counted(1_000, 10_000)).after(Counted(20, 2_000))
    assert belief.mean == pytest.approx(0.01, abs=0.002)


def test_a_campaign_is_not_compared_with_its_own_mail() -> None:
    assert scored(BAD, tenant_of(BAD)) == scored(BAD)


def test_the_tenants_own_score_rests_on_itself_alone() -> None:
    assert scored(BAD, tenant_of(BAD, BAD), kind="tenant") == scored(BAD, kind="tenant")


RATES = st.tuples(st.integers(0, 4_000), st.integers(0, 4_000)).map(lambda pair: Counted(min(pair), max(pair)))


@settings(max_examples=300, deadline=None)
@given(RATES, RATES, st.sampled_from(CAUSES))
def test_the_estimate_lies_between_the_free_rate_the_keys_and_the_tenants(
    own: Counted, others: Counted, cause: object
) -> None:
    assert isinstance(getattr(cause, "prior"), Fixed)  # noqa: B009 - the strategy has no type
    fixed: Fixed = cause.prior  # type: ignore[attr-defined]
    belief = fixed.beside(others).after(own)
    rates = [fixed.free, *(part.rate for part in (own, others) if part.tried >= 1)]
    assert min(rates) - 1e-9 <= belief.mean <= max(rates) + 1e-9
    assert fixed.beside(others).mean(*own) == pytest.approx(belief.mean, abs=1e-12)


@settings(max_examples=300, deadline=None)
@given(RATES, RATES, st.sampled_from([cause.prior for cause in CAUSES]))
def test_one_more_adverse_message_never_lowers_the_estimate(own: Counted, others: Counted, fixed: Fixed) -> None:
    prior = fixed.beside(others)
    before = prior.mean(*own)
    assert prior.mean(own.adverse + 1, own.tried + 1) >= before - 1e-12
    assert prior.mean(own.adverse, own.tried + 1) <= before + 1e-12


@settings(max_examples=100, deadline=None)
@given(COUNTS, COUNTS, st.sampled_from(ADVERSE), st.integers(1, 500))
def test_more_of_the_same_mail_failing_never_raises_the_score(
    own: dict[str, int], rest: dict[str, int], adverse: str, more: int
) -> None:
    more = min(more, own["delivered"])
    worse = own | {adverse: own[adverse] + more}
    if adverse != "complained":  # what bounces is not delivered
        worse |= {"delivered": own["delivered"] - more}
    assert scored(worse, tenant_of(worse, rest)).score <= scored(own, tenant_of(own, rest)).score


def test_others_are_worth_no_more_than_the_cap_however_many_they_are() -> None:
    fixed = LIST_QUALITY.prior
    for tried in (1_000, 10_000_000):
        _, together = fixed.beside(Counted(tried * 0.05, tried)).between(NOBODY)
        assert together.a + together.b == pytest.approx(fixed.cap)


def test_without_others_the_estimate_is_that_of_the_fixed_prior() -> None:
    belief = LIST_QUALITY.prior.beside().after(Counted(3, 10))
    assert belief == pytest.approx((3 + 1, 7 + 49))


def test_the_interval_covers_nine_in_ten_of_simulated_campaigns() -> None:
    """Tenants at 1 % to 6 % dead addresses, each campaign a factor of its own beside it (log sigma 0.5)."""
    rng = np.random.default_rng(7)
    covered, narrower, runs = 0, 0, 600
    for _ in range(runs):
        usual = np.exp(rng.uniform(np.log(0.01), np.log(0.06)))
        rates = np.minimum(usual * np.exp(rng.normal(0.0, 0.5, 6)), 0.5)
        tried = rng.integers(20, 3_000, 6)
        bad = rng.binomial(tried, rates)
        keys = [{"delivered": int(n - b), "bounced_address": int(b)} for n, b in zip(tried, bad, strict=True)]
        made = scored(keys[0], tenant_of(*keys))
        truth = 100 - LIST_QUALITY.points_at(rates[0])
        covered += made.score_low - 0.01 <= truth <= made.score_high + 0.01
        alone = scored(keys[0])
        narrower += made.score_high - made.score_low < alone.score_high - alone.score_low
    assert covered >= 0.9 * runs
    assert narrower > 0.5 * runs  # what is known of the others is worth something


def test_the_interval_of_one_rate_covers_nine_in_ten() -> None:
    """Each cause by itself, at the rates that cost points."""
    rng = np.random.default_rng(11)
    for cause in CAUSES:
        usual = np.exp(rng.uniform(np.log(cause.free), np.log(cause.full), 1500))
        rate = usual * np.exp(rng.normal(0.0, 0.4, 1500))
        tried, around = rng.integers(200, 20_000, 1500), rng.integers(1_000, 50_000, 1500)
        covered = 0
        for r, u, n, m in zip(rate, usual, tried, around, strict=True):
            finding = cause.find(Counted(rng.binomial(n, r), int(n)), Counted(rng.binomial(m, u), int(m)))
            low, high = finding.range()
            covered += low - 0.01 <= cause.points_at(r) <= high + 0.01
        assert covered >= 0.87 * 1500, cause.name  # the score's own interval takes all four at once


def test_a_campaign_that_got_worse_in_a_day_has_a_falling_trend() -> None:
    view = view_of({0: {"delivered": 1000}, 2000: {"delivered": 800, "bounced_address": 200}}, 2001)
    assert score(view, (), 0).trend < -20
    mended = view_of({0: {"delivered": 800, "bounced_address": 200}, 2000: {"delivered": 9000}}, 2001)
    assert score(mended, (), 0).trend > 20


def test_the_trend_is_the_score_of_a_day_ago_and_nothing_without_mail_then() -> None:
    then = {0: {"delivered": 950, "bounced_address": 50}}
    now = view_of(then | {DAY_MIN + 10: {"delivered": 500, "bounced_address": 90}}, DAY_MIN + 20)
    made = score(now, (), 0)
    assert made.trend == pytest.approx(made.score - score(view_of(then, 20), (), 0).score, abs=0.011)
    assert score(view_of({100: {"delivered": 500, "bounced_address": 90}}, DAY_MIN + 100), (), 0).trend == 0


def test_a_day_ago_the_mail_was_a_day_younger() -> None:
    """Complaints that came at once weigh more while little of the mail is old enough to be complained about."""
    view = view_of({0: {"delivered": 20_000, "complained": 20}}, DAY_MIN + 120)
    made = score(view, (), 0)
    assert made.trend == pytest.approx(
        made.score - score(view_of({0: {"delivered": 20_000, "complained": 20}}, 120), (), 0).score
    )
    assert made.trend > 5


def numbers(text: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"[\d,]*\d", text)]


@settings(max_examples=150, deadline=None)
@given(COUNTS, COUNTS)
def test_what_is_advised_brings_the_score_there(own: dict[str, int], rest: dict[str, int]) -> None:
    made = scored(own, tenant_of(own, rest))
    if not made.advice:
        return
    worst = max(made.penalties, key=lambda penalty: penalty.points)
    cause = next(cause for cause in CAUSES if cause.name == worst.name)
    *ways, goal = numbers(made.advice)
    findings = tenant_of(own, rest).findings(view_of({0: own}, OLD))
    finding = next(found for found in findings if found.cause is cause)
    others = 100 - made.score - worst.points
    for way, text in zip(ways, made.advice.split(", or "), strict=True):
        adverse, tried = finding.own
        after = (adverse - way, tried - way) if " fewer " in text else (adverse, tried + way)
        less = (
            (after[0] + way // 50 + 1, after[1] + way // 50 + 1) if " fewer " in text else (after[0], after[1] * 0.97)
        )
        assert 100 - others - cause.lost(finding.prior, *after) >= goal - 0.011
        if way > 100:  # and it asks for no more than is needed
            assert 100 - others - cause.lost(finding.prior, *less) <= goal + 0.011
    assert made.score < goal <= 90


def test_advice_names_the_messages_and_the_goal() -> None:
    made = scored({"delivered": 930, "bounced_address": 70})
    assert made.advice == (
        "472 more messages to addresses that exist, or 24 fewer dead addresses, would bring it to 90."
    )
    assert scored({"delivered": 1000}).advice == ""


def test_amazons_lines_are_drawn_over_the_representative_volume() -> None:
    found = scored({"delivered": 930, "bounced_address": 70, "complained": 2}, kind="tenant").emulations
    bounces, complaints = found
    assert (bounces.name, bounces.rate, bounces.mark, bounces.denominator) == ("ses_bounces", 0.07, Mark.WARN, 1000)
    assert (complaints.name, complaints.mark, complaints.basis) == ("ses_complaints", Mark.WARN, "computed")
    few = scored({"delivered": 5, "bounced_address": 5}, kind="tenant").emulations[0]
    assert (few.rate, few.denominator) == (0.005, 1000)  # a handful of messages is no verdict there either
    assert scored({}, kind="tenant").emulations == []


def test_mail_beyond_the_representative_volume_is_forgotten() -> None:
    """Four calendar days touch the 72 hours: the oldest falls out of three times the biggest."""
    minutes = {0: {"delivered": 50, "bounced_address": 950}}
    minutes |= {day * DAY_MIN: {"delivered": 1000} for day in (1, 2, 3)}
    shift = view_of(minutes, 3 * DAY_MIN + 1, kind="tenant")
    assert [found.rate for found in score(shift, (), 0).emulations] == [0, 0]


def test_yahoo_is_judged_by_what_was_delivered_and_gmail_only_by_what_it_reports() -> None:
    at_yahoo = named(view_of({0: {"delivered": 1000, "complained": 4}}, OLD, kind="domain_provider"), "a.example|yahoo")
    (yahoo,) = score(at_yahoo, (), 0).emulations
    assert (yahoo.name, yahoo.rate, yahoo.mark) == ("yahoo_complaints", 0.004, Mark.BAD)
    at_gmail = named(at_yahoo, "a.example|gmail")
    assert score(at_gmail, (), 0).emulations == []
    report = StandingReport(
        event_id="1", tenant="acme", source="s", provider="postmaster", received_at=0, domain="a.example",
        metric="spam_rate", begins_at=START, unit="share", value=0.002,
    )  # fmt: skip
    (gmail,) = score(at_gmail, (), 0, Context.of(None, [report])).emulations
    assert (gmail.name, gmail.rate, gmail.mark, gmail.basis) == ("gmail_spam", 0.002, Mark.WARN, "reported")
    stale = replace(report, begins_at=START - 30 * DAY_MIN * 60_000)
    assert score(at_gmail, (), 0, Context.of(None, [stale])).emulations == []
    assert score(at_yahoo, (), 0, Context.of(None, [report])).emulations == [yahoo]


def colour(text: str, at: int = START) -> StandingReport:
    return StandingReport(
        event_id=text, tenant="acme", source="s", provider="snds", received_at=0, sending_ip="192.0.2.7",
        metric="filter_result", begins_at=at, text=text,
    )  # fmt: skip


@pytest.mark.parametrize(("text", "mark"), [("GREEN", "ok"), ("YELLOW", "warn"), ("RED", "bad")])
def test_the_colour_of_outlook_stands_beside_an_ip(text: str, mark: str) -> None:
    known = Standings()
    known.take(colour(text))
    known.take(colour("GREEN", START - 1000))  # older: it does not matter when it comes
    known.take(replace(colour(text), metric="complaint_rate", begins_at=START + 1))
    for key, kind in (("192.0.2.7", KeyKind.IP), ("192.0.2.7|microsoft", KeyKind.IP_PROVIDER)):
        view = named(view_of({0: {"delivered": 5}}, OLD, kind=kind), key)
        (found,) = score(view, (), 0, Context.of(None, known.of("acme", key))).emulations
        assert (found.name, found.mark, found.basis) == ("snds_filter", mark, "reported")
    elsewhere = named(view_of({0: {"delivered": 5}}, OLD, kind="ip_provider"), "192.0.2.7|gmail")
    assert score(elsewhere, (), 0, Context.of(None, known.of("acme", "192.0.2.7|gmail"))).emulations == []
    assert len(known.of("acme", "192.0.2.7")) == 1
    assert known.of("other", "192.0.2.7") == ()
    assert known.of("acme", "192.0.2.8") == ()


def traps(hits: float, at: int = START, of: float = 0.0) -> list[StandingReport]:
    plain = replace(colour("", at), metric="trap_hits", unit="count", value=hits)
    return [plain, *([replace(plain, metric="message_recipients", value=of)] if of else [])]


@pytest.mark.parametrize(
    ("reports", "rate"),
    [(traps(3, of=6_000), 0.0005), (traps(3), 0.0), (traps(3) + traps(0, START - 1, of=6_000), 0.0)],
)
def test_a_hit_of_a_spam_trap_is_a_warning_beside_the_address_and_takes_no_points(
    reports: list[StandingReport], rate: float
) -> None:
    known = Standings()
    for report in reports:
        known.take(report)
    view = named(view_of({0: {"delivered": 5}}, OLD, kind="ip"), "192.0.2.7")
    warned = score(view, (), 0, Context.of(None, known.of("acme", "192.0.2.7")))
    (found,) = warned.emulations
    assert (found.name, found.rate, found.mark, found.basis) == ("snds_traps", rate, Mark.WARN, "reported")
    assert found.note.startswith("3 messages to spam traps in a day")
    assert (warned.score, warned.level) == (100.0, Level.HEALTHY)


def test_a_day_without_a_hit_of_a_spam_trap_says_nothing() -> None:
    view = named(view_of({0: {"delivered": 5}}, OLD, kind="ip"), "192.0.2.7")
    assert score(view, (), 0, Context.of(None, traps(0, of=6_000))).emulations == []
