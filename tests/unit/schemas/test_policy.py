"""Policies and alerts that no service starts with, each in an exact sentence; and what a policy answers."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from schemas.aggregates import KeyKind
from schemas.alerts import Alert
from schemas.config_file import load_config, parse_config
from schemas.errors import Misconfigured
from schemas.policy import Exemption, Policy, QuietHours
from schemas.remediation import Action, Mode
from tests.unit.connectors.alert_cases import alert_of, told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("policies: [{actions: [pause_campain]}]",
         "`policies[0].actions[0]`: 'pause_campain' is not known; did you mean `pause_campaign`?"),
        ("policies: [{rules: [{kinds: [campain], mode: act}]}]",
         "`policies[0].rules[0].kinds[0]`: 'campain' is not known; did you mean `campaign`?"),
        ("policies: [{mode: act}, {tenant: a, rules: [{mode: kill}]}]",
         "`policies[1].rules[0].mode`: 'kill' is not known; known: observe, suggest, approve, act"),
        ("policies: [{mode: Aprove}]", "`policies[0].mode`: 'Aprove' is not known; did you mean `approve`?"),
        ("policies: [{mode: off}]", "`policies[0].mode`: this is not known; known: observe, suggest, approve, act"),
        ("policies: [{recovery: {cooldown_min: 5}}]",
         "unknown key `policies[0].recovery.cooldown_min`; did you mean `cool_down_min`?"),
        ("policies: [{quiet_hours: {start: 22:00, end: '07:00'}}]",
         ("`policies[0].quiet_hours.start`: 1320 is a number, which is what YAML makes of a time; put it in quotes:"
          ' "22:00"')),
        ("policies: [{quiet_hours: {start: '22:00', end: 7}}]",
         '`policies[0].quiet_hours.end`: 7 is a number, which is what YAML makes of a time; put it in quotes: "07:00"'),
        ("policies: [{quiet_hours: {start: '22:00', end: 7am}}]",
         "`policies[0].quiet_hours.end`: '7am' is no time of day; write hours and minutes as in \"22:00\""),
        ("policies: [{quiet_hours: {start: '22:00', end: '22:00'}}]",
         "`policies[0].quiet_hours`: they begin and end at 22:00, which is no time or all day; leave them out"),
        ("policies: [{quiet_hours: {start: '22:00', end: '07:00', zone: Europe/Berln}}]",
         "`policies[0].quiet_hours.zone`: 'Europe/Berln' is no time zone; did you mean `Europe/Berlin`?"),
        ("policies: [{quiet_hours: {start: '22:00', end: '07:00', zone: ../passwd}}]",
         ("`policies[0].quiet_hours.zone`: '../passwd' is no time zone; use a name of the time zone database such as"
         " Europe/Berlin")),
        ("policies: [{tenant: acme}, {tenant: acme}]",
         "`policies`: policies[0] and policies[1] are both for the tenant 'acme'; make one of them"),
        ("policies: [{tenant: A B}]", "`policies[0].tenant`: 'A B' is no tenant's name; \"*\" means every tenant"),
        ("policies: {mode: act}", "`policies`: expected a list, each item beginning with `- `"),
        ("policies: [{version: 2}]", "`policies[0].version`: expected text; put it in quotes"),
        ("policies: [{max_paused_share: 25}]",
         "`policies[0].max_paused_share`: Input should be less than or equal to 1"),
        ("alerts: [{name: a, kind: slak}]", "`alerts[0].kind`: 'slak' is not known; did you mean `slack`?"),
        ("alerts: [{name: a, kind: email, host: h}]", "`alerts[0]`: a channel of kind email needs `sender` and `to`"),
        ("alerts: [{name: a, kind: slack, url: https://h/x, host: h}]",
         "`alerts[0]`: a channel of kind slack has no `host`; take it away"),
        ("alerts: [{name: a, kind: slack, url: hooks.example/x}]",
         "`alerts[0].url`: expected an address that begins with https:// (or http://)"),
        ("alerts: [{name: a, kind: webhook, url: https://h/x, secret: whsec_c2hvcnQ=}]",
         "`alerts[0].secret`: expected whsec_ followed by the base64 of at least 16 random bytes"),
        ("alerts: [{name: a, kind: email, host: h, sender: Me <a@b.example>, to: [a@b.example]}]",
         "`alerts[0].sender`: expected an address such as ops@example.com, without a name around it"),
        ("alerts: [{name: a, kind: email, host: h, sender: a@b.de, to: [a@b.de], password: p, security: none}]",
         "`alerts[0]`: with `security: none` the password would travel readable; use starttls or tls"),
        ("alerts: [{name: a, kind: slack, url: https://h/x, actions: []}]",
         "`alerts[0].actions`: an empty list tells nothing; leave `actions` out to tell everything"),
        ("console_url: console.example", "`console_url`: expected an address that begins with https:// (or http://)"),
    ],
)  # fmt: skip
def test_a_mistake_that_no_service_starts_with_is_said_exactly(text: str, sentence: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_config(yaml.safe_load(text), {}, "mailweir.yaml")
    assert str(caught.value) == f"mailweir.yaml: {sentence}"


def test_a_star_without_quotes_is_explained(tmp_path: Any) -> None:
    path = tmp_path / "mailweir.yaml"
    path.write_text("policies:\n  - tenant: *\n")
    with pytest.raises(Misconfigured, match=r'line 2: not valid YAML .*; put a star in quotes: "\*"'):
        load_config(path, {})


def test_a_secret_in_the_place_of_a_word_is_not_repeated() -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_config({"alerts": [{"name": "a", "kind": "SG.4711-very-secret"}]}, {}, "f")
    assert "very-secret" not in str(caught.value)


def test_the_first_rule_that_names_both_answers_then_the_policy() -> None:
    policy = Policy.model_validate(
        {
            "mode": "observe",
            "rules": [
                {"actions": ["rest_ip"], "mode": "approve"},
                {"kinds": ["campaign"], "mode": "act"},
                {"mode": "suggest", "kinds": ["ip"]},
            ],
        }
    )
    assert policy.mode_of(Action.REST_IP, KeyKind.IP) == Mode.APPROVE
    assert policy.mode_of(Action.PAUSE_CAMPAIGN, KeyKind.CAMPAIGN) == Mode.ACT
    assert policy.mode_of(Action.ALERT, KeyKind.IP) == Mode.SUGGEST
    assert policy.mode_of(Action.ALERT, KeyKind.DOMAIN) == Mode.OBSERVE


def test_an_exemption_reads_stars_and_question_marks_and_nothing_else() -> None:
    policy = Policy(exempt=[Exemption(key="[receipts]-?*"), Exemption(kind=KeyKind.IP, key="192.0.2.1")])
    assert policy.is_exempt(KeyKind.CAMPAIGN, "[receipts]-2026")
    assert not policy.is_exempt(KeyKind.CAMPAIGN, "r-2026")
    assert not policy.is_exempt(KeyKind.CAMPAIGN, "[Receipts]-2026")
    assert policy.is_exempt(KeyKind.CAMPAIGN_PROVIDER, "[receipts]-2026|gmail")
    assert policy.is_exempt(KeyKind.IP_PROVIDER, "192.0.2.1|gmail")
    assert not policy.is_exempt(KeyKind.IP, "192.0.2.10")


def test_quiet_hours_may_go_over_midnight() -> None:
    assert QuietHours(start="22:00", end="07:30").length_min == 9 * 60 + 30
    assert QuietHours(start="07:30", end="22:00").length_min == 14 * 60 + 30


def test_a_channel_is_told_by_tenant_level_and_action_and_never_of_what_is_only_observed() -> None:
    pause = told(level="paused")
    assert alert_of("slack").wants(pause)
    assert not alert_of("slack", tenant="beta").wants(pause)
    assert not alert_of("slack", actions=[Action.ALERT]).wants(pause)
    assert not alert_of("slack", min_level="paused").wants(told(level="throttled"))
    assert not alert_of("slack").wants(told(mode=Mode.OBSERVE))
    back = told(action=Action.RESUME_CAMPAIGN, level="recovering", previous_level="paused")
    assert alert_of("slack", min_level="paused").wants(back)


def test_an_alert_prints_no_secret_and_no_address() -> None:
    alert = Alert(
        name="ops", kind="email", host="mail.example", user="hidden", password=SecretStr("hidden"),
        sender="hidden@example.com", to=["hidden@example.com"],
    )  # fmt: skip
    assert "hidden" not in repr(alert)
