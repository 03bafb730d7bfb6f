"""Bounce rules: each against its own examples, and what the examples cannot show."""

from __future__ import annotations

import pytest

from connectors.bounce_rules import Rule, rule_book
from connectors.bounces import classify, codes_in, of
from schemas.events import BounceAction, BounceReason, BounceScope, Permanence

RULES = rule_book().rules
LIST_QUALITY = {BounceReason.INVALID_RECIPIENT, BounceReason.INACTIVE_MAILBOX, BounceReason.INVALID_DOMAIN}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_classifies_its_own_examples(rule: Rule) -> None:
    assert rule.examples, "a rule without an example proves nothing"
    assert {example: classify(example).rule for example in rule.examples} == dict.fromkeys(rule.examples, rule.name)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rules_phrases_can_match_folded_text(rule: Rule) -> None:
    phrases = rule.any_of | rule.all_of | rule.none_of
    assert all(phrase == phrase.lower() and "  " not in phrase and phrase for phrase in phrases)
    assert 0 < rule.confidence <= 1


def test_every_reason_but_unknown_has_a_rule_or_a_status() -> None:
    covered = {rule.reason for rule in RULES}
    assert covered == set(BounceReason) - {BounceReason.UNKNOWN}


def test_every_reason_says_what_it_usually_implies() -> None:
    assert set(rule_book().reasons) == set(BounceReason)


def test_only_list_quality_is_ever_suppressed() -> None:
    for rule in RULES:
        for example in rule.examples:
            found = classify(example)
            if found.action == BounceAction.SUPPRESS:
                assert found.reason in LIST_QUALITY
                assert found.permanence == Permanence.PERMANENT


@pytest.mark.parametrize(
    ("reply", "code", "status"),
    [
        ("550 5.1.1 user unknown", 550, "5.1.1"),
        ("550-5.1.1 first line\n550 5.1.1 second", 550, "5.1.1"),
        ("smtp; 550 5.1.1 user unknown", 550, "5.1.1"),
        ("5.1.1 user unknown", 0, "5.1.1"),
        ("553 sorry (#5.7.1)", 553, "5.7.1"),
        ("host mx.example.org[192.0.2.1] said: 452 4.2.2 mailbox full (in reply to RCPT TO)", 452, "4.2.2"),
        ("250 OK", 250, ""),
        ("OK id=250 or so", 0, ""),
        ("delayed for 450 seconds", 0, ""),
        ("see 192.5.1.1 for details", 0, ""),
        ("", 0, ""),
    ],
)
def test_code_and_status_are_found_in_a_reply(reply: str, code: int, status: str) -> None:
    assert codes_in(reply) == (code, status)


@pytest.mark.parametrize(
    ("reply", "permanence", "action"),
    [
        ("550 5.1.1 user unknown", Permanence.PERMANENT, BounceAction.SUPPRESS),
        ("450 4.1.1 user unknown", Permanence.TRANSIENT, BounceAction.RETRY_LATER),
        ("552 5.2.2 mailbox full", Permanence.TRANSIENT, BounceAction.RETRY_LATER),
        ("550 4.4.7 message expired", Permanence.TRANSIENT, BounceAction.RETRY_LATER),
        ("user unknown", Permanence.PERMANENT, BounceAction.SUPPRESS),
    ],
)
def test_the_reply_code_decides_whether_trying_again_helps(
    reply: str, permanence: Permanence, action: BounceAction
) -> None:
    found = classify(reply)
    assert (found.permanence, found.action) == (permanence, action)


def test_a_given_code_beats_what_the_text_says() -> None:
    assert classify("user unknown", 450).permanence == Permanence.TRANSIENT
    assert classify("nothing known", 550, "5.1.1").rule == "status:5.1.1"


def test_words_beat_a_reused_status() -> None:
    assert classify("550 5.7.1 user unknown").reason == BounceReason.INVALID_RECIPIENT
    assert classify("550 5.1.1 blocked using zen.spamhaus.org").reason == BounceReason.BLOCKED_IP


def test_a_bare_guess_never_suppresses_anybody() -> None:
    for reply in ("550 whatever", "553 whatever", "550 5.1.0 whatever", "554 5.0.0", "550 5.2.1 whatever"):
        assert classify(reply).action != BounceAction.SUPPRESS or classify(reply).confidence >= 0.6


def test_nothing_said_is_unknown_with_no_confidence() -> None:
    found = classify("")
    assert (found.reason, found.scope, found.permanence) == (
        BounceReason.UNKNOWN,
        BounceScope.NONE,
        Permanence.UNKNOWN,
    )
    assert (found.rule, found.confidence) == ("", 0.0)


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        ("451 4.7.1 Greylisted, try again in 300 seconds", 300),
        ("451 4.7.1 Greylisting in action, please come back in 00:05:00", 300),
        ("421 please retry after 15 minutes", 900),
        ("421 too many connections, wait 2 hours", 7200),
        ("451 try again later", 0),
        ("451 try again in 999999 hours", 0),
        ("550 quota of 300 seconds", 0),
    ],
)
def test_the_wait_a_reply_asks_for_is_read(reply: str, seconds: int) -> None:
    assert classify(reply).retry_after_s == seconds


@pytest.mark.parametrize(
    ("reply", "blocklist"),
    [
        ("554 Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/q", "zen.spamhaus.org"),
        ("550 blocked using Spamhaus, see https://www.spamhaus.org/query/ip/192.0.2.1", "spamhaus"),
        ("550 blocked using Barracuda Reputation", "barracuda"),
        ("550 user unknown", ""),
    ],
)
def test_the_blocklist_a_reply_names_is_told(reply: str, blocklist: str) -> None:
    assert classify(reply).blocklist == blocklist


def test_addresses_and_ids_do_not_change_the_class() -> None:
    one = classify("550 5.1.1 <ada@example.com>: user unknown a640c23a62f3a-b30abcdefsi123456766b.12")
    two = classify("550 5.1.1 <grace@example.org>: user unknown 5b1f17b1804b1-42abcd1234si7b.9")
    assert one == two


@pytest.mark.parametrize(
    "reply", ["x" * 1_000_000, "550 " + "5" * 100_000, "550-" * 50_000, "@" * 10_000, "\ud800\x00"]
)
def test_hostile_replies_are_classified_like_any_other(reply: str) -> None:
    assert classify(reply).reason in set(BounceReason)


def test_a_reasons_usual_class_follows_the_code_unless_it_is_fixed() -> None:
    assert of(BounceReason.BLOCKED_IP, 4).permanence == Permanence.TRANSIENT
    assert of(BounceReason.BLOCKED_IP).permanence == Permanence.PERMANENT
    assert of(BounceReason.SUPPRESSED, 4).permanence == Permanence.PERMANENT
